//! Lists and objects with as many entries as their writer likes, each with its limit.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::error::quoted;
use super::text::{HeaderValue, header_name};

/// A list of at most `MAX` entries.
pub(super) struct List<T, const MAX: usize>(pub(super) Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T, const MAX: usize> Deserialize<'de> for List<T, MAX>
where
    T: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(Vec::new()))
    }
}

impl<'de, T, const MAX: usize> Visitor<'de> for List<T, MAX>
where
    T: Deserialize<'de>,
{
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self, A::Error> {
        while let Some(entry) = list.next_element()? {
            if self.0.len() == MAX {
                return Err(A::Error::invalid_value(Unexpected::Other("a longer list"), &self));
            }
            self.0.push(entry);
        }
        Ok(self)
    }
}

/// `headers.set`: each header once, whatever the case of its name.
#[derive(Default)]
pub(super) struct SetHeaders(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for SetHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for SetHeaders {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of header names and values")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut headers: A) -> Result<Self, A::Error> {
        while let Some(written) = headers.next_key::<String>()? {
            let name = header_name(&written).and_then(|name| {
                let again = self.0.iter().any(|(earlier, _)| *earlier == name);
                if again { Err("each header once, in whatever case".into()) } else { Ok(name) }
            });
            let name = name.map_err(|expected| {
                // `Other` is shown as it is; a string below `set` would be taken for a secret.
                let found = format!("the header {}", quoted(&written));
                A::Error::invalid_value(Unexpected::Other(&found), &expected.as_ref())
            })?;
            let HeaderValue(value) = headers.next_value()?;
            self.0.push((name, value));
        }
        Ok(self)
    }
}

/// Something for each of some tools, by the upstream's own names.
pub(super) struct ByTool<T>(pub(super) BTreeMap<String, T>);

impl<T> ByTool<T> {
    /// The most tools of one upstream.
    const MOST: usize = 256;
    /// The longest name, in bytes. Servers choose them, so any characters may be in it.
    const LONGEST: usize = 256;
}

impl<T> Default for ByTool<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByTool<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ByTool<T> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of at most {} tools, by the server's names", Self::MOST)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut tools: A) -> Result<Self, A::Error> {
        while let Some(name) = tools.next_key::<String>()? {
            if self.0.len() == Self::MOST {
                return Err(A::Error::invalid_value(Unexpected::Other("a larger object"), &self));
            }
            if !(1..=Self::LONGEST).contains(&name.len()) {
                let found = format!("the tool {}", quoted(&name));
                let expected = format!("names of 1 to {} bytes", Self::LONGEST);
                return Err(A::Error::invalid_value(Unexpected::Other(&found), &&*expected));
            }
            self.0.insert(name, tools.next_value()?);
        }
        Ok(self)
    }
}
