//! What the head of a stateless request repeats of its body, for proxies that do not read bodies: the method, the
//! name, the revision (2026-07-28, Streamable HTTP, "Request Headers"). Refuses a head that does not say the
//! same as the body.

use std::borrow::Cow;

use crate::error::ClientError;
use crate::exchange::client_headers::ClientHeaders;
use crate::mcp::header_value::{self, MCP_METHOD, MCP_NAME};
use crate::mcp::method::{NamedBy, Row};

/// What a head repeats of the body.
#[derive(Debug)]
pub(crate) struct Mirrored<'h> {
    method: Mirror<'h>,
    name: Mirror<'h>,
}

/// One header that repeats something of the body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mirror<'h> {
    Missing,
    /// Without the blanks around it.
    Once(&'h [u8]),
    /// Several times, so that two readers could see two requests in one.
    Repeated,
}

impl<'h> Mirror<'h> {
    /// Of the values of a header: none, one, or `Err` for several.
    pub(super) fn of(values: Result<Option<&'h [u8]>, ()>) -> Self {
        match values {
            Ok(None) => Self::Missing,
            Ok(Some(value)) => Self::Once(value.trim_ascii()),
            Err(()) => Self::Repeated,
        }
    }

    /// Whether it is `text`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Mirror`] with what is wrong.
    pub(super) fn check(self, header: &str, text: &str) -> Result<(), ClientError> {
        self.compare(header, |value| Some(value == text.as_bytes()))
    }

    /// The same where it may be encoded.
    fn check_encoded(self, header: &str, text: &str) -> Result<(), ClientError> {
        self.compare(header, |value| header_value::decode(value).map(|it| it == text))
    }

    /// `is_said` is whether a value says it, and `None` for one that cannot be read.
    fn compare(
        self,
        header: &str,
        is_said: impl FnOnce(&[u8]) -> Option<bool>,
    ) -> Result<(), ClientError> {
        let why = match self {
            Self::Missing => "is missing",
            Self::Repeated => "is there several times",
            Self::Once(value) => match is_said(value) {
                Some(true) => return Ok(()),
                Some(false) => "says something else than the body",
                None => "cannot be read",
            },
        };
        Err(ClientError::Mirror(format!("`{header}` {why}")))
    }

    /// Its value, if there is one.
    const fn once(self) -> Option<&'h [u8]> {
        match self {
            Self::Once(value) => Some(value),
            Self::Missing | Self::Repeated => None,
        }
    }
}

impl<'h> Mirrored<'h> {
    /// Of this head.
    pub(crate) fn of(headers: &'h ClientHeaders) -> Self {
        let mirror = |name| Mirror::of(headers.once(name));
        Self { method: mirror(MCP_METHOD), name: mirror(MCP_NAME) }
    }

    /// The name in the head, if it says one that can be read.
    pub(crate) fn name(&self) -> Option<Cow<'h, str>> {
        header_value::decode(self.name.once()?)
    }

    /// The method in the head, if it says one that can be read.
    pub(crate) fn method(&self) -> Option<&'h str> {
        std::str::from_utf8(self.method.once()?).ok()
    }

    /// Whether the head says the same method as the body.
    ///
    /// # Errors
    ///
    /// [`ClientError::Mirror`].
    pub(crate) fn check_method(&self, method: &str) -> Result<(), ClientError> {
        self.method.check("Mcp-Method", method)
    }

    /// Whether the head says the same name as the body; only what is asked for by name has one
    /// (2026-07-28, Streamable HTTP, "Request Headers"; Tasks extension).
    ///
    /// # Errors
    ///
    /// [`ClientError::Mirror`].
    pub(crate) fn check_name(&self, row: &Row, name: Option<&str>) -> Result<(), ClientError> {
        match (row.key(), name) {
            (Some(NamedBy::Name(_) | NamedBy::Uri), Some(name)) => {
                self.name.check_encoded("Mcp-Name", name)
            }
            // There are clients of the extension that leave it out.
            (Some(NamedBy::Task), Some(name)) if !matches!(self.name, Mirror::Missing) => {
                self.name.check_encoded("Mcp-Name", name)
            }
            // What lacks a name is refused for that, unless the head has one.
            (Some(NamedBy::Name(_) | NamedBy::Uri), None)
                if !matches!(self.name, Mirror::Missing) =>
            {
                self.name.compare("Mcp-Name", |_| Some(false))
            }
            _ => Ok(()),
        }
    }
}
