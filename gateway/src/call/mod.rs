//! `sysconn call`: calls a command of a server, and prints its reply. The exit status says what came.

pub(crate) mod catalogue;
pub(crate) mod data;
mod session;

use std::io::{self, Write as _};

use sysconn::client::{ClientError, Ended, Url};
use sysconn::packet::ErrorId;
use sysconn::{Cause, Identity, Login, Reconnect};

use crate::client::read_roots;
use crate::login_as::{login_as, read_token};
use crate::messages::account;
use crate::options::{CallTask, LoginAs, Token, of_option, shown};
use crate::output::judge;
use crate::signals;
use crate::tls_error;
use catalogue::Catalogue;
use data::{Form, encode};
use session::{Session, Stop};

/// The exit statuses beside 0, a reply, and 2, which all commands have for what they cannot use.
const REFUSED: u8 = 1;
const UNREACHABLE: u8 = 3;
const CLOSED: u8 = 4;
const TIMED_OUT: u8 = 5;

/// Calls, prints the replies, and returns the exit status.
///
/// # Errors
/// One line that says which argument cannot be used.
pub(crate) fn call(task: &CallTask) -> Result<u8, String> {
    signals::unblock()?;
    let catalogue = Catalogue::load(task.routes.as_deref(), task.proto.as_deref())?;
    let command = catalogue.command(&task.command)?;
    let data = encode(&task.data, &command, " (--proto)")?;
    let form = Form::of(&task.data);
    let roots = task.ca.as_deref().map(read_roots).transpose().map_err(of_option("ca"))?;
    let login = task.login.as_ref().map(login_message).transpose()?;
    let mut session = match Session::connect(task, roots, &catalogue, form) {
        Ok(session) => session,
        Err(error) => return Ok(tell(&task.url, "", &error, UNREACHABLE)),
    };
    let mut step = "login: ";
    let result = login
        .map_or(Ok(()), |message| session.ask(account::LOGIN, &message))
        .inspect(|()| step = "")
        .and_then(|()| session.repeat(&command, &data, task.repeat))
        .and_then(|()| if task.listen { session.listen() } else { Ok(()) });
    let status = match result {
        Ok(()) => Ok(0),
        Err(Stop::Client(error)) => Ok(tell(&task.url, step, &error, CLOSED)),
        Err(Stop::Output(error)) => judge(Err(error)).map(|()| 0),
    };
    session.close();
    status
}

fn login_message((token, options): &(Token, LoginAs)) -> Result<account::Login, String> {
    let token = match token {
        Token::None => String::new(),
        Token::Given(token) => token.clone(),
        Token::File(path) => read_token(path).map_err(of_option("token-file"))?,
    };
    let identity = Identity { role_id: 1, ..Identity::default() };
    Ok(login_as(&token, options, Login { identity, ..Login::default() }))
}

/// Says on standard error what came in place of a reply, behind the `step` that it ended. Returns the exit
/// status; `lost` is the one of a connection that failed.
fn tell(url: &Url, step: &str, error: &ClientError, lost: u8) -> u8 {
    let advice = match error {
        ClientError::Refused(ErrorId::NOT_LOGGED_IN) => " (--login, --account)",
        ClientError::Refused(ErrorId::NOT_ALLOWED) => " (--kind says which kind)",
        _ => "",
    };
    // It may be closed.
    let _ = writeln!(io::stderr(), "sysconn: {}: {step}{}{advice}", url.shown(), in_words(error));
    match error {
        ClientError::Refused(_) => REFUSED,
        ClientError::TimedOut if lost == CLOSED => TIMED_OUT,
        _ => lost,
    }
}

/// What came in place of a reply, in words.
pub(crate) fn in_words(error: &ClientError) -> String {
    match error {
        ClientError::Refused(error_id) => {
            format!("refused with ErrorID {error_id}: {}", meaning(*error_id))
        }
        ClientError::Ended(ended) => end(ended),
        ClientError::Io(failed) => {
            tls_error::of_io(failed).map_or_else(|| error.to_string(), |line| format!("TLS: {line}"))
        }
        _ => error.to_string(),
    }
}

/// The end of a connection, with its cause in the server's words, and the advice.
pub(crate) fn end(ended: &Ended) -> String {
    let mut line = ended.to_string();
    if !ended.reason.is_empty() {
        line += &format!(": {}", shown(&ended.reason));
    } else if let Some(meaning) = meaning_of_close(ended) {
        line += &format!(": {meaning}");
    }
    line + &match (ended.retry_seconds(), ended.advice()) {
        (Some(seconds), _) => format!("; reconnect after {seconds} s"),
        (None, Reconnect::Never) => "; do not reconnect".to_owned(),
        (None, when) => format!("; reconnect {when}"),
    }
}

/// What the code of a Close frame means; `None` if it is no code of this library's servers.
pub(crate) fn meaning_of_close(ended: &Ended) -> Option<String> {
    Some(match ended.cause()? {
        Cause::PeerClosed(_) => "normal closure".to_owned(),
        Cause::Application(_) => "the application's own".to_owned(),
        cause => cause.label().replace('_', " "),
    })
}

/// What an ErrorID means, as docs/protocol.md has it.
pub(crate) fn meaning(error_id: ErrorId) -> &'static str {
    match error_id {
        ErrorId::UNKNOWN_COMMAND => "no such command",
        ErrorId::BAD_PACKET => "a wrong DataSize",
        ErrorId::NOT_LOGGED_IN => "the command is for clients that have logged in",
        ErrorId::NOT_ALLOWED => {
            "not for this kind of client, or it names what does not exist, such as a room that was not joined"
        }
        ErrorId::TOO_MANY_REQUESTS => "too many packets in one second",
        ErrorId::NOT_AVAILABLE => "not available now",
        ErrorId::LOGIN_REFUSED => "the login was refused",
        error_id if error_id >= ErrorId::APPLICATION => "the application's own",
        _ => "reserved for the gateway",
    }
}
