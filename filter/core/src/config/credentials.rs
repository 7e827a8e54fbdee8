//! Credentials for servers, from the environment: `${NAME}` in a value of `headers.set`.

use super::Environment;
use super::error::{ConfigError, quoted};

/// How long a value may become, in bytes.
const LONGEST: usize = 16 * 1024;

/// The headers with the variables that their values name; `path` is the upstream's.
///
/// # Errors
///
/// A variable that is not there, or whose value cannot be in a header. The value is not shown.
pub(super) fn expanded(
    path: &str,
    headers: Vec<(String, String)>,
    surroundings: &Environment<'_>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let expand = |(name, value): (String, String)| {
        let path = format!("{path}.headers.set.{name}");
        value_of(&path, &value, surroundings).map(|value| (name, value))
    };
    headers.into_iter().map(expand).collect()
}

fn value_of(path: &str, text: &str, surroundings: &Environment<'_>) -> Result<String, ConfigError> {
    let refused = |found: String, expected: &str| Err(ConfigError::new(path, found, expected));
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        value.push_str(before);
        let Some((name, behind)) = behind.split_once('}').filter(|(name, _)| is_name(name)) else {
            let expected = "the name of an environment variable between ${ and }; a secret that changes while Envoy runs is for credential_injector at the cluster";
            return refused("${ and no name behind it".to_owned(), expected);
        };
        let found = (surroundings.variable)(name).unwrap_or_default();
        // A file that a variable is made of ends with a line feed.
        let found = found.trim_end_matches(['\r', '\n']);
        if found.is_empty() {
            let found = format!("no environment variable {}", quoted(name));
            let expected = "one that Envoy has, and in WebAssembly one that vm_config.environment_variables hands to the VM";
            return refused(found, expected);
        }
        let is_visible = |byte: u8| matches!(byte, b'\t' | b' '..=b'~');
        if !found.bytes().all(is_visible) || value.len() + found.len() > LONGEST {
            let found = format!("the environment variable {}", quoted(name));
            return refused(found, "a value of at most 16 KiB in visible ASCII characters");
        }
        value.push_str(found);
        rest = behind;
    }
    value.push_str(rest);
    Ok(value)
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    (1..=128).contains(&text.len())
        && first.is_some_and(|byte| !byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Key;

    fn expanded(value: &str) -> Result<String, String> {
        let variable = |name: &str| match name {
            "TOKEN" => Some("s3cret\n".to_owned()),
            "B" => Some("b".to_owned()),
            "BAD" => Some("s3cret\nx-admin: 1".to_owned()),
            "LONG" => Some("s3cret".repeat(10_000)),
            "NESTED" => Some("${TOKEN}".to_owned()),
            _ => None,
        };
        let surroundings = Environment {
            variable: &variable,
            process_key: &|| Ok(Key::new([1; 32])),
            streams: false,
            claims: true,
            bridges: true,
        };
        value_of("p", value, &surroundings).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_are_put_in_once() {
        for (value, found) in [
            ("Bearer ${TOKEN}", "Bearer s3cret"),
            ("${B}${B}-${TOKEN}", "bb-s3cret"),
            ("$TOKEN $ {B}", "$TOKEN $ {B}"),
            ("${NESTED}", "${TOKEN}"),
            ("", ""),
        ] {
            assert_eq!(expanded(value).as_deref(), Ok(found), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_put_in_is_refused_without_its_value() {
        for (value, refusal) in [
            ("${NONE}", "p: found no environment variable \"NONE\", expected one that Envoy has"),
            ("${", "p: found ${ and no name behind it"),
            ("${B", "p: found ${ and no name behind it"),
            ("${}", "p: found ${ and no name behind it"),
            ("${1}", "p: found ${ and no name behind it"),
            (
                "${secret:x}",
                "p: found ${ and no name behind it, expected the name of an environment variable between ${ and }; a secret that changes while Envoy runs is for credential_injector at the cluster",
            ),
            ("${a b}", "p: found ${ and no name behind it"),
            (
                "${BAD}",
                "p: found the environment variable \"BAD\", expected a value of at most 16 KiB",
            ),
            (
                "${LONG}",
                "p: found the environment variable \"LONG\", expected a value of at most 16 KiB",
            ),
        ] {
            let error = expanded(value).expect_err("refused");
            assert!(error.starts_with(refusal) && !error.contains("s3cret"), "{error}");
        }
    }
}
