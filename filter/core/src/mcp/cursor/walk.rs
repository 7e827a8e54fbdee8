//! The cursors that were followed through one upstream's list, so that one that comes again is
//! recognized and the list ends there (2025-11-25, Pagination, asks servers for no such thing).
//!
//! Bounded: of a long walk every second, fourth, ... cursor is remembered, besides the last. A walk in
//! circles meets one of these at the latest on its second round.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::json::decode;

/// How many cursors are remembered, 8 bytes each.
const MOST: usize = 256;

/// Stands for a cursor. It is the upstream's own list that ends early if two are alike.
type Digest = [u8; 8];

/// The cursors of one upstream's list that were followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Walk {
    remembered: Vec<Digest>,
    last: Digest,
    followed: u32,
    /// Every 2^`thinned`-th cursor is remembered.
    thinned: u8,
}

impl Walk {
    /// Notes that `cursor`, a raw JSON string, is followed.
    pub(crate) fn follow(&mut self, cursor: &str) {
        self.last = digest(cursor);
        if self.remembered.len() == MOST {
            let mut at = 0_usize;
            self.remembered.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.thinned = self.thinned.saturating_add(1);
        }
        let stride = 1_u32.checked_shl(self.thinned.into()).unwrap_or(u32::MAX);
        if self.followed.is_multiple_of(stride) {
            self.remembered.push(self.last);
        }
        self.followed = self.followed.saturating_add(1);
    }

    /// Whether `cursor`, a raw JSON string, is known to have been followed.
    #[must_use]
    pub(crate) fn has_followed(&self, cursor: &str) -> bool {
        let digest = digest(cursor);
        self.followed > 0 && (self.last == digest || self.remembered.contains(&digest))
    }

    /// How many bytes it takes up.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        self.remembered.capacity() * size_of::<Digest>()
    }
}

/// However it is written: servers may escape the same text in several ways.
fn digest(cursor: &str) -> Digest {
    let text = decode(cursor).unwrap_or(cursor.into());
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    hash.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks through these cursors until one is known; how many were followed.
    fn walked(cursors: impl Iterator<Item = usize>) -> usize {
        let mut walk = Walk::default();
        let mut followed = 0;
        for cursor in cursors {
            let cursor = format!("\"{cursor}\"");
            if walk.has_followed(&cursor) {
                break;
            }
            walk.follow(&cursor);
            followed += 1;
            assert!(walk.remembered.len() <= MOST);
        }
        followed
    }

    #[test]
    fn a_cursor_that_comes_again_is_known_at_once_in_a_walk_of_usual_length() {
        for length in [1, 2, 7, MOST] {
            assert_eq!(walked((0..length).cycle()), length);
            assert_eq!(walked((0..length).chain([length - 1])), length);
        }
        // It comes back to somewhere on the way.
        assert_eq!(walked((0..9).chain((3..9).cycle())), 9);
    }

    #[test]
    fn a_long_circle_is_known_on_its_second_round() {
        for length in [MOST + 1, 1000, 5000] {
            for tail in [0, 1, 300, 3000] {
                let circle = (0..tail).chain((tail..tail + length).cycle());
                let followed = walked(circle.take(100_000));
                assert!((tail + length..=tail + 2 * length).contains(&followed), "{followed}");
            }
        }
        // A short one that begins late.
        assert!(walked((0..4000).chain((4000..4003).cycle()).take(100_000)) < 4500);
    }

    #[test]
    fn a_walk_without_a_circle_goes_on() {
        assert_eq!(walked(0..20_000), 20_000);
    }

    #[test]
    fn the_empty_cursor_is_followed_once_and_escapes_do_not_matter() {
        let mut walk = Walk::default();
        for (cursor, same) in [(r#""""#, r#""""#), (r#""A\/b""#, r#""\u0041/b""#)] {
            assert!(!walk.has_followed(cursor));
            walk.follow(cursor);
            assert!(walk.has_followed(same));
        }
        // A lone surrogate has no text of its own.
        walk.follow(r#""\ud800""#);
        assert!(walk.has_followed(r#""\ud800""#));
    }
}
