//! Holds a request until its body is complete, refuses what the transport does not allow, and sends
//! the rest where the routing table says.

use crate::caller::Caller;
use crate::effect::{Effect, HeaderChanges, Step};
use crate::era::Era;
use crate::era::client::Client;
use crate::era::client::mirrored::Mirrored;
use crate::error::{ClientError, Error};
use crate::exchange::fan_out::{broadcast, cancelled, discover, initialize, list, log_level};
use crate::exchange::relay;
use crate::exchange::request::early_route::EarlyRoute;
use crate::exchange::request::message::{Incoming, Request, params_of};
use crate::exchange::request::{metadata, transport};
use crate::exchange::routed::{listen, owner};
use crate::exchange::state::Next;
use crate::exchange::status;
use crate::exchange::upstream_request::{self, LAST_EVENT_ID};
use crate::exchange::{Context, Turn, reply};
use crate::gateway::Listen;
use crate::http::Headers;
use crate::mcp::jsonrpc::{Id, Unreadable, id_of};
use crate::mcp::method::{self, Eras, Row, Target};
use crate::rewrite::to_upstream;

/// Why a client of the stateless era may send no responses.
pub(super) const NO_RESPONSES: &str = "a response is not taken; answers go into `inputResponses`";

/// A request whose body is being read.
#[derive(Debug)]
pub(crate) struct Intake {
    client: Client,
    /// Found in the head; said once the body gives the id to say it to.
    refusal: Option<ClientError>,
    /// How long the body is, if the head says so: its last byte need not be waited for any longer.
    length: Option<usize>,
    pub(crate) body: Vec<u8>,
    scout: EarlyRoute,
}

/// Takes the head of a request.
pub(crate) fn head(cx: &mut Context<'_>, headers: Headers<'_>, end: bool) -> Turn {
    let gateway = cx.gateway;
    let path = headers.first(":path").unwrap_or_default();
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let is_status = gateway.status.as_ref().is_some_and(|it| it.as_bytes() == path);
    if path != gateway.path.as_bytes() && !is_status {
        if let Some(auth) = gateway.auth_at(path) {
            return metadata::tell(auth, headers);
        }
        return bypass(headers);
    }
    if is_status && transport::origin_passes(&gateway.origins, headers) {
        return status::answer(cx, headers);
    }
    let clock = cx.clock();
    cx.trail.begin(clock);
    if !transport::origin_passes(&gateway.origins, headers) {
        return refuse(method::OTHER, None, ClientError::ForeignOrigin);
    }
    let client = match Client::read(cx, headers) {
        Ok(client) => client,
        Err(error) => return metadata::challenge(gateway, error),
    };
    match headers.first(":method").unwrap_or_default() {
        b"POST" => {
            let refusal = transport::refusal(gateway, headers);
            let too_large = matches!(refusal, Some(ClientError::TooLarge(_)));
            match refusal {
                // Not read to its end: the id stays unknown.
                Some(refusal) if too_large => refuse(method::OTHER, None, refusal),
                refusal => {
                    let length = headers.content_length();
                    let scout = EarlyRoute::new(length);
                    let intake = Intake { client, refusal, length, body: Vec::new(), scout };
                    if end { intake.complete(cx, &[]) } else { Box::new(intake).wait() }
                }
            }
        }
        // There is nothing to listen to, and nothing to end (2026-07-28, Streamable HTTP).
        b"GET" | b"DELETE" if client.era() == Era::Stateless || client.is_unknown() => {
            refuse(method::OTHER, None, ClientError::Method("POST"))
        }
        b"GET" if gateway.listen != Listen::None || headers.has(LAST_EVENT_ID) => {
            listen(cx, client, headers)
        }
        b"DELETE" => match client.admit(cx) {
            Ok(caller) => broadcast::terminate(cx, caller),
            Err(error) => refuse(method::DELETE, None, error),
        },
        _ if gateway.listen != Listen::None => {
            refuse(method::OTHER, None, ClientError::Method("POST, GET, DELETE"))
        }
        _ => refuse(method::OTHER, None, ClientError::Method(reply::ALLOW)),
    }
}

/// Another path: none of the gateway's business, but for the header that only it may set.
fn bypass(headers: Headers<'_>) -> Turn {
    if !headers.has(upstream_request::CLUSTER) {
        return (Next::OtherPath, Step::pass());
    }
    let mut changes = HeaderChanges::default();
    changes.remove(upstream_request::CLUSTER);
    let effects = vec![Effect::RequestHead(changes), Effect::Reroute];
    (Next::OtherPath, Step::pass_with(effects))
}

fn refuse(label: &'static str, id: Option<&Id<'_>>, error: ClientError) -> Turn {
    reply::now(reply::error(label, id, &Error::Client(error)))
}

fn listen(cx: &mut Context<'_>, client: Client, headers: Headers<'_>) -> Turn {
    if !headers.accepts("text", "event-stream") {
        return refuse(method::GET, None, ClientError::NotAcceptable("text/event-stream"));
    }
    match client.admit(cx) {
        Ok(caller) => listen::start(cx, caller, headers.first(LAST_EVENT_ID)),
        Err(error) => refuse(method::GET, None, error),
    }
}

impl Intake {
    fn wait(self: Box<Self>) -> Turn {
        (Next::Intake(self), Step::hold())
    }

    /// Whether the body is as long as the head said, with these bytes.
    pub(crate) fn is_completed_by(&self, chunk: &[u8]) -> bool {
        self.length == Some(self.body.len() + chunk.len())
    }

    /// Takes the next bytes of the body.
    pub(crate) fn body(mut self: Box<Self>, cx: &mut Context<'_>, chunk: &[u8], end: bool) -> Turn {
        let limit = cx.gateway.limits.request_body;
        if self.body.len().saturating_add(chunk.len()) > limit {
            return refuse(method::OTHER, None, ClientError::TooLarge(limit));
        }
        let complete = end || self.is_completed_by(chunk);
        if complete && self.body.is_empty() {
            return self.complete(cx, chunk);
        }
        self.body.extend_from_slice(chunk);
        if !complete {
            if self.refusal.is_some() {
                return self.wait();
            }
            return match self.scout.look(cx, &self.client, &self.body) {
                Some(ready) => ready.begin(),
                None => self.wait(),
            };
        }
        let body = std::mem::take(&mut self.body);
        self.complete(cx, &body)
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.body.capacity() + self.scout.held()
    }

    /// The host has no memory left for the body.
    pub(crate) fn over_budget() -> Turn {
        reply::now(reply::error(method::OTHER, None, &Error::Busy))
    }

    /// A request with trailers. Envoy cannot be relied on to still have its body to send.
    pub(crate) fn trailers(&self) -> Turn {
        refuse(method::OTHER, id_of(&self.body).as_ref(), ClientError::Trailers)
    }

    fn complete(self, cx: &mut Context<'_>, body: &[u8]) -> Turn {
        let Self { mut client, refusal, .. } = self;
        if let Some(refusal) = refusal {
            return refuse(method::OTHER, id_of(body).as_ref(), refusal);
        }
        match Incoming::read(body) {
            Ok(Incoming::Request(mut request, row)) => {
                client.follow(&request);
                let known = row.as_ref().ok().copied();
                match (client.era_of(request.is_enveloped(), known), row) {
                    (Era::Stateless, row) => {
                        let method = row.map_or_else(|method| method, |row| row.method.into());
                        declared(cx, client, (known, &method), &mut request)
                    }
                    (Era::Handshake, Ok(row)) => dispatch(cx, client, row, &mut request),
                    (Era::Handshake, Err(method)) => unknown(cx, client, &request, &method),
                }
            }
            // None of this era goes to an upstream.
            Ok(Incoming::Notification { is_enveloped, .. })
                if client.era_of(is_enveloped, None) == Era::Stateless =>
            {
                reply::now(reply::empty(method::OTHER, 202))
            }
            Ok(Incoming::Response) if client.era() == Era::Stateless => {
                refuse(method::OTHER, None, ClientError::NotJsonRpc(NO_RESPONSES))
            }
            Ok(Incoming::Notification { method, .. }) => match client.admit(cx) {
                Ok(caller) => notified(cx, caller, &method, body),
                Err(error) => refuse(method::OTHER, None, error),
            },
            Ok(Incoming::Response) => match client.admit(cx) {
                Ok(caller) if relay::input::answer(cx, &caller, body) => {
                    reply::now(reply::empty(method::RESPONSE, 202))
                }
                Ok(caller) => {
                    let message = to_upstream::response(cx.gateway, caller.scope(), body);
                    broadcast::hand(cx, caller, method::RESPONSE, message)
                }
                Err(error) => refuse(method::RESPONSE, None, error),
            },
            Err(Unreadable::NotJson) => refuse(method::OTHER, None, ClientError::NotJson),
            Err(Unreadable::NotJsonRpc { id, why }) => {
                refuse(method::OTHER, id.as_ref(), ClientError::NotJsonRpc(why))
            }
        }
    }
}

fn notified(cx: &mut Context<'_>, caller: Caller, method: &str, body: &[u8]) -> Turn {
    match method::row_of(method) {
        Some(Row { label, target: Target::Broadcast, .. }) => {
            broadcast::notify(cx, caller, label, body)
        }
        Some(Row { label, target: Target::Cancelled, .. }) => {
            cancelled::notify(cx, caller, label, body)
        }
        Some(Row { label, target: Target::Progress, .. }) => {
            let message = to_upstream::progress(cx.gateway, caller.scope(), body, params_of(body));
            broadcast::hand(cx, caller, label, message)
        }
        _ => reply::now(reply::empty(method::OTHER, 202)),
    }
}

/// Serves a request of the stateless era, if it says all that it has to say (2026-07-28, Base Protocol;
/// Streamable HTTP, "Server Validation").
fn declared(
    cx: &mut Context<'_>,
    client: Client,
    (row, method): (Option<&'static Row>, &str),
    request: &mut Request<'_>,
) -> Turn {
    let label = row.map_or(method::OTHER, |row| row.label);
    if let Some(row) = row {
        cx.trail.asks_for(row);
    }
    let refuse =
        |error| reply::now(reply::error(label, Some(&request.id), &Error::Stateless(error)));
    let caller = match client.declare(cx, request, method) {
        Ok(declared) => declared,
        Err(error) => return refuse(error),
    };
    let exists = |row: &&Row| row.eras != Eras::TasksExtension || caller.declares_tasks();
    let Some(row) = row.and_then(Row::stateless).filter(exists) else {
        return refuse(ClientError::UnknownMethod(method.chars().take(100).collect()));
    };
    if let Target::Owned(owned) = row.target
        && !caller.may(owned.capability)
    {
        return refuse(ClientError::UnknownMethod(method.to_owned()));
    }
    if let Err(error) = Mirrored::of(&caller.headers).check_name(row, request.named(row).as_deref())
    {
        return refuse(error);
    }
    match row.target {
        Target::Discover => discover::start(cx, caller, request),
        Target::Listen => listen::subscribe(cx, caller, row, request),
        Target::List(listing) => list::start(cx, caller, label, listing, request),
        Target::Owned(owned) => owner::call(cx, caller, row, owned, request),
        _ => refuse(ClientError::UnknownMethod(method.to_owned())),
    }
}

fn dispatch(
    cx: &mut Context<'_>,
    client: Client,
    row: &'static Row,
    request: &mut Request<'_>,
) -> Turn {
    let label = row.label;
    cx.trail.asks_for(row);
    if matches!(row.target, Target::Initialize) {
        return initialize::start(cx, client, request);
    }
    let caller = match client.admit(cx) {
        Ok(caller) => caller,
        Err(error) => return refuse(label, Some(&request.id), error),
    };
    if !matches!(row.target, Target::Ping) {
        cx.serves(caller.scope(), Some(&request.id));
    }
    match row.target {
        Target::Ping => reply::now(reply::result(label, &request.id, b"{}")),
        Target::List(listing) => list::start(cx, caller, label, listing, request),
        Target::Owned(owned) => owner::call(cx, caller, row, owned, request),
        Target::LogLevel => log_level::start(cx, caller, request),
        Target::Initialize
        | Target::Discover
        | Target::Listen
        | Target::Broadcast
        | Target::Cancelled
        | Target::Progress => unserved(request, row.method),
    }
}

/// A method that is not served is known to be so only within a session: without one, the answer is
/// that there is none.
fn unknown(cx: &mut Context<'_>, client: Client, request: &Request<'_>, method: &str) -> Turn {
    match client.admit(cx) {
        Ok(_) => unserved(request, method),
        Err(error) => refuse(method::OTHER, Some(&request.id), error),
    }
}

fn unserved(request: &Request<'_>, method: &str) -> Turn {
    let error = ClientError::UnknownMethod(method.chars().take(100).collect());
    refuse(method::OTHER, Some(&request.id), error)
}
