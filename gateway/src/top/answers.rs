//! Answers of the admin server's API, in which null is the same as what is left out.

use serde::{Deserialize, Deserializer};

/// Structs that are read from JSON. A field that is left out or null has its default.
macro_rules! answers {
    ($(
        $(#[$about:meta])*
        $struct_vis:vis struct $name:ident {
            $($(#[$doc:meta])* $vis:vis $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(default)]
        $struct_vis struct $name {$(
            $(#[$doc])*
            #[serde(deserialize_with = "crate::top::answers::null_is_default")]
            $vis $field: $type,
        )*}
    )*};
}
pub(super) use answers;

/// A field whose value may be null.
pub(super) fn null_is_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    answers! {
        struct Outer {
            count: u64,
            limit: Option<u64>,
            text: String,
            inner: Inner,
            list: Vec<Inner>,
        }
        struct Inner {
            on: bool,
        }
    }

    #[test]
    fn null_is_the_same_as_what_is_left_out() {
        let read = |text| serde_json::from_str::<Outer>(text).unwrap();
        let nulls =
            r#"{"count": null, "limit": null, "text": null, "inner": null, "list": null, "more": null}"#;
        assert_eq!(read(nulls), Outer::default());
        assert_eq!(read("{}"), Outer::default());
        let inner = Inner { on: true };
        let list = vec![inner.clone(), Inner::default()];
        let all = r#"{"count": 1, "limit": 2, "text": "a", "inner": {"on": true}, "list": [{"on": true}, {"on": null}]}"#;
        let expected = Outer { count: 1, limit: Some(2), text: "a".to_owned(), inner, list };
        assert_eq!(read(all), expected);
        assert!(serde_json::from_str::<Outer>(r#"{"count": "1"}"#).is_err());
    }
}
