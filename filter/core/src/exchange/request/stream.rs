//! Lets a large request stream through. Once it is known whose it is, what has come of it goes on with its name
//! changed, and then every byte as it comes. A copy is kept only of one that turns out to be not so large: it
//! can be made once more, should its upstream have lost the session.
//!
//! The rest is still read, for two reasons. It may name a task, which changes. And a request that says
//! something twice, or is not JSON, must not reach its upstream as a complete one: it is broken off
//! before its last byte, and answered. So every byte is checked, where nothing is looked for, too: a reader that
//! takes comments may find another name there.
//!
//! The head of a stateless request says whose it is, so its body need not be waited for. Such a request is broken
//! off as well if its body says something else than its head, or lacks what every request of that era has to
//! say (2026-07-28, Streamable HTTP, "Server Validation").

pub(crate) mod announced;
mod changing;

use crate::bytes::Passed;
use crate::effect::Effect;
use crate::era::client::Client;
use crate::error::{ClientError, Error};
use crate::exchange::request::intake::NO_RESPONSES;
use crate::exchange::request::validator::RequestValidator;
use crate::exchange::{Context, reply};
use crate::gateway::{Gateway, UpstreamId};
use crate::json::Stream;
use crate::json::stream::{Editor, Skipping, Status};
use crate::mcp::fields::{CLIENT_REQUEST, RequestField};
use crate::mcp::jsonrpc::{Id, Kind};
use crate::mcp::method;

use announced::{Announced, DeclaredTexts};
use changing::Changing;

/// The longest request that is kept while it streams.
const KEPT: usize = 1 << 20;

/// The longest name, and the most that is held back until `_meta` has ended.
pub(crate) const LIMIT: usize = 64 * 1024;

/// A request that streams through.
#[derive(Debug)]
pub(crate) struct RequestStream {
    editor: Editor<RequestField>,
    seen: RequestValidator,
    label: &'static str,
    upstream: UpstreamId,
    /// Its length, if the client has announced that. Then no change may alter it any more, and with its
    /// last byte it is complete to its upstream, whether or not the end is seen here.
    length: Option<usize>,
    /// What goes on with the next bytes, and before them.
    delayed: Vec<u8>,
    /// How many bytes may go on before all of it was checked: fewer than its upstream waits for, even if a name
    /// that makes it shorter never comes. `None` for no bound.
    room: Option<usize>,
    /// What has gone on, unless that is too much to be kept.
    copy: Option<Vec<u8>>,
    /// What its head says of who sends it.
    client: Client,
    /// What its head says of it, if it is of the stateless era.
    announced: Option<Announced>,
    /// What it says of its client.
    declared: DeclaredTexts,
}

/// Why a message is broken off before its last byte reaches its upstream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BrokenOff {
    /// It is no request.
    Invalid(ClientError),
    /// It has no `id`: a notification that the gateway has nobody for. As any other of these, it is
    /// accepted and dropped.
    Notification,
    /// It is a response, in an era that has none of clients.
    Response,
}

impl From<ClientError> for BrokenOff {
    fn from(error: ClientError) -> Self {
        Self::Invalid(error)
    }
}

/// The begin of a request that goes on.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) client: Client,
    pub(crate) label: &'static str,
    pub(crate) upstream: UpstreamId,
    /// All of it that has come, as its owner gets it.
    pub(crate) body: Vec<u8>,
    /// How much goes on with the head, for which the host's buffer has to have room. More than this may
    /// have come, and in one chunk; it goes on with what comes next, which is not held any more.
    pub(crate) first: usize,
}

impl RequestStream {
    /// Begins, with what was read of the request: what goes on of it now, and its length, if the client
    /// has announced one.
    pub(crate) fn begin(
        (stream, seen): (Stream<RequestField>, RequestValidator),
        Begun { client, label, upstream, mut body, first }: Begun,
        announced: Option<usize>,
    ) -> (Self, Vec<u8>, Option<usize>) {
        let read = usize::try_from(stream.offset()).unwrap_or(usize::MAX);
        let grown = body.len().cast_signed().saturating_sub(read.cast_signed());
        let length = announced.and_then(|length| length.checked_add_signed(grown));
        let copy = (length.unwrap_or(0).max(body.len()) <= KEPT).then(|| body.clone());
        let delayed = body.split_off(body.len().min(first));
        let stream = Self {
            editor: Editor::resume(stream),
            seen,
            label,
            upstream,
            length: announced,
            delayed,
            room: None,
            copy,
            client,
            announced: None,
            declared: DeclaredTexts::default(),
        };
        (stream, body, length)
    }

    /// The same of a request of the stateless era, of which no more was read than its head; `None` if it is
    /// wrong already. Nothing is kept of it: what its client can do is not known when it goes on.
    pub(crate) fn announced(
        cx: &Context<'_>,
        announced: Announced,
        Begun { client, label, upstream, body, first }: Begun,
        length: Option<usize>,
    ) -> Option<(Self, Vec<u8>, Option<usize>)> {
        let changed_length = match length {
            Some(length) => Some(announced.length(length)?),
            None => None,
        };
        let mut stream = Self {
            editor: Editor::new(&CLIENT_REQUEST, LIMIT, Skipping::Strict),
            seen: RequestValidator::default(),
            label,
            upstream,
            length,
            delayed: Vec::new(),
            room: None,
            copy: None,
            client,
            announced: Some(announced),
            declared: DeclaredTexts::default(),
        };
        let changed = stream.body(cx, &body, false).ok()?;
        let mut body = changed.unwrap_or(body);
        let room = changed_length.map(|length| length.saturating_sub(1));
        stream.delayed = body.split_off(body.len().min(first).min(room.unwrap_or(first)));
        stream.room = room.map(|room| room.saturating_sub(body.len()));
        Some((stream, body, changed_length))
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        let announced = self.announced.as_ref().map_or(0, Announced::held);
        let reading = self.editor.held() + self.seen.held() + self.declared.held() + announced;
        reading + self.delayed.capacity() + self.copy.as_ref().map_or(0, Vec::capacity)
    }

    /// All that has gone on, if it was kept.
    pub(crate) fn take_copy(&mut self) -> Option<Vec<u8>> {
        self.copy.take()
    }

    /// The request's id, once it was seen.
    pub(crate) fn id(&self) -> Option<&Id<'static>> {
        self.seen.id()
    }

    /// Takes the next bytes; what goes on in their place, if that is something else.
    ///
    /// # Errors
    ///
    /// Why the message must not go on.
    pub(crate) fn body(
        &mut self,
        cx: &Context<'_>,
        chunk: &[u8],
        end: bool,
    ) -> Result<Option<Vec<u8>>, BrokenOff> {
        let limit = cx.gateway.limits.request_body;
        let fed = self.editor.offset().saturating_add(chunk.len() as u64);
        let fed = usize::try_from(fed).unwrap_or(usize::MAX);
        if fed > limit {
            return Err(ClientError::TooLarge(limit).into());
        }
        let complete = end || self.length.is_some_and(|length| fed >= length);
        let changed = self.feed(cx.gateway, chunk);
        let status = self.editor.status();
        if status == Status::Malformed || complete && status == Status::Open {
            return Err(ClientError::NotJson.into());
        }
        // Said at its end, as of a request that is held: which of several things is wrong depends on all.
        if status != Status::Open {
            self.check()?;
        }
        // What was skipped is a task's id, or a repeated member, which is a fault by itself.
        if self.editor.skipped() > 0 {
            let why = "`_meta` is too long for a large request";
            return Err(ClientError::NotJsonRpc(why).into());
        }
        let sent = changed.as_deref().unwrap_or(chunk);
        self.copy.take_if(|copy| copy.len().saturating_add(sent.len()) > KEPT);
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(sent);
        }
        let room = self.room.filter(|_| status == Status::Open).unwrap_or(usize::MAX);
        let due = self.delayed.len().saturating_add(sent.len());
        self.room = self.room.map(|room| room.saturating_sub(due));
        if self.delayed.is_empty() && due <= room {
            return Ok(changed);
        }
        let mut due = std::mem::take(&mut self.delayed);
        due.extend_from_slice(sent);
        self.delayed = due.split_off(due.len().min(room));
        Ok(Some(due))
    }

    /// Checks a message that is complete, in the order in which one that is held is checked.
    fn check(&self) -> Result<(), BrokenOff> {
        let kind = self.seen.envelope.finish().map_err(ClientError::NotJsonRpc)?;
        match kind {
            Kind::Request => {}
            Kind::Notification => return Err(BrokenOff::Notification),
            Kind::Response => return Err(BrokenOff::Response),
        }
        if !self.is_stateless() {
            return Ok(self.seen.check_params()?);
        }
        let params = announced::params(&self.seen)?;
        let named = self.announced.as_ref().and_then(Announced::text);
        let text = |field| self.declared.text(field);
        self.client.check(params, text, self.seen.row, named.as_deref())?;
        let announced = self.announced.as_ref();
        Ok(announced.map_or(Ok(()), |announced| announced.check(&self.seen.params))?)
    }

    /// Whether it is of the stateless era, by its head or by its body.
    fn is_stateless(&self) -> bool {
        self.announced.is_some() || self.seen.params.is_enveloped()
    }

    /// The answer to a message that must not go on.
    pub(crate) fn refused(&self, why: BrokenOff) -> Vec<Effect> {
        let of = if self.is_stateless() { Error::Stateless } else { Error::Client };
        match why {
            BrokenOff::Invalid(error) => {
                reply::error(self.label, self.id().map(|id| id as &Id<'_>), &of(error))
            }
            BrokenOff::Notification => reply::empty(method::OTHER, 202),
            BrokenOff::Response => {
                reply::error(method::OTHER, None, &of(ClientError::NotJsonRpc(NO_RESPONSES)))
            }
        }
    }

    fn feed(&mut self, gateway: &Gateway, chunk: &[u8]) -> Option<Vec<u8>> {
        let Self { editor, seen, upstream, announced, declared, .. } = self;
        let pads = self.length.is_some();
        let announced = announced.as_mut();
        let mut changing =
            Changing { gateway, seen, upstream: *upstream, announced, declared, pads };
        let mut out = Vec::new();
        (editor.feed(chunk, &mut changing, &mut out) == Passed::Changed).then_some(out)
    }
}
