//! The resources that a client with a session has asked for updates of (2025-11-25, Resources, "Subscriptions"). They
//! are noted, so that they can be asked for again at an upstream that has lost the session.

use super::{Caller, Identity};
use crate::effect::Effect;
use crate::exchange::Context;
use crate::gateway::UpstreamId;
use crate::mcp::capability::Capabilities;
use crate::session::notes::{Note, Subscription};

/// Asks an upstream for updates of a resource.
pub(crate) const SUBSCRIBE: &str = "resources/subscribe";

impl Caller {
    /// Notes what a request that goes to its upstream changes of that, which `needs` this capability there.
    pub(crate) fn subscribes(
        &self,
        cx: &Context<'_>,
        needs: Capabilities,
        (method, upstream, uri): (&str, UpstreamId, Option<&str>),
    ) -> Option<Effect> {
        let is_about_that = needs == Capabilities::RESOURCES_SUBSCRIBE;
        let uri = uri.filter(|_| is_about_that)?.to_owned();
        let it = Subscription { upstream: cx.gateway.name(upstream).to_owned(), uri };
        let is_wanted = method == SUBSCRIBE;
        self.note(cx, if is_wanted { Note::Subscribed(it) } else { Note::Unsubscribed(it) })
    }

    /// The resources of an upstream, as that calls them.
    pub(crate) fn subscriptions(&self, cx: &Context<'_>, upstream: UpstreamId) -> Vec<String> {
        let Identity::Session(session) = &self.identity else { return Vec::new() };
        let name = cx.gateway.name(upstream);
        let noted = cx.host.session_notes(session.tag).subscriptions.into_iter();
        noted.filter(|it| it.upstream == name).map(|it| it.uri).collect()
    }
}
