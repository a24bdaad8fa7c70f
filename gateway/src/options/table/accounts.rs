//! Options: the store, and where accounts come from.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "data",
        Directory(|o| &mut o.data),
        "",
        "Keep accounts, the black list and used tokens in this directory, which is made if there is none; not given: in memory",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-appid",
        AppId(|o| &mut o.wechat_appid),
        "",
        "Log clients in with the login codes of this WeChat app (command 1001); not given: with none",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-secret-file",
        File(|o| &mut o.wechat_secret_file),
        "",
        "The secret of --wechat-appid is the one line of this file",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-url",
        BaseUrl(|o| &mut o.wechat_url),
        "https://api.weixin.qq.com",
        "Exchange the codes below this URL",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-timeout",
        Timeout(|o| &mut o.wechat_timeout),
        "5s",
        "The longest time that an exchange may take",
    )
    .in_echo(InEcho::Absent),
];
