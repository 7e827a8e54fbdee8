//! What a fuzzer holds of the parts of the core that nothing outside of it can reach. `filter/fuzz` feeds it.
//!
//! Each function takes any bytes, and panics where a promise does not hold: that is a finding.

mod ids;
mod json;
mod rewrite;
mod sse;

pub use ids::ids;
pub use json::json;
pub use rewrite::rewrite;
pub use sse::sse;

use crate::chance::Chance;

/// Cuts bytes into one piece, into single bytes, or at random, as `how` says.
fn cut(how: u8, bytes: &[u8]) -> Vec<&[u8]> {
    let mut chance = Chance::new(u64::from(how));
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let longest = match how {
            0 => rest.len(),
            1 => 1,
            2..128 => 1 + chance.below(8),
            _ => chance.below(100),
        };
        let (piece, after) = rest.split_at(longest.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
