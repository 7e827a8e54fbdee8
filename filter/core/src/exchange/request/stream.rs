//! Lets a large request stream through: once it is known whose it is, what has come of it goes on,
//! with its name changed, and then every byte as it comes. A copy is kept only of one that turns out
//! to be not so large after all, to be made once more, should its upstream have lost the session.
//!
//! The rest is still read, for two reasons. It may name a task, which changes. And a request that says
//! something twice, or is no JSON, must not reach its upstream as a complete one: it is broken off
//! before its last byte, and answered. That goes for what is never looked into, too: a reader that
//! takes comments may find another name there.

use crate::bytes::Passed;
use crate::effect::Effect;
use crate::error::{ClientError, Error};
use crate::exchange::request::validator::RequestValidator;
use crate::exchange::{Context, reply};
use crate::gateway::{Gateway, UpstreamId};
use crate::json::stream::{Editor, Status};
use crate::json::{Decision, Edit, Leaf, Stream, Visit as _, decode, encode};
use crate::mcp::fields::RequestField;
use crate::mcp::jsonrpc::{Id, Kind};
use crate::mcp::method;
use crate::mcp::owner_tag;

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
    /// What has gone on, unless that is too much to be kept.
    copy: Option<Vec<u8>>,
}

/// Why a message is broken off before its last byte reaches its upstream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BrokenOff {
    /// It is no request.
    Invalid(ClientError),
    /// It has no `id`: a notification that the gateway has nobody for. As any other of these, it is
    /// accepted and dropped.
    Notification,
}

impl From<ClientError> for BrokenOff {
    fn from(error: ClientError) -> Self {
        Self::Invalid(error)
    }
}

/// The begin of a request that goes on.
#[derive(Debug)]
pub(crate) struct Begun {
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
        Begun { label, upstream, mut body, first }: Begun,
        announced: Option<usize>,
    ) -> (Self, Vec<u8>, Option<usize>) {
        let read = usize::try_from(stream.offset()).unwrap_or(usize::MAX);
        let grown = body.len().cast_signed().saturating_sub(read.cast_signed());
        let length = announced.and_then(|length| length.checked_add_signed(grown));
        let copy = (length.unwrap_or(0).max(body.len()) <= KEPT).then(|| body.clone());
        let delayed = body.split_off(body.len().min(first));
        let editor = Editor::resume(stream);
        (Self { editor, seen, label, upstream, length: announced, delayed, copy }, body, length)
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        let reading = self.editor.held() + self.seen.held();
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
        if status != Status::Open && self.seen.finish()? != Kind::Request {
            return Err(BrokenOff::Notification);
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
        if self.delayed.is_empty() {
            return Ok(changed);
        }
        let mut delayed = std::mem::take(&mut self.delayed);
        delayed.extend_from_slice(sent);
        Ok(Some(delayed))
    }

    /// The answer to a message that must not go on.
    pub(crate) fn refused(&self, why: BrokenOff) -> Vec<Effect> {
        match why {
            BrokenOff::Invalid(error) => {
                reply::error(self.label, self.id().map(|id| id as &Id<'_>), &Error::Client(error))
            }
            BrokenOff::Notification => reply::empty(method::OTHER, 202),
        }
    }

    fn feed(&mut self, gateway: &Gateway, chunk: &[u8]) -> Option<Vec<u8>> {
        let Self { editor, seen, upstream, .. } = self;
        let pads = self.length.is_some();
        let mut changing = Changing { gateway, seen, upstream: *upstream, pads };
        let mut out = Vec::new();
        (editor.feed(chunk, &mut changing, &mut out) == Passed::Changed).then_some(out)
    }
}

/// The changes to one chunk.
struct Changing<'p> {
    gateway: &'p Gateway,
    seen: &'p mut RequestValidator,
    upstream: UpstreamId,
    /// Whether spaces make up for what a change leaves out.
    pads: bool,
}

impl Edit<RequestField> for Changing<'_> {
    fn leaf(&mut self, leaf: Leaf<'_, RequestField>) -> Decision {
        self.seen.leaf(leaf);
        // Whether it is clear what it is shows at the end of `_meta`.
        let waits = leaf.tag == RequestField::RelatedTaskId;
        if waits { Decision::Wait } else { Decision::Keep }
    }

    /// A task loses its mark, which only makes it shorter.
    fn settle(&mut self, leaf: Leaf<'_, RequestField>) -> Decision {
        let text = decode(leaf.raw).filter(|_| !self.seen.params.is_unclear());
        let found = text.as_deref().and_then(|text| owner_tag::text_owner(self.gateway, text));
        let Some((_, original)) = found.filter(|(owner, _)| *owner == self.upstream) else {
            return Decision::Keep;
        };
        let mut text = encode(original).into_bytes();
        if self.pads {
            text.resize(text.len().max(leaf.raw.len()), b' ');
        }
        Decision::Replace(text)
    }

    fn begin(&mut self, object: RequestField) {
        self.seen.begin(object);
    }

    fn key(&mut self, object: RequestField, key: Option<&str>) {
        self.seen.key(object, key);
    }

    fn settles(&self, object: RequestField) -> bool {
        object == RequestField::Meta
    }

    fn end(&mut self, object: RequestField) -> Option<Vec<u8>> {
        self.seen.end(object, 0);
        None
    }
}
