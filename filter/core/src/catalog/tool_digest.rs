//! The digest by which a tool is pinned: SHA-256 over its definition in the canonical form of RFC 8785 (JCS).
//!
//! The definition is the whole tool object as its server gives it, members that the gateway does not know included.
//! So white space, the order of members, escapes and the spelling of numbers do not matter; all else does.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::json::{Malformed, Read, Scan, decode, encode};

/// How many bytes a tool's definition has at most.
const LONGEST: usize = 1024 * 1024;

/// How deep lists and objects are in each other at most, the tool itself included.
const DEEPEST: usize = 64;

/// The digest of a tool's definition. It is written, and read, as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolDigest([u8; 32]);

/// Why a tool's definition has no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestError {
    /// It is not JSON, or a text in it is none (a lone surrogate).
    Malformed,
    /// It is JSON, but no object.
    NoObject,
    /// An object has a key twice, so that two readers may see two definitions.
    Repeated,
    /// A number is too large for IEEE 754 double precision, so that it has no canonical form.
    Number,
    /// It has more than 64 levels.
    TooDeep,
    /// It has more than 1 MiB.
    TooLong,
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not JSON",
            Self::NoObject => "it is no object",
            Self::Repeated => "a key is in it twice",
            Self::Number => "a number in it is too large",
            Self::TooDeep => "it has more than 64 levels",
            Self::TooLong => "it has more than 1 MiB",
        })
    }
}

impl std::error::Error for DigestError {}

impl From<Malformed> for DigestError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl fmt::Display for ToolDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ToolDigest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a SHA-256 digest is 64 hexadecimal digits in lower case";
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(wrong),
        };
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return Err(wrong);
        }
        for (to, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for byte in pair {
                *to = *to << 4 | digit(*byte)?;
            }
        }
        Ok(Self(digest))
    }
}

/// The digest of a tool's definition, which is the JSON text of one tool as `tools/list` of its server has it. The
/// time is at most that of copying the text once a level, and of sorting the keys of each object.
///
/// # Errors
///
/// [`DigestError`]: no JSON object, or one that has no canonical form or is beyond the limits of this function.
pub fn tool_digest(tool: &str) -> Result<ToolDigest, DigestError> {
    let canonical = canonical(tool)?;
    let mut digest = [0; 32];
    digest.iter_mut().zip(Sha256::digest(canonical)).for_each(|(to, from)| *to = from);
    Ok(ToolDigest(digest))
}

/// The canonical form of an object.
fn canonical(text: &str) -> Result<String, DigestError> {
    if text.len() > LONGEST {
        return Err(DigestError::TooLong);
    }
    let mut out = String::with_capacity(text.len());
    let mut scan = Scan::new(text);
    if scan.peek() != Some(b'{') {
        scan.value()?;
        return Err(DigestError::NoObject);
    }
    append(&mut scan, &mut out, 0)?;
    match scan.peek() {
        None => Ok(out),
        Some(_) => Err(DigestError::Malformed),
    }
}

/// Reads one value inside of `depth` others.
fn append(scan: &mut Scan<'_>, out: &mut String, depth: usize) -> Result<(), DigestError> {
    match scan.peek() {
        Some(b'{' | b'[') if depth == DEEPEST => Err(DigestError::TooDeep),
        Some(b'{') => append_object(scan, out, depth),
        Some(b'[') => {
            let mut comma = "[";
            let mut within = Ok(());
            scan.elements(|scan| {
                out.push_str(comma);
                comma = ",";
                nested(&mut within, append(scan, out, depth + 1))
            })
            .map_err(DigestError::from)
            .or_else(|error| within.and(Err(error)))?;
            out.push_str(if comma == "[" { "[]" } else { "]" });
            Ok(())
        }
        _ => append_scalar(scan.value()?.get(), out),
    }
}

/// Members are sorted by the UTF-16 units of their keys (RFC 8785, section 3.2.3).
fn append_object(scan: &mut Scan<'_>, out: &mut String, depth: usize) -> Result<(), DigestError> {
    let mut members: Vec<(Cow<'_, str>, String)> = Vec::new();
    let mut within = Ok(());
    scan.members(|scan, key| {
        let mut value = String::new();
        nested(&mut within, append(scan, &mut value, depth + 1))?;
        members.push((key, value));
        Ok(())
    })
    .map_err(DigestError::from)
    .or_else(|error| within.and(Err(error)))?;
    members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    out.push('{');
    let mut before = None;
    for (key, value) in &members {
        match before.replace(key) {
            Some(before) if before == key => return Err(DigestError::Repeated),
            Some(_) => out.push(','),
            None => {}
        }
        // Writing to a string does not fail.
        let _ = write!(out, "{}:{value}", encode(key));
    }
    out.push('}');
    Ok(())
}

/// A reader knows only that something was wrong: what it was is left in `within`.
fn nested(within: &mut Result<(), DigestError>, read: Result<(), DigestError>) -> Read<()> {
    *within = read;
    within.map_err(|_| Malformed)
}

/// A text, a number or a word. Texts are written as `serde_json` does (section 3.2.2.2), numbers as ECMAScript does
/// (section 3.2.2.3).
fn append_scalar(raw: &str, out: &mut String) -> Result<(), DigestError> {
    if raw.starts_with('"') {
        out.push_str(&encode(&decode(raw).ok_or(DigestError::Malformed)?));
    } else if raw.starts_with(['t', 'f', 'n']) {
        out.push_str(raw);
    } else {
        let number: f64 = raw.parse().map_err(|_| DigestError::Malformed)?;
        if !number.is_finite() {
            return Err(DigestError::Number);
        }
        out.push_str(ryu_js::Buffer::new().format_finite(number));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 8785, sections 3.2.2 to 3.2.4.
    #[test]
    fn is_canonical_as_the_rfc_says() {
        let text = r#"{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }"#;
        let wanted = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(canonical(text).as_deref(), Ok(wanted));
        let text = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let wanted = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}";
        assert_eq!(canonical(text).as_deref(), Ok(wanted));
    }

    /// Appendix B.
    #[test]
    fn numbers_are_those_of_ecmascript() {
        for (text, wanted) in [
            ("-0", "0"),
            ("-0.0", "0"),
            ("5e-324", "5e-324"),
            ("9007199254740993", "9007199254740992"),
            ("295147905179352830000", "295147905179352830000"),
            ("999999999999999900000", "999999999999999900000"),
            ("9.999999999999997e22", "9.999999999999997e+22"),
            ("1e21", "1e+21"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
        ] {
            let object = format!(r#"{{"n":{text}}}"#);
            assert_eq!(canonical(&object), Ok(format!(r#"{{"n":{wanted}}}"#)));
        }
    }

    #[test]
    fn spelling_does_not_matter_and_content_does() {
        let one = tool_digest(r#"{"name":"log","inputSchema":{"type":"object","x":[1.0,{}]}}"#);
        let same = tool_digest(
            r#" { "inputSchema": {"x":[1, { } ],"type":"object"}, "n\u0061me":"log"} "#,
        );
        let other = tool_digest(r#"{"name":"log","inputSchema":{"type":"object","x":[{},1]}}"#);
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn is_the_sha_256_of_the_canonical_form() {
        // printf '{}' | sha256sum
        let hex = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(tool_digest("{ }").map(|digest| digest.to_string()).as_deref(), Ok(hex));
        assert_eq!(hex.parse(), tool_digest("{}").map_err(|_| ""));
        assert!(hex.to_uppercase().parse::<ToolDigest>().is_err());
        assert!(hex.get(1..).is_some_and(|short| short.parse::<ToolDigest>().is_err()));
    }

    #[test]
    fn what_has_no_canonical_form_is_refused() {
        for (text, error) in [
            ("", DigestError::Malformed),
            (r#"{"a":1} x"#, DigestError::Malformed),
            (r#"{"a":[1,]}"#, DigestError::Malformed),
            (r#"{"a":"\ud800"}"#, DigestError::Malformed),
            ("[{}]", DigestError::NoObject),
            (r#"{"a":1,"\u0061":1}"#, DigestError::Repeated),
            (r#"{"a":[{"b":{},"b":{}}]}"#, DigestError::Repeated),
            (r#"{"a":1e999}"#, DigestError::Number),
        ] {
            assert_eq!(tool_digest(text), Err(error), "{text}");
        }
    }

    #[test]
    fn depth_and_length_have_limits() {
        let nested =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(tool_digest(&nested(DEEPEST)).is_ok());
        assert_eq!(tool_digest(&nested(DEEPEST + 1)), Err(DigestError::TooDeep));
        assert_eq!(tool_digest(&nested(400_000)), Err(DigestError::TooDeep));
        let long = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
        assert!(tool_digest(&long(LONGEST)).is_ok());
        assert_eq!(tool_digest(&long(LONGEST + 1)), Err(DigestError::TooLong));
    }
}
