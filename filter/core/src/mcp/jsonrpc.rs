//! JSON-RPC 2.0 envelopes, read as slices of the bytes they arrived in.
//!
//! Reading is one linear pass with no recursion, so neither depth nor size of a document can hurt;
//! callers bound the size. What is not looked at is not rebuilt: numbers, key order, escapes and
//! unknown members survive because their bytes are never touched.

use std::borrow::Cow;

use crate::json::{Raw, Read, Scan, decode};
use crate::mcp::batch;

mod envelope;

pub(crate) use envelope::ENVELOPE;
pub(crate) use envelope::{Envelope, Kind};

/// The longest id that is taken, in bytes of JSON: requests that wait hold theirs.
const ID_LIMIT: usize = 1024;

/// The longest id of a response: a mark may more than double it (see [`crate::mcp::owner_tag`]).
const ANSWERED_LIMIT: usize = 4 * ID_LIMIT;

/// A request id exactly as it was written: a string or an integer (2025-11-25, Basic, "Requests").
#[derive(Clone, Debug)]
pub struct Id<'a>(Cow<'a, str>);

impl<'a> Id<'a> {
    /// Accepts the raw JSON text of a string or an integer, of at most 1024 bytes; null and fractions
    /// are no ids.
    #[must_use]
    pub fn from_raw(raw: &'a str) -> Option<Self> {
        Self::within(raw, ID_LIMIT)
    }

    /// The id of a response, which may be one that was marked.
    #[must_use]
    pub fn of_response(raw: &'a str) -> Option<Self> {
        Self::within(raw, ANSWERED_LIMIT)
    }

    fn within(raw: &'a str, limit: usize) -> Option<Self> {
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = raw.len() <= limit;
        (fits && (integer || raw.starts_with('"'))).then_some(Self(Cow::Borrowed(raw)))
    }

    /// An id of the gateway's own.
    #[must_use]
    pub fn from_number(number: u64) -> Id<'static> {
        Id(Cow::Owned(number.to_string()))
    }

    /// Stands for the id of a request that has not been read so far; no other id matches it.
    #[must_use]
    pub fn unknown() -> Id<'static> {
        Id(Cow::Borrowed("null"))
    }

    /// Whether this stands for an id that is not known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0 == "null"
    }

    /// The JSON text.
    #[must_use]
    pub fn as_raw(&self) -> &str {
        &self.0
    }

    /// The same id, free of the bytes it was read from.
    #[must_use]
    pub fn into_owned(self) -> Id<'static> {
        Id(Cow::Owned(self.0.into_owned()))
    }

    /// Whether both name the same request: the same type and value, however a string is escaped.
    #[must_use]
    pub fn matches(&self, other: &Id<'_>) -> bool {
        self.0 == other.0
            || match (decode(&self.0), decode(&other.0)) {
                (Some(one), Some(two)) => one == two,
                _ => false,
            }
    }
}

/// One JSON-RPC message.
#[derive(Clone, Debug)]
pub(crate) enum Message<'a> {
    /// Wants an answer.
    Request {
        /// To be echoed.
        id: Id<'a>,
        /// The decoded method.
        method: Cow<'a, str>,
        /// Untouched, if present.
        params: Option<Raw<'a>>,
    },
    /// Wants none.
    Notification {
        /// The decoded method.
        method: Cow<'a, str>,
        /// Untouched, if present.
        params: Option<Raw<'a>>,
    },
    /// Answers a request.
    Response {
        /// `None` where the sender could not read the id of what it answers.
        id: Option<Id<'a>>,
        /// Exactly one of the two.
        outcome: ResultOrError<'a>,
    },
}

/// What a response says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ResultOrError<'a> {
    /// The raw `result`.
    Result(Raw<'a>),
    /// The raw `error`.
    Error(Raw<'a>),
}

/// Why bytes are no message.
#[derive(Clone, Debug)]
pub(crate) enum Unreadable<'a> {
    /// Not JSON, or not UTF-8.
    NotJson,
    /// JSON, but no JSON-RPC message; with the id, if that much can be read.
    NotJsonRpc {
        /// The readable id.
        id: Option<Id<'a>>,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl<'a> Message<'a> {
    /// Reads one message. Repeated members are refused, and those that imitate one of the
    /// envelope's: two readers could take different ones. Unknown members are ignored.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] says what the bytes are instead.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Unreadable<'a>> {
        Self::read_with(bytes, |scan, _| scan.value())
    }

    /// Reads one message, handing each value of the envelope to `value` with its key: what is looked
    /// into on the way need not be gone over again. What kind of message it is, and whether it is one
    /// at all, shows at its end.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(crate) fn read_with(
        bytes: &'a [u8],
        mut value: impl FnMut(&mut Scan<'a>, &str) -> Read<Raw<'a>>,
    ) -> Result<Self, Unreadable<'a>> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotJson)?;
        let mut envelope = Envelope::default();
        let mut members = [None; ENVELOPE.len()];
        let is_object = Scan::whole(text, |scan| {
            scan.members(|scan, key| {
                let place = envelope.key(&key).and_then(|at| members.get_mut(at));
                let raw = value(scan, &key)?;
                if let Some(place) = place {
                    *place = Some(raw);
                }
                Ok(())
            })
        })
        .map_err(|_| Unreadable::NotJson)?;
        let message = if is_object { Self::of(envelope, members) } else { Err(no_object(bytes)) };
        message.map_err(|why| Unreadable::NotJsonRpc { id: readable_id(text), why })
    }

    /// The message that the members of an envelope make, or why they make none.
    fn of(
        mut envelope: Envelope,
        [version, id, method, params, result, error]: [Option<Raw<'a>>; 6],
    ) -> Result<Self, &'static str> {
        if let Some(raw) = version {
            envelope.version(raw.get());
        }
        if let Some(raw) = id {
            envelope.id(raw.get());
        }
        let method = method.and_then(|raw| decode(raw.get()));
        if method.is_some() {
            envelope.method();
        }
        let message = match envelope.finish()? {
            Kind::Request => method
                .zip(id.and_then(|raw| Id::from_raw(raw.get())))
                .map(|(method, id)| Self::Request { id, method, params }),
            Kind::Notification => method.map(|method| Self::Notification { method, params }),
            Kind::Response => {
                let outcome = result.map(ResultOrError::Result);
                let id = id.and_then(|raw| Id::of_response(raw.get()));
                outcome
                    .or(error.map(ResultOrError::Error))
                    .map(|outcome| Self::Response { id, outcome })
            }
        };
        message.ok_or(envelope::NEITHER)
    }
}

/// What a JSON document is that is no object.
pub(crate) fn no_object(body: &[u8]) -> &'static str {
    if batch::is_batch(body) { batch::REFUSAL } else { "expected a JSON object" }
}

pub(crate) fn readable_id(text: &str) -> Option<Id<'_>> {
    let [id] = Scan::whole(text, |scan| scan.pick(["id"])).ok()??;
    Id::from_raw(id?.get())
}

/// The id that stands in a body, if it can be read; for refusals that never look at the rest.
#[must_use]
pub(crate) fn id_of(body: &[u8]) -> Option<Id<'_>> {
    readable_id(std::str::from_utf8(body).ok()?)
}

#[cfg(test)]
mod tests;
