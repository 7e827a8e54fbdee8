//! Session keys: from the document, from the VM's environment, or the host's own.
//!
//! Promise: no error shows a key, not even one that was written in the wrong place.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use serde::Deserialize;
use serde::de::Deserializer;

use super::Environment;
use super::error::{ConfigError, kind_of_secret};
use super::raw;
use super::text::text;
use crate::gateway::{self, KeySource};
use crate::seal::{Key, KeyRing};

/// The most keys that a key ring is made of.
pub(super) const MOST: usize = 16;

const KEY: &str = "32 bytes in base64";
const VARIABLE: &str = "the name of an environment variable";
const PATH: &str = "session.keys_env";

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// The bytes of a key. It has no `Debug`, so that nothing prints it.
pub(super) struct KeyBytes([u8; 32]);

impl KeyBytes {
    /// Reads base64 of either alphabet, with or without padding.
    fn read(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for KeyBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, KEY, |text| Self::read(text).ok_or(KEY.into()))
    }
}

/// The name of an environment variable, which a key is not.
pub(super) struct Variable(String);

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, VARIABLE, |text| {
            let right = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && KeyBytes::read(text).is_none();
            if right { Ok(Self(text.to_owned())) } else { Err(VARIABLE.into()) }
        })
    }
}

/// `session.open`.
pub(super) struct Opening(pub(super) gateway::Opening);

impl<'de> Deserialize<'de> for Opening {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const OPENING: &str = r#""eager" or "lazy""#;
        text(deserializer, OPENING, |text| match text {
            "eager" => Ok(Self(gateway::Opening::Eager)),
            "lazy" => Ok(Self(gateway::Opening::Lazy)),
            _ => Err(OPENING.into()),
        })
    }
}

/// The key ring, and which of the three sources it came from.
pub(super) fn key_ring(
    session: raw::Session,
    surroundings: &Environment<'_>,
) -> Result<(KeyRing, KeySource), ConfigError> {
    match (session.keys, session.keys_env) {
        (Some(_), Some(_)) => {
            Err(ConfigError::new(PATH, "keys beside it", "only one of keys and keys_env"))
        }
        (Some(keys), None) => ring(keys.0)
            .map(|ring| (ring, KeySource::Configured))
            .ok_or_else(|| ConfigError::new("session.keys", "an empty list", "one key or more")),
        (None, Some(Variable(name))) => {
            let ring = from_environment(&name, surroundings)?;
            Ok((ring, KeySource::Environment(name)))
        }
        (None, None) => match (surroundings.process_key)() {
            Ok(key) => Ok((KeyRing::new(key, Vec::new()), KeySource::Process)),
            Err(reason) => Err(ConfigError::new(
                "session",
                format!("neither keys nor keys_env, and no key could be made ({reason})"),
                "one of them",
            )),
        },
    }
}

fn from_environment(name: &str, surroundings: &Environment<'_>) -> Result<KeyRing, ConfigError> {
    let refused = |found: String, expected: &str| Err(ConfigError::new(PATH, found, expected));
    let Some(value) = (surroundings.variable)(name) else {
        return refused(
            format!("no environment variable {name}"),
            "one that vm_config.environment_variables hands to the VM",
        );
    };
    let value = value.trim();
    let texts = value.split(',').map(str::trim).filter(|_| !value.is_empty());
    let mut keys = Vec::new();
    for (position, text) in (1..).zip(texts) {
        if position > MOST {
            return refused(format!("more than {MOST} keys in {name}"), "1 to 16 keys");
        }
        let Some(key) = KeyBytes::read(text) else {
            let found = format!("{} as key {position} in {name}", kind_of_secret(text));
            return refused(found, KEY);
        };
        keys.push(key);
    }
    let empty = || refused(format!("{name} empty"), "one key or more, separated by commas");
    ring(keys).map_or_else(empty, Ok)
}

/// The first key seals, all open; `None` without a key.
fn ring(keys: Vec<KeyBytes>) -> Option<KeyRing> {
    let mut keys = keys.into_iter().map(|KeyBytes(bytes)| Key::new(bytes));
    keys.next().map(|first| KeyRing::new(first, keys.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_either_alphabet_with_or_without_padding() {
        for text in [
            "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=",
            "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8",
            "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8=",
            "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8",
        ] {
            let key = KeyBytes::read(text).map(|key| key.0);
            assert_eq!(
                key.map(|key| [key[0], key[1], key[31]]),
                Some([0xfb, 0xff, 0xff]),
                "{text}"
            );
        }
        let short = "A".repeat(42);
        let long = "A".repeat(44);
        for text in ["", "A", &short, &long, "-/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8="] {
            assert!(KeyBytes::read(text).is_none(), "{text}");
        }
    }
}
