//! Who asks: a client with its session, or the client of one stateless request.
//!
//! Everything else asks a [`Caller`] what it has to know: how the caller's own things are told from
//! those of others, which upstreams it has agreed with, what these may be told about it. Only this
//! module and the edge of its era ([`crate::era::client`]) know whether there is a session behind it.

mod changes;
pub(crate) mod known;
mod session;
mod stateless;
pub(crate) mod subscriptions;
mod words;

use std::sync::Arc;

use crate::effect::Effect;
use crate::era::Era;
use crate::era::client::stateless::Declared;
use crate::era::upstream::Introduction;
use crate::era::upstream::handshake::Offer;
use crate::error::{ClientError, Error};
use crate::exchange::Context;
use crate::exchange::client_headers::ClientHeaders;
use crate::gateway::rules::Rights;
use crate::gateway::{Gateway, UpstreamId};
use crate::mcp::capability::Capabilities;
use crate::mcp::event_id::{Digest, digest};
use crate::mcp::method::Kind;
use crate::mcp::owner_tag::{OwnerTags, TaskTags};
use crate::peer::Peer;
use crate::session::ScopeTag;
use crate::session::notes::Note;
use crate::session::pool::{Lease, Opened};

use session::ClientSession;
use stateless::StatelessCaller;

/// The client that sent a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// What of its request goes on to upstreams.
    pub(crate) headers: ClientHeaders,
    identity: Identity,
}

/// What is known of a client besides its request's head.
#[derive(Clone, Debug)]
enum Identity {
    /// It is just being initialized, and says this of itself.
    Introducing(Box<Offer>),
    /// It has a session.
    Session(Box<ClientSession>),
    /// Its request says everything.
    Stateless(Box<StatelessCaller>),
}

impl Caller {
    /// One that is being initialized; upstreams get this offer.
    pub(crate) fn introducing(headers: ClientHeaders, offer: Offer) -> Self {
        Self { headers, identity: Identity::Introducing(Box::new(offer)) }
    }

    /// One that names the session it was given.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoSession`] without an id; [`ClientError::SessionGone`] when it cannot be
    /// opened, has expired or was deleted.
    pub(crate) fn in_session(
        cx: &mut Context<'_>,
        headers: ClientHeaders,
    ) -> Result<Self, ClientError> {
        let session = ClientSession::open(cx, headers.principal.tag, headers.session())?;
        let caller = Self { headers, identity: Identity::Session(Box::new(session)) };
        cx.trail.is_of(&caller);
        Ok(caller)
    }

    /// One whose request says everything.
    pub(crate) fn stateless(
        cx: &mut Context<'_>,
        headers: ClientHeaders,
        declared: Declared,
    ) -> Self {
        let caller = StatelessCaller::new(cx, &headers, declared);
        let caller = Self { headers, identity: Identity::Stateless(Box::new(caller)) };
        cx.trail.is_of(&caller);
        caller
    }

    /// The era in which it is answered.
    pub(crate) const fn era(&self) -> Era {
        match self.identity {
            Identity::Introducing(_) | Identity::Session(_) => Era::Handshake,
            Identity::Stateless(_) => Era::Stateless,
        }
    }

    /// What it may do.
    pub(crate) const fn rights(&self) -> Rights {
        self.headers.principal.rights
    }

    /// Whether it is just being initialized.
    pub(crate) const fn is_introducing(&self) -> bool {
        matches!(self.identity, Identity::Introducing(_))
    }

    /// Whether its session has ended since, by a DELETE or with its time.
    pub(crate) fn is_over(&self, cx: &Context<'_>) -> bool {
        matches!(&self.identity, Identity::Session(session) if session.is_over(cx))
    }

    /// An error as its era says it.
    pub(crate) const fn refusal(&self, error: ClientError) -> Error {
        match self.era() {
            Era::Handshake => Error::Client(error),
            Era::Stateless => Error::Stateless(error),
        }
    }

    /// Tells what belongs to this caller alone from what belongs to others: tags of owners, cursors,
    /// names that were announced, lists that are kept.
    pub(crate) fn scope(&self) -> ScopeTag {
        match &self.identity {
            Identity::Introducing(_) => ScopeTag::NONE,
            Identity::Session(session) => session.tag,
            Identity::Stateless(caller) => caller.tag,
        }
    }

    /// Tells its session from others; `None` without one.
    pub(crate) fn session(&self) -> Option<ScopeTag> {
        match &self.identity {
            Identity::Session(session) => Some(session.tag),
            Identity::Introducing(_) | Identity::Stateless(_) => None,
        }
    }

    /// How it knows tasks.
    pub(crate) fn tasks<'g>(&self, gateway: &'g Gateway) -> TaskTags<'g> {
        match self.era() {
            Era::Handshake => TaskTags::Plain,
            Era::Stateless => {
                TaskTags::Coded(OwnerTags { keys: &gateway.keys, scope: self.scope() })
            }
        }
    }

    /// Whether it has the tasks extension.
    pub(crate) fn declares_tasks(&self) -> bool {
        match &self.identity {
            Identity::Introducing(_) | Identity::Session(_) => false,
            Identity::Stateless(caller) => caller.declared.declares_tasks(),
        }
    }

    /// An upstream that has agreed.
    pub(crate) fn peer(&self, upstream: UpstreamId) -> Option<&Peer> {
        match &self.identity {
            Identity::Introducing(_) => None,
            Identity::Session(session) => session.peer(upstream),
            Identity::Stateless(caller) => caller.peer(upstream),
        }
    }

    /// What an upstream has said of itself that has a session for this caller.
    pub(crate) fn introduction(&self, upstream: UpstreamId) -> Option<Introduction> {
        match &self.identity {
            Identity::Introducing(_) | Identity::Session(_) => None,
            Identity::Stateless(caller) => caller.introduction(upstream),
        }
    }

    /// Every upstream that has agreed, in configured order.
    pub(crate) fn peers(&self) -> Box<dyn Iterator<Item = (UpstreamId, &Peer)> + '_> {
        match &self.identity {
            Identity::Introducing(_) => Box::new(std::iter::empty()),
            Identity::Session(session) => Box::new(session.peers()),
            Identity::Stateless(caller) => Box::new(caller.peers()),
        }
    }

    /// What was agreed with an upstream last, by a request of this caller on any worker that its host lets
    /// know.
    pub(crate) fn noted(&self, cx: &Context<'_>, upstream: UpstreamId) -> Option<Peer> {
        match &self.identity {
            Identity::Session(session) => session.noted(cx, upstream),
            // Each request of a client without a session has sessions of its own.
            Identity::Introducing(_) | Identity::Stateless(_) => None,
        }
    }

    /// Tells the upstream's own session for this caller from its others.
    pub(crate) fn digest(&self, upstream: UpstreamId) -> Digest {
        match &self.identity {
            Identity::Introducing(_) => digest(None),
            Identity::Session(session) => session.digest(upstream),
            Identity::Stateless(caller) => {
                digest(caller.peer(upstream).and_then(|peer| peer.session.as_deref()))
            }
        }
    }

    /// Whether there may be an upstream with this capability: one that has not agreed yet may have
    /// it, and so may those that come where there are none.
    pub(crate) fn may(&self, capability: Capabilities) -> bool {
        match &self.identity {
            Identity::Introducing(_) => true,
            Identity::Session(session) => session.may(capability),
            Identity::Stateless(caller) => caller.may(capability),
        }
    }

    /// The fingerprint of the names of a kind that were announced last.
    pub(crate) fn told(&self, kind: Kind) -> Option<u64> {
        match &self.identity {
            Identity::Introducing(_) => None,
            Identity::Session(session) => session.changes.told(kind),
            Identity::Stateless(caller) => caller.changes.told(kind),
        }
    }

    /// Lets all workers know which names are announced, if they are others than before.
    pub(crate) fn tell(&self, cx: &Context<'_>, kind: Kind, names: u64) -> Option<Effect> {
        let note = || self.note(cx, Note::AnnouncedNames(kind, names));
        (self.told(kind) != Some(names)).then(note).flatten()
    }

    /// Lets all workers know something of this caller, as long as it may come again.
    pub(crate) fn note(&self, cx: &Context<'_>, note: Note) -> Option<Effect> {
        let (session, expires) = match &self.identity {
            Identity::Introducing(_) => return None,
            Identity::Session(session) => (session.tag, session.expires),
            Identity::Stateless(caller) => {
                (caller.tag, cx.host.now().saturating_add(cx.gateway.session_ttl.as_secs()))
            }
        };
        Some(Effect::Note { session, note, expires })
    }

    /// Lets other requests of this caller know of what an upstream has agreed to: on all workers, or where
    /// the session is kept for it, on those with the same memory.
    pub(crate) fn publish(
        &self,
        cx: &mut Context<'_>,
        upstream: UpstreamId,
        peer: &Peer,
        instructions: Option<&str>,
    ) -> Option<Effect> {
        match &self.identity {
            Identity::Introducing(_) => None,
            Identity::Session(_) => {
                let part = peer.clone().part(cx.gateway.name(upstream));
                self.note(cx, Note::Joined(vec![part]))
            }
            Identity::Stateless(caller) => {
                // The one that it had there is lost.
                let before = caller.peer(upstream).map(|before| before.session.clone());
                let before = before.unwrap_or_else(|| caller.changes.lost(upstream));
                if before.is_none() && peer.era() == Era::Stateless {
                    return None;
                }
                let key = caller.key(&self.headers);
                if before.is_some() {
                    cx.memory.pool.with(|pool| pool.forget(key, upstream, before.as_deref()));
                }
                if peer.era() == Era::Stateless {
                    return None;
                }
                let (peer, headers) = (peer.clone(), self.headers.clone());
                let (level, instructions) =
                    (caller.declared.log_level, instructions.map(Arc::from));
                let opened = Opened { upstream, peer, level, instructions, headers };
                let (now, limit) = (cx.host.now(), cx.gateway.pool.sessions);
                let (lease, is_news) =
                    cx.memory.pool.with(|pool| pool.keep(key, opened, now, limit));
                cx.leases.push(lease);
                cx.has_new_sessions |= is_news;
                None
            }
        }
    }

    /// Keeps the session that an upstream has for this caller beyond the request that it serves.
    pub(crate) fn hold(&self, cx: &Context<'_>, upstream: UpstreamId) -> Option<Lease> {
        let Identity::Stateless(caller) = &self.identity else { return None };
        let (key, id) = (caller.key(&self.headers), caller.peer(upstream)?.session.as_deref());
        cx.memory.pool.with(|pool| pool.hold(key, upstream, id))
    }

    /// How many bytes its request says of it that upstreams get copies of.
    pub(crate) fn held(&self) -> usize {
        match &self.identity {
            Identity::Introducing(offer) => offer.held(),
            Identity::Session(_) => 0,
            Identity::Stateless(caller) => caller.declared.held(),
        }
    }

    /// The session id that an upstream has lost.
    pub(crate) fn lost(&self, upstream: UpstreamId) -> Option<String> {
        match &self.identity {
            Identity::Introducing(_) => None,
            Identity::Session(session) => session.changes.lost(upstream),
            Identity::Stateless(caller) => caller.changes.lost(upstream),
        }
    }

    /// Remembers that an upstream has lost what was agreed.
    pub(crate) fn leave(&mut self, upstream: UpstreamId) {
        match &mut self.identity {
            Identity::Introducing(_) => {}
            Identity::Session(session) => session.leave(upstream),
            Identity::Stateless(caller) => caller.leave(upstream),
        }
    }

    /// Remembers what an upstream has agreed to, for the first time or anew.
    pub(crate) fn join(&mut self, upstream: UpstreamId, peer: &Peer) {
        match &mut self.identity {
            Identity::Introducing(_) => {}
            Identity::Session(session) => session.join(upstream, peer),
            Identity::Stateless(caller) => caller.join(upstream, peer),
        }
    }
}
