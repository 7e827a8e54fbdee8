//! The stream of what an upstream sends on its own: by a GET, or by `subscriptions/listen` in the stateless era. A
//! GET may also resume another stream that broke off.

use crate::caller::Caller;
use crate::effect::Effect;
use crate::era::Era;
use crate::error::{ClientError, Error, UpstreamError};
use crate::exchange::merged;
use crate::exchange::request::message::Request;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall, Stream};
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::{Listen, UpstreamId};
use crate::mcp::event_id::StreamContext;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::{self, Row};
use crate::rewrite::to_upstream;

/// Opens the stream of a GET: the rest of the one that `Last-Event-ID` names (2025-11-25, Transports,
/// "Resumability and Redelivery"), or else what the upstream of `listen` sends on its own.
pub(crate) fn start(cx: &mut Context<'_>, caller: Caller, last_event: Option<&[u8]>) -> Turn {
    // An id that no stream of the gateway had says nothing.
    let resumed = last_event.and_then(|id| StreamContext::of_event(cx.gateway, id));
    let stream = match (resumed, cx.gateway.listen) {
        (Some((upstream, place, id)), _) if place.session == caller.digest(upstream) => {
            Stream { upstream, resumed: Some((place, id.to_vec())) }
        }
        (Some((upstream, place, _)), _) if !place.request.is_empty() => {
            return reply::now(lost_answer(cx, upstream, &place));
        }
        (_, Listen::One(upstream)) if has_no_stream(&caller, upstream) => return no_stream(),
        (_, Listen::One(upstream)) => Stream { upstream, resumed: None },
        (_, Listen::All) => return merged::start(cx, caller, last_event),
        (_, Listen::None) => return no_stream(),
    };
    Outbound::route(Routed::Stream(stream), caller)
}

/// Whether an upstream is known to have no streams of its own: those of the stateless era have none.
fn has_no_stream(caller: &Caller, upstream: UpstreamId) -> bool {
    caller.peer(upstream).is_some_and(|peer| peer.era() == Era::Stateless)
}

fn no_stream() -> Turn {
    let error = Error::Client(ClientError::Method(reply::ALLOW));
    reply::now(reply::error(method::GET, None, &error))
}

/// Opens the stream of a `subscriptions/listen` at the upstream of `listen` (2026-07-28, Subscriptions). An
/// upstream of the handshake era has no such stream, which shows once its era is known.
pub(crate) fn subscribe(
    cx: &mut Context<'_>,
    caller: Caller,
    row: &'static Row,
    request: &Request<'_>,
) -> Turn {
    let upstream = match cx.gateway.listen {
        Listen::One(upstream) => upstream,
        Listen::All => return merged::subscribe(cx, caller, row, request),
        Listen::None => {
            let error = caller.refusal(ClientError::UnknownMethod(row.method.to_owned()));
            return reply::now(reply::error(row.label, Some(&request.id), &error));
        }
    };
    if let Err(error) = request.notifications() {
        return reply::now(reply::error(row.label, Some(&request.id), &caller.refusal(error)));
    }
    let who = (caller.tasks(cx.gateway), caller.rights());
    let changed = to_upstream::subscriptions(cx.gateway, who, upstream, request.body);
    let body = changed.unwrap_or_else(|| request.body.to_vec());
    let call = RoutedCall::new(row, upstream, request.id.clone(), body);
    Outbound::route(Routed::Call(call), caller)
}

/// The rest of the stream of a request whose answer went with its upstream's session: an error.
fn lost_answer(cx: &Context<'_>, upstream: UpstreamId, place: &StreamContext) -> Vec<Effect> {
    let name = cx.gateway.name(upstream);
    let error = Error::Upstream(UpstreamError::new(name, Fault::LostStream));
    let id = std::str::from_utf8(&place.request).ok().and_then(Id::from_raw);
    reply::stream_with(&error.body(id.as_ref()))
}
