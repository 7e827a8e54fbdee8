//! The handshake with every upstream at once, joined into one (2025-11-25, Lifecycle).

use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::answer::Answer;
use super::fan_out::{Ask, FanOut, Job, warnings};
use super::intake::{Client, Request};
use super::{Cx, State, Turn, reply, upstream_request};
use crate::capability::Capabilities;
use crate::effect::Effect;
use crate::error::{ClientError, Error, UpstreamError, list_data};
use crate::jsonrpc::{Id, MALFORMED, Members, decode, encode};
use crate::revision::Revision;
use crate::session::{Member, Session};

const LABEL: &str = "initialize";

/// The client's capabilities and info travel in the session id, which is a header: together they
/// may have this many bytes.
const CLIENT_LIMIT: usize = 8 * 1024;

/// A session that is being opened.
#[derive(Debug)]
pub(super) struct Initialize {
    id: Id<'static>,
    revision: Revision,
    client_capabilities: String,
    client_info: String,
    /// What is sent besides revision and capabilities, as `,"key":value` and so on.
    rest: String,
}

/// What one upstream brings into the session.
#[derive(Debug)]
pub(super) struct Part {
    member: Member,
    instructions: Option<String>,
}

/// Offers the client's revision to every upstream.
pub(super) fn start(cx: &mut Cx<'_>, client: &Client, request: &Request<'_>) -> Turn {
    let job = match Initialize::read(request) {
        Ok(job) => job,
        Err(why) => {
            let error = Error::Client(ClientError::Params(why));
            return reply::now(reply::error(LABEL, Some(&request.id), &error));
        }
    };
    let upstreams = 0..cx.gateway.upstreams.len();
    let asks = upstreams.map(|upstream| Ask { upstream, request: cx.request_id() }).collect();
    FanOut::start(cx, job, asks, |job, id, upstream, ask| {
        let body = job.body(ask.request);
        Some(upstream_request::call(id, upstream, None, &client.headers, "POST", body))
    })
}

impl Initialize {
    fn read(request: &Request<'_>) -> Result<Self, String> {
        let params = request.params.and_then(Members::read).ok_or(MALFORMED)?;
        let object = |key: &str| {
            let value = params.find(key).filter(|value| value.get().starts_with('{'));
            value.map(RawValue::get).ok_or(format!("`{key}` must be an object"))
        };
        let capabilities = object("capabilities")?;
        let info = object("clientInfo")?;
        if capabilities.len() + info.len() > CLIENT_LIMIT {
            let limit = format!("at most {CLIENT_LIMIT} bytes");
            return Err(format!("`capabilities` and `clientInfo` may have {limit} together"));
        }
        let asked = params.find("protocolVersion").and_then(|raw| decode(raw.get()));
        let asked = asked.ok_or("`protocolVersion` must be a string")?;
        let mut rest = String::new();
        for (key, value) in params.iter() {
            // A progress token would be shared by all upstreams, and its values must increase.
            if !matches!(key, "protocolVersion" | "capabilities" | "_meta") {
                let _ = write!(rest, ",{}:{}", encode(key), value.get());
            }
        }
        Ok(Self {
            id: request.id.clone().into_owned(),
            revision: Revision::parse(asked.as_bytes()).unwrap_or(Revision::NEWEST),
            client_capabilities: capabilities.to_owned(),
            client_info: info.to_owned(),
            rest,
        })
    }

    /// No capability of the client is offered: requests of upstreams to the client are not relayed.
    fn body(&self, request: u64) -> Vec<u8> {
        let Self { revision, rest, .. } = self;
        let revision = revision.as_str();
        let params = format!(r#"{{"protocolVersion":"{revision}","capabilities":{{}}{rest}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"initialize","params":{params}}}"#)
            .into_bytes()
    }

    /// The joined result.
    fn result(&self, cx: &Cx<'_>, parts: &[(usize, Part)], failed: &[UpstreamError]) -> String {
        let has = |wanted| parts.iter().any(|(_, part)| part.member.capabilities.contains(wanted));
        // A change can reach the client only on the stream that is passed on.
        let heard = parts.iter().any(|(index, part)| {
            let listened = cx.gateway.listen == Some(*index);
            listened && part.member.capabilities.contains(Capabilities::TOOLS_LIST_CHANGED)
        });
        let capabilities = match (has(Capabilities::TOOLS), heard) {
            (false, _) => "{}",
            (true, false) => r#"{"tools":{}}"#,
            (true, true) => r#"{"tools":{"listChanged":true}}"#,
        };
        let server = &cx.gateway.server;
        let title = server.title.as_deref();
        let title = title.map_or(String::new(), |title| format!(r#","title":{}"#, encode(title)));
        let version = env!("CARGO_PKG_VERSION");
        let info = format!(r#"{{"name":{}{title},"version":"{version}"}}"#, encode(&server.name));
        let mut result = format!(
            r#"{{"protocolVersion":"{}","capabilities":{capabilities},"serverInfo":{info}"#,
            self.revision.as_str()
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
fn instructions(cx: &Cx<'_>, parts: &[(usize, Part)]) -> Option<String> {
    let own = cx.gateway.server.instructions.clone();
    let theirs = parts.iter().filter_map(|(_, part)| {
        Some(format!("## {}\n\n{}", part.member.upstream, part.instructions.as_ref()?))
    });
    let all: Vec<String> = own.into_iter().chain(theirs).collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}

impl Job for Initialize {
    type Part = Part;

    fn read(&self, _: &Cx<'_>, _: usize, answer: &Answer<'_>) -> Result<Part, UpstreamError> {
        let id = answer.session()?;
        answer.result(|result| {
            let result = Members::read(result).ok_or("its result is no object")?;
            let text = |key| result.find(key).and_then(|raw| decode(raw.get()));
            let revision = text("protocolVersion").ok_or("its result has no protocolVersion")?;
            let revision = Revision::parse(revision.as_bytes()).ok_or_else(|| {
                let revision: String = revision.chars().take(40).collect();
                format!("it speaks revision {revision}, which is not supported")
            })?;
            let capabilities = result.find("capabilities").map_or("{}", RawValue::get);
            let member = Member {
                upstream: answer.upstream.name.clone(),
                id,
                revision,
                capabilities: Capabilities::read(capabilities.as_bytes()),
            };
            let instructions = text("instructions").filter(|text| !text.trim().is_empty());
            Ok(Part { member, instructions: instructions.map(std::borrow::Cow::into_owned) })
        })
    }

    fn finish(
        self,
        cx: &mut Cx<'_>,
        parts: Vec<(usize, Result<Part, UpstreamError>)>,
    ) -> Vec<Effect> {
        let mut joined = Vec::new();
        let mut failed = Vec::new();
        for (index, part) in parts {
            match part {
                Ok(part) => joined.push((index, part)),
                Err(error) => failed.push(error),
            }
        }
        let mut effects = warnings(LABEL, &failed);
        if joined.is_empty() {
            let error = Error::AllUpstreams(failed);
            effects.extend(reply::error(LABEL, Some(&self.id), &error));
            return effects;
        }
        let result = self.result(cx, &joined, &failed);
        let session = Session {
            issued: cx.ambient.now(),
            revision: self.revision,
            client_capabilities: self.client_capabilities,
            client_info: self.client_info,
            upstreams: joined.into_iter().map(|(_, part)| part.member).collect(),
        };
        let nonce = cx.nonce();
        let sealed = session.seal(&cx.gateway.keys, nonce);
        effects.extend(reply::result(LABEL, &self.id, result.as_bytes()));
        for effect in &mut effects {
            if let Effect::Reply(reply) = effect {
                reply.headers.push((reply::SESSION_ID, sealed.clone().into_bytes()));
            }
        }
        effects
    }

    fn size(part: &Part) -> usize {
        part.instructions.as_ref().map_or(0, String::capacity)
    }

    fn wait(fan_out: FanOut<Self>) -> State {
        State::Initialize(fan_out)
    }
}
