//! Sends the client's own request to the upstream that owns it, through Envoy's router, and decides
//! by the head of the answer what becomes of that.

use crate::caller::Caller;
use crate::effect::{Effect, HeaderChange, Outcome, Step};
use crate::era::client::handshake::{REVISION, SESSION_ID};
use crate::error::{ClientError, Error, UpstreamError};
use crate::event::Source;
use crate::exchange::request::stream::RequestStream;
use crate::exchange::response::error::ErrorResponse;
use crate::exchange::response::json::JsonResponse;
use crate::exchange::response::sse::SseResponse;
use crate::exchange::routed::open_upstream;
use crate::exchange::routed::request::{Routed, Sent, Stream};
use crate::exchange::upstream_request::SendAs;
use crate::exchange::{Context, State, Turn, reply, upstream_request};
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::http::{Headers, MediaType};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::{self, Shape};
use crate::mcp::owner_tag::StreamContext;

/// A request that went on to its upstream, and what it takes to make it once more.
#[derive(Debug)]
pub(crate) struct AwaitResponse {
    pub(crate) going: Routed,
    pub(crate) caller: Caller,
    /// What there is of it to come, where it has gone on before it was complete.
    pub(crate) pour: Option<Box<RequestStream>>,
}

/// Headers of an upstream's answer that are between it and the gateway.
const PRIVATE: [&str; 4] = [SESSION_ID, "set-cookie", upstream_request::CLUSTER, REVISION];

/// Opens the stream of a GET: the rest of the one that `Last-Event-ID` names (2025-11-25, Transports,
/// "Resumability and Redelivery"), or else what the upstream of `listen` sends on its own.
pub(crate) fn listen(cx: &mut Context<'_>, caller: Caller, last_event: Option<&[u8]>) -> Turn {
    // An id that no stream of the gateway had says nothing.
    let resumed = last_event.and_then(|id| StreamContext::of_event(cx.gateway, id));
    let stream = match (resumed, cx.gateway.listen) {
        (Some((upstream, place, id)), _) if place.session == caller.digest(upstream) => {
            Stream { upstream, resumed: Some((place, id.to_vec())) }
        }
        (Some((upstream, place, _)), _) if !place.request.is_empty() => {
            return reply::now(lost_answer(cx, upstream, &place));
        }
        (_, Some(upstream)) => Stream { upstream, resumed: None },
        (_, None) => {
            let error = Error::Client(ClientError::Method(reply::ALLOW));
            return reply::now(reply::error(method::GET, None, &error));
        }
    };
    start(cx, Routed::Stream(stream), caller)
}

/// The rest of the stream of a request whose answer went with its upstream's session: an error.
fn lost_answer(cx: &Context<'_>, upstream: UpstreamId, place: &StreamContext) -> Vec<Effect> {
    let name = cx.gateway.name(upstream);
    let error = Error::Upstream(UpstreamError::new(name, Fault::LostStream));
    let id = std::str::from_utf8(&place.request).ok().and_then(Id::from_raw);
    reply::stream_with(&error.body(id.as_ref()))
}

/// Sends a request on, once its upstream has agreed with the caller.
pub(crate) fn start(cx: &mut Context<'_>, going: Routed, caller: Caller) -> Turn {
    if caller.peer(going.upstream()).is_none() {
        return open_upstream::start(cx, going, caller);
    }
    send(cx, going, caller)
}

/// Sends a request on to its upstream, which has agreed with the caller.
pub(crate) fn send(cx: &Context<'_>, mut going: Routed, caller: Caller) -> Turn {
    let index = going.upstream();
    let upstream = cx.gateway.upstream(index);
    let Some(peer) = caller.peer(index) else {
        return reply::now(going.refused(absence(cx, index)));
    };
    if let Routed::Call(call) = &going
        && !peer.capabilities.contains(call.needs)
    {
        let error = ClientError::UnknownMethod(format!("not served by upstream {}", upstream.name));
        return reply::now(reply::error(call.label, Some(&call.id), &Error::Client(error)));
    }
    let send_as = match &going {
        Routed::Call(call) => SendAs::Post(match call.sent {
            Sent::Whole => Some(call.body.len()),
            Sent::Begun(length) => length,
        }),
        Routed::Stream(stream) => {
            SendAs::Get(stream.resumed.as_ref().map(|(_, event)| event.as_slice()))
        }
    };
    let changes = upstream_request::reroute(upstream, peer, &caller.headers, send_as);
    let mut effects: Vec<Effect> = changes.into_iter().map(Effect::RequestHeader).collect();
    effects.push(Effect::Reroute);
    if let Routed::Call(call) = &mut going {
        let kept = if call.is_kept() { call.body.clone() } else { Vec::new() };
        effects.push(Effect::RequestBody(std::mem::replace(&mut call.body, kept)));
    }
    let forward = Box::new(AwaitResponse { going, caller, pour: None });
    (State::AwaitResponse(forward), Step::pass_with(effects))
}

/// Lets a request go on that was held while side calls were under way.
pub(crate) fn resume((state, mut step): Turn) -> Turn {
    if matches!(state, State::AwaitResponse(_)) {
        step.effects.push(Effect::Resume);
    }
    (state, step)
}

fn absence(cx: &Context<'_>, upstream: UpstreamId) -> UpstreamError {
    let name = cx.gateway.name(upstream);
    UpstreamError::new(name, Fault::NoSession)
}

impl AwaitResponse {
    /// Takes the head of the answer.
    pub(crate) fn head(
        self,
        cx: &mut Context<'_>,
        headers: Headers<'_>,
        source: Source,
        end: bool,
    ) -> Turn {
        let served = (200..300).contains(&headers.status()) && !end;
        if !served {
            return ErrorResponse::start(cx, Some(self), headers, source, end);
        }
        let Self { going, caller, pour } = self;
        if going.id().is_some_and(Id::is_unknown) {
            let name = cx.gateway.name(going.upstream());
            return reply::now(going.refused(UpstreamError::new(name, Fault::TooEarly)));
        }
        // An encoded answer: nobody asked for it, and nothing can be read in it.
        let plain = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
        let encoded = !headers.all("content-encoding").all(plain);
        match (going, headers.media_type()) {
            (going, MediaType::EventStream) if !encoded => {
                let mut step = unmeasured(headers);
                if going.id().is_none() {
                    step.effects.push(reply::count(going.label(), Outcome::Ok));
                }
                (State::SseResponse(Box::new(SseResponse::new(cx, going, &caller))), step)
            }
            (Routed::Call(call), MediaType::Json) if !encoded && call.shape != Shape::Opaque => (
                State::JsonResponse(Box::new(JsonResponse::new(call, caller.scope(), headers))),
                unmeasured(headers),
            ),
            (Routed::Call(call), MediaType::Json | MediaType::EventStream) => {
                let mut effects = private(headers);
                if encoded {
                    let name = cx.gateway.name(call.upstream);
                    effects.push(Effect::Warn(format!(
                        "{}: an answer of upstream {name} is encoded, which was not asked for: it \
                         passed as it is",
                        call.label
                    )));
                }
                effects.push(reply::count(call.label, Outcome::Ok));
                (State::Bypass, Step::pass_with(effects))
            }
            (going, _) => {
                let forward = Self { going, caller, pour };
                ErrorResponse::start(cx, Some(forward), headers, source, end)
            }
        }
    }
}

/// The head of an answer whose length may change.
fn unmeasured(headers: Headers<'_>) -> Step {
    let mut step = Step::pass_with(private(headers));
    step.effects.push(Effect::ResponseHeader(HeaderChange::Remove("content-length")));
    step
}

/// The changes that keep an upstream's private headers from the client, and a served answer's status
/// to 200.
pub(crate) fn private(headers: Headers<'_>) -> Vec<Effect> {
    let present = PRIVATE.iter().filter(|name| headers.has(name));
    let remove = present.map(|name| HeaderChange::Remove(name));
    // A client takes 202 and the like for "no answer follows".
    let other = (201..300).contains(&headers.status());
    let status = other.then(|| HeaderChange::Set(":status".into(), b"200".to_vec()));
    remove.chain(status).map(Effect::ResponseHeader).collect()
}
