//! What workers remember of a session between its requests, since its id cannot change once the client
//! has it: that it was deleted, which of its upstreams were initialized again or later than the others, which
//! names were announced to it last, which log messages it wants, and of which resources it wants updates.
//!
//! The host stores this ([`crate::host::HostEnv::session_notes`]), and may forget it. A lost upstream costs one
//! more `initialize`, lost names cost one more list, a lost level costs log messages, and lost subscriptions cost
//! updates once an upstream has lost the session. A session whose deletion is lost lives on until it expires.

use serde::{Deserialize, Serialize};

use crate::mcp::log_level::LogLevel;
use crate::mcp::method::Kind;
use crate::session::UpstreamSession;

/// How many subscriptions of a session are remembered, and how many bytes of texts in them.
pub(crate) const SUBSCRIPTIONS: usize = 64;
pub(crate) const SUBSCRIPTION_BYTES: usize = 4 * 1024;

/// A resource that a client wants updates of (2025-11-25, Resources, "Subscriptions").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The name of the upstream that has it.
    pub upstream: String,
    /// What that calls it.
    pub uri: String,
}

impl Subscription {
    /// How many bytes of texts there are in it.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.upstream.len() + self.uri.len()
    }
}

/// Something to remember of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The client deleted it.
    Deleted,
    /// These upstreams take part in it as said here, whatever the session id says.
    Joined(Vec<UpstreamSession>),
    /// These names of a kind were announced to the client, by their fingerprint (see
    /// [`crate::memory::names`]).
    AnnouncedNames(Kind, u64),
    /// The client wants log messages of this level on from upstreams that have no sessions, and so cannot
    /// remember it themselves.
    LogLevel(LogLevel),
    /// The client wants updates of this resource.
    Subscribed(Subscription),
    /// It wants none any more.
    Unsubscribed(Subscription),
}

/// What is remembered of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The client deleted it.
    pub deleted: bool,
    /// Members that replace or extend those of the session id.
    pub members: Vec<UpstreamSession>,
    /// Fingerprints of names that were announced: of tools, and of prompts.
    pub announced: [Option<u64>; 2],
    /// From which level on the client wants log messages, if it has said so.
    pub log_level: Option<LogLevel>,
    /// Of which resources the client wants updates, the newest last: at most 64, with 4 KiB of texts. Beyond that the
    /// oldest are forgotten.
    pub subscriptions: Vec<Subscription>,
}

impl Notes {
    /// Adds a note. Of a deleted session nothing else is remembered.
    pub fn add(&mut self, note: Note) {
        if self.deleted {
            return;
        }
        match note {
            Note::Deleted => *self = Self { deleted: true, ..Self::default() },
            Note::Joined(joined) => {
                self.members.retain(|old| joined.iter().all(|new| new.upstream != old.upstream));
                self.members.extend(joined);
            }
            Note::AnnouncedNames(kind, names) => {
                let [tools, prompts] = &mut self.announced;
                *(if kind == Kind::Tool { tools } else { prompts }) = Some(names);
            }
            Note::LogLevel(level) => self.log_level = Some(level),
            Note::Subscribed(it) => self.subscribe(it),
            Note::Unsubscribed(it) => self.subscriptions.retain(|known| *known != it),
        }
    }

    fn subscribe(&mut self, subscription: Subscription) {
        let all = &mut self.subscriptions;
        all.retain(|known| *known != subscription);
        all.push(subscription);
        let mut bytes: usize = all.iter().map(Subscription::bytes).sum();
        let mut over = 0;
        for oldest in all.iter() {
            if all.len() - over <= SUBSCRIPTIONS && bytes <= SUBSCRIPTION_BYTES {
                break;
            }
            bytes -= oldest.bytes();
            over += 1;
        }
        all.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::revision::Revision;

    fn member(upstream: &str, id: &str) -> UpstreamSession {
        UpstreamSession {
            upstream: upstream.to_owned(),
            id: Some(id.to_owned()),
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
            init_fingerprint: None,
        }
    }

    #[test]
    fn the_last_note_of_each_upstream_and_kind_counts() {
        let mut notes = Notes::default();
        notes.add(Note::Joined(vec![member("a", "1"), member("b", "1")]));
        notes.add(Note::AnnouncedNames(Kind::Tool, 7));
        notes.add(Note::AnnouncedNames(Kind::Prompt, 8));
        notes.add(Note::Joined(vec![member("a", "2")]));
        notes.add(Note::AnnouncedNames(Kind::Tool, 9));
        for level in ["info", "error"] {
            notes.add(Note::LogLevel(LogLevel::of(level).unwrap()));
        }
        assert_eq!(notes.log_level, LogLevel::of("error"));
        assert_eq!(notes.members, [member("b", "1"), member("a", "2")]);
        assert_eq!(notes.announced, [Some(9), Some(8)]);
    }

    #[test]
    fn the_newest_subscriptions_are_remembered_as_far_as_there_is_room() {
        let of = |uri: &str| Subscription { upstream: "a".to_owned(), uri: uri.to_owned() };
        let mut notes = Notes::default();
        for uri in ["x:1", "x:2", "x:1", "x:3"] {
            notes.add(Note::Subscribed(of(uri)));
        }
        notes.add(Note::Unsubscribed(of("x:3")));
        notes.add(Note::Unsubscribed(of("x:4")));
        assert_eq!(notes.subscriptions, [of("x:2"), of("x:1")]);
        for at in 0..100 {
            notes.add(Note::Subscribed(of(&format!("y:{at}"))));
        }
        let newest: Vec<_> = (100 - SUBSCRIPTIONS..100).map(|at| of(&format!("y:{at}"))).collect();
        assert_eq!(notes.subscriptions, newest);
        let long = of(&"x".repeat(SUBSCRIPTION_BYTES - 11));
        notes.add(Note::Subscribed(long.clone()));
        assert_eq!(notes.subscriptions, [of("y:98"), of("y:99"), long]);
        notes.add(Note::Subscribed(of(&"x".repeat(SUBSCRIPTION_BYTES))));
        assert_eq!(notes.subscriptions, [], "what is too long is not remembered");
    }

    #[test]
    fn a_deleted_session_stays_deleted_and_has_no_members() {
        let mut notes = Notes::default();
        notes.add(Note::Joined(vec![member("a", "1")]));
        notes.add(Note::Deleted);
        notes.add(Note::Joined(vec![member("a", "2")]));
        assert_eq!(notes, Notes { deleted: true, ..Notes::default() });
    }
}
