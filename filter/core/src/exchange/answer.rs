//! One upstream's whole answer to a side call.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::capability::Capabilities;
use crate::error::UpstreamError;
use crate::gateway::{Limits, Upstream};
use crate::http::{Headers, MediaType};
use crate::jsonrpc::{Id, Members, Message, Outcome, decode};
use crate::mark::{Digest, Marks, Place};
use crate::rewrite::stream::Changes;
use crate::rewrite::to_client::{self, Origin};
use crate::route::{Kind, Shape};
use crate::seal::{KeyRing, Tag};
use crate::sse::{self, Passed};

/// How much of an answer that is no JSON-RPC is quoted to the client, in bytes.
const QUOTED: usize = 200;

/// What the head of an answer says.
#[derive(Debug)]
pub(super) struct AnswerHead {
    status: u16,
    media_type: MediaType,
    /// The session id that the upstream gave, if any.
    session: Option<Vec<u8>>,
    challenge: Option<String>,
    retry_after: Option<String>,
}

impl AnswerHead {
    pub(super) fn read(headers: Headers<'_>) -> Self {
        Self {
            status: headers.status(),
            media_type: headers.media_type(),
            session: headers.first(super::reply::SESSION_ID).map(<[u8]>::to_vec),
            challenge: headers.text("www-authenticate"),
            retry_after: headers.text("retry-after"),
        }
    }
}

/// An answer as the client gets it.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    /// Of which kinds it says that lists have changed.
    pub(super) relisted: BTreeSet<Kind>,
}

/// An answer that arrived whole.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) head: &'a AnswerHead,
    pub(super) body: &'a [u8],
    /// The id of the request that it answers.
    pub(super) id: &'a Id<'a>,
    pub(super) upstream: &'a Upstream,
    /// What the upstream can do, once it has said so.
    pub(super) capabilities: Capabilities,
    /// The client's session, and the upstream's that the request was sent in.
    pub(super) session: (Tag, Digest),
    pub(super) limits: Limits,
}

impl Answer<'_> {
    /// Reads the answer's result with `read`.
    ///
    /// # Errors
    ///
    /// What the upstream did instead of answering with a result.
    pub(super) fn result<T>(
        &self,
        read: impl FnOnce(&RawValue) -> Result<T, String>,
    ) -> Result<T, UpstreamError> {
        self.accepted()?;
        let message = self.message().map_err(|reason| self.error(reason))?;
        match Message::read(&message) {
            Ok(Message::Response { outcome: Outcome::Result(result), .. }) => {
                read(result).map_err(|reason| self.error(reason))
            }
            Ok(Message::Response { outcome: Outcome::Error(error), .. }) => {
                Err(self.error(describe(error)))
            }
            _ => Err(self.error("its answer is no JSON-RPC response".to_owned())),
        }
    }

    /// What the upstream did instead of answering.
    pub(super) fn refusal(&self) -> UpstreamError {
        let unusable = || self.error(self.message().err().unwrap_or_default());
        self.accepted().err().unwrap_or_else(unusable)
    }

    /// Whether the upstream took the message, as it does with 202 and without a body.
    ///
    /// # Errors
    ///
    /// Any status but 2xx, with what the upstream says of it.
    pub(super) fn accepted(&self) -> Result<(), UpstreamError> {
        if (200..300).contains(&self.head.status) {
            return Ok(());
        }
        let mut error = self.error(refusal(self.head.status, self.head.media_type, self.body));
        error.status = Some(self.head.status);
        error.challenge.clone_from(&self.head.challenge);
        error.retry_after.clone_from(&self.head.retry_after);
        Err(error)
    }

    /// Whether the upstream no longer knows the session that the request was sent in.
    pub(super) fn lost_session(&self) -> bool {
        lost_session(self.head.status, self.body)
    }

    /// Whether the upstream does not know the method.
    pub(super) fn unknown_method(&self) -> bool {
        let message = self.message().ok().filter(|_| is_protocol_status(self.head.status));
        match message.as_deref().map(Message::read) {
            Some(Ok(Message::Response { outcome: Outcome::Error(error), .. })) => {
                let code = Members::read(error).and_then(|error| error.find("code"));
                code.is_some_and(|code| code.get() == "-32601")
            }
            _ => false,
        }
    }

    /// The answer as a client may be given it; `shape` is what a result is.
    pub(super) fn whole(&self, keys: &KeyRing, shape: Shape) -> Option<Whole> {
        let content_type = match self.head.media_type {
            _ if !is_protocol_status(self.head.status) => return None,
            MediaType::Json => "application/json",
            MediaType::EventStream => "text/event-stream",
            MediaType::Plain | MediaType::Other => return None,
        };
        let (session, own) = self.session;
        let (upstream, request) = (self.upstream, Some(self.id));
        let origin = Origin { upstream, marks: Marks { keys, session }, request, shape };
        let mut relisted = BTreeSet::new();
        let changed = if self.head.media_type == MediaType::Json {
            let message = to_client::message(origin, self.body);
            if !message.answers {
                return None;
            }
            message.changed
        } else {
            let place = Place { session: own, ..Place::new(shape, None, Some(self.id)) };
            let mut out = Vec::new();
            let mut editor = sse::Editor::new(self.limits.upstream_body);
            let mut changes = Changes::of(origin, &place, true);
            let passed = editor.feed(self.body, &mut changes, &mut out);
            // The rest of a stream that has ids is the client's to ask for.
            if !changes.answered && !changes.resumable {
                return None;
            }
            relisted = changes.relisted;
            out.extend(editor.finish().held);
            (passed == Passed::Changed).then_some(out)
        };
        let body = changed.unwrap_or_else(|| self.body.to_vec());
        Some(Whole { content_type, body, relisted })
    }

    /// The session id that the upstream gave with this answer.
    ///
    /// # Errors
    ///
    /// One that is not visible ASCII, or longer than 8192 bytes: it has to fit, with those of the
    /// other upstreams, into one header.
    pub(super) fn session(&self) -> Result<Option<String>, UpstreamError> {
        let Some(session) = &self.head.session else { return Ok(None) };
        let visible = !session.is_empty() && session.iter().all(u8::is_ascii_graphic);
        if !visible || session.len() > 8192 {
            let reason = "its session id is not visible ASCII of at most 8192 bytes";
            return Err(self.error(reason.to_owned()));
        }
        Ok(String::from_utf8(session.clone()).ok())
    }

    pub(super) fn error(&self, reason: String) -> UpstreamError {
        UpstreamError::new(&self.upstream.name, reason)
    }

    /// The message that answers the request, among whatever else an event stream carries.
    fn message(&self) -> Result<Cow<'_, [u8]>, String> {
        match self.head.media_type {
            MediaType::Json if self.answers(self.body) => Ok(Cow::Borrowed(self.body)),
            MediaType::Json => Err("its answer is not a JSON-RPC response to the request".into()),
            MediaType::EventStream => {
                let mut found = None;
                let mut reader = sse::Reader::new(self.limits.upstream_body);
                reader.feed(self.body, &mut |event| {
                    if found.is_none() && event.is_message() && self.answers(event.data) {
                        found = Some(event.data.to_vec());
                    }
                });
                found
                    .map(Cow::Owned)
                    .ok_or_else(|| "its event stream ended before the answer".into())
            }
            MediaType::Plain | MediaType::Other => {
                Err("its answer is neither application/json nor text/event-stream".into())
            }
        }
    }

    fn answers(&self, data: &[u8]) -> bool {
        answers(data, self.id)
    }
}

/// Whether `data` is the response to the request `id`.
pub(super) fn answers(data: &[u8], id: &Id<'_>) -> bool {
    match Message::read(data) {
        Ok(Message::Response { id: Some(found), .. }) => found.matches(id),
        _ => false,
    }
}

/// Whether an answer to a request with a session id means that the session is gone: 404 is what the
/// protocol says (2025-11-25, Transports, "Session Management"), unless it is that of an unknown
/// method, name or resource.
/// Several servers answer 400 and say in the error's message that the session is not valid; the
/// arguments of a tool may be about sessions too, so code and words have to be those of such servers.
pub(super) fn lost_session(status: u16, body: &[u8]) -> bool {
    let said = match Message::read(body) {
        Ok(Message::Response { outcome: Outcome::Error(error), .. }) => describe(error),
        _ => String::new(),
    };
    let coded = |codes: &[&str]| {
        codes.iter().any(|code| said.starts_with(&format!("JSON-RPC error {code}: ")))
    };
    let words = [
        "session id",
        "session not found",
        "invalid session",
        "unknown session",
        "not initialized",
    ];
    match status {
        404 => !coded(&["-32601", "-32602", "-32002"]),
        400 if coded(&["-32000", "-32001", "-32600"]) => {
            words.iter().any(|words| said.to_ascii_lowercase().contains(words))
        }
        _ => false,
    }
}

/// Whether a status is one that carries an error of the protocol, so that the body may be given to
/// the client as it is; others are about the upstream, which the client has to be told.
pub(super) fn is_protocol_status(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404 | 422)
}

/// What an HTTP status other than 2xx means, with what its body says, if that is short text.
pub(super) fn refusal(status: u16, media_type: MediaType, body: &[u8]) -> String {
    let said = match media_type {
        MediaType::Json => match Message::read(body) {
            Ok(Message::Response { outcome: Outcome::Error(error), .. }) => describe(error),
            _ => String::new(),
        },
        MediaType::Plain => quote(body),
        MediaType::EventStream | MediaType::Other => String::new(),
    };
    let separator = if said.is_empty() { "" } else { ": " };
    format!("answered HTTP {status}{separator}{said}")
}

/// A JSON-RPC error in words.
fn describe(error: &RawValue) -> String {
    let members = Members::read(error).unwrap_or_default();
    let code = members.find("code").map_or("?", RawValue::get);
    let message = members.find("message").and_then(|raw| decode(raw.get()));
    format!(
        "JSON-RPC error {}: {}",
        quote(code.as_bytes()),
        quote(message.unwrap_or_default().as_bytes())
    )
}

/// The first bytes of a text on one line.
fn quote(text: &[u8]) -> String {
    let head = String::from_utf8_lossy(text.get(..QUOTED).unwrap_or(text));
    let cut = if text.len() > QUOTED { "…" } else { "" };
    let line: String = head.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    format!("{}{cut}", line.trim().trim_end_matches('\u{fffd}'))
}
