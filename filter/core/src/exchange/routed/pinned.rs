//! Calls of tools that are pinned, where one that has changed since is blocked (`tools.on_change: block`).
//!
//! The call waits for a list of its upstream's tools, unless it is known from a moment ago that the tool is the one that
//! was pinned.

use crate::caller::Caller;
use crate::catalog::Page;
use crate::effect::Step;
use crate::error::Error;
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::list::{List, moment};
use crate::exchange::fan_out::question::{Completion, Ended};
use crate::exchange::fan_out::report::report;
use crate::exchange::fan_out::unavailable::{sort, warnings};
use crate::exchange::routed::owner;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall};
use crate::exchange::{Context, Turn, reply};
use crate::gateway::UpstreamId;
use crate::mcp::method::{Kind, NamedBy, Owned, listing};

/// A call that waits for its upstream's tools.
#[derive(Debug)]
struct Compare {
    call: RoutedCall,
    own: String,
}

/// Whether it is known that what a request of this kind names is not blocked.
pub(crate) fn is_clear(cx: &Context<'_>, owned: Owned, upstream: UpstreamId, own: &str) -> bool {
    let tools = &cx.gateway.upstream(upstream).tools;
    let is_tool = matches!(owned.key, NamedBy::Name(Kind::Tool));
    !is_tool || !tools.blocks_changed() || tools.pin(own).is_none() || {
        let now = moment(cx);
        cx.memory.pins.with(|pins| pins.is_same(upstream, own, now)) == Some(true)
    }
}

/// Sends a call to its owner, after a look at its tool if need be.
pub(crate) fn route(cx: &mut Context<'_>, caller: Caller, owned: Owned, call: RoutedCall) -> Turn {
    let own = call.name.as_deref().unwrap_or_default();
    if is_clear(cx, owned, call.upstream, own) {
        return Outbound::route(Routed::Call(call), caller);
    }
    let (upstream, own) = (call.upstream, own.to_owned());
    let list = List::whole(listing(Kind::Tool), &caller);
    FanOut::new(list, Compare { call, own }, caller).start(cx, [upstream])
}

impl Completion<List> for Compare {
    fn complete(self, cx: &mut Context<'_>, list: List, ended: Ended<Page>) -> Turn {
        let Self { call, own } = self;
        let (mut pages, failed) = sort(ended.parts);
        list.learn_calls(cx, &mut pages);
        let mut effects = report(cx, Kind::Tool, &pages, &[]);
        effects.extend(warnings(call.label, &failed));
        if let Some(error) = failed.into_iter().next() {
            effects.extend(Routed::Call(call).refused(error));
            return reply::now(effects);
        }
        let now = moment(cx);
        let is_same = cx.memory.pins.with(|pins| pins.is_same(call.upstream, &own, now));
        if is_same != Some(true) {
            let error: Error = ended.caller.refusal(owner::unknown(Kind::Tool, &own));
            effects.extend(reply::error(call.label, Some(&call.id), &error));
            return reply::now(effects);
        }
        let (state, step) = Outbound::route(Routed::Call(call), ended.caller);
        effects.extend(step.effects);
        (state, Step { verdict: step.verdict, effects })
    }

    fn held(&self) -> usize {
        self.call.body.capacity()
    }
}
