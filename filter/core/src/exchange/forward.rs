//! Sends the client's own request to the upstream that owns it, through Envoy's router, and decides
//! by the head of the answer what becomes of that.

use super::admission::Admitted;
use super::gather::Gather;
use super::intake::{Client, Request};
use super::relay::Relay;
use super::upstream_request::ClientHeaders;
use super::{Cx, State, Turn, join, reply, upstream_request};
use crate::effect::{Effect, HeaderChange, Outcome, Step};
use crate::error::{ClientError, Error, UpstreamError};
use crate::event::Source;
use crate::http::{Headers, MediaType};
use crate::jsonrpc::{Id, decode, encode, range_in};
use crate::name;
use crate::route;

/// A request that went on to its upstream.
#[derive(Debug)]
pub(super) enum Forward {
    /// A call, and what it takes to make it once more.
    Call(Box<Sent>),
    /// A GET, which opens a stream; with the index of the upstream.
    Stream(usize),
}

/// A call that was sent on.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) call: Call,
    pub(super) client: ClientHeaders,
    pub(super) session: Admitted,
}

/// A call by name whose owner is known.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) label: &'static str,
    pub(super) id: Id<'static>,
    /// The owner's index.
    pub(super) upstream: usize,
    /// The message that it understands.
    pub(super) body: Vec<u8>,
}

/// Headers of an upstream's answer that are between it and the gateway.
const PRIVATE: [&str; 4] =
    [reply::SESSION_ID, "set-cookie", upstream_request::CLUSTER, upstream_request::REVISION];

/// Routes a call by `params.name`, whose bytes are the only ones of the body that change.
pub(super) fn call(
    cx: &mut Cx<'_>,
    client: Client,
    session: Admitted,
    label: &'static str,
    request: &Request<'_>,
) -> Turn {
    match find(cx, label, request) {
        Ok(call) if session.member(call.upstream).is_some() => {
            send(cx, call, client.headers, session)
        }
        Ok(call) => join::start(cx, call, client.headers, session),
        Err(error) => reply::now(reply::error(label, Some(&request.id), &Error::Client(error))),
    }
}

/// Sends a call on to its owner, which has a part in the session.
pub(super) fn send(cx: &Cx<'_>, call: Call, client: ClientHeaders, session: Admitted) -> Turn {
    let found = cx.gateway.upstreams.get(call.upstream).zip(session.member(call.upstream));
    let Some((upstream, member)) = found else {
        return reply::now(partless(cx, &call));
    };
    let changes = upstream_request::reroute(upstream, member, &client, Some(call.body.len()));
    let mut effects: Vec<Effect> = changes.into_iter().map(Effect::RequestHeader).collect();
    effects.push(Effect::Reroute);
    effects.push(Effect::RequestBody(call.body.clone()));
    let sent = Box::new(Sent { call, client, session });
    (State::Forward(Forward::Call(sent)), Step::pass_with(effects))
}

/// The answer to a call whose upstream has no part in the session.
pub(super) fn partless(cx: &Cx<'_>, call: &Call) -> Vec<Effect> {
    let error = Error::Upstream(absence(cx, call.upstream));
    reply::error(call.label, Some(&call.id), &error)
}

fn absence(cx: &Cx<'_>, upstream: usize) -> UpstreamError {
    let name = cx.gateway.upstreams.get(upstream).map_or("", |it| it.name.as_str());
    UpstreamError::new(name, "it has no part in this session yet; a call or a list will open it")
}

/// Routes the GET that opens a stream for what an upstream sends on its own.
pub(super) fn listen(cx: &Cx<'_>, client: &Client, session: &Admitted, index: usize) -> Turn {
    let found = cx.gateway.upstreams.get(index).zip(session.member(index));
    let Some((upstream, member)) = found else {
        let error = Error::Upstream(absence(cx, index));
        return reply::now(reply::stream_error(&error, 502));
    };
    let changes = upstream_request::reroute(upstream, member, &client.headers, None);
    let mut effects: Vec<Effect> = changes.into_iter().map(Effect::RequestHeader).collect();
    effects.push(Effect::Reroute);
    (State::Forward(Forward::Stream(index)), Step::pass_with(effects))
}

/// The owner of the name, and the body that it understands.
fn find(cx: &Cx<'_>, label: &'static str, request: &Request<'_>) -> Result<Call, ClientError> {
    let malformed = |why: &str| ClientError::Params(why.to_owned());
    let params = request.members()?.ok_or_else(|| malformed("`params` is missing"))?;
    if params.imitates(&["name"]) {
        return Err(ClientError::NotJsonRpc("`name` is repeated in other letters"));
    }
    let raw = params.find("name").ok_or_else(|| malformed("`name` is missing"))?.get();
    let name = decode(raw).ok_or_else(|| malformed("`name` must be a string"))?;
    let unknown = || ClientError::UnknownTool(name.chars().take(200).collect());
    let (upstream, own) = name::owner(cx.gateway, &name).ok_or_else(unknown)?;
    let configured = cx.gateway.upstreams.get(upstream).ok_or_else(unknown)?;
    if !configured.tools.admits(own) {
        return Err(unknown());
    }
    let at = range_in(request.body, raw).ok_or_else(unknown)?;
    let before = request.body.get(..at.start).unwrap_or_default();
    let after = request.body.get(at.end..).unwrap_or_default();
    let body = [before, encode(own).as_bytes(), after].concat();
    Ok(Call { label, id: request.id.clone().into_owned(), upstream, body })
}

impl Forward {
    /// The label of the request in counters.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Call(sent) => sent.call.label,
            Self::Stream(_) => route::GET,
        }
    }

    /// The index of the upstream.
    pub(super) fn upstream(&self) -> usize {
        match self {
            Self::Call(sent) => sent.call.upstream,
            Self::Stream(upstream) => *upstream,
        }
    }

    /// How many bytes are kept.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Call(sent) => sent.call.body.capacity(),
            Self::Stream(_) => 0,
        }
    }

    /// Takes the head of the answer.
    pub(super) fn head(
        self,
        cx: &mut Cx<'_>,
        headers: Headers<'_>,
        source: Source,
        end: bool,
    ) -> Turn {
        let served = (200..300).contains(&headers.status()) && !end;
        // An encoded answer: nobody asked for it, and nothing can be read in it.
        let encoded = headers.has("content-encoding");
        match (self, headers.media_type()) {
            (Self::Call(sent), MediaType::EventStream) if served && !encoded => {
                let mut step = Step::pass_with(private(headers));
                // An error may have to be added at the end.
                let length = HeaderChange::Remove("content-length");
                step.effects.push(Effect::ResponseHeader(length));
                (State::Relay(Relay::new(cx, sent.call)), step)
            }
            (call @ Self::Call(_), MediaType::Json | MediaType::EventStream) if served => {
                pass(call.label(), headers)
            }
            (stream @ Self::Stream(_), MediaType::EventStream) if served => {
                pass(stream.label(), headers)
            }
            (forward, _) => Gather::start(cx, Some(forward), headers, source, end),
        }
    }
}

fn pass(label: &'static str, headers: Headers<'_>) -> Turn {
    let mut effects = private(headers);
    effects.push(reply::count(label, Outcome::Ok));
    (State::Bypass, Step::pass_with(effects))
}

/// The changes that keep an upstream's private headers from the client, and a served answer's status
/// to 200.
pub(super) fn private(headers: Headers<'_>) -> Vec<Effect> {
    let present = PRIVATE.iter().filter(|name| headers.has(name));
    let remove = present.map(|name| HeaderChange::Remove(name));
    // A client takes 202 and the like for "no answer follows".
    let other = (201..300).contains(&headers.status());
    let status = other.then(|| HeaderChange::Set(":status".to_owned(), b"200".to_vec()));
    remove.chain(status).map(Effect::ResponseHeader).collect()
}
