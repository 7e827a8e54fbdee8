//! The arguments that a call repeats in headers (`Mcp-Param-*`) as its upstream's tool wants it (`x-mcp-header`),
//! for clients with sessions at upstreams without: these clients know nothing of it.
//!
//! If the upstream refuses a call for its headers, it is asked for its tools once more, and then gets the call once
//! more. That is a side call, since the client's own request is gone by then (2026-07-28, Streamable HTTP,
//! "Custom Headers from Tool Parameters").

use crate::caller::Caller;
use crate::catalog::Page;
use crate::effect::Step;
use crate::era::Era;
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::list::List;
use crate::exchange::fan_out::question::{Completion, Ended};
use crate::exchange::fan_out::unavailable::{sort, warnings};
use crate::exchange::relay;
use crate::exchange::request::message::params_of;
use crate::exchange::routed::ask_again;
use crate::exchange::routed::request::{Routed, RoutedCall};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::mcp::method::{Kind, listing};
use crate::mcp::param_headers;
use crate::peer::Peer;

/// A call that was refused, while its upstream lists its tools.
#[derive(Debug)]
struct ListAgain {
    call: RoutedCall,
}

/// The method whose requests repeat arguments.
const CALL: &str = "tools/call";

/// The headers that repeat arguments of a call at an upstream that speaks so; the client has seen to them if
/// it is of the same era.
pub(crate) fn params(
    cx: &Context<'_>,
    caller: &Caller,
    peer: &Peer,
    call: &RoutedCall,
) -> Vec<(String, String)> {
    let is_bridged = (caller.era(), peer.era()) == (Era::Handshake, Era::Stateless);
    let (true, Some(tool)) = (is_bridged && call.method == CALL, &call.name) else {
        return Vec::new();
    };
    let headers = cx.memory.tool_headers.with(|known| known.find(call.upstream, tool));
    let Some(headers) = headers else { return Vec::new() };
    let params = params_of(&call.body).and_then(|params| params.scan().pick(["arguments"]).ok()?);
    param_headers::values(&headers, params.and_then(|[arguments]| arguments))
}

/// Whether a new list may show what the head of a call has to repeat.
pub(crate) fn may_help(caller: &Caller, call: &RoutedCall) -> bool {
    let is_stateless = caller.peer(call.upstream).is_some_and(|peer| peer.era() == Era::Stateless);
    caller.era() == Era::Handshake && is_stateless && call.method == CALL && call.is_kept()
}

/// Begins; the upstream's refusal stays held.
pub(crate) fn start(cx: &mut Context<'_>, call: RoutedCall, caller: Caller) -> Turn {
    let upstream = call.upstream;
    let list = List::whole(listing(Kind::Tool), &caller);
    FanOut::new(list, ListAgain { call }, caller).start(cx, [upstream])
}

impl Completion<List> for ListAgain {
    fn complete(self, cx: &mut Context<'_>, list: List, ended: Ended<Page>) -> Turn {
        let Self { mut call } = self;
        let (mut pages, failed) = sort(ended.parts);
        list.learn_calls(cx, &mut pages);
        let mut effects = warnings(call.label, &failed);
        if let Some(error) = failed.into_iter().next() {
            effects.extend(Routed::Call(call).refused(error));
            return reply::now(effects);
        }
        if let Some(peer) = ended.caller.peer(call.upstream) {
            call.params = params(cx, &ended.caller, peer, &call);
        }
        let routed = Routed::Call(call);
        let asked = relay::asks(cx, &routed, &ended.caller);
        let (next, step) = match (routed, asked) {
            (Routed::Call(call), Some(asked)) => relay::listed(cx, call, ended.caller, asked),
            (Routed::Call(call), None) => ask_again::start(cx, call, ended.caller),
            (Routed::Stream(_), _) => (Next::Bypass, Step::pass()),
        };
        effects.extend(step.effects);
        (next, Step { verdict: step.verdict, effects })
    }

    fn held(&self) -> usize {
        self.call.body.capacity()
    }

    fn holds_answer(&self) -> bool {
        true
    }
}
