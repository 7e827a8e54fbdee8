//! How much of the upstreams' lists one page has (`catalog.page`).
//!
//! Lists are read in rounds: each upstream is asked for one page more, and when all have answered, these
//! pages are added in configured order, each as a whole, as far as there is room. So how fast an upstream
//! answers has no say in what is on the page.

use crate::catalog::Page;
use crate::gateway::PageBound;

/// How many pages of one upstream are joined into one that has a bound. They are asked for one after the
/// other, while the client waits.
const ROUNDS: usize = 250;

/// Adds what the last round has brought; whether there is room for another one.
pub(crate) fn settle_round(bound: PageBound, pages: &mut [&mut Page]) -> bool {
    let mut items: usize = pages.iter().map(|page| page.count()).sum();
    let mut bytes: usize = pages.iter().map(|page| page.bytes()).sum();
    let mut room = true;
    for page in pages.iter_mut() {
        let Some(later) = page.later.take() else { continue };
        let (more_items, more_bytes) = (later.count(), later.bytes());
        if items + more_items > bound.items || bytes + more_bytes > bound.bytes {
            // Its cursor stays: who goes on from there is given this page again.
            room = false;
            continue;
        }
        items += more_items;
        bytes += more_bytes;
        let so_far = std::mem::take(*page);
        **page = so_far.and(*later);
    }
    room && items < bound.items
        && bytes < bound.bytes
        && pages.iter().all(|page| page.pages < ROUNDS)
}
