//! The options of WeChat logins, which only work together.

use std::path::PathBuf;
use std::time::Duration;

use super::load::Given;
use super::{Exit, Mode, Options, escape, last, refuse};

/// The default of `--wechat-url`.
pub(super) const URL: &str = "https://api.weixin.qq.com";
/// The default of `--wechat-timeout`.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// What the exchange of login codes needs.
#[derive(Clone, Debug)]
pub(crate) struct WechatOptions {
    pub(crate) appid: String,
    /// The file of the secret.
    pub(crate) secret_file: PathBuf,
    /// The base URL, without a slash at its end.
    pub(crate) url: String,
    /// The longest time for an answer.
    pub(crate) timeout: Duration,
}

impl Options {
    /// The options of WeChat logins, if codes are to be exchanged.
    pub(crate) fn wechat(&self) -> Option<WechatOptions> {
        Some(WechatOptions {
            appid: self.wechat_appid.clone()?,
            secret_file: self.wechat_secret_file.clone()?,
            url: self.wechat_url.clone(),
            timeout: self.wechat_timeout,
        })
    }

    /// Checks that there are both an appid and its secret, or neither.
    pub(super) fn check_wechat(&self, given: &[&Given]) -> Result<(), Exit> {
        let (name, expected, value) = match (&self.wechat_appid, &self.wechat_secret_file) {
            (Some(appid), None) => (
                "wechat-appid",
                "--wechat-secret-file beside it, the file of its secret",
                escape::quoted(appid),
            ),
            (None, Some(file)) => (
                "wechat-secret-file",
                "--wechat-appid beside it, which the secret is of",
                escape::quoted(file),
            ),
            _ => return Ok(()),
        };
        let origin = last(given, name).map_or(name, |given| &given.origin);
        Err(refuse(origin, expected, &value))
    }

    /// A line for the log about an option that has no effect, since no codes are exchanged.
    pub(crate) fn wechat_warning(&self) -> Option<String> {
        let option = match (&self.wechat_appid, self.wechat_url.as_str(), self.wechat_timeout) {
            (Some(_), ..) | (None, URL, TIMEOUT) => return None,
            (None, URL, _) => "--wechat-timeout",
            (None, ..) => "--wechat-url",
        };
        Some(format!("{option} has no effect without --wechat-appid: no WeChat codes are exchanged"))
    }

    /// A line for the log about accounts or used tokens that are not kept.
    pub(crate) fn memory_warning(&self) -> Option<String> {
        let forgets = |needs: bool| self.mode == Mode::Serve && needs && self.data.is_none();
        let lines = match (forgets(self.wechat_appid.is_some()), forgets(self.auth.denies_replay)) {
            (false, false) => return None,
            (true, false) => "accounts are kept in memory: at the end their roles will be forgotten",
            (false, true) => "used tokens are kept in memory: after the end they can be used again",
            (true, true) => "accounts and used tokens are kept in memory, and will be forgotten at the end",
        };
        Some(format!("without --data {lines}"))
    }
}
