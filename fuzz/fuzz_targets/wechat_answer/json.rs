//! A second reader of JSON (RFC 8259), with the limits of the program's: depth, and the range of numbers.

/// Arrays and objects within each other.
const MAX_DEPTH: usize = 127;
/// Readers may differ in what lies above.
const SURE: f64 = 1e308;

/// A value.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    /// A number without fraction and exponent, which fits.
    Integer(i64),
    Text(String),
    Object(Vec<(String, Json)>),
    /// Anything else.
    Other,
}

/// Why there is no value.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is no JSON.
    Invalid,
    /// Whether its numbers are in range is not sure.
    Unsure,
}

type Result<T> = std::result::Result<T, Fault>;

/// Reads a value, and nothing after it. `None`: see [`Fault::Unsure`].
pub(crate) fn parse(bytes: &[u8]) -> Option<Result<Json>> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some(Err(Fault::Invalid)) };
    let mut rest = text;
    let read = value(&mut rest, 0).and_then(|value| {
        skip_spaces(&mut rest);
        if rest.is_empty() { Ok(value) } else { Err(Fault::Invalid) }
    });
    match read {
        Err(Fault::Unsure) => None,
        read => Some(read),
    }
}

fn skip_spaces(rest: &mut &str) {
    *rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
}

/// Takes a text that may come next.
fn take(rest: &mut &str, text: &str) -> bool {
    match rest.strip_prefix(text) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

fn expect(rest: &mut &str, text: &str) -> Result<()> {
    if take(rest, text) { Ok(()) } else { Err(Fault::Invalid) }
}

fn value(rest: &mut &str, depth: usize) -> Result<Json> {
    skip_spaces(rest);
    match rest.bytes().next().ok_or(Fault::Invalid)? {
        b'n' => expect(rest, "null").map(|()| Json::Null),
        b't' => expect(rest, "true").map(|()| Json::Other),
        b'f' => expect(rest, "false").map(|()| Json::Other),
        b'"' => text(rest).map(Json::Text),
        b'{' | b'[' if depth == MAX_DEPTH => Err(Fault::Invalid),
        b'{' => object(rest, depth + 1),
        b'[' => array(rest, depth + 1),
        _ => number(rest),
    }
}

fn object(rest: &mut &str, depth: usize) -> Result<Json> {
    expect(rest, "{")?;
    let mut fields = vec![];
    skip_spaces(rest);
    if take(rest, "}") {
        return Ok(Json::Object(fields));
    }
    loop {
        skip_spaces(rest);
        let name = text(rest)?;
        skip_spaces(rest);
        expect(rest, ":")?;
        fields.push((name, value(rest, depth)?));
        skip_spaces(rest);
        if take(rest, "}") {
            return Ok(Json::Object(fields));
        }
        expect(rest, ",")?;
    }
}

fn array(rest: &mut &str, depth: usize) -> Result<Json> {
    expect(rest, "[")?;
    skip_spaces(rest);
    if take(rest, "]") {
        return Ok(Json::Other);
    }
    loop {
        value(rest, depth)?;
        skip_spaces(rest);
        if take(rest, "]") {
            return Ok(Json::Other);
        }
        expect(rest, ",")?;
    }
}

fn text(rest: &mut &str) -> Result<String> {
    expect(rest, "\"")?;
    let mut text = String::new();
    loop {
        let letter = rest.chars().next().ok_or(Fault::Invalid)?;
        *rest = &rest[letter.len_utf8()..];
        match letter {
            '"' => return Ok(text),
            '\\' => text.push(escape(rest)?),
            '\0'..='\x1f' => return Err(Fault::Invalid),
            letter => text.push(letter),
        }
    }
}

/// What comes after a backslash.
fn escape(rest: &mut &str) -> Result<char> {
    let letter = rest.chars().next().ok_or(Fault::Invalid)?;
    *rest = &rest[letter.len_utf8()..];
    Ok(match letter {
        '"' | '\\' | '/' => letter,
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = four_digits(rest)?;
            let units = if (0xd800..0xdc00).contains(&first) {
                expect(rest, "\\u")?;
                vec![first, four_digits(rest)?]
            } else {
                vec![first]
            };
            let decoded: std::result::Result<Vec<_>, _> = char::decode_utf16(units).collect();
            match decoded.as_deref() {
                Ok([letter]) => *letter,
                _ => return Err(Fault::Invalid),
            }
        }
        _ => return Err(Fault::Invalid),
    })
}

fn four_digits(rest: &mut &str) -> Result<u16> {
    let (digits, after) = rest.split_at_checked(4).ok_or(Fault::Invalid)?;
    *rest = after;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex).ok_or(Fault::Invalid)
}

fn number(rest: &mut &str) -> Result<Json> {
    let all = *rest;
    let digits = |rest: &mut &str| {
        let after = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let count = rest.len() - after.len();
        *rest = after;
        count
    };
    let is_negative = take(rest, "-");
    let is_zero = rest.starts_with('0');
    let count = digits(rest);
    if count == 0 || is_zero && count > 1 {
        return Err(Fault::Invalid);
    }
    let mut is_integer = !(is_negative && is_zero);
    if take(rest, ".") {
        is_integer = false;
        if digits(rest) == 0 {
            return Err(Fault::Invalid);
        }
    }
    if take(rest, "e") || take(rest, "E") {
        is_integer = false;
        let _ = take(rest, "+") || take(rest, "-");
        if digits(rest) == 0 {
            return Err(Fault::Invalid);
        }
    }
    let text = &all[..all.len() - rest.len()];
    let size = text.parse::<f64>().map_err(|_| Fault::Invalid)?.abs();
    match text.parse() {
        Ok(integer) if is_integer => Ok(Json::Integer(integer)),
        _ if size.is_infinite() || size > SURE => Err(Fault::Unsure),
        _ => Ok(Json::Other),
    }
}
