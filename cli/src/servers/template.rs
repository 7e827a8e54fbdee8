//! Texts with variables in them: `${NAME}`, `${NAME:-default}`, `${env:NAME}`, `${input:id}`,
//! `${workspaceFolder}`, `${userHome}`.

use super::variables::{Missing, Variables};

/// What a text becomes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    /// All of it, or nothing if a variable has no value.
    pub(super) value: Option<String>,
    /// The word before it and the name of a variable of the environment, if the text is no more than that.
    pub(super) variable: Option<(String, String)>,
}

/// Words before a credential, which are none of its secret.
const SCHEMES: [&str; 5] = ["", "Bearer ", "bearer ", "Basic ", "Token "];

/// Puts values in the place of variables. A `$` that no `{` follows is itself, as in shells' own `$HOME`.
///
/// # Errors
///
/// A variable that has no value, where that is refused, or that is unknown or has no end.
pub(super) fn expand(text: &str, variables: &Variables<'_>) -> Result<Expanded, String> {
    let (mut value, mut rest) = (Some(String::new()), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, after) = after.split_once('}').ok_or_else(|| {
            "\"${\" has no end: write \"}\" behind the name of the variable".to_owned()
        })?;
        let found = variable(inner, variables)?;
        value = value.zip(found).map(|(value, found)| value + before + &found);
        rest = after;
    }
    let value = value.map(|value| value + rest);
    Ok(Expanded { value, variable: whole(text) })
}

/// The word and the name, if a text is a word such as `Bearer ` and one variable of the environment, without a
/// default.
fn whole(text: &str) -> Option<(String, String)> {
    let (scheme, inner) = text.split_once("${")?;
    let inner = inner.strip_suffix('}')?;
    let name = inner.strip_prefix("env:").unwrap_or(inner);
    let plain = is_name(name) && !BUILT_IN.contains(&name);
    (plain && SCHEMES.contains(&scheme)).then(|| (scheme.to_owned(), name.to_owned()))
}

const BUILT_IN: [&str; 2] = ["workspaceFolder", "userHome"];

/// The value of what stands between `${` and `}`.
fn variable(inner: &str, variables: &Variables<'_>) -> Result<Option<String>, String> {
    if let Some(id) = inner.strip_prefix("input:") {
        return match (variables.input)(id) {
            Ok(value) => Ok(Some(value)),
            Err(_) if variables.missing == Missing::Left => Ok(None),
            Err(reason) => Err(reason),
        };
    }
    match inner {
        "workspaceFolder" => return Ok(Some(variables.folder.display().to_string())),
        "userHome" => return environment("HOME", None, variables),
        _ => {}
    }
    let inner = inner.strip_prefix("env:").unwrap_or(inner);
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if !is_name(name) {
        let known = "write ${NAME}, ${NAME:-default}, ${env:NAME}, ${input:id}, ${workspaceFolder} or ${userHome}";
        return Err(format!("the variable {inner:?} is unknown: {known}"));
    }
    environment(name, default, variables)
}

fn environment(
    name: &str,
    default: Option<&str>,
    variables: &Variables<'_>,
) -> Result<Option<String>, String> {
    let value =
        (variables.environment)(name).filter(|value| !value.is_empty() || default.is_none());
    match (value.or_else(|| default.map(str::to_owned)), variables.missing) {
        (None, Missing::Refused) => Err(format!(
            "the environment variable {name} is not set: set it (export {name}=...), or write ${{{name}:-default}}"
        )),
        (value, _) => Ok(value),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn expanded(text: &str, missing: Missing) -> Result<Expanded, String> {
        let environment = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            "HOME" => Some("/home/me".to_owned()),
            _ => None,
        };
        let input = |id: &str| {
            if id == "key" { Ok("k".to_owned()) } else { Err(format!("no input {id}")) }
        };
        let folder = Path::new("/work");
        let variables = Variables { environment: &environment, input: &input, folder, missing };
        expand(text, &variables)
    }

    #[test]
    fn variables_are_replaced() {
        for (text, value) in [
            ("", ""),
            ("plain", "plain"),
            ("$HOME $ {A}", "$HOME $ {A}"),
            ("${A}", "a"),
            ("x${A}y${env:A}z", "xayaz"),
            ("${B:-b}", "b"),
            ("${EMPTY:-b}", "b"),
            ("${EMPTY}", ""),
            ("${B:-}", ""),
            ("${A:-b}", "a"),
            ("${input:key}", "k"),
            ("${workspaceFolder}/x ${userHome}", "/work/x /home/me"),
        ] {
            let value = Some(value.to_owned());
            assert_eq!(expanded(text, Missing::Refused).map(|it| it.value), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_is_refused_or_left() {
        for (text, words) in [("${B}", "export B="), ("${input:x}", "no input x")] {
            let refused = expanded(text, Missing::Refused).expect_err("refused");
            assert!(refused.contains(words), "{refused}");
            assert_eq!(expanded(text, Missing::Left).map(|it| it.value), Ok(None), "{text}");
        }
        for (text, words) in [("${", "no end"), ("${A", "no end"), ("${a b}", "unknown")] {
            let refused = expanded(text, Missing::Left).expect_err("refused");
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn a_text_that_is_one_variable_is_known_by_its_name() {
        for (text, scheme) in [("${A}", ""), ("Bearer ${A}", "Bearer "), ("${env:A}", "")] {
            let whole = Some((scheme.to_owned(), "A".to_owned()));
            assert_eq!(expanded(text, Missing::Left).map(|it| it.variable), Ok(whole), "{text}");
        }
        for text in ["a", "secret${A}", "${A}${A}", "${A:-b}", "${input:key}", "${userHome}"] {
            assert_eq!(expanded(text, Missing::Left).map(|it| it.variable), Ok(None), "{text}");
        }
    }
}
