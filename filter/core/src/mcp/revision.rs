//! Which MCP revision a message speaks: the only file that compares dates.

use serde::{Deserialize, Serialize};

/// A revision: of the handshake era (`initialize`, then a session), or of the stateless era, in which every
/// request says all that is to be known (2026-07-28, Versioning).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Revision {
    /// 2025-03-26: no `MCP-Protocol-Version` header yet.
    V2025_03_26,
    /// 2025-06-18: the header is mandatory after `initialize`.
    V2025_06_18,
    /// 2025-11-25: the last revision with a handshake.
    V2025_11_25,
    /// 2024-11-05: of upstreams alone. Streamable HTTP came later, but there are servers of it that
    /// negotiate this revision. Behind the others, as its place is part of session ids.
    V2024_11_05,
    /// 2026-07-28: the first revision without sessions.
    V2026_07_28,
}

impl Revision {
    /// The newest revision with a handshake: what a client that asks for an unknown one is offered
    /// (2025-11-25, Lifecycle, "Version Negotiation").
    pub const NEWEST: Self = Self::V2025_11_25;

    /// The newest revision without sessions.
    pub const NEWEST_STATELESS: Self = Self::V2026_07_28;

    /// Every revision with a handshake that clients are served, oldest first.
    pub const ALL: [Self; 3] = [Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25];

    /// Every revision that clients are served, newest first (2026-07-28, Discovery, `supportedVersions`).
    pub const SERVED: [Self; 4] =
        [Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// Whether it has no sessions.
    #[must_use]
    pub const fn is_stateless(self) -> bool {
        matches!(self, Self::V2026_07_28)
    }

    /// The date that names the revision on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2024_11_05 => "2024-11-05",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Reads a date that names a revision without sessions that the gateway speaks.
    #[must_use]
    pub fn stateless(text: &[u8]) -> Option<Self> {
        let newest = Self::NEWEST_STATELESS;
        (newest.as_str().as_bytes() == text).then_some(newest)
    }

    /// Whether a date in `MCP-Protocol-Version` names a revision without sessions, known or not.
    #[must_use]
    pub fn is_of_stateless_era(text: &[u8]) -> bool {
        let date = |at: usize, byte: &u8| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        text.len() == 10
            && text.iter().enumerate().all(|(at, byte)| date(at, byte))
            && text >= Self::V2026_07_28.as_str().as_bytes()
    }

    /// Reads the `protocolVersion` that an upstream has chosen.
    #[must_use]
    pub fn of_upstream(text: &[u8]) -> Option<Self> {
        let oldest = Self::V2024_11_05;
        if oldest.as_str().as_bytes() == text { Some(oldest) } else { Self::parse(text) }
    }

    /// Reads a date as it stands in a client's `protocolVersion` or `MCP-Protocol-Version`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str().as_bytes() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_reads_back_and_nothing_else_does() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str().as_bytes()), Some(revision));
        }
        for text in ["", "2024-11-05", "2026-07-28", "2025-11-25 ", "2025-11"] {
            assert_eq!(Revision::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Revision::ALL.last(), Some(&Revision::NEWEST));
    }

    #[test]
    fn the_stateless_era_begins_with_a_date() {
        for text in ["2026-07-28", "2026-07-29", "2026-11-01", "2031-01-01"] {
            assert!(Revision::is_of_stateless_era(text.as_bytes()), "{text}");
        }
        for text in
            ["", "2025-11-25", "2026-07-27", "2026-7-28", "2026-07-28 ", "draft", "9999999999"]
        {
            assert!(!Revision::is_of_stateless_era(text.as_bytes()), "{text}");
        }
        assert_eq!(Revision::stateless(b"2026-07-28"), Some(Revision::V2026_07_28));
        assert_eq!(Revision::stateless(b"2026-07-29"), None);
        assert!(Revision::NEWEST_STATELESS.is_stateless());
        for revision in Revision::ALL {
            assert!(!revision.is_stateless() && Revision::SERVED.contains(&revision));
        }
    }

    #[test]
    fn upstreams_may_speak_one_more() {
        for revision in Revision::ALL.into_iter().chain([Revision::V2024_11_05]) {
            assert_eq!(Revision::of_upstream(revision.as_str().as_bytes()), Some(revision));
        }
        for text in ["", "2024-10-07", "2026-07-28"] {
            assert_eq!(Revision::of_upstream(text.as_bytes()), None, "{text:?}");
        }
    }
}
