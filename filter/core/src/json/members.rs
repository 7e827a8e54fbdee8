//! The members of an object, in order, as slices.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::json::{Malformed, Raw, Read, Scan};

/// How many keys are compared one by one.
const FEW: usize = 16;

/// The members of a JSON object in their order; a repeated key is refused.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

/// Why there are no members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidMembers {
    /// Not JSON.
    Malformed,
    /// JSON, but no object.
    NoObject,
    /// A key is there twice.
    Repeated,
}

impl From<Malformed> for InvalidMembers {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl<'a> Members<'a> {
    /// Reads an object; `None` for anything else.
    #[must_use]
    pub(crate) fn read(raw: Raw<'a>) -> Option<Self> {
        let mut scan = raw.scan();
        Self::take(&mut scan, |scan, _| scan.value()).ok()
    }

    /// Reads an object whose values are passed over by `value`, which is handed their keys.
    ///
    /// # Errors
    ///
    /// [`InvalidMembers`]; the value has been read nevertheless, unless it is malformed.
    pub(crate) fn take(
        scan: &mut Scan<'a>,
        mut value: impl FnMut(&mut Scan<'a>, &str) -> Read<Raw<'a>>,
    ) -> Result<Self, InvalidMembers> {
        let mut members: Vec<(Cow<'a, str>, Raw<'a>)> = Vec::with_capacity(4);
        let mut seen = BTreeSet::new();
        let mut repeated = false;
        let is_object = scan.members(|scan, key| {
            let value = value(scan, &key)?;
            // A few keys are compared; many are looked up, so that the time stays linear.
            repeated |= match members.len() {
                0..FEW => members.iter().any(|(known, _)| *known == key),
                FEW => {
                    seen.extend(members.iter().map(|(known, _)| known.clone()));
                    !seen.insert(key.clone())
                }
                _ => !seen.insert(key.clone()),
            };
            if !repeated {
                members.push((key, value));
            }
            Ok(())
        })?;
        match (is_object, repeated) {
            (true, false) => Ok(Self(members)),
            (true, true) => Err(InvalidMembers::Repeated),
            (false, _) => Err(InvalidMembers::NoObject),
        }
    }

    /// The value of `key`.
    #[must_use]
    pub(crate) fn find(&self, key: &str) -> Option<Raw<'a>> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// The members in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// Drops the members that `keep` does not want.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }
}

/// Which of `names`, which are in ASCII, a key is but for the case of its letters. There are readers that
/// take one for the other, so a message with such a key may say two things.
#[must_use]
pub(crate) fn imitated<'n>(key: &str, names: &[&'n str]) -> Option<&'n str> {
    let ascii = key.is_ascii();
    let alike = |name: &str| {
        if ascii {
            // Most keys are of another length.
            key.len() == name.len() && key.eq_ignore_ascii_case(name)
        } else {
            folds(key).eq(folds(name))
        }
    };
    names.iter().find(|name| key != **name && alike(name)).copied()
}

/// The letters without their case; through upper case, so that \u{17f} is an s.
fn folds(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}
