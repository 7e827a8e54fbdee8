//! Which era each upstream is of (`era: auto`), as far as its memory goes, so that each is asked once and not
//! with every request. The workers of a process tell each other by a note. An upstream that contradicts what is
//! known of it is asked again. How a leg finds it out is in [`crate::exchange::fan_out::leg`].

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::effect::Effect;
use crate::era::Era as Spoken;
use crate::exchange::Context;
use crate::gateway::{Era, UpstreamId};
use crate::mcp::capability::Capabilities;
use crate::mcp::revision::Revision;
use crate::peer::Peer;
use crate::session::notes::{Note, Notes};
use crate::session::{ScopeTag, UpstreamSession};

/// For how many seconds the era of an upstream stays noted.
const NOTED: u64 = 24 * 60 * 60;

/// What an upstream is taken to be able to do that has not said it: it may be asked for all of this, and will say
/// itself what it does not have.
const ASSUMED: Capabilities = Capabilities::REQUESTS;

/// What is known of an upstream. There are servers that take both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// What it can do without sessions, if it takes requests without.
    pub stateless: Without,
    /// Whether it takes `initialize`.
    pub handshake: Option<bool>,
}

/// Whether an upstream takes requests without sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Without {
    /// It has not been asked.
    #[default]
    Unknown,
    /// It does not.
    Refused,
    /// It does, and can do this.
    Taken(Capabilities),
}

/// Something that an upstream has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It can do this without sessions.
    Stateless(Capabilities),
    /// It takes requests without sessions, but has not said what it can do.
    Untold,
    /// It does not know requests without sessions.
    NoStateless,
    /// It takes `initialize`.
    Handshake,
    /// It does not take it.
    NoHandshake,
}

/// What the notes on the two are called.
const STATELESS: &str = "stateless";
const HANDSHAKE: &str = "handshake";

impl Known {
    /// With one thing more.
    pub(crate) fn and(self, finding: Finding) -> Self {
        match finding {
            // What it has said to others holds.
            Finding::Untold if matches!(self.stateless, Without::Taken(_)) => self,
            Finding::Untold => self.and(Finding::Stateless(ASSUMED)),
            Finding::Stateless(capabilities) => {
                Self { stateless: Without::Taken(capabilities), ..self }
            }
            Finding::NoStateless => Self { stateless: Without::Refused, ..self },
            Finding::Handshake => Self { handshake: Some(true), ..self },
            Finding::NoHandshake => Self { handshake: Some(false), ..self },
        }
    }

    /// What workers have noted.
    fn noted(notes: &Notes) -> Self {
        let finding = |part: &UpstreamSession| match (&*part.upstream, part.revision.is_stateless())
        {
            (STATELESS, true) => Some(Finding::Stateless(part.capabilities)),
            (STATELESS, false) => Some(Finding::NoStateless),
            (HANDSHAKE, false) => Some(Finding::Handshake),
            (HANDSHAKE, true) => Some(Finding::NoHandshake),
            _ => None,
        };
        notes.members.iter().filter_map(finding).fold(Self::default(), Self::and)
    }

    /// How a caller without a session speaks to it.
    pub(crate) fn peer(self) -> Option<Peer> {
        let Without::Taken(capabilities) = self.stateless else { return None };
        let revision = Revision::NEWEST_STATELESS;
        Some(Peer { revision, capabilities, session: None, init_fingerprint: None })
    }

    /// How a caller of this era begins: in its own way, unless that is known not to be understood.
    pub(crate) fn begin(self, caller: crate::era::Era) -> crate::era::Era {
        use crate::era::Era::{Handshake, Stateless};
        match caller {
            Stateless if self.stateless == Without::Refused => Handshake,
            Handshake if self.handshake == Some(false) => Stateless,
            own => own,
        }
    }
}

impl Finding {
    /// What an upstream has shown by introducing itself so.
    #[must_use]
    pub(crate) fn of(peer: &Peer) -> Self {
        if peer.revision.is_stateless() {
            Self::Stateless(peer.capabilities)
        } else {
            Self::Handshake
        }
    }

    /// It as a note of workers: a part of a session that all callers share.
    fn note(self) -> Note {
        let (upstream, revision, capabilities) = match self {
            Self::Stateless(can) => (STATELESS, Revision::NEWEST_STATELESS, can),
            Self::Untold => (STATELESS, Revision::NEWEST_STATELESS, ASSUMED),
            Self::NoStateless => (STATELESS, Revision::NEWEST, Capabilities::NONE),
            Self::Handshake => (HANDSHAKE, Revision::NEWEST, Capabilities::NONE),
            Self::NoHandshake => (HANDSHAKE, Revision::NEWEST_STATELESS, Capabilities::NONE),
        };
        let (upstream, id) = (upstream.to_owned(), None);
        let part = UpstreamSession { upstream, id, revision, capabilities, init_fingerprint: None };
        Note::Joined(vec![part])
    }
}

/// Where workers note the era of an upstream: wherever it is configured alike, it is the same.
pub(crate) fn tag(cluster: &str, authority: &str, path: &str) -> ScopeTag {
    let mut digest = Sha256::new();
    for part in [cluster, authority, path] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let mut tag = [0; ScopeTag::LEN];
    tag.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
    ScopeTag(tag)
}

/// What is known of each upstream.
#[derive(Debug, Default)]
pub(crate) struct KnownEras {
    known: BTreeMap<UpstreamId, Known>,
    /// How callers without a session speak to those that take that.
    peers: Arc<BTreeMap<UpstreamId, Peer>>,
}

impl KnownEras {
    /// What is known of an upstream.
    #[must_use]
    pub(crate) fn get(&self, upstream: UpstreamId) -> Known {
        self.known.get(&upstream).copied().unwrap_or_default()
    }

    /// How callers without a session speak to those that take that.
    #[must_use]
    pub(crate) fn peers(&self) -> Arc<BTreeMap<UpstreamId, Peer>> {
        Arc::clone(&self.peers)
    }

    /// Remembers something that an upstream has shown; what was known before, if it is news.
    fn learn(&mut self, upstream: UpstreamId, finding: Finding) -> Option<Known> {
        let before = self.get(upstream);
        let known = before.and(finding);
        (known != before).then(|| {
            self.set(upstream, known);
            before
        })
    }

    /// Remembers what follows from what was known, unless another thread has learned something meanwhile.
    fn settle(&mut self, upstream: UpstreamId, (before, known): (Known, Known)) {
        if self.get(upstream) == before {
            self.set(upstream, known);
        }
    }

    /// Remembers what is known of an upstream now.
    fn set(&mut self, upstream: UpstreamId, known: Known) {
        let before = self.known.insert(upstream, known).unwrap_or_default();
        if before.stateless == known.stateless {
            return;
        }
        let peers = Arc::make_mut(&mut self.peers);
        match known.peer() {
            Some(peer) => peers.insert(upstream, peer),
            None => peers.remove(&upstream),
        };
    }
}

/// What is known of an upstream, by this worker or another one, as far as the configuration leaves it open.
pub(crate) fn look_up(cx: &mut Context<'_>, upstream: UpstreamId) -> Known {
    let configured = cx.gateway.upstream(upstream);
    let before = cx.memory.eras.with(|eras| eras.get(upstream));
    let mut known = before;
    if known == Known::default() {
        known = Known::noted(&cx.host.session_notes(configured.era_tag));
    }
    match configured.era {
        Era::Auto => {}
        Era::Handshake => known = Known { stateless: Without::Refused, handshake: Some(true) },
        Era::Stateless => {
            known.handshake = Some(false);
            if known.stateless == Without::Refused {
                known.stateless = Without::Unknown;
            }
        }
    }
    if known != before {
        cx.memory.eras.with(|eras| eras.settle(upstream, (before, known)));
    }
    known
}

/// Remembers what an upstream has shown, and if it is news, lets all workers and the log know.
pub(crate) fn learn(cx: &mut Context<'_>, upstream: UpstreamId, finding: Finding) -> Vec<Effect> {
    let Some(before) = cx.memory.eras.with(|eras| eras.learn(upstream, finding)) else {
        return Vec::new();
    };
    let id = upstream;
    let upstream = cx.gateway.upstream(upstream);
    let name = &upstream.name;
    let said = |how: &str| Effect::Inform(format!("upstream {name} is spoken to {how}"));
    let line = match finding {
        Finding::Handshake => Some((said("with `initialize`"), Spoken::Handshake)),
        Finding::Stateless(_) | Finding::Untold if before.peer().is_none() => {
            let revision = Revision::NEWEST_STATELESS.as_str();
            let line = said(&format!("without sessions ({revision})"));
            Some((line, Spoken::Stateless))
        }
        Finding::Stateless(_) | Finding::Untold | Finding::NoStateless | Finding::NoHandshake => {
            None
        }
    };
    let expires = cx.host.now().saturating_add(NOTED);
    let note = Effect::Note { session: upstream.era_tag, note: finding.note(), expires };
    let told = line.into_iter().flat_map(|(line, era)| [line, Effect::Era(id, era.as_str())]);
    told.chain([note]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_take_both_and_what_it_showed_last_holds() {
        use crate::era::Era::{Handshake, Stateless};
        let a = UpstreamId::at(0);
        let mut eras = KnownEras::default();
        let learn = |eras: &mut KnownEras, finding| eras.learn(a, finding).expect("news");
        assert_eq!([Handshake, Stateless].map(|it| eras.get(a).begin(it)), [Handshake, Stateless]);
        learn(&mut eras, Finding::Stateless(Capabilities::TOOLS));
        assert_eq!(eras.get(a).begin(Handshake), Handshake, "it may take that, too");
        let before = eras.peers();
        assert_eq!(before.get(&a), eras.get(a).peer().as_ref());
        learn(&mut eras, Finding::NoHandshake);
        assert_eq!(eras.get(a).begin(Handshake), Stateless);
        learn(&mut eras, Finding::NoStateless);
        assert_eq!((eras.get(a).begin(Stateless), eras.peers().len()), (Handshake, 0));
        assert_eq!(before.len(), 1, "a request that is under way keeps what it began with");
    }

    #[test]
    fn notes_of_workers_come_back() {
        let findings = [Finding::Stateless(Capabilities::TOOLS), Finding::NoHandshake];
        let mut notes = Notes::default();
        for finding in [Finding::NoStateless, Finding::Handshake].into_iter().chain(findings) {
            notes.add(finding.note());
        }
        assert_eq!(Known::noted(&notes), findings.into_iter().fold(Known::default(), Known::and));
    }
}
