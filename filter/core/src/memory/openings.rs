//! Upstreams that are opened for sessions that are there already: who hears of that ([`Openings::listen`]), and which
//! of several sessions is the one that stays where requests have opened an upstream at the same time
//! ([`Openings::claim`]).

use std::collections::{BTreeMap, VecDeque};

use crate::gateway::UpstreamId;
use crate::memory::questions::{Bell, Inbox};
use crate::peer::Peer;
use crate::session::ScopeTag;

/// How many openings are remembered, each until it was noted, which is right after. It only has to be more than there
/// are threads.
const CLAIMS: usize = 256;

/// How many listeners there are before those that are gone are looked for.
const FEW: usize = 64;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    claims: VecDeque<(ScopeTag, UpstreamId, Peer)>,
    listeners: BTreeMap<ScopeTag, Vec<Bell>>,
    /// How many listeners were added since those that are gone were looked for.
    added: usize,
    /// How many there were then. So the effort for each that is added is the same however many there are.
    left: usize,
}

impl Openings {
    /// The session of an upstream that stays, if that is not this one, which is `own`: the one that another request
    /// has opened meanwhile, unless it was lost since.
    pub(crate) fn claim(
        &mut self,
        (scope, upstream): (ScopeTag, UpstreamId),
        own: &Peer,
        lost: Option<&str>,
    ) -> Option<Peer> {
        let is_it = |claim: &(ScopeTag, UpstreamId, Peer)| (claim.0, claim.1) == (scope, upstream);
        let before = self.claims.iter().find(|claim| is_it(claim)).map(|(_, _, peer)| peer);
        let stays = before.filter(|it| it.session.is_some() && it.session.as_deref() != lost);
        if let Some(stays) = stays {
            return Some(stays.clone());
        }
        self.claims.retain(|claim| !is_it(claim));
        self.claims.push_back((scope, upstream, own.clone()));
        if self.claims.len() > CLAIMS {
            self.claims.pop_front();
        }
        None
    }

    /// This session of an upstream was noted: who looks for one finds it there from now on.
    pub(crate) fn noted(&mut self, scope: ScopeTag, session: Option<&str>) {
        self.claims.retain(|(of, _, peer)| *of != scope || peer.session.as_deref() != session);
    }

    /// From now on an exchange hears of what is opened for this session, as long as it keeps the inbox.
    pub(crate) fn listen(&mut self, scope: ScopeTag, inbox: &Inbox) {
        self.added += 1;
        if self.added > FEW.max(self.left) {
            self.listeners.retain(|_, all| {
                all.retain(|it| !it.is_gone());
                !all.is_empty()
            });
            (self.added, self.left) = (0, self.listeners.values().map(Vec::len).sum());
        }
        self.listeners.entry(scope).or_default().push(inbox.bell());
    }

    /// Who hears of what is opened for a session.
    pub(crate) fn listeners(&mut self, scope: ScopeTag) -> Vec<Bell> {
        let Some(all) = self.listeners.get_mut(&scope) else { return Vec::new() };
        all.retain(|it| !it.is_gone());
        let there = all.clone();
        if there.is_empty() {
            self.listeners.remove(&scope);
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::revision::Revision;

    fn peer(session: &str) -> Peer {
        Peer {
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
            session: Some(session.to_owned()),
            init_fingerprint: None,
        }
    }

    #[test]
    fn the_first_session_of_an_upstream_stays_until_it_is_lost_or_noted() {
        let mut openings = Openings::default();
        let (scope, a) = (ScopeTag([1; 16]), UpstreamId::at(0));
        let claim = |openings: &mut Openings, own: &str, lost: Option<&str>| {
            openings.claim((scope, a), &peer(own), lost).and_then(|peer| peer.session)
        };
        assert_eq!(claim(&mut openings, "1", None), None);
        assert_eq!(claim(&mut openings, "2", None).as_deref(), Some("1"));
        assert_eq!(claim(&mut openings, "3", Some("1")), None);
        assert_eq!(claim(&mut openings, "4", Some("1")).as_deref(), Some("3"));
        let others = [(ScopeTag([2; 16]), a), (scope, UpstreamId::at(1))];
        assert!(others.iter().all(|it| openings.claim(*it, &peer("5"), None).is_none()));
        openings.noted(ScopeTag([2; 16]), Some("3"));
        openings.noted(scope, Some("1"));
        assert_eq!(claim(&mut openings, "6", None).as_deref(), Some("3"));
        openings.noted(scope, Some("3"));
        assert_eq!(claim(&mut openings, "7", None), None);
    }

    #[test]
    fn few_openings_are_remembered() {
        let mut openings = Openings::default();
        for upstream in (0..2 * CLAIMS).map(UpstreamId::at) {
            openings.claim((ScopeTag([1; 16]), upstream), &peer("1"), None);
        }
        assert_eq!(openings.claims.len(), CLAIMS);
    }

    #[test]
    fn listeners_that_are_gone_make_room() {
        let mut openings = Openings::default();
        let kept = Inbox::default();
        openings.listen(ScopeTag([9; 16]), &kept);
        for number in 0..10_000_u128 {
            openings.listen(ScopeTag(number.to_le_bytes()), &Inbox::default());
        }
        assert!(openings.listeners.len() <= 2 * FEW + 2, "{}", openings.listeners.len());
        assert_eq!(openings.listeners(ScopeTag([9; 16])).len(), 1);
        drop(kept);
        assert!(openings.listeners(ScopeTag([9; 16])).is_empty());
    }
}
