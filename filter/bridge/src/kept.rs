//! Events that belong to no call, while nobody reads them.

use std::collections::VecDeque;

/// How many bytes of them a session keeps.
const MOST: usize = 1 << 20;

/// The newest events, in order.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    events: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: bool,
}

impl Kept {
    /// Keeps an event, and drops the oldest over the bound; whether they are the first that are dropped.
    pub(crate) fn push(&mut self, event: Vec<u8>) -> bool {
        self.bytes += event.len();
        self.events.push_back(event);
        let before = self.dropped;
        while self.bytes > MOST
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= oldest.len();
            self.dropped = true;
        }
        self.dropped && !before
    }

    /// Hands all of them over.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.events).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let mut kept = Kept::default();
        let third = MOST / 3;
        let told: Vec<bool> = (0..5).map(|n| kept.push(vec![n; third])).collect();
        assert_eq!(told, [false, false, false, true, false]);
        let firsts: Vec<u8> = kept.take().iter().map(|event| event[0]).collect();
        assert_eq!(firsts, [2, 3, 4]);
        assert!(kept.take().is_empty());
        kept.push(vec![0; MOST + 1]);
        assert!(kept.take().is_empty());
    }
}
