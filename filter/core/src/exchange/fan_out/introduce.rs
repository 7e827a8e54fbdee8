//! Asks upstreams what they say of themselves: in `initialize` (2025-11-25, Lifecycle) or by
//! `server/discover` (2026-07-28, Discovery), as each of them has it.

use crate::caller::Caller;
use crate::era::Era;
use crate::era::upstream::stateless::DISCOVER;
use crate::era::upstream::{Introduction, Subject};
use crate::error::UpstreamError;
use crate::exchange::Context;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::question::Question;
use crate::fault::Fault;
use crate::gateway::{Gateway, Listen, Upstream, UpstreamId};
use crate::mcp::capability::{self, Capabilities};
use crate::peer::Peer;

/// The `capabilities` of the gateway before upstreams that have introduced themselves so: all that it can
/// deliver to this client.
pub(crate) fn capabilities(
    gateway: &Gateway,
    caller: &Caller,
    parts: &[(UpstreamId, Introduction)],
) -> String {
    type Can = Capabilities;
    let era = caller.era();
    // Tasks of the two eras have nothing in common.
    let of = |peer: &Peer| match (era, peer.era()) {
        (Era::Handshake, Era::Handshake) => peer.capabilities,
        (Era::Stateless, Era::Stateless) => peer.capabilities.without(Can::TASKS_ALL),
        _ => peer.capabilities.without(Can::TASKS_ALL).without(Can::TASKS_EXTENSION),
    };
    // Extensions are told of in the stateless era.
    let hidden = match era {
        Era::Handshake => Can::EXTENSIONS,
        Era::Stateless if caller.declares_tasks() => Can::NONE,
        Era::Stateless => Can::TASKS_EXTENSION,
    };
    let told = |peer: &Peer| of(peer).without(hidden);
    let each: Vec<Capabilities> = parts.iter().map(|(_, part)| told(&part.peer)).collect();
    // What an upstream sends on its own can reach the client only on a stream that is passed on: that of a GET,
    // or of `subscriptions/listen`. One that is passed on as it is has to be of the client's own era. In one that is
    // made of several, a client of the handshake era cannot ask those without sessions for a resource.
    let heard = parts.iter().filter(|(upstream, _)| gateway.listen.hears(*upstream));
    let heard = heard.filter_map(|(_, Introduction { peer, .. })| match (gateway.listen, era) {
        _ if peer.era() == era => Some(of(peer)),
        (Listen::All, Era::Handshake) => Some(of(peer).without(Can::RESOURCES_SUBSCRIBE)),
        (Listen::All, Era::Stateless) => Some(of(peer)),
        _ => None,
    });
    capability::joined(&each, heard.fold(Can::NONE, |all, one| all | one))
}

/// The gateway's own instructions, then each upstream's under its name.
pub(crate) fn instructions(
    gateway: &Gateway,
    parts: &[(UpstreamId, Introduction)],
) -> Option<String> {
    let own = gateway.server.instructions.clone();
    let theirs = parts.iter().filter_map(|(upstream, part)| {
        let name = gateway.name(*upstream);
        Some(format!("## {name}\n\n{}", part.instructions.as_ref()?))
    });
    let all: Vec<String> = own.into_iter().chain(theirs).collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}

/// The question.
#[derive(Debug)]
pub(crate) struct Introduce;

impl Question for Introduce {
    type Part = Introduction;

    fn subject(&self) -> Subject<'_> {
        Subject::of(DISCOVER)
    }

    /// Nothing is left to ask when an upstream has introduced itself.
    fn body(&self, _: &Upstream, _: u64, _: Option<&Introduction>) -> Vec<u8> {
        Vec::new()
    }

    fn opens(&self) -> bool {
        true
    }

    fn introduces(&self) -> bool {
        true
    }

    fn introduced(&self, _: UpstreamId, said: Introduction) -> Option<Introduction> {
        Some(said)
    }

    fn read(
        &self,
        _: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<Introduction, UpstreamError> {
        Err(answer.error(Fault::NotTheResponse))
    }

    fn held(&self) -> usize {
        0
    }

    fn size(part: &Introduction) -> usize {
        part.instructions.as_ref().map_or(0, String::capacity)
    }
}
