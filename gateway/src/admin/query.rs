//! The parameters in the query of a request. What is not a parameter of the path is a mistake, and so is one
//! that is given twice.

/// The longest text of a parameter, in characters.
const MAX_TEXT: usize = 64;

/// The parameters of a request, decoded.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Takes a query apart that may have these parameters, and any number of `repeated`.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(super) fn parse(query: &str, known: &[&str], repeated: &str) -> Result<Self, String> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err("the query is not percent-encoded UTF-8".to_owned());
            };
            if value.chars().count() > MAX_TEXT {
                return Err(format!("{} is longer than {MAX_TEXT} characters", name.escape_debug()));
            }
            if !known.contains(&name.as_str()) && name != repeated {
                return Err(format!("unknown parameter {}", name.escape_debug()));
            }
            if name != repeated && pairs.iter().any(|(before, _)| *before == name) {
                return Err(format!("{name} is given twice"));
            }
            pairs.push((name, value));
        }
        Ok(Query(pairs))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Each value of a parameter that may be repeated.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A number from `least` to `most`; without it the default.
    ///
    /// # Errors
    /// One line that says what was expected.
    pub(super) fn number(
        &self,
        name: &str,
        default: usize,
        (least, most): (usize, usize),
    ) -> Result<usize, String> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("{name}: expected a whole number, {least} to {most}"))
    }
}

/// Percent-decodes a part of a query, in which `+` is a space.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                hex(digits[0])? << 4 | hex(digits[1])?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_bounded() {
        let long = format!("search={}", "x".repeat(65));
        for (query, expected) in [
            ("", Ok(vec![])),
            ("limit=5&search=a%20b+c%C3%A9", Ok(vec![("limit", "5"), ("search", "a b cé")])),
            ("cmd=1&cmd=2&&limit", Ok(vec![("cmd", "1"), ("cmd", "2"), ("limit", "")])),
            ("limit=1&limit=2", Err("limit is given twice")),
            ("other=1", Err("unknown parameter other")),
            ("%0a=1", Err("unknown parameter \\n")),
            ("search=%f", Err("the query is not percent-encoded UTF-8")),
            ("search=%ff", Err("the query is not percent-encoded UTF-8")),
            ("search=%zz", Err("the query is not percent-encoded UTF-8")),
            (&long, Err("search is longer than 64 characters")),
        ] {
            let parsed = Query::parse(query, &["limit", "search"], "cmd").map(|query| query.0);
            let expected = expected.map(|pairs| {
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            });
            assert_eq!(parsed, expected.map_err(str::to_owned), "{query}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        let query = Query::parse("a=0&b=10&c=11&d=-1&e=x", &["a", "b", "c", "d", "e", "f"], "").unwrap();
        for (name, expected) in
            [("a", None), ("b", Some(10)), ("c", None), ("d", None), ("e", None), ("f", Some(7))]
        {
            assert_eq!(query.number(name, 7, (1, 10)).ok(), expected, "{name}");
        }
    }
}
