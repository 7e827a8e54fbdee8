//! What upstreams have said of themselves to the sessions of a caller, so that its next `initialize` need not ask
//! them (`session.open: lazy`).
//!
//! A caller is told from others by all that upstreams are shown of it, its credentials above all, and by its name if it
//! has one. Bounded in number ([`CALLERS`]), in bytes ([`BYTES`]) and in age ([`AGE`]). What is forgotten costs one
//! `initialize` at its upstream.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::era::upstream::Introduction;
use crate::gateway::UpstreamId;
use crate::session::pool::CallerKey;

/// For how many seconds after an upstream has introduced itself that is told to others.
pub(crate) const AGE: u64 = 60 * 60;

/// Of how many callers something is remembered; who was there longest ago goes first.
pub(crate) const CALLERS: usize = 1024;

/// How many bytes are remembered, roughly.
pub(crate) const BYTES: usize = 8 << 20;

/// How long instructions may be, in bytes. An upstream with longer ones is asked each time.
pub(crate) const INSTRUCTIONS: usize = 16 * 1024;

/// What an upstream takes up besides its instructions, and a caller besides its upstreams, roughly.
const PLACE: usize = 256;

/// What upstreams have said to one caller, and in which second.
pub(crate) type Said = Arc<BTreeMap<UpstreamId, (Introduction, u64)>>;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Introductions {
    callers: BTreeMap<CallerKey, Caller>,
    /// By when each was there last.
    order: BTreeMap<u64, CallerKey>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Caller {
    said: Said,
    used: u64,
}

/// Whether what was said in the second `heard` is told at `now`. A clock that was set back makes nothing live longer.
pub(crate) fn is_fresh(heard: u64, now: u64) -> bool {
    (heard..heard.saturating_add(AGE)).contains(&now)
}

impl Introductions {
    /// All that was said to a caller, however long ago.
    pub(crate) fn find(&mut self, key: CallerKey) -> Said {
        let Some(caller) = self.callers.get_mut(&key) else { return Said::default() };
        self.order.remove(&caller.used);
        self.uses += 1;
        caller.used = self.uses;
        self.order.insert(caller.used, key);
        caller.said.clone()
    }

    /// Remembers what an upstream says in the second `now`, in place of what it said before. What a session of its own
    /// is called is left out.
    pub(crate) fn learn(
        &mut self,
        key: CallerKey,
        upstream: UpstreamId,
        mut said: Introduction,
        now: u64,
    ) {
        (said.peer.session, said.peer.init_fingerprint) = (None, None);
        let mut caller = self.take(key).unwrap_or_default();
        let all = Arc::make_mut(&mut caller.said);
        if said.instructions.as_ref().is_some_and(|text| text.len() > INSTRUCTIONS) {
            all.remove(&upstream);
        } else {
            all.insert(upstream, (said, now));
        }
        self.put(key, caller);
        while self.callers.len() > CALLERS || self.bytes > BYTES {
            let Some((_, oldest)) = self.order.first_key_value() else { return };
            let oldest = *oldest;
            self.take(oldest);
        }
    }

    /// Forgets what an upstream has said to a caller.
    pub(crate) fn forget(&mut self, key: CallerKey, upstream: UpstreamId) {
        if let Some(mut caller) = self.take(key) {
            Arc::make_mut(&mut caller.said).remove(&upstream);
            self.put(key, caller);
        }
    }

    fn take(&mut self, key: CallerKey) -> Option<Caller> {
        let caller = self.callers.remove(&key)?;
        self.order.remove(&caller.used);
        self.bytes -= caller.size();
        Some(caller)
    }

    fn put(&mut self, key: CallerKey, mut caller: Caller) {
        if caller.said.is_empty() {
            return;
        }
        self.uses += 1;
        caller.used = self.uses;
        self.order.insert(caller.used, key);
        self.bytes += caller.size();
        self.callers.insert(key, caller);
    }
}

impl Caller {
    fn size(&self) -> usize {
        let text = |said: &Introduction| said.instructions.as_ref().map_or(0, String::len);
        PLACE + self.said.values().map(|(said, _)| PLACE + text(said)).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::revision::Revision;
    use crate::peer::Peer;

    fn said(instructions: usize) -> Introduction {
        let peer = Peer {
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
            session: Some("its own".to_owned()),
            init_fingerprint: Some([1; 16]),
        };
        let instructions = (instructions > 0).then(|| "x".repeat(instructions));
        Introduction { instructions, ..Introduction::of(peer) }
    }

    fn key(number: usize) -> CallerKey {
        CallerKey((number as u128).to_le_bytes())
    }

    fn held(all: &Introductions) -> usize {
        assert_eq!((all.order.len(), all.callers.len()), (all.callers.len(), all.order.len()));
        all.callers.values().map(Caller::size).sum()
    }

    #[test]
    fn what_was_said_last_to_this_caller_is_found_without_the_session_and_forgotten() {
        let (mut all, a, b) = (Introductions::default(), UpstreamId::at(0), UpstreamId::at(1));
        all.learn(key(1), a, said(5), 10);
        all.learn(key(1), b, said(0), 11);
        all.learn(key(1), a, said(0), 12);
        let found = all.find(key(1));
        let heard: Vec<_> =
            found.iter().map(|(upstream, (_, heard))| (*upstream, *heard)).collect();
        assert_eq!(heard, [(a, 12), (b, 11)]);
        assert!(found.values().all(|(it, _)| it.instructions.is_none()));
        let peers = found.values().map(|(it, _)| &it.peer);
        assert!(peers.clone().all(|it| it.session.is_none() && it.init_fingerprint.is_none()));
        assert!(all.find(key(2)).is_empty());
        all.forget(key(2), a);
        all.forget(key(1), a);
        assert_eq!(all.find(key(1)).keys().collect::<Vec<_>>(), [&b]);
        all.forget(key(1), b);
        assert_eq!((all.callers.len(), all.order.len(), all.bytes), (0, 0, 0));
    }

    #[test]
    fn it_is_told_for_an_hour_and_a_clock_that_was_set_back_ends_that() {
        let fresh = |now| is_fresh(5000, now);
        assert_eq!([4999, 5000, 8599, 8600].map(fresh), [false, true, true, false]);
        assert!(!is_fresh(u64::MAX, 0));
    }

    #[test]
    fn who_was_there_longest_ago_makes_room() {
        let mut all = Introductions::default();
        for number in 0..2 * CALLERS {
            all.find(key(0));
            all.learn(key(number), UpstreamId::at(0), said(0), 0);
        }
        assert_eq!((all.callers.len(), all.bytes), (CALLERS, held(&all)));
        assert!(!all.find(key(0)).is_empty() && all.find(key(1)).is_empty());
        for number in 0..2 * BYTES / INSTRUCTIONS {
            all.learn(key(number), UpstreamId::at(0), said(INSTRUCTIONS), 0);
            assert!(all.bytes <= BYTES);
        }
        assert_eq!(all.bytes, held(&all));
        assert!(all.bytes > BYTES / 2, "{}", all.bytes);
        // Too long to be remembered, in place of what was not.
        let last = key(2 * BYTES / INSTRUCTIONS - 1);
        all.learn(last, UpstreamId::at(0), said(INSTRUCTIONS + 1), 0);
        assert!(all.find(last).is_empty());
        assert_eq!(all.bytes, held(&all));
    }
}
