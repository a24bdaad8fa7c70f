//! The messages of the modules that `serve` brings: `proto/sysconn.proto` in Rust.

#[allow(dead_code, unreachable_pub, reason = "generated code, of which the program uses a part")]
#[rustfmt::skip]
mod generated;

use prost::Message;
use sysconn::packet::{Decode, Undecodable};

pub(crate) use generated::*;

macro_rules! decode {
    ($($message:ty),+) => {
        $(impl Decode for $message {
            fn decode(data: &[u8]) -> Result<Self, Undecodable> {
                <$message as Message>::decode(data).map_err(|_| Undecodable::Message)
            }
        })+
    };
}

decode!(M1001Tos, M1002Tos, M1201Tos, M1202Tos, M1203Tos, M9002Tos, M9003Tos, M9004Tos);
