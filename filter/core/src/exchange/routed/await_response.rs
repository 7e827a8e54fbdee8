//! Sends the client's own request to the upstream that owns it, through Envoy's router, and decides
//! by the head of the answer what becomes of that.

use crate::caller::Caller;
use crate::effect::{Effect, HeaderChanges, Outcome, Step};
use crate::era::Era;
use crate::era::client::handshake::{REVISION, SESSION_ID};
use crate::error::{ClientError, UpstreamError};
use crate::event::Source;
use crate::exchange::relay;
use crate::exchange::response::error::ErrorResponse;
use crate::exchange::response::first_look::LooksFor;
use crate::exchange::response::json::JsonResponse;
use crate::exchange::response::sse::SseResponse;
use crate::exchange::routed::farewell::Farewell;
use crate::exchange::routed::request::{Outbound, Routed, Sent};
use crate::exchange::routed::{ask_again, list_again, open_upstream};
use crate::exchange::state::Next;
use crate::exchange::upstream_request::SendAs;
use crate::exchange::{Context, Turn, reply, upstream_request};
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::http::{Headers, MediaType};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::{self, Eras, Shape};
use crate::rewrite::long::HELD;

/// The head of an answer that is a message, or a stream of these.
#[derive(Debug)]
pub(crate) struct Served {
    media_type: MediaType,
    encoded: bool,
    /// How long its body is, if the head says so.
    length: Option<usize>,
    /// Whether its whole body is there, so that the length that the head says can stay, or be set anew.
    is_whole: bool,
    /// What the client must not see of it.
    changes: HeaderChanges,
}

impl Served {
    /// Whether these bytes are its whole body, of a JSON message that is short enough to be read at once.
    pub(crate) fn is_whole(&self, body: &[u8], limit: usize) -> bool {
        let is_there = self.length.is_some_and(|length| body.len() >= length);
        let is_json = self.media_type == MediaType::Json && !self.encoded;
        is_json && is_there && body.len() <= HELD.min(limit)
    }

    /// The same, with its whole body there.
    pub(crate) fn whole(self) -> Self {
        Self { is_whole: true, ..self }
    }

    /// What the client must not see of it.
    pub(crate) fn into_changes(self) -> HeaderChanges {
        self.changes
    }
}

/// Headers of an upstream's answer that are between it and the gateway.
const PRIVATE: [&str; 4] = [SESSION_ID, "set-cookie", upstream_request::CLUSTER, REVISION];

/// Sends a request on, once its upstream has agreed with the caller.
pub(crate) fn route(cx: &mut Context<'_>, outbound: Box<Outbound>) -> Turn {
    let outbound = match relay::resume::resume(cx, outbound) {
        Ok(turn) => return turn,
        Err(outbound) => outbound,
    };
    if outbound.caller.peer(outbound.routed.upstream()).is_none() {
        return open_upstream::start(cx, outbound);
    }
    (Next::Send(outbound, None), Step::hold())
}

/// Sends a request on to its upstream, which has agreed with the caller.
pub(crate) fn send(cx: &mut Context<'_>, mut outbound: Box<Outbound>) -> Turn {
    let Outbound { routed, caller } = &mut *outbound;
    let index = routed.upstream();
    let clock = cx.clock();
    cx.trail.goes_to(clock, index, routed.name());
    let upstream = cx.gateway.upstream(index);
    let Some(peer) = caller.peer(index) else {
        return reply::now(routed.failed(absence(cx, index)));
    };
    let revision = peer.revision;
    cx.memory.seen.with(index, |seen| seen.revision = Some(revision));
    if let Routed::Call(call) = &*routed
        && (!peer.capabilities.contains(call.needs)
            || !exists(call.method, caller.era(), peer.era()))
    {
        let error = ClientError::UnknownMethod(format!("not served by upstream {}", upstream.name));
        return reply::now(reply::error(call.label, Some(&call.id), &caller.refusal(error)));
    }
    if matches!(&*routed, Routed::Call(call) if relay::resume::is_lost(cx, call, caller, peer)) {
        return relay::resume::gone(&outbound);
    }
    if let Routed::Call(call) = routed {
        call.params = list_again::params(cx, caller, peer, call);
    }
    if let Some(capabilities) = relay::asks(cx, routed, caller) {
        return relay::start(cx, *outbound, capabilities);
    }
    // What streams is addressed as it comes.
    let addressed = match &*routed {
        Routed::Call(call) if call.is_kept() => caller.address(peer, true, &call.body),
        Routed::Call(_) | Routed::Stream(_) => None,
    };
    let send_as = match &*routed {
        Routed::Call(call) => SendAs::Post(match call.sent {
            Sent::Whole => Some(addressed.as_ref().unwrap_or(&call.body).len()),
            Sent::Begun(length) => length,
        }),
        Routed::Stream(stream) => {
            SendAs::Get(stream.resumed.as_ref().map(|(_, event)| event.as_slice()))
        }
    };
    let (subject, agreed) = (routed.subject(), (upstream, peer));
    let changes = upstream_request::reroute(cx.gateway, agreed, &caller.headers, subject, send_as);
    let mut effects = Vec::with_capacity(3);
    effects.extend([Effect::RequestHead(changes), Effect::Reroute]);
    if let Routed::Call(call) = routed {
        let subject = (call.method, index, call.name.as_deref());
        effects.extend(caller.subscribes(cx, call.needs, subject));
        cx.asks(index, None);
        cx.farewell = Farewell::new(cx, caller, index, &call.id).map(Box::new);
        // What is kept is not in the words of an era yet: the upstream may turn out to be of another one.
        let body = match (addressed, call.is_kept()) {
            (Some(addressed), _) => addressed,
            (None, true) => call.body.clone(),
            (None, false) => std::mem::take(&mut call.body),
        };
        effects.push(Effect::RequestBody(body));
    }
    (Next::AwaitResponse(outbound), Step::pass_with(effects))
}

/// Whether a method that a client of one era has asked for is the same in an upstream's.
fn exists(method: &str, from: Era, to: Era) -> bool {
    from == to || method::row_of(method).is_some_and(|row| row.eras == Eras::Both)
}

fn absence(cx: &Context<'_>, upstream: UpstreamId) -> UpstreamError {
    let name = cx.gateway.name(upstream);
    UpstreamError::new(name, Fault::NoSession)
}

/// Takes the head of the answer.
pub(crate) fn head(
    cx: &mut Context<'_>,
    outbound: Box<Outbound>,
    headers: Headers<'_>,
    source: Source,
    end: bool,
) -> Turn {
    let served = (200..300).contains(&headers.status()) && !end;
    if !served {
        return ErrorResponse::start(cx, Some(outbound), headers, source, end);
    }
    let Outbound { routed, caller } = *outbound;
    if routed.id().is_some_and(Id::is_unknown) {
        let name = cx.gateway.name(routed.upstream());
        return reply::now(routed.failed(UpstreamError::new(name, Fault::TooEarly)));
    }
    // An encoded answer: nobody asked for it, and nothing can be read in it.
    let plain = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
    let encoded = !headers.all("content-encoding").all(plain);
    let media_type = headers.media_type();
    let is_message = match routed {
        Routed::Call(_) => matches!(media_type, MediaType::Json | MediaType::EventStream),
        Routed::Stream(_) => media_type == MediaType::EventStream && !encoded,
    };
    let outbound = Outbound { routed, caller };
    if !is_message {
        return ErrorResponse::start(cx, Some(Box::new(outbound)), headers, source, end);
    }
    let (length, changes) = (headers.content_length(), private(headers));
    let served = Served { media_type, encoded, length, is_whole: false, changes };
    if !encoded && is_kept_in_session(&outbound) {
        return ErrorResponse::look(Box::new(outbound), headers, served, LooksFor::LostSession);
    }
    if !encoded && ask_again::may_be_asked(&outbound) {
        let wanted = LooksFor::AskingAgain(length);
        return ErrorResponse::look(Box::new(outbound), headers, served, wanted);
    }
    pass(cx, outbound, served)
}

/// Whether the request can be sent once more, in another session.
fn is_kept_in_session(outbound: &Outbound) -> bool {
    let peer = outbound.caller.peer(outbound.routed.upstream());
    let in_session = peer.is_some_and(|peer| peer.session.is_some());
    in_session && matches!(&outbound.routed, Routed::Call(call) if call.is_kept())
}

/// Lets an answer through that is a message, or a stream of these.
pub(crate) fn pass(cx: &Context<'_>, outbound: Outbound, served: Served) -> Turn {
    let Outbound { routed, caller } = outbound;
    let Served { media_type, encoded, length, is_whole, mut changes } = served;
    match routed {
        routed if media_type == MediaType::EventStream && !encoded => {
            changes.remove("content-length");
            let mut effects = vec![Effect::ResponseHead(changes)];
            if routed.id().is_none() {
                effects.push(reply::count(routed.label(), Outcome::Ok));
            }
            let response = SseResponse::new(cx, routed, &caller);
            (Next::SseResponse(Box::new(response)), Step::pass_with(effects))
        }
        Routed::Call(call)
            if !encoded
                && (call.shape != Shape::Opaque || is_translated(&caller, call.upstream)) =>
        {
            if !is_whole {
                changes.remove("content-length");
            }
            let response = JsonResponse::new(call, &caller, length);
            (Next::JsonResponse(Box::new(response)), Step::pass_with(changes.into_effects()))
        }
        routed => {
            let mut effects = changes.into_effects();
            if encoded {
                let name = cx.gateway.name(routed.upstream());
                effects.push(Effect::Warn(format!(
                    "{}: upstream {name} encoded its answer, which was not asked for: it passed \
                     unchanged",
                    routed.label()
                )));
            }
            effects.push(reply::count(routed.label(), Outcome::Ok));
            (Next::Bypass, Step::pass_with(effects))
        }
    }
}

/// Whether the answer may have to change for the era of one of the two.
fn is_translated(caller: &Caller, upstream: UpstreamId) -> bool {
    let is_handshake = caller.peer(upstream).is_none_or(|peer| peer.era() == Era::Handshake);
    caller.era() == Era::Stateless || !is_handshake
}

/// The changes that keep an upstream's private headers from the client, and a served answer's status
/// to 200.
pub(crate) fn private(headers: Headers<'_>) -> HeaderChanges {
    let mut changes = HeaderChanges::default();
    for name in PRIVATE.iter().filter(|name| headers.has(name)) {
        changes.remove(*name);
    }
    // A client takes 202 and the like for "no answer follows".
    if (201..300).contains(&headers.status()) {
        changes.set(":status", b"200");
    }
    changes
}
