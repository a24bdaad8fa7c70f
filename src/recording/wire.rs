//! Encodes and decodes numbers, bytes, lists, structs and enums of recordings: one table defines both
//! directions.

/// The most bytes that a number takes.
const MAX_NUMBER_BYTES: u32 = 10;

/// A value that can be written to a recording and read again.
pub(crate) trait Wire: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);

    /// Takes a value off the front of `input`. None if it is malformed or incomplete.
    fn take(input: &mut &[u8]) -> Option<Self>;
}

/// Bytes without a length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// Numbers: 7 bits per byte, the lowest first; the top bit says that more follow.
impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        let mut number = 0u64;
        for at in 0..MAX_NUMBER_BYTES {
            let byte = *input.split_off_first()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << (7 * at);
            if shifted >> (7 * at) != bits {
                return None;
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

macro_rules! smaller_numbers {
    ($($type:ty)*) => {$(
        impl Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                u64::from(*self).put(out);
            }

            fn take(input: &mut &[u8]) -> Option<Self> {
                u64::take(input)?.try_into().ok()
            }
        }
    )*};
}

smaller_numbers!(u32 u16 u8);

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        match input.split_off_first()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Wire for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        (self.0.len() as u64).put(out);
        out.extend_from_slice(&self.0);
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u64::take(input)?).ok()?;
        Some(Bytes(input.split_off(..len)?.to_vec()))
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        String::from_utf8(Bytes::take(input)?.0).ok()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        if bool::take(input)? { T::take(input).map(Some) } else { Some(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|one| one.put(out));
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        // Allocate memory for the bytes that are there, not for the announced number.
        let count = u64::take(input)?;
        (0..count).map(|_| T::take(input)).collect()
    }
}

/// A struct that is written as its fields, in order.
macro_rules! wire_struct {
    ($(#[$meta:meta])* struct $name:ident { $($(#[$about:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name {
            $($(#[$about])* pub(crate) $field: $type,)*
        }

        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(input: &mut &[u8]) -> Option<Self> {
                Some($name { $($field: Wire::take(input)?,)* })
            }
        }
    };
}

/// An enum that is written as the number of its variant and then its fields, in order.
macro_rules! wire_enum {
    ($(#[$meta:meta])* enum $name:ident {
        $($(#[$about:meta])* $number:literal $variant:ident { $($field:ident: $type:ty),* },)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$about])* $variant { $($field: $type),* },)*
        }

        impl $name {
            /// The number of the variant.
            pub(crate) fn number(&self) -> u8 {
                match self {
                    $($name::$variant { .. } => $number,)*
                }
            }
        }

        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(self.number());
                match self {
                    $($name::$variant { $($field),* } => { $($field.put(out);)* })*
                }
            }

            fn take(input: &mut &[u8]) -> Option<Self> {
                match input.split_off_first()? {
                    $($number => Some($name::$variant { $($field: Wire::take(input)?),* }),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use {wire_enum, wire_struct};

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: Wire + PartialEq + std::fmt::Debug>(value: &T) -> Vec<u8> {
        let mut out = vec![];
        value.put(&mut out);
        assert_eq!(T::take(&mut &out[..]).as_ref(), Some(value));
        for end in 0..out.len() {
            assert_eq!(T::take(&mut &out[..end]), None, "{value:?} cut at {end}");
        }
        out
    }

    #[test]
    fn a_written_value_is_read_again_only_when_it_is_complete() {
        for (number, len) in [(0, 1), (127, 1), (128, 2), (1 << 14, 3), (u64::MAX, 10)] {
            assert_eq!(round(&number).len(), len, "{number}");
        }
        round(&Some(7u16));
        round(&None::<u8>);
        round(&"text".to_owned());
        round(&Bytes(vec![0, 255]));
        round(&vec![1u32, 300, u32::MAX]);
    }

    #[test]
    fn malformed_values_are_not_read() {
        assert_eq!(u8::take(&mut &[0x80, 0x02][..]), None, "256");
        assert_eq!(u64::take(&mut &[0xff; 10][..]), None, "beyond 64 bits");
        assert_eq!(bool::take(&mut &[2][..]), None);
        assert_eq!(String::take(&mut &[1, 0xff][..]), None);
        let announced = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(Vec::<u64>::take(&mut &announced[..]), None);
        assert_eq!(Bytes::take(&mut &announced[..]), None);
    }
}
