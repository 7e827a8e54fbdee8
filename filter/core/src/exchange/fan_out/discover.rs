//! `server/discover`: what the gateway serves, joined from what every upstream says of itself (2026-07-28,
//! Discovery).

use std::fmt::Write as _;

use crate::caller::Caller;
use crate::era::upstream::Introduction;
use crate::era::upstream::stateless::META_SERVER_INFO;
use crate::error::{Error, UpstreamError};
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::introduce::{self, Introduce};
use crate::exchange::fan_out::question::{Completion, Ended};
use crate::exchange::fan_out::unavailable;
use crate::exchange::request::message::Request;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Gateway, UpstreamId};
use crate::json::encode;
use crate::mcp::cache_hints::CacheHints;
use crate::mcp::capability::Capabilities as Can;
use crate::mcp::jsonrpc::Id;
use crate::mcp::revision::Revision;

const LABEL: &str = "discover";

/// A client's request for it.
#[derive(Debug)]
struct Discover {
    id: Id<'static>,
}

/// Asks every upstream.
pub(crate) fn start(cx: &mut Context<'_>, caller: Caller, request: &Request<'_>) -> Turn {
    // It would be taken for all that the gateway has to offer.
    if cx.gateway.upstreams.is_empty() {
        return reply::now(reply::error(LABEL, Some(&request.id), &Error::NoUpstream));
    }
    let discover = Discover { id: request.id.clone().into_owned() };
    FanOut::new(Introduce, discover, caller).start(cx, cx.gateway.upstreams.ids())
}

impl Completion<Introduce> for Discover {
    fn complete(self, cx: &mut Context<'_>, _: Introduce, ended: Ended<Introduction>) -> Turn {
        let (there, failed) = unavailable::sort(ended.parts);
        let mut effects = unavailable::warnings(LABEL, &failed);
        if there.is_empty() {
            let error = Error::AllUpstreams(failed);
            effects.extend(reply::error(LABEL, Some(&self.id), &error));
            return reply::now(effects);
        }
        let result = result(cx.gateway, &ended.caller, &there, &failed);
        effects.extend(reply::result(LABEL, &self.id, result.as_bytes()));
        reply::now(effects)
    }
}

fn result(
    gateway: &Gateway,
    caller: &Caller,
    there: &[(UpstreamId, Introduction)],
    failed: &[UpstreamError],
) -> String {
    let versions = Revision::SERVED.map(|it| encode(it.as_str())).join(",");
    let capabilities = introduce::capabilities(gateway, caller, there);
    let joined = |hints: CacheHints, (_, part): &(UpstreamId, Introduction)| hints.and(part.hints);
    let hints = match failed {
        [] => there.iter().fold(CacheHints::WIDEST, joined),
        _ => CacheHints::NONE,
    };
    // Others may not be told of tasks.
    let has_tasks = |part: &Introduction| part.peer.capabilities.contains(Can::TASKS_EXTENSION);
    let is_public = hints.is_public && !there.iter().any(|(_, part)| has_tasks(part));
    let hints = CacheHints { is_public, ..hints };
    let mut result = format!(
        r#"{{{},"supportedVersions":[{versions}],"capabilities":{capabilities}"#,
        hints.members()
    );
    if let Some(instructions) = introduce::instructions(gateway, there) {
        let _ = write!(result, r#","instructions":{}"#, encode(&instructions));
    }
    let info = gateway.server.info();
    let _ = write!(result, r#","_meta":{{"{META_SERVER_INFO}":{info}"#);
    if let Some((key, value)) = unavailable::meta_member(failed) {
        let _ = write!(result, ",{key}:{value}");
    }
    result.push_str("}}");
    result
}
