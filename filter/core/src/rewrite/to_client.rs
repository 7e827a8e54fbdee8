//! Messages of an upstream on their way to the client.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::RELATED_TASK;
use crate::gateway::Upstream;
use crate::jsonrpc::{Edits, Id, Members, Message, Outcome, decode, read_object};
use crate::mark::{self, Marks};
use crate::route::{self, Kind, Shape};
use crate::uri;

/// Where messages come from, and what they may answer.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'o> {
    /// Whose they are.
    pub upstream: &'o Upstream,
    /// For its own requests.
    pub marks: Marks<'o>,
    /// The client's request; `None` on a stream that a GET has opened.
    pub request: Option<&'o Id<'o>>,
    /// What a result among them is.
    pub shape: Shape,
}

/// What became of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Whether it answers the client's request.
    pub answers: bool,
    /// Whether it answers some other request.
    pub strays: bool,
    /// Of which kinds it says that lists have changed.
    pub relisted: BTreeSet<Kind>,
    /// The message as the client gets it; `None` where nothing changes.
    pub changed: Option<Vec<u8>>,
}

/// Rewrites one message, or each of a batch (2025-03-26).
#[must_use]
pub fn message(origin: Origin<'_>, data: &[u8]) -> Rewritten {
    let mut out = Rewriter { marks: Some(origin.marks), ..Rewriter::of(origin.upstream, data) };
    let text = std::str::from_utf8(data).unwrap_or_default();
    let (mut answers, mut strays) = (false, false);
    if text.trim_start().starts_with('[') {
        let batch: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        for one in batch {
            answers |= out.message(origin, one.get().as_bytes()) == Some(true);
        }
    } else {
        let answer = out.message(origin, data);
        (answers, strays) = (answer == Some(true), answer == Some(false));
    }
    let relisted = std::mem::take(&mut out.relisted);
    Rewritten { answers, strays, relisted, changed: out.edits.finish() }
}

/// Collects the changes to one document of an upstream.
pub(crate) struct Rewriter<'r> {
    upstream: &'r Upstream,
    /// `None` where no request of the upstream's can be.
    marks: Option<Marks<'r>>,
    relisted: BTreeSet<Kind>,
    pub(crate) edits: Edits<'r>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

impl<'r> Rewriter<'r> {
    pub(crate) fn of(upstream: &'r Upstream, document: &'r [u8]) -> Self {
        Self { upstream, marks: None, relisted: BTreeSet::new(), edits: Edits::of(document) }
    }

    /// For a response, whether it answers the client's request.
    fn message(&mut self, origin: Origin<'_>, data: &[u8]) -> Option<bool> {
        match Message::read(data) {
            Ok(Message::Request { id, method, params }) => {
                self.mark(id.as_raw());
                self.request(&method, params);
            }
            Ok(Message::Notification { method, params }) => {
                self.relisted.extend(route::changed(&method));
                self.notification(&method, params);
            }
            Ok(Message::Response { id, outcome }) => {
                match outcome {
                    Outcome::Result(result) => self.result(origin.shape, result),
                    Outcome::Error(error) if origin.shape == Shape::Contents => self.error(error),
                    Outcome::Error(_) => {}
                }
                let known = origin.request.zip(id.as_ref());
                return Some(known.is_some_and(|(request, id)| id.matches(request)));
            }
            Err(_) => {}
        }
        None
    }

    /// A URI or a template.
    pub(crate) fn uri(&mut self, raw: &RawValue) {
        if let Some(shown) = uri::show(self.upstream, raw.get()) {
            self.edits.replace(raw.get(), shown);
        }
    }

    /// The id of a task.
    pub(crate) fn task(&mut self, raw: &RawValue) {
        if raw.get().starts_with('"') {
            self.edits.replace(raw.get(), mark::text(&self.upstream.name, raw.get()));
        }
    }

    /// An id or a progress token.
    fn scalar(&mut self, raw: &RawValue) {
        if !raw.get().starts_with(['{', '[', 'n', 't', 'f']) {
            self.mark(raw.get());
        }
    }

    fn mark(&mut self, raw: &str) {
        if let Some(marks) = self.marks {
            self.edits.replace(raw, marks.scalar(&self.upstream.name, raw));
        }
    }

    /// The `_meta` of a list's item, of params or of a result (also MCP Apps, "Resource Discovery").
    pub(crate) fn meta(&mut self, raw: &RawValue) {
        let Some(meta) = Members::read(raw) else { return };
        for (key, value) in meta.iter() {
            match key {
                RELATED_TASK => self.member(value, "taskId", Self::task),
                "ui" => self.member(value, "resourceUri", Self::uri),
                "ui/resourceUri" => self.uri(value),
                _ => {}
            }
        }
    }

    fn member(&mut self, object: &RawValue, key: &str, rewrite: fn(&mut Self, &RawValue)) {
        if let Some(value) = Members::read(object).and_then(|members| members.find(key)) {
            rewrite(self, value);
        }
    }

    /// A request of the upstream's own; its id is the caller's.
    fn request(&mut self, method: &str, params: Option<&RawValue>) {
        let Some(params) = params.and_then(Members::read) else { return };
        for (key, value) in params.iter() {
            match (method, key) {
                (_, "_meta") => {
                    self.meta(value);
                    self.member(value, "progressToken", Self::scalar);
                }
                // The context of all servers of the client would be that of other upstreams.
                ("sampling/createMessage", "includeContext")
                    if decode(value.get()).is_some_and(|context| context != "none") =>
                {
                    self.edits.replace(value.get(), r#""none""#);
                }
                ("sampling/createMessage", "messages") => self.messages(value),
                _ => {}
            }
        }
    }

    fn notification(&mut self, method: &str, params: Option<&RawValue>) {
        let Some(params) = params.and_then(Members::read) else { return };
        for (key, value) in params.iter() {
            match (method, key) {
                (_, "_meta") => self.meta(value),
                ("notifications/cancelled", "requestId") => self.scalar(value),
                ("notifications/resources/updated", "uri") => self.uri(value),
                ("notifications/tasks/status", "taskId") => self.task(value),
                _ => {}
            }
        }
    }

    fn result(&mut self, shape: Shape, result: &RawValue) {
        let Some(result) = Members::read(result) else { return };
        for (key, value) in result.iter() {
            match (shape, key) {
                (_, "_meta") => self.meta(value),
                (Shape::Tool, "content") => self.each(value, Self::block),
                (Shape::Tool, "task") => self.member(value, "taskId", Self::task),
                (Shape::Task, "taskId") => self.task(value),
                (Shape::Prompt, "messages") => self.messages(value),
                (Shape::Contents, "contents") => {
                    self.each(value, |it, contents| it.member(contents, "uri", Self::uri));
                }
                _ => {}
            }
        }
    }

    /// `error.data.uri` of a request about a URI.
    fn error(&mut self, error: &RawValue) {
        self.member(error, "data", |it, data| it.member(data, "uri", Self::uri));
    }

    fn messages(&mut self, messages: &RawValue) {
        self.each(messages, |it, message| {
            it.member(message, "content", |it, content| it.each(content, Self::block));
        });
    }

    /// Every element of a list, or the one that stands in its place.
    fn each(&mut self, raw: &RawValue, rewrite: fn(&mut Self, &RawValue)) {
        if raw.get().starts_with('[') {
            let list: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            for element in list {
                rewrite(self, element);
            }
        } else {
            rewrite(self, raw);
        }
    }

    /// A block of content (2025-11-25, Tools, "Tool Result").
    fn block(&mut self, raw: &RawValue) {
        let Ok(block) = read_object::<Block<'_>>(raw.get()) else { return };
        let kind = block.kind.and_then(|kind| decode(kind.get()));
        match (kind.as_deref(), block.uri, block.resource, block.content) {
            (Some("resource_link"), Some(uri), ..) => self.uri(uri),
            (Some("resource"), _, Some(resource), _) => self.member(resource, "uri", Self::uri),
            (Some("tool_result"), .., Some(content)) => self.each(content, Self::inner),
            _ => {}
        }
    }

    /// A block within the result of a tool that a sampling request tells of; there it ends.
    fn inner(&mut self, raw: &RawValue) {
        let Ok(block) = read_object::<Block<'_>>(raw.get()) else { return };
        match (block.uri, block.resource) {
            (Some(uri), _) => self.uri(uri),
            (None, Some(resource)) => self.member(resource, "uri", Self::uri),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
