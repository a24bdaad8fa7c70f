//! A fake of the platform: an HTTP server whose answer is what the login code says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// The app and its secret.
pub(crate) const APPID: &str = "wx0123456789abcdef";
pub(crate) const SECRET: &str = "5ecre7-0f-7he+app/";
/// The session key in each answer.
pub(crate) const SESSION_KEY: &str = "HyVFkGl5F5OQWJZZaNzBBg==";

#[derive(Default)]
struct State {
    /// How often each code came.
    codes: BTreeMap<String, usize>,
    open: usize,
    most_open: usize,
    /// Requests that do not look as they should.
    wrong: Vec<String>,
    /// Whether answers wait.
    held: bool,
    /// Requests that wait for that.
    holding: usize,
    /// The secret that it takes.
    secret: String,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The fake. Its threads end with the connections.
pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

/// The code that is answered with an account.
pub(crate) fn code_of(account: &str) -> String {
    format!("openid-{account}")
}

impl Platform {
    pub(crate) fn start() -> Self {
        Platform::over(|stream| Box::new(stream))
    }

    /// Serves what `wrap` makes of each connection, such as TLS.
    pub(crate) fn over(wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { secret: SECRET.to_owned(), ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let (for_threads, wrap) = (shared.clone(), Arc::new(wrap));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, wrap) = (for_threads.clone(), wrap.clone());
                let stream = stream.unwrap();
                std::thread::spawn(move || {
                    {
                        let mut state = shared.state();
                        state.open += 1;
                        state.most_open = state.most_open.max(state.open);
                    }
                    shared.serve(wrap(stream));
                    shared.state().open -= 1;
                });
            }
        });
        Platform { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often a code came.
    pub(crate) fn tries(&self, code: &str) -> usize {
        self.shared.tries(code)
    }

    /// How many requests came in all.
    pub(crate) fn requests(&self) -> usize {
        self.shared.state().codes.values().sum()
    }

    pub(crate) fn most_open(&self) -> usize {
        self.shared.state().most_open
    }

    /// Requests that were not as they should be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.shared.state().wrong.clone()
    }

    /// Has all answers wait until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.shared.state().held = true;
    }

    pub(crate) fn release(&self) {
        self.shared.state().held = false;
        self.shared.changed.notify_all();
    }

    /// Waits until so many requests wait for their answers.
    pub(crate) fn wait_for_held(&self, count: usize) {
        let state = self.shared.state();
        let wait = self.shared.changed.wait_timeout_while(state, PATIENCE, |state| state.holding < count);
        assert!(!wait.unwrap().1.timed_out(), "{count} requests did not come");
    }

    /// From now on it takes another secret.
    pub(crate) fn set_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shared.state().secret);
    }
}

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn tries(&self, code: &str) -> usize {
        self.state().codes.get(code).copied().unwrap_or_default()
    }

    /// Answers the requests of one connection.
    fn serve(&self, stream: Box<dyn Stream>) {
        let mut stream = BufReader::new(stream);
        while let Some(target) = read_target(&mut stream) {
            let query = target.strip_prefix("/sns/jscode2session?").unwrap_or_default();
            let fields: BTreeMap<_, _> = query.split('&').filter_map(|field| field.split_once('=')).collect();
            let field = |name| decode(fields.get(name).copied().unwrap_or_default());
            let code = field("js_code");
            {
                let mut state = self.state();
                let expected = [APPID, &state.secret, "authorization_code"];
                let is_right = ["appid", "secret", "grant_type"].map(field) == expected && fields.len() == 4;
                if !is_right {
                    state.wrong.push(target);
                }
                *state.codes.entry(code.clone()).or_default() += 1;
                state.holding += 1;
                self.changed.notify_all();
                let mut state = self.changed.wait_while(state, |state| state.held).unwrap();
                state.holding -= 1;
            }
            let number = self.tries(&code);
            let (answer, goes_on) = answer(&code, number);
            let sent = stream.get_mut().write_all(&answer).and_then(|()| stream.get_mut().flush());
            if sent.is_err() || !goes_on {
                return;
            }
        }
    }
}

/// The target of a GET request without a body. `None` at the end.
fn read_target(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    while !matches!(line.as_str(), "\r\n" | "") {
        line.clear();
        stream.read_line(&mut line).ok()?;
    }
    Some(target)
}

fn decode(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let [byte, more @ ..] = rest {
        rest = more;
        if *byte == b'%' {
            let digits = std::str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(if *byte == b'+' { b' ' } else { *byte });
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

/// What a code is answered with when it comes for the `number`th time, and whether the connection goes on.
fn answer(code: &str, number: usize) -> (Vec<u8>, bool) {
    let named = |name: &str| {
        let name = name.replace('\n', "\\n");
        let body = format!(r#"{{"openid":"{name}","session_key":"{SESSION_KEY}","unionid":"u"}}"#);
        http("200 OK", "Content-Type: text/plain\r\n", &body)
    };
    let (kind, rest) = code.split_once('-').unwrap_or((code, ""));
    let bytes = match kind {
        "openid" => named(rest),
        "errcode" => {
            let body = format!(r#"{{"errcode":{rest},"errmsg":"invalid {SECRET} {code}"}}"#);
            http("200 OK", "", &body)
        }
        "busy" if number == 1 => http("200 OK", "", r#"{"errcode":-1,"errmsg":"system error"}"#),
        "busy" => named(rest),
        // Neither takes as long as any time-out of these tests, but both together do.
        "sluggish" => {
            std::thread::sleep(Duration::from_millis(if number == 1 { 300 } else { 900 }));
            if number == 1 { http("200 OK", "", r#"{"errcode":-1}"#) } else { named(rest) }
        }
        "slow" => {
            std::thread::sleep(Duration::from_millis(rest.parse().unwrap()));
            named("slow")
        }
        "late" => {
            // More than any time-out of these tests.
            std::thread::sleep(Duration::from_secs(3));
            named("late")
        }
        "status" => http(&format!("{rest} Status"), "", &format!(r#"{{"openid":"status-{rest}"}}"#)),
        "moved" => {
            http("302 Found", &format!("Location: /sns/jscode2session?js_code={}\r\n", code_of("moved")), "")
        }
        "long" => http("200 OK", "", &format!(r#"{{"openid":"long"}}{}"#, " ".repeat(20 * 1024))),
        "largest" => http("200 OK", "", &format!("{:16384}", r#"{"openid":"largest"}"#)),
        "head" => http("200 OK", &format!("X-Long: {}\r\n", "x".repeat(100 * 1024)), r#"{"openid":"head"}"#),
        "chunked" => {
            let body = r#"{"openid":"chunked"}"#;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes()
        }
        "half" => return (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"openid\":".to_vec(), false),
        "noise" => return (b"\x00\xff noise \r\n\r\n".to_vec(), false),
        "html" => http("200 OK", "", "<html>"),
        "empty" => http("200 OK", "", "{}"),
        "hangup" => return (vec![], false),
        other => panic!("an unknown kind of code: {other}"),
    };
    (bytes, true)
}
