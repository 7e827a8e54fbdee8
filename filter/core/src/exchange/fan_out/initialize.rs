//! The handshake with every upstream at once, joined into one (2025-11-25, Lifecycle).
//!
//! With `session.open: lazy` an upstream is not asked that has told an earlier session of the same caller what has to be
//! known of it. It has no part in the session then, and is opened by the first request that needs it.

use std::fmt::Write as _;

use crate::caller::{Caller, known};
use crate::effect::{Counter, Effect, SessionEvent};
use crate::era::Era;
use crate::era::client::Client;
use crate::era::client::handshake::{InitializeParams, SESSION_ID};
use crate::era::upstream::Introduction;
use crate::error::{Error, UpstreamError};
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::introduce::{self, Introduce};
use crate::exchange::fan_out::list_key;
use crate::exchange::fan_out::question::{Completion, Ended};
use crate::exchange::fan_out::unavailable;
use crate::exchange::request::message::Request;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::UpstreamId;
use crate::json::encode;
use crate::mcp::jsonrpc::Id;
use crate::mcp::revision::Revision;
use crate::peer::Peer;
use crate::session::notes::Note;
use crate::session::pool::CallerKey;
use crate::session::{ScopeTag, Session};

const LABEL: &str = "initialize";

/// A session that is being opened.
#[derive(Debug)]
pub(crate) struct Initialize {
    id: Id<'static>,
    /// What is kept of the client's `capabilities`, as JSON.
    capabilities: String,
    /// What is kept of its `clientInfo`, as JSON.
    info: String,
    /// What the caller is known as, if upstreams are opened when they are needed.
    key: Option<CallerKey>,
    /// What upstreams have said of themselves that are not asked.
    known: Vec<(UpstreamId, Introduction)>,
}

/// Offers the client's revision to every upstream.
pub(crate) fn start(cx: &mut Context<'_>, client: Client, request: &Request<'_>) -> Turn {
    match client.introduce(request) {
        // A session without any upstream has nothing to offer, and its client would not ask again.
        Ok(_) if cx.gateway.upstreams.is_empty() => {
            reply::now(reply::error(LABEL, Some(&request.id), &Error::NoUpstream))
        }
        Ok((caller, InitializeParams { capabilities, info, offer })) => {
            cx.trail.is_of(&caller);
            let id = request.id.clone().into_owned();
            let says = (offer.revision, &*capabilities, &*info);
            let key = known::is_lazy(cx.gateway).then(|| known::key(&caller.headers, says));
            let known = key.map(|key| known::look_up(cx, key)).unwrap_or_default();
            let is_known = |upstream: &UpstreamId| known.iter().any(|(it, _)| it == upstream);
            let ids = cx.gateway.upstreams.ids();
            let asked: Vec<_> = ids.filter(|upstream| !is_known(upstream)).collect();
            let initialize = Initialize { id, capabilities, info, key, known };
            FanOut::new(Introduce, initialize, caller).start(cx, asked)
        }
        Err(error) => reply::now(reply::error(LABEL, Some(&request.id), &Error::Client(error))),
    }
}

impl Initialize {
    /// Remembers what upstreams have said of themselves, for the next session of the caller.
    fn remember(&self, cx: &Context<'_>, said: &[(UpstreamId, Introduction)]) {
        let Some(key) = self.key.filter(|_| !said.is_empty()) else { return };
        let now = cx.host.now();
        cx.memory.introductions.with(|all| {
            for (upstream, said) in said {
                all.learn(key, *upstream, said.clone(), now);
            }
        });
    }

    /// The joined result.
    fn result(
        cx: &Context<'_>,
        (caller, revision): (&Caller, Revision),
        parts: &[(UpstreamId, Introduction)],
        failed: &[UpstreamError],
    ) -> String {
        let capabilities = introduce::capabilities(cx.gateway, caller, parts);
        let info = cx.gateway.server.info();
        let mut result = format!(
            r#"{{"protocolVersion":"{}","capabilities":{capabilities},"serverInfo":{info}"#,
            revision.as_str()
        );
        if let Some(instructions) = introduce::instructions(cx.gateway, parts) {
            let _ = write!(result, r#","instructions":{}"#, encode(&instructions));
        }
        if let Some((key, value)) = unavailable::meta_member(failed) {
            let _ = write!(result, r#","_meta":{{{key}:{value}}}"#);
        }
        result.push('}');
        result
    }
}

impl Completion<Introduce> for Initialize {
    fn complete(self, cx: &mut Context<'_>, _: Introduce, ended: Ended<Introduction>) -> Turn {
        let offer = ended.caller.offer();
        let (mut taken, failed) = unavailable::sort(ended.parts);
        let mut effects = unavailable::warnings(LABEL, &failed);
        self.remember(cx, &taken);
        // Nothing has to be opened at one without sessions.
        let known = self.known.iter();
        let closed = known.filter(|(_, it)| it.peer.era() == Era::Handshake).map(|(it, _)| *it);
        let closed: Vec<UpstreamId> = closed.collect();
        taken.extend(self.known);
        taken.sort_by_key(|(upstream, _)| *upstream);
        if taken.is_empty() {
            let error = Error::AllUpstreams(failed);
            effects.extend(reply::error(LABEL, Some(&self.id), &error));
            return reply::now(effects);
        }
        let result = Self::result(cx, (&ended.caller, offer.revision), &taken, &failed);
        let init_fingerprint =
            list_key::init_fingerprint(cx.gateway, &ended.caller.headers, &offer);
        let mut session = Session {
            issued: cx.host.now(),
            revision: offer.revision,
            client_capabilities: self.capabilities,
            client_info: self.info,
            upstreams: taken
                .into_iter()
                .filter(|(upstream, _)| !closed.contains(upstream))
                .map(|(upstream, it)| {
                    let peer = Peer { init_fingerprint, ..it.peer };
                    peer.part(cx.gateway.name(upstream))
                })
                .collect(),
        };
        let over = session.fit();
        let nonce = cx.nonce();
        let sealed = session.seal(&cx.gateway.keys, ended.caller.headers.principal.tag, nonce);
        effects.push(Effect::Count(Counter::Session(SessionEvent::Opened), 1));
        // What finds no room is known here all the same; elsewhere it joins when first needed.
        if let Some(session_tag) = ScopeTag::of(sealed.as_bytes()).filter(|_| !over.is_empty()) {
            let expires = session.expires(cx.gateway.session_ttl);
            effects.push(Effect::Note { session: session_tag, note: Note::Joined(over), expires });
        }
        effects.extend(reply::result(LABEL, &self.id, result.as_bytes()));
        for effect in &mut effects {
            if let Effect::Reply(reply) = effect {
                reply.headers.push((SESSION_ID, sealed.clone().into_bytes()));
            }
        }
        reply::now(effects)
    }
}
