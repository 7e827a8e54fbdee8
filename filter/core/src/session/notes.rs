//! What workers remember of a session between its requests, since its id cannot change once the client
//! has it: that it was deleted, which of its upstreams were initialized again or later than the others, which
//! names were announced to it last, and which log messages it wants.
//!
//! The host stores this ([`crate::host::HostEnv::session_notes`]), and may forget it. A lost upstream costs one
//! more `initialize`, lost names cost one more list, a lost level costs log messages. A session whose deletion is
//! lost lives on until it expires.

use crate::mcp::log_level::LogLevel;
use crate::mcp::method::Kind;
use crate::session::UpstreamSession;

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
        }
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
    fn a_deleted_session_stays_deleted_and_has_no_members() {
        let mut notes = Notes::default();
        notes.add(Note::Joined(vec![member("a", "1")]));
        notes.add(Note::Deleted);
        notes.add(Note::Joined(vec![member("a", "2")]));
        assert_eq!(notes, Notes { deleted: true, ..Notes::default() });
    }
}
