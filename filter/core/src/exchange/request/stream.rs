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
use crate::exchange::request::validator::{REQUEST, RequestValidator, Tag};
use crate::exchange::{Context, reply};
use crate::gateway::{Gateway, UpstreamId};
use crate::json::stream::{self, Editor};
use crate::json::{Check, Decision, Edit, Leaf, Visit as _, decode, encode};
use crate::mcp::jsonrpc::Id;
use crate::mcp::owner_tag;

/// The longest request that is kept while it goes by.
const KEPT: usize = 1 << 20;

/// The longest name, and the most that is held back until `_meta` has ended.
pub(crate) const LIMIT: usize = 64 * 1024;

/// A request that goes by.
#[derive(Debug)]
pub(crate) struct RequestStream {
    editor: Editor<Tag>,
    seen: RequestValidator,
    check: Check,
    label: &'static str,
    /// What the request is about: where that stands, and the owner's JSON text for it if it is another.
    name: (Tag, Option<String>),
    upstream: UpstreamId,
    /// By how much the changes have made the request longer.
    grown: isize,
    /// Its length, if the client has announced that. Then no change may alter it any more, and with its
    /// last byte it is complete to its upstream, whether or not the end is seen here.
    length: Option<usize>,
    /// Whether the head is still here, and with it the length that goes on.
    beginning: bool,
    /// What goes on with the next bytes, and before them.
    delayed: Vec<u8>,
    /// What has gone on, unless that is too much to be kept.
    copy: Option<Vec<u8>>,
}

/// The begin of a request that goes on.
#[derive(Debug)]
pub(crate) struct Begin<'b> {
    pub(crate) label: &'static str,
    /// What it is about: where that stands, and the owner's JSON text for it if it is another.
    pub(crate) name: (Tag, Option<String>),
    pub(crate) upstream: UpstreamId,
    /// All of it that has come.
    pub(crate) body: &'b [u8],
    /// How much goes on with the head, for which the host's buffer has to have room. More than this may
    /// have come, and in one chunk; it goes on with what comes next, which is not held any more.
    pub(crate) first: usize,
}

impl RequestStream {
    /// Begins: what goes on of a request now, and its length, if the client has announced one.
    pub(crate) fn begin(
        gateway: &Gateway,
        begin: Begin<'_>,
        length: Option<usize>,
    ) -> (Self, Vec<u8>, Option<usize>) {
        let Begin { label, name, upstream, body, first } = begin;
        let mut pour = Self {
            editor: Editor::new(&REQUEST, LIMIT),
            seen: RequestValidator::default(),
            check: Check::default(),
            label,
            name,
            upstream,
            grown: 0,
            length,
            beginning: true,
            delayed: Vec::new(),
            copy: None,
        };
        let mut body = pour.feed(gateway, body).unwrap_or_else(|| body.to_vec());
        let length = length.and_then(|length| length.checked_add_signed(pour.grown));
        pour.beginning = false;
        pour.copy = (length.unwrap_or(0).max(body.len()) <= KEPT).then(|| body.clone());
        pour.delayed = body.split_off(body.len().min(first));
        (pour, body, length)
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        let reading = self.editor.held() + self.seen.held() + self.check.held();
        reading + self.delayed.capacity() + self.copy.as_ref().map_or(0, Vec::capacity)
    }

    /// All that has gone on, if it was kept.
    pub(crate) fn take_copy(&mut self) -> Option<Vec<u8>> {
        self.copy.take()
    }

    /// The request's id, once it was seen.
    pub(crate) fn id(&self) -> Option<&Id<'static>> {
        self.seen.id.as_ref()
    }

    /// Takes the next bytes; what goes on in their place, if that is something else.
    ///
    /// # Errors
    ///
    /// Why the request must not go on.
    pub(crate) fn body(
        &mut self,
        cx: &Context<'_>,
        chunk: &[u8],
        end: bool,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let limit = cx.gateway.limits.request_body;
        let fed = self.editor.offset().saturating_add(chunk.len() as u64);
        let fed = usize::try_from(fed).unwrap_or(usize::MAX);
        if fed > limit {
            return Err(ClientError::TooLarge(limit));
        }
        let complete = end || self.length.is_some_and(|length| fed >= length);
        let changed = self.feed(cx.gateway, chunk);
        let state = self.editor.state();
        if !self.check.is_sound() || complete && !matches!(state, stream::State::Ended(_)) {
            return Err(ClientError::NotJson);
        }
        let ended = state != stream::State::Open;
        let fault = self.seen.fault().or_else(|| self.seen.incomplete().filter(|_| ended));
        // What was skipped is a task's id, or a repeated member, which is a fault by itself.
        let skipped =
            (self.editor.skipped() > 0).then_some("`_meta` is too long for a large request");
        if let Some(why) = fault.or(skipped) {
            return Err(ClientError::NotJsonRpc(why));
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

    /// The answer to a request that must not go on.
    pub(crate) fn refused(&self, error: ClientError) -> Vec<Effect> {
        reply::error(self.label, self.id().map(|id| id as &Id<'_>), &Error::Client(error))
    }

    fn feed(&mut self, gateway: &Gateway, chunk: &[u8]) -> Option<Vec<u8>> {
        self.check.feed(chunk);
        let pads = self.length.is_some() && !self.beginning;
        let Self { editor, seen, name, upstream, grown, .. } = self;
        let mut changing = Changing { gateway, seen, name, upstream: *upstream, grown, pads };
        let mut out = Vec::new();
        (editor.feed(chunk, &mut changing, &mut out) == Passed::Changed).then_some(out)
    }
}

/// The changes to one chunk.
struct Changing<'p> {
    gateway: &'p Gateway,
    seen: &'p mut RequestValidator,
    name: &'p (Tag, Option<String>),
    upstream: UpstreamId,
    grown: &'p mut isize,
    /// Whether spaces make up for what a change leaves out.
    pads: bool,
}

impl Changing<'_> {
    fn replace(&mut self, raw: &str, with: &str) -> Vec<u8> {
        let mut text = with.as_bytes().to_vec();
        if self.pads {
            text.resize(text.len().max(raw.len()), b' ');
        }
        *self.grown += text.len().cast_signed() - raw.len().cast_signed();
        text
    }
}

impl Edit<Tag> for Changing<'_> {
    fn leaf(&mut self, leaf: Leaf<'_, Tag>) -> Decision {
        self.seen.leaf(leaf);
        match self.name {
            (tag, Some(own)) if *tag == leaf.tag => Decision::Replace(self.replace(leaf.raw, own)),
            // Whether it is clear what it is shows at the end of `_meta`.
            _ if leaf.tag == Tag::Task => Decision::Wait,
            _ => Decision::Keep,
        }
    }

    /// A task loses its mark, which only makes it shorter.
    fn settle(&mut self, leaf: Leaf<'_, Tag>) -> Decision {
        let text = decode(leaf.raw).filter(|_| !self.seen.unclear);
        let found = text.as_deref().and_then(|text| owner_tag::text_owner(self.gateway, text));
        match found.filter(|(owner, _)| *owner == self.upstream) {
            Some((_, original)) => Decision::Replace(self.replace(leaf.raw, &encode(original))),
            None => Decision::Keep,
        }
    }

    fn oversized(&mut self, tag: Tag) {
        self.seen.oversized(tag);
    }

    fn key(&mut self, object: Tag, key: Option<&str>) {
        self.seen.key(object, key);
    }

    fn settles(&self, tag: Tag) -> bool {
        tag == Tag::Meta
    }

    fn end(&mut self, tag: Tag) {
        self.seen.end(tag, 0);
    }
}
