//! Which upstreams work on which request of which session, so that its cancellation reaches these and no other.
//!
//! A request is listed from when its first upstream is asked until its exchange ends. One that was not answered by
//! then is remembered for a while: its client may have lost the connection, and its upstream may go on with it
//! (2025-11-25, Transports, "Sending Messages to the Server"). Sessions are spread over parts, each with a lock of
//! its own and bounded to [`REQUESTS`] and [`LEFT`]. What is beyond, or has no id yet, is counted: then nobody can
//! say of an id that is not listed that no upstream works on it.
//!
//! A client may use an id twice, or in two sessions at once. So an exchange knows its request by a number.
//!
//! An exchange that makes the request itself, beside the client's, may have to end when that is cancelled, since the
//! upstream knows no cancellation but that its stream is closed: it has an [`Inbox`] here.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use crate::gateway::UpstreamId;
use crate::guarded::Guarded;
use crate::json::decode;
use crate::mcp::jsonrpc::Id;
use crate::memory::questions::Inbox;
use crate::session::ScopeTag;

/// How many parts there are.
const SHARDS: usize = 64;

/// How many requests a part lists.
const REQUESTS: usize = 1024;

/// How many requests a part remembers whose clients have left.
const LEFT: usize = 64;

/// Names a request: its session and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    scope: ScopeTag,
    /// Stands for the id. A client that looks for two that are alike confuses nobody but itself.
    id: u64,
}

impl Name {
    pub(crate) fn new(scope: ScopeTag, id: &Id<'_>) -> Self {
        let raw = id.as_raw();
        // The same string may be escaped differently; a number is no string.
        let text = if raw.starts_with('"') { decode(raw) } else { None };
        let bytes = text.as_deref().unwrap_or(raw).bytes();
        // FNV-1a.
        let start = 0xcbf2_9ce4_8422_2325 ^ u64::from(text.is_some());
        let id =
            bytes.fold(start, |id, byte| (id ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { scope, id }
    }
}

/// One upstream's part in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) upstream: UpstreamId,
    /// The id under which it was asked; `None`: the client's own.
    pub(crate) id: Option<u64>,
}

/// The request of an exchange. It is small, since it is moved with every event.
#[derive(Debug)]
pub(crate) struct Request {
    name: Name,
    /// Whether its id is known.
    is_named: bool,
    /// Its number once an upstream was asked, or [`COUNTED`] if it is not listed.
    number: Option<NonZeroU64>,
    /// Whether its upstream has answered.
    pub(crate) is_answered: bool,
}

/// The number of requests that are only counted.
const COUNTED: NonZeroU64 = NonZeroU64::MAX;

impl Request {
    /// A request of this session; `None` if its id is not known yet.
    pub(crate) fn new(scope: ScopeTag, id: Option<&Id<'_>>) -> Self {
        let name = id.map_or(Name { scope, id: 0 }, |id| Name::new(scope, id));
        Self { name, is_named: id.is_some(), number: None, is_answered: false }
    }
}

/// Who works on a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// These.
    Working(Vec<Work>),
    /// Nobody who has it in hand; these had, and were left by their client.
    Left(Vec<Work>),
    /// Nobody, as far as all requests are listed.
    Nobody,
    /// It may be one that is not listed.
    Unknown,
}

/// The requests of one configuration.
#[derive(Debug)]
pub(crate) struct InProgress([Guarded<Shard>; SHARDS]);

#[derive(Debug, Default)]
struct Shard {
    requests: Vec<Listed>,
    /// The oldest first.
    left: VecDeque<Listed>,
    numbers: u64,
    /// How many requests are under way that are not listed.
    counted: usize,
}

#[derive(Debug)]
struct Listed {
    number: NonZeroU64,
    name: Name,
    first: Option<Work>,
    others: Vec<Work>,
    /// Who is told that it is cancelled.
    inbox: Option<Inbox>,
}

impl Listed {
    fn works(&self) -> impl Iterator<Item = Work> {
        self.first.iter().chain(&self.others).copied()
    }

    fn forget(&mut self, upstream: UpstreamId) {
        self.first.take_if(|it| it.upstream == upstream);
        self.others.retain(|it| it.upstream != upstream);
    }

    fn add(&mut self, work: Work) {
        self.forget(work.upstream);
        if self.first.is_none() {
            self.first = Some(work);
        } else {
            self.others.push(work);
        }
    }
}

impl Default for InProgress {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Guarded::default()))
    }
}

impl InProgress {
    /// An upstream is asked, in place of what it was asked before for the same request.
    pub(crate) fn asks(&self, request: &mut Request, work: Work) {
        let Request { name, is_named, number, .. } = request;
        self.with(name.scope, |shard| match *number {
            Some(COUNTED) => {}
            Some(number) => {
                if let Some(listed) = shard.find(number) {
                    listed.add(work);
                }
            }
            None if *is_named && shard.requests.len() < REQUESTS => {
                shard.numbers += 1;
                let next = NonZeroU64::MIN.saturating_add(shard.numbers);
                let (name, first, others, inbox) = (*name, Some(work), Vec::new(), None);
                shard.requests.push(Listed { number: next, name, first, others, inbox });
                *number = Some(next);
            }
            None => {
                shard.counted += 1;
                *number = Some(COUNTED);
            }
        });
    }

    /// Where the exchange of a request is told that it is cancelled; `None` if it is not listed.
    pub(crate) fn watch(&self, request: &Request) -> Option<Inbox> {
        let number = request.number?;
        self.with(request.name.scope, |shard| {
            Some(shard.find(number)?.inbox.get_or_insert_default().clone())
        })
    }

    /// Tells those exchanges of a request that it is cancelled which wait for that.
    pub(crate) fn cancel(&self, name: Name) {
        let inboxes: Vec<Inbox> = self.with(name.scope, |shard| {
            let of_it = shard.requests.iter().filter(|it| it.name == name);
            of_it.filter_map(|it| it.inbox.clone()).collect()
        });
        inboxes.iter().for_each(Inbox::cancel);
    }

    /// An upstream has answered what it was asked.
    pub(crate) fn answers(&self, request: &Request, upstream: UpstreamId) {
        let Some(number) = request.number else { return };
        self.with(request.name.scope, |shard| {
            if let Some(listed) = shard.find(number) {
                listed.forget(upstream);
            }
        });
    }

    /// The exchange of a request is over.
    pub(crate) fn end(&self, request: &Request) {
        let Some(number) = request.number else { return };
        self.with(request.name.scope, |shard| {
            if number == COUNTED {
                shard.counted -= 1;
                return;
            }
            let at = shard.requests.iter().rposition(|it| it.number == number);
            let Some(listed) = at.map(|at| shard.requests.swap_remove(at)) else { return };
            if !request.is_answered && listed.works().next().is_some() {
                if shard.left.len() == LEFT {
                    shard.left.pop_front();
                }
                shard.left.push_back(listed);
            }
        });
    }

    /// Who works on a request.
    pub(crate) fn find(&self, name: Name) -> Found {
        self.with(name.scope, |shard| {
            let mut of_it = shard.requests.iter().filter(|it| it.name == name).peekable();
            if of_it.peek().is_some() {
                return Found::Working(of_it.flat_map(Listed::works).collect());
            }
            let left = shard.left.iter().filter(|it| it.name == name);
            let left: Vec<Work> = left.flat_map(Listed::works).collect();
            match (left.is_empty(), shard.counted) {
                (false, _) => Found::Left(left),
                (true, 0) => Found::Nobody,
                (true, _) => Found::Unknown,
            }
        })
    }

    fn with<R>(&self, scope: ScopeTag, act: impl FnOnce(&mut Shard) -> R) -> R {
        let [first, ..] = scope.0;
        let Self([zeroth, ..]) = self;
        self.0.get(usize::from(first) % SHARDS).unwrap_or(zeroth).with(act)
    }
}

impl Shard {
    fn find(&mut self, number: NonZeroU64) -> Option<&mut Listed> {
        // What was begun last ends first, most of the time.
        self.requests.iter_mut().rfind(|it| it.number == number)
    }
}

#[cfg(test)]
mod tests;
