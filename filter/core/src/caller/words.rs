//! What upstreams are told of a caller, in the words of their era; and which of the two eras each side speaks.

use std::borrow::Cow;

use super::{Caller, Identity};
use crate::era::Era;
use crate::era::upstream::handshake::Offer;
use crate::era::upstream::stateless::{self, Speaker};
use crate::gateway::Upstream;
use crate::mcp::capability;
use crate::peer::Peer;
use crate::rewrite::dialect::Dialect;

impl Caller {
    /// What an upstream of the handshake era is offered that has not agreed with this caller yet.
    pub(crate) fn offer(&self) -> Cow<'_, Offer> {
        match &self.identity {
            Identity::Introducing(offer) => Cow::Borrowed(offer),
            Identity::Session(session) => Cow::Owned(session.offer()),
            Identity::Stateless(caller) => Cow::Owned(caller.offer()),
        }
    }

    /// What an upstream of the stateless era is told of this caller. Of one that has a session nothing can
    /// be asked that way, unless it is [asked](Self::address_asked) on its stream.
    pub(crate) fn speaker(&self) -> Speaker<'_> {
        match &self.identity {
            Identity::Introducing(offer) => Speaker {
                info: offer.info().map(Cow::Owned),
                capabilities: Cow::Borrowed("{}"),
                log_level: None,
            },
            Identity::Session(session) => Speaker {
                info: Some(Cow::Borrowed(session.info())),
                capabilities: capability::of_session(session.capabilities()),
                log_level: session.log_level,
            },
            Identity::Stateless(caller) => Speaker {
                info: caller.declared.info.as_deref().map(Cow::Borrowed),
                capabilities: Cow::Owned(caller.declared.relayed()),
                log_level: caller.declared.log_level,
            },
        }
    }

    /// What an upstream of the other era may ask of this caller, in a host that streams: as `capabilities`. `None` if
    /// that is nothing, and the caller need not be able to cancel what it asks for: a session can, and an upstream
    /// without sessions knows no cancellation but the end of its stream.
    pub(crate) fn answers(&self, upstream: &Upstream) -> Option<String> {
        match &self.identity {
            Identity::Introducing(_) => None,
            Identity::Session(session) => {
                Some(capability::of_session_asked(session.capabilities(), upstream.offer))
            }
            Identity::Stateless(caller) => caller.answers(upstream),
        }
    }

    /// A request of this caller in the words of an upstream of the stateless era, which may ask for input of these
    /// `clientCapabilities` ([`Self::answers`]).
    pub(crate) fn address_asked(&self, capabilities: &str, body: &[u8]) -> Option<Vec<u8>> {
        let capabilities = Cow::Borrowed(capabilities);
        Speaker { capabilities, ..self.speaker() }.envelop(body)
    }

    /// How an upstream that has agreed to be spoken to as `peer` says, and this caller speak.
    pub(crate) fn dialect(&self, peer: Option<&Peer>) -> Dialect {
        let from = peer.map_or(Era::Handshake, Peer::era);
        let log_level = match &self.identity {
            Identity::Stateless(caller) => caller.declared.log_level,
            Identity::Introducing(_) | Identity::Session(_) => None,
        };
        Dialect { from, to: self.era(), log_level }
    }

    /// A request of this caller in the words of an upstream's era. Between two parties of one era no
    /// byte changes of a request that `is_its_own`, but for extensions of MCP that the gateway does not know;
    /// what the gateway makes up on its behalf says nothing of it yet.
    pub(crate) fn address(&self, peer: &Peer, is_its_own: bool, body: &[u8]) -> Option<Vec<u8>> {
        match (&self.identity, peer.era()) {
            (Identity::Stateless(_), Era::Handshake) => stateless::unwrap(body),
            (Identity::Stateless(caller), Era::Stateless) if is_its_own => {
                caller.declared.without_unknown_extensions(body)
            }
            (_, Era::Stateless) => self.speaker().envelop(body),
            (_, Era::Handshake) => None,
        }
    }
}
