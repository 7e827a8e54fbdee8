//! One upstream's whole answer to a side call.

mod relayed;

use std::cell::RefCell;

use crate::catalog::Page;
use crate::effect::Ending;
use crate::era::client::handshake::SESSION_ID;
use crate::error::UpstreamError;
use crate::exchange::fan_out::refusal::{RefusalHead, SessionState, is_protocol_status, rpc_error};
use crate::exchange::response::proxy_error;
use crate::fault::Fault;
use crate::gateway::{Limits, Upstream};
use crate::http::{Headers, MediaType};
use crate::json::{Members, Read, Scan};
use crate::mcp::capability::Capabilities;
use crate::mcp::jsonrpc::{Id, Message, ResultOrError};
use crate::rewrite::dialect::Dialect;
use crate::seal::ScopeTag;
use crate::sse;

pub(crate) use relayed::Whole;

/// The longest session id that is carried, in bytes.
const LONGEST_ID: usize = 8192;

/// For so much of an answer, in bytes, there is room at once if its head says that it is that long.
const ROOM: usize = 2 << 20;

/// What the head of an answer says.
#[derive(Debug)]
pub(crate) struct AnswerHead {
    refusal: RefusalHead,
    /// The session id that the upstream gave, if any.
    session: Option<Vec<u8>>,
    retry_after: Option<String>,
    /// How long it says that the answer is, in bytes.
    length: usize,
}

impl AnswerHead {
    pub(crate) fn read(headers: Headers<'_>) -> Self {
        Self {
            refusal: RefusalHead::read(headers),
            session: headers.first(SESSION_ID).map(<[u8]>::to_vec),
            retry_after: headers.text("retry-after"),
            length: headers.content_length().unwrap_or_default(),
        }
    }

    /// For how many bytes there is to be room when the first ones come.
    pub(crate) fn room(&self) -> usize {
        self.length.min(ROOM)
    }

    /// What kind of text the answer is.
    pub(crate) fn media_type(&self) -> MediaType {
        self.refusal.media_type
    }
}

/// An answer that arrived whole.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) head: &'a AnswerHead,
    pub(crate) body: &'a [u8],
    /// The id of the request that it answers.
    pub(crate) id: &'a Id<'a>,
    pub(crate) upstream: &'a Upstream,
    /// What the upstream can do, once it has said so.
    pub(crate) capabilities: Capabilities,
    /// Whom it is for.
    pub(crate) scope: ScopeTag,
    /// How the upstream and the client speak.
    pub(crate) dialect: Dialect,
    /// The upstream's session that the request was sent in.
    pub(crate) session: Option<String>,
    pub(crate) limits: Limits,
    /// Its items, if these were read before.
    pub(crate) items: RefCell<Option<Box<Page>>>,
}

impl Answer<'_> {
    /// Reads the answer's result with `read`, which goes over it as it is found: whether it belongs to
    /// the answer shows behind it.
    ///
    /// # Errors
    ///
    /// What the upstream did instead of answering with a result.
    pub(crate) fn result<T>(
        &self,
        mut read: impl FnMut(&mut Scan<'_>) -> Read<Result<T, Fault>>,
    ) -> Result<T, UpstreamError> {
        self.accepted()?;
        let mut found = None;
        let mut look = |data: &[u8]| {
            let mut part = None;
            let message = Message::read_with(data, |scan, key| match key {
                "result" => scan.look(|scan| read(scan).map(|it| part = Some(it))),
                _ => scan.value(),
            });
            let Ok(Message::Response { id: Some(id), outcome }) = message else { return false };
            let answers = id.matches(self.id);
            if answers {
                found = match outcome {
                    ResultOrError::Result(_) => part,
                    ResultOrError::Error(error) => Some(Err(rpc_error(error))),
                };
            }
            answers
        };
        self.answer(&mut look).map_err(|fault| self.error(fault))?;
        found.unwrap_or_else(|| Err(Fault::NotTheResponse)).map_err(|fault| self.error(fault))
    }

    /// What the upstream did instead of answering.
    pub(crate) fn refusal(&self) -> UpstreamError {
        let answers = |data: &[u8]| match Message::read(data) {
            Ok(Message::Response { id: Some(found), .. }) => found.matches(self.id),
            _ => false,
        };
        let unusable = || {
            let fault = self.head.refusal.rpc_error(self.body);
            let fault = fault.or_else(|| self.answer(answers).err());
            self.error(fault.unwrap_or(Fault::NotTheResponse))
        };
        self.accepted().err().unwrap_or_else(unusable)
    }

    /// Whether the upstream took the message, as it does with 202 and without a body.
    ///
    /// # Errors
    ///
    /// Any status but 2xx, with what the upstream says of it.
    pub(crate) fn accepted(&self) -> Result<(), UpstreamError> {
        if (200..300).contains(&self.head.refusal.status) {
            return Ok(());
        }
        let refusal = &self.head.refusal;
        let mut error = self.error(refusal.fault(self.upstream, self.body));
        error.status = Some(refusal.status);
        error.challenge.clone_from(&refusal.challenge);
        error.retry_after.clone_from(&self.head.retry_after);
        Err(error)
    }

    /// Whether the upstream knows the session that the request was sent in.
    pub(crate) fn session_state(&self) -> SessionState {
        self.head.refusal.session_state(self.body)
    }

    /// Whether Envoy gave up on the request because the connection was closed before the first byte of
    /// an answer: what a server does that closes an idle connection as the request is on its way.
    pub(crate) fn is_closed_connection(&self) -> bool {
        proxy_error::is_closed_connection(self.head.refusal.status, self.body)
    }

    /// How the request ends that it answers, if it is not of use.
    pub(crate) fn ending(&self) -> Ending {
        Ending::of_fault(&self.refusal().fault)
    }

    /// Its HTTP status.
    pub(crate) const fn status(&self) -> u16 {
        self.head.refusal.status
    }

    /// The code of the JSON-RPC error that it is.
    pub(crate) fn rpc_code(&self) -> Option<i64> {
        self.head.refusal.rpc_error(self.body)?.rpc_code()
    }

    /// Whether a request of the stateless era was refused as one that lacks a session.
    pub(crate) fn wants_handshake(&self) -> bool {
        self.head.refusal.wants_handshake(self.body)
    }

    /// Whether it says that the upstream has a revision with a handshake that the gateway speaks.
    pub(crate) fn supports_handshake(&self) -> bool {
        self.head.refusal.supports_handshake(self.body)
    }

    /// Whether the upstream does not know the method.
    pub(crate) fn unknown_method(&self) -> bool {
        let mut unknown = false;
        let answer = self.answer(|data| match Message::read(data) {
            Ok(Message::Response { id: Some(id), outcome }) if id.matches(self.id) => {
                let code = match outcome {
                    ResultOrError::Error(error) => {
                        Members::read(error).and_then(|it| it.find("code"))
                    }
                    ResultOrError::Result(_) => None,
                };
                unknown = code.is_some_and(|code| code.get() == "-32601");
                true
            }
            _ => false,
        });
        is_protocol_status(self.head.refusal.status) && answer.is_ok() && unknown
    }

    /// The message that answers the request, be it a result or an error.
    pub(crate) fn response(&self) -> Option<Vec<u8>> {
        let mut found = None;
        let answer = self.answer(|data| match Message::read(data) {
            Ok(Message::Response { id: Some(id), .. }) if id.matches(self.id) => {
                found = Some(data.to_vec());
                true
            }
            _ => false,
        });
        answer.ok().and(found).filter(|_| is_protocol_status(self.head.refusal.status))
    }

    /// The session id that the upstream gave with this answer.
    ///
    /// # Errors
    ///
    /// One that is not visible ASCII, or longer than [`LONGEST_ID`] bytes: it has to fit, with those of the
    /// other upstreams, into one header.
    pub(crate) fn session(&self) -> Result<Option<String>, UpstreamError> {
        let Some(session) = &self.head.session else { return Ok(None) };
        let visible = !session.is_empty() && session.iter().all(u8::is_ascii_graphic);
        if !visible || session.len() > LONGEST_ID {
            return Err(self.error(Fault::SessionId { limit: LONGEST_ID }));
        }
        Ok(String::from_utf8(session.clone()).ok())
    }

    pub(crate) fn error(&self, fault: Fault) -> UpstreamError {
        UpstreamError::new(&self.upstream.name, fault)
    }

    /// Looks for the message that answers the request, among whatever else an event stream carries:
    /// the first that `is_answer`.
    fn answer(&self, mut is_answer: impl FnMut(&[u8]) -> bool) -> Result<(), Fault> {
        let mut other = None;
        let mut is_answer = |data: &[u8]| {
            let answers = is_answer(data);
            if !answers && other.is_none() {
                other = response_id(data);
            }
            answers
        };
        let found = match self.head.refusal.media_type {
            MediaType::Json => is_answer(self.body),
            MediaType::EventStream => {
                let mut found = false;
                let mut reader = sse::Reader::new(self.limits.upstream_body);
                reader.feed(self.body, &mut |event| {
                    found = found || event.is_message() && is_answer(event.data);
                });
                found
            }
            MediaType::Plain | MediaType::Other => false,
        };
        if !found && let Some(coding) = &self.head.refusal.coding {
            return Err(Fault::Encoded { coding: coding.clone() });
        }
        if let Some(found) = other.filter(|_| !found) {
            return Err(Fault::OtherId { found, asked: self.id.as_raw().into() });
        }
        match self.head.refusal.media_type {
            _ if found => Ok(()),
            MediaType::Json => Err(Fault::NotTheResponse),
            MediaType::EventStream => Err(Fault::StreamEnded),
            MediaType::Plain | MediaType::Other => Err(Fault::ContentType),
        }
    }
}

/// The raw id of a response, cut short.
fn response_id(data: &[u8]) -> Option<Box<str>> {
    let Ok(Message::Response { id: Some(id), .. }) = Message::read(data) else { return None };
    Some(id.as_raw().chars().take(40).collect::<String>().into())
}
