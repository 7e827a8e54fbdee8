//! Changes whole messages of an upstream for the client.

use std::collections::BTreeSet;

use super::dialect::Dialect;
use super::renamer::{Renamer, State};
use crate::effect::Ending;
use crate::era::upstream::stateless::META_SERVER_INFO;
use crate::error::{Error, UpstreamError};
use crate::gateway::Upstream;
use crate::json::{Decision, Edit as _, Edits, Interest, Leaf, Members, Raw, imitated};
use crate::mcp::batch;
use crate::mcp::fields::{self, Field};
use crate::mcp::incomplete;
use crate::mcp::jsonrpc::{Id, Message, ResultOrError, Unreadable};
use crate::mcp::method::{self, Kind, Shape};
use crate::mcp::owner_tag::OwnerTags;

/// The upstream that sends messages, and the request that they may answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'o> {
    /// The sender.
    pub upstream: &'o Upstream,
    /// Tags the ids of its own requests.
    pub tags: OwnerTags<'o>,
    /// The client's request; `None` on a stream that a GET opened.
    pub request: Option<&'o Id<'o>>,
    /// What a result of that request contains.
    pub shape: Shape,
    /// How the two speak.
    pub dialect: Dialect,
}

/// What became of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// Whether it answers the client's request.
    pub answers: bool,
    /// Whether it answers some other request, or may be taken for such an answer.
    pub mismatched: bool,
    /// Whether it is none that the client may get.
    pub withheld: bool,
    /// The kinds whose lists have changed, as it says.
    pub relisted: BTreeSet<Kind>,
    /// The message as the client gets it; `None` where nothing changes.
    pub changed: Option<Vec<u8>>,
    /// How the client's request ends, if it answers that.
    pub ending: Ending,
}

/// Rewrites one message, or each of a batch (2025-03-26).
#[must_use]
pub(crate) fn message(origin: Origin<'_>, data: &[u8]) -> Rewritten {
    if origin.dialect.is_to_session()
        && let Some(error) = instead(origin, data)
    {
        let (changed, ending) = (Some(error), Ending::Error(-32603));
        return Rewritten { answers: true, changed, ending, ..Rewritten::default() };
    }
    let dialect = (origin.dialect, origin.shape);
    let tags = Some(origin.tags);
    let mut out = Rewriter { tags, dialect, ..Rewriter::of(origin.upstream, data) };
    let (mut answers, mut mismatched) = (false, false);
    if batch::is_batch(data) {
        for one in batch::messages(data) {
            let answer = out.message(origin, one.get().as_bytes());
            answers |= answer == Some(true);
            mismatched |= answer == Some(false);
        }
    } else {
        let answer = out.message(origin, data);
        (answers, mismatched) = (answer == Some(true), answer == Some(false));
    }
    let relisted = std::mem::take(&mut out.relisted);
    let withheld = out.withheld;
    let incomplete = out.incomplete.take().filter(|_| answers);
    let ending = if incomplete.is_some() { Ending::Error(-32603) } else { out.ending };
    let changed = incomplete.or_else(|| out.edits.finish());
    Rewritten { answers, mismatched, withheld, relisted, changed, ending }
}

/// The error that a client with a session gets in place of an answer that only others understand: one that
/// asks for the client's input, or for what it would have to be able to do.
fn instead(origin: Origin<'_>, data: &[u8]) -> Option<Vec<u8>> {
    let fault = incomplete::wanted(data)?.fault();
    let request = origin.request?;
    let Ok(Message::Response { id: Some(id), .. }) = Message::read(data) else { return None };
    let error = Error::Upstream(UpstreamError::new(&origin.upstream.name, fault));
    id.matches(request).then(|| error.body(Some(request)))
}

/// Whether a member of this key makes a response, also to readers that ignore the case of letters.
fn imitates_response(key: &str) -> bool {
    const MEMBERS: [&str; 2] = ["result", "error"];
    MEMBERS.contains(&key) || imitated(key, &MEMBERS).is_some()
}

/// Collects the changes to one document of an upstream.
pub(crate) struct Rewriter<'r> {
    upstream: &'r Upstream,
    /// `None` where the upstream can send no request of its own.
    tags: Option<OwnerTags<'r>>,
    dialect: (Dialect, Shape),
    withheld: bool,
    /// How the client's request ends.
    ending: Ending,
    /// The error in place of a result that is none for the client.
    incomplete: Option<Vec<u8>>,
    relisted: BTreeSet<Kind>,
    pub(crate) edits: Edits<'r>,
}

impl<'r> Rewriter<'r> {
    pub(crate) fn of(upstream: &'r Upstream, document: &'r [u8]) -> Self {
        Self {
            upstream,
            tags: None,
            dialect: (Dialect::HANDSHAKE, Shape::Opaque),
            withheld: false,
            ending: Ending::Ok,
            incomplete: None,
            relisted: BTreeSet::new(),
            edits: Edits::of(document),
        }
    }

    /// For a response, whether it answers the client's request. A message with repeated members counts
    /// as a response to another request, since lenient readers may take it for one.
    fn message(&mut self, origin: Origin<'_>, data: &'r [u8]) -> Option<bool> {
        let before = self.edits.len();
        let response = fields::response(origin.shape, origin.dialect.is_stateless());
        let mut responds = false;
        let mut ending = Ending::Ok;
        let read = Message::read_with(data, |scan, key| {
            responds |= imitates_response(key);
            match key {
                "result" | "error" => match response.member(key) {
                    Some(fields) => scan
                        .look(|scan| {
                            let (upstream, tags, dialect) =
                                (self.upstream, self.tags, self.dialect);
                            let state = &mut State::default();
                            let renamer = &mut Renamer { upstream, tags, dialect, state };
                            let applied = self.edits.apply(scan, fields, renamer);
                            ending = state.ending;
                            applied
                        })
                        .inspect(|result| {
                            if key == "result" && self.dialect.0.is_to_session() {
                                self.hide_identity(*result);
                            }
                        }),
                    None => scan.value(),
                },
                _ => scan.value(),
            }
        });
        if let Ok(Message::Response { id, outcome }) = read {
            if let (ResultOrError::Result(result), Some(id)) = (outcome, &id) {
                self.incomplete = origin.dialect.refused_result(id, result);
            }
            let known = origin.request.zip(id.as_ref());
            let answers = known.is_some_and(|(request, id)| id.matches(request));
            if answers {
                self.ending = ending;
            }
            return Some(answers);
        }
        // It is no response: names in a `result` of it stay as they are.
        self.edits.truncate(before);
        match read {
            Ok(Message::Request { .. }) if !origin.dialect.passes_requests() => {
                self.withheld = true;
            }
            Ok(Message::Request { id, method, params }) => {
                self.field(Field::OwnRequest, id.as_raw());
                self.fields(fields::server_request(&method), params);
            }
            Ok(Message::Notification { method, params }) => {
                self.relisted.extend(method::changed(&method));
                self.withheld |= !origin.dialect.passes_notification(&method, params);
                self.fields(fields::server_notification(&method), params);
            }
            Err(Unreadable::NotJsonRpc { .. }) if responds => return Some(false),
            Ok(Message::Response { .. }) | Err(_) => {}
        }
        None
    }

    /// Cuts out of a result whose it is: to its client it is the gateway's.
    fn hide_identity(&mut self, result: Raw<'_>) {
        let Ok(Some([Some(meta)])) = result.scan().pick(["_meta"]) else { return };
        let members = Members::read(meta).unwrap_or_default();
        let values: Vec<_> =
            members.iter().map(|(key, value)| (value, key == META_SERVER_INFO)).collect();
        if values.iter().any(|(_, is_identity)| *is_identity) {
            self.edits.cut(meta, &values);
        }
    }

    /// Renames the fields of one value.
    pub(crate) fn fields(&mut self, fields: &'static Interest<Field>, value: Option<Raw<'_>>) {
        let Some(value) = value else { return };
        let (mut state, upstream, tags) = (State::default(), self.upstream, self.tags);
        let dialect = self.dialect;
        let mut renamer = Renamer { upstream, tags, dialect, state: &mut state };
        // It was read before, so it can be read.
        let _ = self.edits.apply(&mut value.scan(), fields, &mut renamer);
    }

    /// Renames one field.
    pub(crate) fn field(&mut self, tag: Field, raw: &str) {
        let (mut state, upstream, tags) = (State::default(), self.upstream, self.tags);
        let dialect = self.dialect;
        let mut renamer = Renamer { upstream, tags, dialect, state: &mut state };
        if let Decision::Replace(with) = renamer.leaf(Leaf { tag, raw, at: 0 }) {
            self.edits.replace(raw, with);
        }
    }
}

#[cfg(test)]
mod tests;
