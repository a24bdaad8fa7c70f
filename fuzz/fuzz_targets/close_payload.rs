//! Any bytes as the payload of a Close frame, compared with a second implementation of the rules.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysconn::frame::{Error, MAX_CONTROL_PAYLOAD, Opcode, parse_close, push_close, push_frame};

fuzz_target!(|payload: &[u8]| {
    let parsed = parse_close(payload);
    assert_eq!(parsed.map(|close| close.map(|close| (close.code.get(), close.reason))), restated(payload));

    // A parsed Close is sent as the same bytes.
    if let Ok(close) = parsed
        && payload.len() <= MAX_CONTROL_PAYLOAD
    {
        let (mut sent, mut frame) = (Vec::new(), Vec::new());
        push_close(&mut sent, close.map(|close| close.code), close.map_or("", |close| close.reason));
        push_frame(&mut frame, Opcode::Close, payload);
        assert_eq!(sent, frame);
    }
});

/// RFC 6455 §5.5.1: nothing, or a code that may be sent, and UTF-8.
fn restated(payload: &[u8]) -> Result<Option<(u16, &str)>, Error> {
    match payload {
        [] => Ok(None),
        [_] => Err(Error::BadCloseLength),
        [high, low, reason @ ..] => {
            let code = u16::from(*high) * 256 + u16::from(*low);
            if !may_be_sent(code) {
                return Err(Error::BadCloseCode);
            }
            str::from_utf8(reason).map(|reason| Some((code, reason))).map_err(|_| Error::BadUtf8)
        }
    }
}

/// RFC 6455 §7.4.1 and §7.4.2, and what IANA has registered since.
fn may_be_sent(code: u16) -> bool {
    match code {
        0..1000 => false,            // not used
        1004 => false,               // reserved
        1005 | 1006 | 1015 => false, // say why there was no Close frame, and so are never in one
        1000..1015 => true,          // the RFC's, and 1012 to 1014, which were registered later
        1016..3000 => false,         // for later versions of the protocol
        3000..4000 => true,          // registered by libraries and frameworks
        4000..5000 => true,          // for private use
        5000.. => false,
    }
}
