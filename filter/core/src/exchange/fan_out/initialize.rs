//! The handshake with every upstream at once, joined into one (2025-11-25, Lifecycle).

use std::fmt::Write as _;

use crate::effect::Effect;
use crate::error::{ClientError, Error, UpstreamError, list_data};
use crate::exchange::client::Client;
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::handshake::{self, Offer, Taken};
use crate::exchange::fan_out::list_key;
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::request::intake::Request;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::{Upstream, UpstreamId};
use crate::json::{Raw, decode, encode};
use crate::mcp::capability::{self, Capabilities};
use crate::mcp::jsonrpc::Id;
use crate::mcp::revision::Revision;
use crate::session::{Session, UpstreamSession};

const LABEL: &str = "initialize";

/// The client's capabilities and info travel in the session id, which is a header: together they
/// may have this many bytes.
const CLIENT_LIMIT: usize = 8 * 1024;

/// The session ids of all upstreams travel in it too: together they may have this many bytes, so that
/// the whole stays under what Envoy takes for a head.
const IDS_LIMIT: usize = 24 * 1024;

/// A session that is being opened.
#[derive(Debug)]
pub(crate) struct Initialize {
    id: Id<'static>,
    client_capabilities: String,
    client_info: String,
}

/// Offers the client's revision to every upstream.
pub(crate) fn start(cx: &mut Context<'_>, client: Client, request: &Request<'_>) -> Turn {
    match Initialize::read(request) {
        // A session without any upstream has nothing to offer, and its client would not ask again.
        Ok(_) if cx.gateway.upstreams.is_empty() => {
            reply::now(reply::error(LABEL, Some(&request.id), &Error::NoUpstream))
        }
        Ok((offer, initialize)) => {
            let upstreams = cx.gateway.upstreams.ids();
            FanOut::new(offer, initialize, client.headers, None).start(cx, upstreams)
        }
        Err(error) => reply::now(reply::error(LABEL, Some(&request.id), &Error::Client(error))),
    }
}

impl Initialize {
    fn read(request: &Request<'_>) -> Result<(Offer, Self), ClientError> {
        let malformed = |why: &str| ClientError::Params(why.to_owned());
        let params = request.members()?.ok_or_else(|| malformed("`params` is missing"))?;
        let object = |key: &str| {
            let value = params.find(key).filter(|value| value.get().starts_with('{'));
            value.map(Raw::get).ok_or_else(|| malformed(&format!("`{key}` must be an object")))
        };
        let capabilities = object("capabilities")?;
        let info = object("clientInfo")?;
        if capabilities.len() + info.len() > CLIENT_LIMIT {
            let limit = format!("at most {CLIENT_LIMIT} bytes");
            let why = format!("`capabilities` and `clientInfo` may have {limit} together");
            return Err(malformed(&why));
        }
        let asked = params.find("protocolVersion").and_then(|raw| decode(raw.get()));
        let asked = asked.ok_or_else(|| malformed("`protocolVersion` must be a string"))?;
        let mut rest = String::new();
        for (key, value) in params.iter() {
            // A progress token would be shared by all upstreams, and its values must increase.
            if !matches!(key, "protocolVersion" | "capabilities" | "_meta") {
                let _ = write!(rest, ",{}:{}", encode(key), value.get());
            }
        }
        let revision = Revision::parse(asked.as_bytes()).unwrap_or(Revision::NEWEST);
        let relayed = capability::relayed(capabilities);
        let initialize = Self {
            id: request.id.clone().into_owned(),
            client_capabilities: capabilities.to_owned(),
            client_info: info.to_owned(),
        };
        Ok((Offer { revision, capabilities: relayed, rest }, initialize))
    }

    /// The joined result.
    fn result(
        cx: &Context<'_>,
        revision: Revision,
        parts: &[(UpstreamId, Taken)],
        failed: &[UpstreamError],
    ) -> String {
        let of = |(_, part): &(UpstreamId, Taken)| part.member.capabilities;
        let each: Vec<Capabilities> = parts.iter().map(of).collect();
        // What an upstream sends on its own can reach the client only on the stream that is passed on.
        let heard = parts.iter().find(|(index, _)| cx.gateway.listen == Some(*index)).map(of);
        let capabilities = capability::joined(&each, heard.unwrap_or_default());
        let server = &cx.gateway.server;
        let title = server.title.as_deref();
        let title = title.map_or(String::new(), |title| format!(r#","title":{}"#, encode(title)));
        let version = env!("CARGO_PKG_VERSION");
        let info = format!(r#"{{"name":{}{title},"version":"{version}"}}"#, encode(&server.name));
        let mut result = format!(
            r#"{{"protocolVersion":"{}","capabilities":{capabilities},"serverInfo":{info}"#,
            revision.as_str()
        );
        if let Some(instructions) = instructions(cx, parts) {
            let _ = write!(result, r#","instructions":{}"#, encode(&instructions));
        }
        if !failed.is_empty() {
            let unavailable = list_data(failed);
            let _ = write!(result, r#","_meta":{{"mcp-mux/unavailable":{unavailable}}}"#);
        }
        result.push('}');
        result
    }
}

/// The gateway's own instructions, then each upstream's under its name.
fn instructions(cx: &Context<'_>, parts: &[(UpstreamId, Taken)]) -> Option<String> {
    let own = cx.gateway.server.instructions.clone();
    let theirs = parts.iter().filter_map(|(_, part)| {
        Some(format!("## {}\n\n{}", part.member.upstream, part.instructions.as_ref()?))
    });
    let all: Vec<String> = own.into_iter().chain(theirs).collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}

/// The upstreams that take part, and those that do not.
fn sort(
    parts: Vec<(UpstreamId, Result<Taken, UpstreamError>)>,
) -> (Vec<(UpstreamId, Taken)>, Vec<UpstreamError>) {
    let (mut taken, mut failed, mut ids) = (Vec::new(), Vec::new(), 0);
    for (index, part) in parts {
        match part {
            Ok(part) => {
                ids += part.member.id.as_ref().map_or(0, String::len);
                if ids > IDS_LIMIT {
                    let fault = Fault::NoRoomForSessionId;
                    failed.push(UpstreamError::new(&part.member.upstream, fault));
                } else {
                    taken.push((index, part));
                }
            }
            Err(error) => failed.push(error),
        }
    }
    (taken, failed)
}

impl Question for Offer {
    type Part = Taken;

    fn body(&self, _: &Upstream, request: u64, _: Option<&Taken>) -> Vec<u8> {
        self.request(request)
    }

    fn read(
        &self,
        _: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<Taken, UpstreamError> {
        handshake::read(answer)
    }

    fn held(&self) -> usize {
        self.rest.capacity()
    }

    fn size(part: &Taken) -> usize {
        part.instructions.as_ref().map_or(0, String::capacity)
    }
}

impl Completion<Offer> for Initialize {
    fn complete(self, cx: &mut Context<'_>, offer: Offer, ended: Ended<Taken>) -> Turn {
        let (taken, failed) = sort(ended.parts);
        let mut effects = warnings(LABEL, &failed);
        if taken.is_empty() {
            let error = Error::AllUpstreams(failed);
            effects.extend(reply::error(LABEL, Some(&self.id), &error));
            return reply::now(effects);
        }
        let result = Self::result(cx, offer.revision, &taken, &failed);
        let init_fingerprint = list_key::init_fingerprint(cx.gateway, &ended.client, &offer);
        let session = Session {
            issued: cx.host.now(),
            revision: offer.revision,
            client_capabilities: self.client_capabilities,
            client_info: self.client_info,
            upstreams: taken
                .into_iter()
                .map(|(_, it)| UpstreamSession { init_fingerprint, ..it.member })
                .collect(),
        };
        let nonce = cx.nonce();
        let sealed = session.seal(&cx.gateway.keys, nonce);
        effects.extend(reply::result(LABEL, &self.id, result.as_bytes()));
        for effect in &mut effects {
            if let Effect::Reply(reply) = effect {
                reply.headers.push((reply::SESSION_ID, sealed.clone().into_bytes()));
            }
        }
        reply::now(effects)
    }
}
