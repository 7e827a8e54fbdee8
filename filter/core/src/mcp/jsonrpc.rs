//! JSON-RPC 2.0 envelopes, read as slices of the bytes they arrived in.
//!
//! Reading is one linear pass with no recursion, so neither depth nor size of a document can hurt;
//! callers bound the size. What is not looked at is not rebuilt: numbers, key order, escapes and
//! unknown members survive because their bytes are never touched.

use std::borrow::Cow;

use crate::json::{InvalidMembers, Malformed, Members, Raw, Read, Scan, decode};

/// The longest id that is taken, in bytes of JSON: requests that wait hold theirs.
const ID_LIMIT: usize = 1024;

/// The longest id of a response: a mark may more than double it (see [`crate::mcp::owner_tag`]).
const ANSWERED_LIMIT: usize = 4 * ID_LIMIT;

/// The members that a message may have.
pub const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

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
pub enum Message<'a> {
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
pub enum ResultOrError<'a> {
    /// The raw `result`.
    Result(Raw<'a>),
    /// The raw `error`.
    Error(Raw<'a>),
}

/// Why bytes are no message.
#[derive(Clone, Debug)]
pub enum Unreadable<'a> {
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
    pub fn read(bytes: &'a [u8]) -> Result<Self, Unreadable<'a>> {
        Self::read_with(bytes, |scan, _| scan.value())
    }

    /// Reads one message, handing each value of the envelope to `value` with its key: what is looked
    /// into on the way need not be gone over again. What kind of message it is, and whether it is one
    /// at all, shows at its end.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_with(
        bytes: &'a [u8],
        value: impl FnMut(&mut Scan<'a>, &str) -> Read<Raw<'a>>,
    ) -> Result<Self, Unreadable<'a>> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotJson)?;
        let mut found = Err(InvalidMembers::Malformed);
        Scan::whole(text, |scan| {
            found = Members::take(scan, value);
            if matches!(found, Err(InvalidMembers::Malformed)) { Err(Malformed) } else { Ok(()) }
        })
        .map_err(|_| Unreadable::NotJson)?;
        let refuse = |why| Err(Unreadable::NotJsonRpc { id: readable_id(text), why });
        match found {
            Ok(members) => Self::of(&members).or_else(refuse),
            Err(_) => refuse(misshapen(text)),
        }
    }

    /// The message that the members of an envelope make, or why they make none.
    fn of(members: &Members<'a>) -> Result<Self, &'static str> {
        if members.imitates(&ENVELOPE) {
            return Err("a member of the envelope is repeated in other letters");
        }
        if members.find("jsonrpc").and_then(|raw| decode(raw.get())).as_deref() != Some("2.0") {
            return Err("`jsonrpc` must be \"2.0\"");
        }
        let raw_id = members.find("id");
        let limit = if members.find("method").is_some() { ID_LIMIT } else { ANSWERED_LIMIT };
        let id = raw_id.and_then(|raw| Id::within(raw.get(), limit));
        let outcome = (members.find("method"), members.find("result"), members.find("error"));
        match outcome {
            (Some(method), None, None) => match (decode(method.get()), raw_id, id) {
                (None, ..) => Err("`method` must be a string"),
                (_, Some(_), None) => {
                    Err("`id` must be a string or an integer, of at most 1024 bytes")
                }
                (Some(method), _, Some(id)) => {
                    Ok(Message::Request { id, method, params: members.find("params") })
                }
                (Some(method), None, None) => {
                    Ok(Message::Notification { method, params: members.find("params") })
                }
            },
            (None, Some(result), None) => {
                Ok(Message::Response { id, outcome: ResultOrError::Result(result) })
            }
            (None, None, Some(error)) => {
                Ok(Message::Response { id, outcome: ResultOrError::Error(error) })
            }
            _ => Err("expected either `method`, or one of `result` and `error`"),
        }
    }
}

fn misshapen(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'[') => "batches are not supported; send one message a request",
        Some(b'{') => "a member of the envelope is repeated",
        _ => "expected a JSON object",
    }
}

fn readable_id(text: &str) -> Option<Id<'_>> {
    let [id] = Scan::whole(text, |scan| scan.pick(["id"])).ok()??;
    Id::from_raw(id?.get())
}

/// The id that stands in a body, if it can be read; for refusals that never look at the rest.
#[must_use]
pub fn id_of(body: &[u8]) -> Option<Id<'_>> {
    readable_id(std::str::from_utf8(body).ok()?)
}

#[cfg(test)]
mod tests;
