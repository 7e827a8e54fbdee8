//! The members of an object, in order, as slices.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How many keys are compared one by one.
const FEW: usize = 16;

/// The members of a JSON object in their order; a repeated key is refused.
#[derive(Debug, Default)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object; `None` for anything else.
    #[must_use]
    pub fn read(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// The value of `key`.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// Whether a key is one of `names` but for the case of its letters. There are readers that take
    /// one for the other, so a message with such a key may say two things.
    #[must_use]
    pub fn imitates(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(key, _)| imitated(key, names).is_some())
    }

    /// The members in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// Drops the members that `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }
}

/// Which of `names` a key is but for the case of its letters; see [`Members::imitates`].
#[must_use]
pub fn imitated<'n>(key: &str, names: &[&'n str]) -> Option<&'n str> {
    names.iter().find(|name| key != **name && folds(key).eq(folds(name))).copied()
}

/// The letters without their case; through upper case, so that \u{17f} is an s.
fn folds(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                let mut seen = BTreeSet::new();
                while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                    // A few keys are compared; many are looked up, so that the time stays linear.
                    let repeated = match members.len() {
                        0..FEW => members.iter().any(|(known, _)| *known == key),
                        FEW => {
                            seen.extend(members.iter().map(|(known, _)| known.clone()));
                            !seen.insert(key.clone())
                        }
                        _ => !seen.insert(key.clone()),
                    };
                    if repeated {
                        return Err(A::Error::custom("a repeated key"));
                    }
                    members.push((key, map.next_value::<&RawValue>()?));
                }
                Ok(Members(members))
            }
        }
        input.deserialize_map(Read)
    }
}

/// A key that borrows unless it is escaped.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Key<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        input.deserialize_str(Read)
    }
}
