//! The texts of a configuration, each read into a type that only its own rule can make.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// What was read, or what was expected.
pub(super) type Reading<T> = Result<T, Cow<'static, str>>;

/// Reads a string with `read`; of any other kind of value the error says `expected`.
pub(super) fn text<'de, D, T>(
    deserializer: D,
    expected: &'static str,
    read: impl FnOnce(&str) -> Reading<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    struct Text<F> {
        expected: &'static str,
        read: F,
    }

    impl<T, F: FnOnce(&str) -> Reading<T>> Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.read)(text)
                .map_err(|expected| E::invalid_value(Unexpected::Str(text), &expected.as_ref()))
        }
    }

    deserializer.deserialize_str(Text { expected, read })
}

/// Declares a string newtype that is read by a rule: `Name: "what is expected", rule;` where the
/// rule turns the text that is written into the text that is kept.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $expected:expr, $rule:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(super) struct $name(pub(super) String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let rule: fn(&str) -> Reading<String> = $rule;
                text(deserializer, $expected, rule).map($name)
            }
        }
    )*};
}

texts! {
    /// The path of an endpoint.
    Path: PATH, |text| kept(text, is_path(text), PATH);
    /// `upstreams[].path`, which may carry a query: hosted servers take keys there.
    Target: TARGET, |text| kept(text, is_target(text), TARGET);
    /// `server.name`.
    ServerName: SERVER_NAME, |text| kept(text, !text.trim().is_empty(), SERVER_NAME);
    /// `upstreams[].name`.
    UpstreamName: UPSTREAM_NAME, |text| kept(text, is_upstream_name(text), UPSTREAM_NAME);
    /// `upstreams[].cluster`.
    Cluster: CLUSTER, |text| kept(text, is_visible(text), CLUSTER);
    /// `upstreams[].authority`.
    Authority: AUTHORITY, |text| kept(text, is_authority(text), AUTHORITY);
    /// `upstreams[].prefix`, which may be empty.
    Prefix: PREFIX, |text| kept(text, is_prefix(text), PREFIX);
    /// What a tool is renamed to.
    NewName: NEW_NAME, |text| kept(text, is_new_name(text), NEW_NAME);
    /// What is told of a tool.
    Description: DESCRIPTION, |text| kept(text, is_description(text), DESCRIPTION);
    /// `naming.separator`.
    Separator: SEPARATOR, |text| kept(text, is_separator(text), SEPARATOR);
    /// A name that others have given: a claim, a value of one.
    Name: NAME, |text| kept(text, (1..=256).contains(&text.len()), NAME);
    /// The URL of a protected resource or of an authorization server.
    Url: URL, |text| kept(text, is_url(text), URL);
    /// A scope.
    Scope: SCOPE, |text| kept(text, is_scope(text), SCOPE);
    /// The name of a header that may be set or forwarded, in lower case.
    HeaderName: HEADER_NAME, header_name;
    /// The value of a header.
    HeaderValue: HEADER_VALUE, |text| kept(text, is_header_value(text), HEADER_VALUE);
    /// One of `origins.allow`, in lower case and without the scheme's own port, as browsers send it.
    Origin: ORIGIN, |text| origin(text).ok_or_else(|| ORIGIN.into());
}

const TARGET: &str =
    r##"a path that starts with "/", in at most 2048 visible ASCII characters other than "#""##;

const PATH: &str = r##"a path that starts with "/", in at most 2048 visible ASCII characters other than "?" and "#""##;
const URL: &str =
    r#"an http or https URL such as "https://mcp.example/mcp", without query and fragment"#;
const SCOPE: &str = "a scope: 1 to 256 visible ASCII characters other than quotes and backslashes";
const NAME: &str = "a text of 1 to 256 bytes";
const SERVER_NAME: &str = "a name that is not empty";
const UPSTREAM_NAME: &str = "1 to 32 characters a-z, 0-9 and -, with no - at either end";
const CLUSTER: &str = "the name of an Envoy cluster, in at most 2048 visible ASCII characters";
pub(super) const AUTHORITY: &str =
    r#"a host such as "mcp.example:8080", in at most 2048 visible ASCII characters other than "/""#;
const PREFIX: &str = r#"at most 64 characters A-Z, a-z, 0-9, _, . and -, or "" for none"#;
const NEW_NAME: &str = "1 to 128 characters A-Z, a-z, 0-9, _, . and -";
const DESCRIPTION: &str = "a description of 1 byte to 16 KiB";
const SEPARATOR: &str = "1 to 8 visible ASCII characters other than quotes and backslashes";
const HEADER_NAME: &str = "the name of an HTTP header";
const HEADER_VALUE: &str = "a header value in visible ASCII characters, spaces and tabs";
const ORIGIN: &str = r#"an origin such as "https://app.example", "null", or "*""#;

/// Headers that only the gateway and Envoy write: those of the message's framing and of MCP.
const OWNED_HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-mcp-cluster",
];

fn kept(text: &str, right: bool, expected: &'static str) -> Reading<String> {
    if right { Ok(text.to_owned()) } else { Err(expected.into()) }
}

/// What becomes a line of a request's head, or names something: no more than servers and Envoy take.
fn is_visible(text: &str) -> bool {
    (1..=2048).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_target(text: &str) -> bool {
    text.starts_with('/') && is_visible(text) && !text.contains('#')
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && is_visible(text) && !text.contains(['?', '#'])
}

fn is_upstream_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Also asked of a cluster that stands in for an authority.
pub(super) fn is_authority(text: &str) -> bool {
    is_visible(text) && !text.contains('/')
}

fn is_prefix(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(is_name_byte)
}

/// 2025-11-25, Tools, "Tool Names".
fn is_new_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn is_description(text: &str) -> bool {
    (1..=16 * 1024).contains(&text.len())
}

fn is_separator(text: &str) -> bool {
    is_visible(text) && text.len() <= 8 && !text.contains(['"', '\'', '\\'])
}

/// RFC 9728, section 1.2; RFC 8414, section 2.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next());
    is_visible(text)
        && !text.contains(['?', '#', '"', '\\', '@'])
        && host.is_some_and(|host| !host.is_empty())
}

/// RFC 6749, section 3.3.
fn is_scope(text: &str) -> bool {
    text.len() <= 256 && is_visible(text) && !text.contains(['"', '\\'])
}

/// RFC 9110, section 5.6.2, "token".
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

pub(super) fn header_name(text: &str) -> Reading<String> {
    let name = text.to_ascii_lowercase();
    if name.starts_with(':') || OWNED_HEADERS.contains(&name.as_str()) {
        return Err("a header that is not the gateway's own to write".into());
    }
    if is_token(&name) { Ok(name) } else { Err(HEADER_NAME.into()) }
}

/// An origin as RFC 6454, section 6.2, serializes it, or `*`.
fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    if text == "*" || text == "null" {
        return Some(text);
    }
    let (scheme, authority) = text.split_once("://")?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let right = is_scheme(scheme) && is_host(host) && port.is_none_or(is_port);
    match (scheme, port) {
        ("http", Some("80")) | ("https", Some("443")) => Some(format!("{scheme}://{host}")),
        _ => Some(text.clone()),
    }
    .filter(|_| right)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'.' | b'-'))
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    }
}

fn is_port(text: &str) -> bool {
    !text.starts_with(['0', '+']) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests;
