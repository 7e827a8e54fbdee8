//! A client without a session comes back with the answer to what it was asked: the call that waits for it goes on, for
//! this request now (2026-07-28, Multi Round-Trip Requests).

use crate::caller::Caller;
use crate::effect::{CallKey, Effect};
use crate::era::Era;
use crate::error::ClientError;
use crate::exchange::relay::Relay;
use crate::exchange::relay::course::{Course, Sent, Streaming};
use crate::exchange::relay::park::Parking;
use crate::exchange::request::message::params_of;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall};
use crate::exchange::{Context, Turn, reply};
use crate::json::{Members, decode};
use crate::mcp::request_state::RequestState;
use crate::memory::parked::{Absent, Parked};
use crate::peer::Peer;

/// Why there is no call to go on with.
pub(super) const GONE: &str = "no call of this caller waits for this answer here: it has got it, was given up (after \
    `call_timeout`), or waits at another replica of the gateway, or under an earlier configuration; make the call anew, \
    without `requestState`";
const OTHER: &str = "the call that waits is about something else, or asks something else by now; send the method, the \
    name and the `requestState` of the last result together";
const UNANSWERED: &str =
    "`inputResponses` has no answer to what `inputRequests` of the last result asks for";

/// Goes on with a call if a request brings what that waits for, or says why not; `Err` with the request if its
/// `requestState` is none of this gateway's for this caller.
pub(crate) fn resume(cx: &mut Context<'_>, outbound: Box<Outbound>) -> Result<Turn, Box<Outbound>> {
    let Outbound { routed: Routed::Call(call), caller } = &*outbound else { return Err(outbound) };
    if !is_retry(cx, call, caller) {
        return Err(outbound);
    }
    let members = params_of(&call.body);
    let members =
        members.and_then(|it| it.scan().pick(["requestState", "inputResponses"]).ok().flatten());
    let [state, responses] = members.unwrap_or_default();
    let bound = (call.method, caller.scope());
    let state = state.and_then(|raw| decode(raw.get()));
    let state = state.and_then(|text| RequestState::open(&cx.gateway.keys, bound, &text));
    let Some(state) = state else { return Err(outbound) };
    let responses = responses.and_then(Members::read).unwrap_or_default();
    let mut answer = None;
    let is_it = |it: &Parked| {
        answer = responses.find(&it.key).filter(|it| it.is_object());
        let is_same = it.upstream == call.upstream && it.name == call.name;
        is_same && it.question.as_raw() == state.question && answer.is_some()
    };
    let taken = cx.memory.parked.take(state.key(), caller.scope(), is_it);
    let says = answer.map(|answer| format!(r#""result":{}"#, answer.get()));
    match (taken, says, *outbound) {
        (Ok(parked), Some(says), Outbound { routed: Routed::Call(call), caller }) => {
            Ok(adopt(cx, (call, caller), (state.key(), parked), &says))
        }
        (Err(Absent::Other), None, outbound) => Ok(refuse(&outbound, UNANSWERED)),
        (Err(Absent::Other), Some(_), outbound) => Ok(refuse(&outbound, OTHER)),
        (_, _, outbound) => Ok(refuse(&outbound, GONE)),
    }
}

/// Whether a request brings a state that its upstream, which has sessions, cannot have given.
pub(crate) fn is_lost(cx: &Context<'_>, call: &RoutedCall, caller: &Caller, peer: &Peer) -> bool {
    peer.era() == Era::Handshake && is_retry(cx, call, caller)
}

/// Whether a request may bring an answer to a call that waits.
fn is_retry(cx: &Context<'_>, call: &RoutedCall, caller: &Caller) -> bool {
    call.is_retry && caller.era() == Era::Stateless && cx.host.abilities().streams
}

/// The answer to one whose call does not wait.
pub(crate) fn gone(outbound: &Outbound) -> Turn {
    refuse(outbound, GONE)
}

fn refuse(outbound: &Outbound, why: &'static str) -> Turn {
    let error = outbound.caller.refusal(ClientError::NotWaiting(why));
    reply::now(reply::error(outbound.routed.label(), outbound.routed.id(), &error))
}

fn adopt(
    cx: &mut Context<'_>,
    (call, mut caller): (RoutedCall, Caller),
    (key, parked): (CallKey, Parked),
    says: &str,
) -> Turn {
    let clock = cx.clock();
    cx.trail.goes_to(clock, call.upstream, call.name.as_ref());
    let Parked { peer, lease, capabilities, request, question, reader, pending, .. } = parked;
    caller.join(call.upstream, &peer);
    cx.leases.extend(lease);
    let parking = Parking::adopted(key, &call.body);
    let mut relay = Box::new(Relay::new(cx, call, caller, capabilities));
    relay.parking = Some(parking);
    let sent = Sent(relay.next_call(), request);
    relay.client.effects.push(Effect::Adopt { key, call: sent.0 });
    relay.course = Course::Streams(Box::new(Streaming { sent, reader, pending, end: None }));
    relay.post(cx, &question, says, true);
    let within = cx.gateway.upstream(relay.call.upstream).call_timeout;
    relay.client.waits(cx.host.now(), within);
    relay.turn(cx)
}
