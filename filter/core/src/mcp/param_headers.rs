//! Arguments of a tool that its calls repeat in headers (`Mcp-Param-*`): `x-mcp-header` in the tool's `inputSchema`
//! names the header (2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters").
//!
//! A schema is read in one pass, and no deeper than [`DEEPEST`]. A tool whose `x-mcp-header` nobody can follow must
//! not be listed. What goes into headers is bounded, as proxies and servers bound heads ([`MOST`], [`LONGEST`],
//! [`VALUES`]).

use std::borrow::Cow;

use crate::json::{Members, Raw, Read, Scan, decode};
use crate::mcp::header_value;

/// The member of a schema that names the header.
const ANNOTATION: &str = "x-mcp-header";

/// What all of these headers begin with, in lower case.
const PREFIX: &str = "mcp-param-";

/// How many arguments of one tool may be repeated.
const MOST: usize = 64;

/// How long the name of a header may be, and the keys that lead to an argument together, in bytes.
const LONGEST: usize = 256;

/// How long the values of one call may be together, in bytes. Those that are beyond are not sent, so the server
/// refuses the call.
const VALUES: usize = 16 * 1024;

/// How many schemas may be within each other.
const DEEPEST: usize = 32;

/// Keywords whose value is a schema, or a list of schemas, which is not that of one certain argument.
const SCHEMAS: [&str; 16] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is an object of such schemas.
const NAMED_SCHEMAS: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// An argument that is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParamHeader {
    /// The header, in lower case.
    name: String,
    /// The keys that lead to the argument.
    path: Vec<String>,
}

impl ParamHeader {
    /// How many bytes its texts have.
    pub(crate) fn size(&self) -> usize {
        self.name.len() + self.path.iter().map(String::len).sum::<usize>()
    }
}

/// Which arguments a tool with this `inputSchema` wants repeated.
///
/// # Errors
///
/// Why the tool must not be listed.
pub(crate) fn read(schema: Raw<'_>) -> Result<Vec<ParamHeader>, String> {
    // Few schemas say anything of headers; in one with escapes it takes a look.
    if ![ANNOTATION, r"\u"].iter().any(|it| schema.get().contains(it)) {
        return Ok(Vec::new());
    }
    let mut reading = Reading::default();
    // It was read before, so it can be read.
    let _ = reading.schema(&mut schema.scan(), true, 0);
    reading.flaw.map_or(Ok(reading.found), Err)
}

/// The headers of a call with these `arguments`. One that is null or missing has none.
pub(crate) fn values(headers: &[ParamHeader], arguments: Option<Raw<'_>>) -> Vec<(String, String)> {
    let Some(arguments) = arguments.and_then(Members::read) else { return Vec::new() };
    let mut room = VALUES;
    let value = |header: &ParamHeader| {
        let (first, rest) = header.path.split_first()?;
        let mut value = arguments.find(first)?;
        for key in rest {
            value = Members::read(value)?.find(key)?;
        }
        let text = text(value)?;
        room = room.checked_sub(text.len())?;
        Some((header.name.clone(), text.into_owned()))
    };
    headers.iter().filter_map(value).collect()
}

/// What stands in a header for an argument.
fn text(value: Raw<'_>) -> Option<Cow<'_, str>> {
    let raw = value.get();
    match raw.bytes().next()? {
        b'"' => Some(Cow::Owned(header_value::encode(&decode(raw)?).into_owned())),
        b't' | b'f' => Some(Cow::Borrowed(raw)),
        b'-' | b'0'..=b'9' => Some(number(raw)),
        _ => None,
    }
}

/// A number as it stands in a header: an integer without point and exponent, however it is written.
fn number(raw: &str) -> Cow<'_, str> {
    /// Beyond, not every integer is a number of JSON for everybody.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let plain = raw.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let number = raw.parse::<f64>().ok().filter(|it| it.fract() == 0.0 && it.abs() < EXACT);
    match number {
        Some(number) if !plain => Cow::Owned(format!("{number:.0}")),
        _ => Cow::Borrowed(raw),
    }
}

/// What a schema has said so far.
#[derive(Default)]
struct Reading {
    path: Vec<String>,
    found: Vec<ParamHeader>,
    /// What is wrong; the first of several.
    flaw: Option<String>,
}

impl Reading {
    /// Reads a schema; `is_reached`: nothing but `properties` leads to it.
    fn schema(&mut self, scan: &mut Scan<'_>, is_reached: bool, depth: usize) -> Read<()> {
        if depth == DEEPEST {
            if scan.value()?.get().contains(ANNOTATION) {
                self.flaw("", "is too deep in inputSchema");
            }
            return Ok(());
        }
        let (mut header, mut of, mut twice) = (None, None, false);
        scan.members(|scan, key| match &*key {
            ANNOTATION => {
                twice |= header.replace(scan.value()?).is_some();
                Ok(())
            }
            "type" => {
                of = Some(scan.value()?);
                Ok(())
            }
            "properties" => self.named(scan, is_reached, depth + 1),
            key if NAMED_SCHEMAS.contains(&key) => self.named(scan, false, depth + 1),
            key if SCHEMAS.contains(&key) && scan.peek() == Some(b'[') => {
                scan.elements(|scan| self.schema(scan, false, depth + 1)).map(|_| ())
            }
            key if SCHEMAS.contains(&key) => self.schema(scan, false, depth + 1),
            _ => scan.skip(),
        })?;
        if let Some(header) = header {
            self.annotation(header, of, (is_reached, twice));
        }
        Ok(())
    }

    /// Reads an object of schemas.
    fn named(&mut self, scan: &mut Scan<'_>, is_reached: bool, depth: usize) -> Read<()> {
        let is_object = scan.members(|scan, key| {
            self.path.push(key.into_owned());
            let read = self.schema(scan, is_reached, depth);
            self.path.pop();
            read
        });
        is_object.map(|_| ())
    }

    /// Takes the annotation of a schema of this `type`.
    fn annotation(
        &mut self,
        header: Raw<'_>,
        of: Option<Raw<'_>>,
        (is_reached, twice): (bool, bool),
    ) {
        let text = decode(header.get());
        let name = text.map(|text| format!("{PREFIX}{}", text.to_ascii_lowercase()));
        let token = name.as_deref().and_then(|name| name.strip_prefix(PREFIX));
        let wrong = match token {
            _ if twice => "is there twice",
            None => "is no text",
            Some("") => "is empty",
            Some(token) if !token.bytes().all(is_token) => "is no token of HTTP",
            Some(token) if token.len() > LONGEST => "is too long",
            _ if self.path.iter().map(String::len).sum::<usize>() > LONGEST => {
                "is at keys that are too long"
            }
            _ if !is_reached => "is not reached by `properties` alone",
            _ if !of.is_some_and(is_primitive) => {
                "is neither of a string, an integer nor a boolean"
            }
            _ if self.found.iter().any(|it| Some(&it.name) == name.as_ref()) => "is there twice",
            _ if self.found.len() == MOST => "is one too many",
            _ => "",
        };
        match (wrong, name) {
            ("", Some(name)) => self.found.push(ParamHeader { name, path: self.path.clone() }),
            (wrong, _) => self.flaw(header.get(), wrong),
        }
    }

    fn flaw(&mut self, header: &str, wrong: &str) {
        let shown: String = header.chars().take(40).collect();
        let space = if shown.is_empty() { "" } else { " " };
        self.flaw.get_or_insert_with(|| format!("{ANNOTATION}{space}{shown} {wrong}"));
    }
}

/// Whether a header's name may have this byte (RFC 9110, 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Whether a `type` is one that a header can hold; null may be among several, since it has no header.
fn is_primitive(of: Raw<'_>) -> bool {
    let fits = |raw: &str| matches!(raw, r#""string""# | r#""integer""# | r#""boolean""#);
    let (mut fit, mut other) = (false, false);
    let each = of.scan().elements(|scan| {
        let raw = scan.value()?.get();
        fit |= fits(raw);
        other |= !fits(raw) && raw != r#""null""#;
        Ok(())
    });
    if each == Ok(true) { fit && !other } else { fits(of.get()) }
}

#[cfg(test)]
mod tests;
