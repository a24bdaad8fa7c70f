//! Replies that are encoded to Data.

use bytes::Bytes;

/// A message that a handler can return as its reply: the counterpart of [`Decode`](super::Decode).
///
/// Bytes and texts of all kinds are such messages.
///
/// ```
/// use sysconn::packet::Encode;
///
/// struct Position {
///     x: i32,
///     y: i32,
/// }
///
/// impl Encode for Position {
///     fn encode(&self, data: &mut Vec<u8>) {
///         data.extend_from_slice(&self.x.to_be_bytes());
///         data.extend_from_slice(&self.y.to_be_bytes());
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no reply: it does not implement `Encode`",
    label = "the reply of this handler does not encode",
    note = "implement `sysconn::packet::Encode` for it; for a protobuf message use `proto!`"
)]
pub trait Encode {
    /// Appends the Data of the message to `data`, which is empty.
    ///
    /// It is a buffer of the reactor, which keeps its memory from reply to reply: encoding usually allocates
    /// nothing.
    fn encode(&self, data: &mut Vec<u8>);

    /// The Data, if the message has it as bytes: then it is sent from there, and not
    /// [encoded](Self::encode).
    fn as_data(&self) -> Option<&[u8]> {
        None
    }
}

/// Implements [`Encode`] for types that have their bytes; `N` is the length of an array.
macro_rules! bytes {
    ($([$($len:ident)?] $type:ty,)*) => {$(
        impl$(<const $len: usize>)? Encode for $type {
            fn encode(&self, data: &mut Vec<u8>) {
                data.extend_from_slice(self.as_ref());
            }

            fn as_data(&self) -> Option<&[u8]> {
                Some(self.as_ref())
            }
        }
    )*};
}

bytes! { [] [u8], [N] [u8; N], [] Vec<u8>, [] Bytes, [] str, [] String, }

/// An empty reply.
impl Encode for () {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn as_data(&self) -> Option<&[u8]> {
        Some(&[])
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, data: &mut Vec<u8>) {
        (**self).encode(data);
    }

    fn as_data(&self) -> Option<&[u8]> {
        (**self).as_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_texts_are_sent_from_where_they_are() {
        let cases: [&dyn Encode; 7] = [
            b"data",
            &&b"data"[..],
            &b"data".to_vec(),
            &Bytes::from_static(b"data"),
            &"data",
            &"data".to_owned(),
            &&&b"data",
        ];
        for (at, message) in cases.into_iter().enumerate() {
            let mut data = b"before ".to_vec();
            message.encode(&mut data);
            assert_eq!(
                (message.as_data(), &data[..]),
                (Some(&b"data"[..]), &b"before data"[..]),
                "case {at}"
            );
        }
    }
}
