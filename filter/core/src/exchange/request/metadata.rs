//! Tells clients how to authenticate: the metadata of the protected resource (RFC 9728, section 3).

use crate::effect::{Effect, Outcome, Reply};
use crate::error::ClientError;
use crate::exchange::{Turn, reply};
use crate::gateway::auth::CHALLENGE;
use crate::gateway::{Auth, Gateway};
use crate::http::Headers;
use crate::mcp::method;

/// Answers a request for the metadata. It is for everybody: pages of any origin read it, too.
pub(super) fn tell(auth: &Auth, headers: Headers<'_>) -> Turn {
    let mut told: Vec<(&'static str, Vec<u8>)> =
        vec![("access-control-allow-origin", b"*".to_vec())];
    let (status, body) = match headers.first(":method").unwrap_or_default() {
        b"GET" | b"HEAD" => {
            told.push(("content-type", b"application/json".to_vec()));
            told.push(("cache-control", b"public, max-age=300".to_vec()));
            (200, auth.metadata().into_bytes())
        }
        // Clients in browsers send MCP-Protocol-Version.
        b"OPTIONS" => {
            told.push(("access-control-allow-methods", b"GET".to_vec()));
            told.push(("access-control-allow-headers", b"*".to_vec()));
            (204, Vec::new())
        }
        _ => {
            told.push(("allow", b"GET, HEAD, OPTIONS".to_vec()));
            (405, Vec::new())
        }
    };
    let outcome = if status == 405 { Outcome::ClientError } else { Outcome::Ok };
    let answer = Effect::Reply(Reply { status, headers: told, body });
    reply::now(vec![reply::count(method::OTHER, outcome), answer])
}

/// Refuses a request that does not say who sends it, with a challenge if there is one to give.
pub(super) fn challenge(gateway: &Gateway, error: ClientError) -> Turn {
    let mut effects = reply::error(method::OTHER, None, &error.into());
    let challenge = |status| gateway.auth.as_ref()?.challenge(status, None);
    for effect in &mut effects {
        if let Effect::Reply(reply) = effect
            && let Some(challenge) = challenge(reply.status)
        {
            reply.headers.push((CHALLENGE, challenge.into_bytes()));
        }
    }
    reply::now(effects)
}
