//! Asks an upstream whose part in a session was opened again for updates of the resources that the client has asked for
//! before (2025-11-25, Resources, "Subscriptions"): one after the other, before anybody else goes on in that part.
//!
//! If it refuses one, the next is another matter. If it does not answer at all, the rest is left: the client waits
//! meanwhile.

use super::{Advance, Leg, Progress};
use crate::caller::Caller;
use crate::caller::subscriptions::SUBSCRIBE;
use crate::exchange::Context;
use crate::exchange::fan_out::question::Question;
use crate::json::encode;
use crate::mcp::capability::Capabilities;

impl<P> Leg<P> {
    /// Asks for the next resource, or goes on in the session that was opened; `ok` if the last answer was of use.
    pub(super) fn subscribe(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        caller: &Caller,
        ok: bool,
    ) -> Advance {
        if self.progress == Progress::Subscribing {
            self.subscriptions.pop_front();
        } else if self
            .peer
            .as_ref()
            .is_some_and(|peer| peer.capabilities.contains(Capabilities::RESOURCES_SUBSCRIBE))
        {
            self.subscriptions = caller.subscriptions(cx, self.upstream).into();
        }
        if self.subscriptions.is_empty() {
            return self.settle(cx, question, caller, ok);
        }
        Advance::to(Some(Progress::Subscribing), ok)
    }

    /// Goes on without those that are left.
    pub(super) fn leave_subscriptions(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        caller: &Caller,
    ) -> Advance {
        self.subscriptions.clear();
        self.settle(cx, question, caller, false)
    }

    /// The request for the next one.
    pub(super) fn subscription(&self, request: u64) -> Vec<u8> {
        let uri = self.subscriptions.front().map_or("", String::as_str);
        subscribe(request, uri)
    }
}

/// A request for updates of a resource.
pub(crate) fn subscribe(request: u64, uri: &str) -> Vec<u8> {
    let params = format!(r#"{{"uri":{}}}"#, encode(uri));
    format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"{SUBSCRIBE}","params":{params}}}"#)
        .into_bytes()
}
