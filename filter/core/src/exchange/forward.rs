//! Sends the client's own request to the upstream that owns it, through Envoy's router, and decides
//! by the head of the answer what becomes of that.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::admission::Admitted;
use super::gather::Gather;
use super::intake::{Client, Request};
use super::relay::Relay;
use super::{Cx, State, Turn, reply, upstream_request};
use crate::effect::{Effect, HeaderChange, Outcome, Step};
use crate::error::{ClientError, Error};
use crate::http::{Headers, MediaType};
use crate::jsonrpc::{Id, Members, decode, encode, range_in, read_object};
use crate::name;
use crate::route;

/// A request that went on to its upstream.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) label: &'static str,
    pub(super) upstream: usize,
    /// Whether the upstream was given a session id, so that its 404 means that it lost the session.
    pub(super) in_session: bool,
    pub(super) kind: Kind,
}

/// What was sent on.
#[derive(Debug)]
pub(super) enum Kind {
    /// A request, which has to be answered.
    Call(Id<'static>),
    /// A GET, which opens a stream.
    Stream,
    /// A request that Envoy refused before it was read.
    Unread,
}

/// Headers of an upstream's answer that are between it and the gateway.
const PRIVATE: [&str; 2] = [reply::SESSION_ID, "set-cookie"];

/// Routes a call by `params.name`, whose bytes are the only ones of the body that change.
pub(super) fn call(
    cx: &mut Cx<'_>,
    client: &Client,
    session: &Admitted,
    label: &'static str,
    request: &Request<'_>,
) -> Turn {
    let refuse = |error| reply::now(reply::error(label, Some(&request.id), &error));
    let found = match find(cx, request) {
        Ok(found) => found,
        Err(error) => return refuse(Error::Client(error)),
    };
    let Some((upstream, member)) =
        cx.gateway.upstreams.get(found.upstream).zip(session.member(found.upstream))
    else {
        return refuse(Error::Upstream(Admitted::absence(cx, found.upstream)));
    };
    let changes =
        upstream_request::reroute(upstream, member, &client.headers, Some(found.body.len()));
    let mut effects: Vec<Effect> = changes.into_iter().map(Effect::RequestHeader).collect();
    effects.push(Effect::Reroute);
    effects.push(Effect::RequestBody(found.body));
    let forward = Forward {
        label,
        upstream: found.upstream,
        in_session: member.id.is_some(),
        kind: Kind::Call(request.id.clone().into_owned()),
    };
    (State::Forward(forward), Step::pass_with(effects))
}

/// Routes the GET that opens a stream for what an upstream sends on its own.
pub(super) fn listen(cx: &mut Cx<'_>, client: &Client, session: &Admitted, index: usize) -> Turn {
    let found = cx.gateway.upstreams.get(index).zip(session.member(index));
    let Some((upstream, member)) = found else {
        let error = Error::Upstream(Admitted::absence(cx, index));
        return reply::now(reply::stream_error(&error, 502));
    };
    let changes = upstream_request::reroute(upstream, member, &client.headers, None);
    let mut effects: Vec<Effect> = changes.into_iter().map(Effect::RequestHeader).collect();
    effects.push(Effect::Reroute);
    let in_session = member.id.is_some();
    let forward = Forward { label: route::GET, upstream: index, in_session, kind: Kind::Stream };
    (State::Forward(forward), Step::pass_with(effects))
}

struct Found {
    upstream: usize,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: &'a RawValue,
}

/// The owner of the name, and the body that it understands.
fn find(cx: &Cx<'_>, request: &Request<'_>) -> Result<Found, ClientError> {
    let malformed = |why: &str| ClientError::Params(why.to_owned());
    let params = request.params.ok_or_else(|| malformed("`params` is missing"))?;
    let named: Named<'_> = read_object(params.get()).map_err(|_| match Members::read(params) {
        None if params.get().starts_with('{') => ClientError::NotJsonRpc("a key is repeated"),
        _ => malformed("expected an object with a `name`"),
    })?;
    let raw = named.name.get();
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
    Ok(Found { upstream, body: [before, encode(own).as_bytes(), after].concat() })
}

impl Forward {
    /// Takes the head of the answer.
    pub(super) fn head(self, cx: &Cx<'_>, headers: Headers<'_>, overflow: bool, end: bool) -> Turn {
        let status = headers.status();
        let served = (200..300).contains(&status) && !end;
        if served && headers.has("content-encoding") {
            // Nobody asked for it, and nothing can be read in it.
            return self.pass(headers);
        }
        match (&self.kind, headers.media_type()) {
            (Kind::Call(_), MediaType::Json) | (Kind::Stream, MediaType::EventStream) if served => {
                self.pass(headers)
            }
            (Kind::Call(_), MediaType::EventStream) if served => {
                let mut step = Step::pass_with(private(headers));
                // An error may have to be added at the end.
                let length = HeaderChange::Remove("content-length");
                step.effects.push(Effect::ResponseHeader(length));
                (State::Relay(Relay::new(self, cx)), step)
            }
            _ => Gather::start(self, cx, headers, overflow, end),
        }
    }

    fn pass(self, headers: Headers<'_>) -> Turn {
        let mut effects = private(headers);
        effects.push(reply::count(self.label, Outcome::Ok));
        (State::Bypass, Step::pass_with(effects))
    }
}

/// The changes that keep an upstream's private headers from the client.
pub(super) fn private(headers: Headers<'_>) -> Vec<Effect> {
    let present = PRIVATE.iter().filter(|name| headers.has(name));
    present.map(|name| Effect::ResponseHeader(HeaderChange::Remove(name))).collect()
}
