//! What a client listens for: all that upstreams say on their own, by a GET, or what its `subscriptions/listen`
//! asks for (2026-07-28, Subscriptions). Upstreams of both eras say it, each in its own way:
//!
//! | the client | an upstream with sessions | one without |
//! |---|---|---|
//! | GET | GET | `subscriptions/listen`, for all that it says has changed |
//! | `subscriptions/listen` | GET, and `resources/subscribe` for each resource; what nobody asked for stays behind | the same, for its own resources and tasks |

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::era::Era;
use crate::era::upstream::stateless;
use crate::exchange::merged::subscription::Subscription;
use crate::gateway::UpstreamId;
use crate::mcp::capability::Capabilities;
use crate::mcp::jsonrpc::{Id, Message};
use crate::mcp::method::Kind;
use crate::peer::Peer;
use crate::rewrite::to_client::{self, Origin};

/// What begins the stream of a `subscriptions/listen`.
pub(super) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// What says that lists have changed, for each kind: who announces that, what asks for it, what it is called.
pub(super) const CHANGES: [(Capabilities, Kind, &str); 3] = [
    (Capabilities::TOOLS_LIST_CHANGED, Kind::Tool, "tools"),
    (Capabilities::PROMPTS_LIST_CHANGED, Kind::Prompt, "prompts"),
    (Capabilities::RESOURCES_LIST_CHANGED, Kind::Resource, "resources"),
];

/// What a client listens for.
#[derive(Debug)]
pub(super) enum Wanted {
    /// Whatever comes.
    Everything,
    /// What it asks for.
    Subscribed(Box<Subscription>),
}

/// What becomes of the data of an event.
#[derive(Debug, Default)]
pub(super) struct Passed<'d> {
    /// What the client gets of it.
    pub(super) messages: Vec<Cow<'d, [u8]>>,
    /// The kinds whose lists have changed.
    pub(super) relisted: BTreeSet<Kind>,
    /// Whether it answers a request that nobody has made here.
    pub(super) is_stray: bool,
    /// What the upstream asks, though nobody can answer it here: the id and the method of each request.
    pub(super) asked: Vec<(Id<'static>, String)>,
}

impl Wanted {
    /// Whether events have ids, by which a client can ask for the rest: those of the stateless era cannot.
    pub(super) fn has_ids(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// The notification that lists of this kind have changed, if the client wants it.
    pub(super) fn change(&self, kind: Kind, name: &str) -> Option<Vec<u8>> {
        let method = format!("notifications/{name}/list_changed");
        let message = format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#).into_bytes();
        match self {
            Self::Everything => Some(message),
            Self::Subscribed(it) => it.kinds.contains(&kind).then(|| it.tag(message)),
        }
    }

    /// What answers the client's request in the end, if anything does.
    pub(super) fn result(&self) -> Option<Vec<u8>> {
        match self {
            Self::Everything => None,
            Self::Subscribed(it) => Some(it.result()),
        }
    }

    /// What of an upstream's message goes to the client.
    pub(super) fn pass<'d>(
        &self,
        (upstream, origin): (UpstreamId, Origin<'_>),
        data: &'d [u8],
    ) -> Passed<'d> {
        if let Self::Subscribed(subscription) = self {
            return subscription.pass((upstream, origin), data);
        }
        let is_session = origin.dialect.from == Era::Handshake;
        let message = to_client::message(origin, data);
        // To a listen of the gateway's own, which is nobody else's matter.
        let is_answer = message.mismatched || !is_session && is_acknowledgement(data);
        let shown = (!is_answer && !message.withheld)
            .then(|| message.changed.map_or(Cow::Borrowed(data), Cow::Owned))
            .map(|it| {
                let untagged = if is_session { None } else { stateless::of_no_subscription(&it) };
                untagged.map_or(it, Cow::Owned)
            });
        Passed {
            messages: shown.into_iter().collect(),
            relisted: message.relisted,
            is_stray: message.mismatched && is_session,
            asked: Vec::new(),
        }
    }
}

fn is_acknowledgement(data: &[u8]) -> bool {
    let message = Message::read(data);
    matches!(message, Ok(Message::Notification { method, .. }) if method == ACKNOWLEDGED)
}

/// The `subscriptions/listen` for everything that an upstream without sessions says has changed; `None` if it says
/// nothing of that.
pub(super) fn listen_to_all(peer: &Peer, id: u64) -> Option<Vec<u8>> {
    let told = CHANGES.iter().filter(|(can, ..)| peer.capabilities.contains(*can));
    let flags: Vec<String> =
        told.map(|(.., name)| format!(r#""{name}ListChanged":true"#)).collect();
    let params = format!(r#"{{"notifications":{{{}}}}}"#, flags.join(","));
    let request = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"subscriptions/listen","params":{params}}}"#
    );
    (!flags.is_empty()).then(|| request.into_bytes())
}
