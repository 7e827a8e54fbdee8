//! Messages of an upstream on their way to the client.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::RELATED_TASK;
use crate::gateway::Upstream;
use crate::json::{Edits, Members, Raw, Read, Scan, decode, imitated};
use crate::mcp::jsonrpc::{Id, Message, ResultOrError, Unreadable};
use crate::mcp::method::{self, Kind, Shape};
use crate::mcp::owner_tag::{self, OwnerTags};
use crate::mcp::uri;

/// Where messages come from, and what they may answer.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'o> {
    /// Whose they are.
    pub upstream: &'o Upstream,
    /// For its own requests.
    pub marks: OwnerTags<'o>,
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
    /// Whether it answers some other request, or may be taken for such an answer.
    pub mismatched: bool,
    /// Of which kinds it says that lists have changed.
    pub relisted: BTreeSet<Kind>,
    /// The message as the client gets it; `None` where nothing changes.
    pub changed: Option<Vec<u8>>,
}

/// Rewrites one message, or each of a batch (2025-03-26).
#[must_use]
pub fn message(origin: Origin<'_>, data: &[u8]) -> Rewritten {
    let mut out = Rewriter { marks: Some(origin.marks), ..Rewriter::of(origin.upstream, data) };
    let (mut answers, mut mismatched) = (false, false);
    if data.trim_ascii_start().starts_with(b"[") {
        let text = std::str::from_utf8(data).unwrap_or_default();
        let mut batch = Vec::new();
        let read =
            Scan::whole(text, |scan| scan.elements(|scan| scan.value().map(|one| batch.push(one))));
        for one in batch.into_iter().filter(|_| read.is_ok()) {
            let answer = out.message(origin, one.get().as_bytes());
            answers |= answer == Some(true);
            mismatched |= answer == Some(false);
        }
    } else {
        let answer = out.message(origin, data);
        (answers, mismatched) = (answer == Some(true), answer == Some(false));
    }
    let relisted = std::mem::take(&mut out.relisted);
    Rewritten { answers, mismatched, relisted, changed: out.edits.finish() }
}

/// Whether a member of this key makes a response, to those who do not look at the case of letters, too.
fn imitates_response(key: &str) -> bool {
    const MEMBERS: [&str; 2] = ["result", "error"];
    MEMBERS.contains(&key) || imitated(key, &MEMBERS).is_some()
}

/// Collects the changes to one document of an upstream.
pub(crate) struct Rewriter<'r> {
    upstream: &'r Upstream,
    /// `None` where no request of the upstream's can be.
    marks: Option<OwnerTags<'r>>,
    relisted: BTreeSet<Kind>,
    pub(crate) edits: Edits<'r>,
}

impl<'r> Rewriter<'r> {
    pub(crate) fn of(upstream: &'r Upstream, document: &'r [u8]) -> Self {
        Self { upstream, marks: None, relisted: BTreeSet::new(), edits: Edits::of(document) }
    }

    /// For a response, whether it answers the client's request. What is no message because it says
    /// something twice is none, but to some readers: as if it answered another.
    fn message(&mut self, origin: Origin<'_>, data: &'r [u8]) -> Option<bool> {
        let before = self.edits.len();
        let mut responds = false;
        let read = Message::read_with(data, |scan, key| {
            responds |= imitates_response(key);
            if key == "result" {
                scan.look(|scan| self.result(origin.shape, scan))
            } else {
                scan.value()
            }
        });
        if let Ok(Message::Response { id, outcome }) = read {
            match outcome {
                ResultOrError::Error(error) if origin.shape == Shape::Contents => self.error(error),
                ResultOrError::Error(_) | ResultOrError::Result(_) => {}
            }
            let known = origin.request.zip(id.as_ref());
            return Some(known.is_some_and(|(request, id)| id.matches(request)));
        }
        // What stands there as a result is none.
        self.edits.truncate(before);
        match read {
            Ok(Message::Request { id, method, params }) => {
                self.mark(id.as_raw());
                self.request(&method, params);
            }
            Ok(Message::Notification { method, params }) => {
                self.relisted.extend(method::changed(&method));
                self.notification(&method, params);
            }
            Err(Unreadable::NotJsonRpc { .. }) if responds => return Some(false),
            Ok(Message::Response { .. }) | Err(_) => {}
        }
        None
    }

    /// A URI or a template.
    pub(crate) fn uri(&mut self, raw: Raw<'_>) {
        if let Some(shown) = uri::show(self.upstream, raw.get()) {
            self.edits.replace(raw.get(), shown);
        }
    }

    /// The id of a task.
    pub(crate) fn task(&mut self, raw: Raw<'_>) {
        if raw.get().starts_with('"') {
            self.edits.replace(raw.get(), owner_tag::text(&self.upstream.name, raw.get()));
        }
    }

    /// An id or a progress token.
    fn scalar(&mut self, raw: Raw<'_>) {
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
    pub(crate) fn meta(&mut self, raw: Raw<'_>) {
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

    fn member(&mut self, object: Raw<'_>, key: &str, rewrite: fn(&mut Self, Raw<'_>)) {
        if let Some(value) = Members::read(object).and_then(|members| members.find(key)) {
            rewrite(self, value);
        }
    }

    /// A request of the upstream's own; its id is the caller's.
    fn request(&mut self, method: &str, params: Option<Raw<'_>>) {
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
                ("sampling/createMessage", "messages") => {
                    // It was read before, so it can be read.
                    let _ = self.messages(&mut value.scan());
                }
                _ => {}
            }
        }
    }

    fn notification(&mut self, method: &str, params: Option<Raw<'_>>) {
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

    /// The result of a request, as it is read.
    fn result(&mut self, shape: Shape, scan: &mut Scan<'_>) -> Read<()> {
        let member = |scan: &mut Scan<'_>, key: Cow<'_, str>| {
            match (shape, &*key) {
                (_, "_meta") => self.meta(scan.value()?),
                (Shape::Tool, "content") => self.each(scan, Self::block)?,
                (Shape::Tool, "task") => self.picked(scan, "taskId", Self::task)?,
                (Shape::Task, "taskId") => self.task(scan.value()?),
                (Shape::Prompt, "messages") => self.messages(scan)?,
                (Shape::Contents, "contents") => {
                    self.each(scan, |it, scan| it.picked(scan, "uri", Self::uri))?;
                }
                _ => scan.value().map(drop)?,
            }
            Ok(())
        };
        scan.members(member).map(drop)
    }

    /// `error.data.uri` of a request about a URI.
    fn error(&mut self, error: Raw<'_>) {
        self.member(error, "data", |it, data| it.member(data, "uri", Self::uri));
    }

    fn messages(&mut self, scan: &mut Scan<'_>) -> Read<()> {
        self.each(scan, |it, scan| {
            let member = |scan: &mut Scan<'_>, key: Cow<'_, str>| match &*key {
                "content" => it.each(scan, Self::block),
                _ => scan.value().map(drop),
            };
            scan.members(member).map(drop)
        })
    }

    /// Every element of a list, or the one that stands in its place.
    fn each(
        &mut self,
        scan: &mut Scan<'_>,
        rewrite: impl Fn(&mut Self, &mut Scan<'_>) -> Read<()>,
    ) -> Read<()> {
        match scan.peek() {
            Some(b'[') => scan.elements(|scan| rewrite(self, scan)).map(drop),
            _ => rewrite(self, scan),
        }
    }

    /// The member `key`, if this is an object that has it once.
    fn picked(
        &mut self,
        scan: &mut Scan<'_>,
        key: &str,
        rewrite: fn(&mut Self, Raw<'_>),
    ) -> Read<()> {
        if let Some([Some(value)]) = scan.pick([key])? {
            rewrite(self, value);
        }
        Ok(())
    }

    /// A block of content (2025-11-25, Tools, "Tool Result").
    fn block(&mut self, scan: &mut Scan<'_>) -> Read<()> {
        let Some([kind, uri, resource, content]) =
            scan.pick(["type", "uri", "resource", "content"])?
        else {
            return Ok(());
        };
        let kind = kind.and_then(|kind| decode(kind.get()));
        match (kind.as_deref(), uri, resource, content) {
            (Some("resource_link"), Some(uri), ..) => self.uri(uri),
            (Some("resource"), _, Some(resource), _) => self.member(resource, "uri", Self::uri),
            (Some("tool_result"), .., Some(content)) => {
                return self.each(&mut content.scan(), Self::inner);
            }
            _ => {}
        }
        Ok(())
    }

    /// A block within the result of a tool that a sampling request tells of; there it ends.
    fn inner(&mut self, scan: &mut Scan<'_>) -> Read<()> {
        match scan.pick(["uri", "resource"])? {
            Some([Some(uri), _]) => self.uri(uri),
            Some([None, Some(resource)]) => self.member(resource, "uri", Self::uri),
            Some([None, None]) | None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
