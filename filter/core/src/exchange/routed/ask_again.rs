//! Asks an upstream without sessions once more, on behalf of a client with one: because its result has nothing but
//! a `requestState` (2026-07-28, Multi Round-Trip Requests), or because it refused the head of the request.
//!
//! The client's own request is gone by then, so each of these is a side call with an id of the gateway's. The
//! client gets the answer to the last one. What the upstream sends beside these answers, progress and log
//! messages, reaches nobody.

use std::time::Duration;

use crate::caller::Caller;
use crate::effect::{Effect, Outcome, Reply};
use crate::era::Era;
use crate::era::upstream::Subject;
use crate::error::{Error, UpstreamError};
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall};
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::{Upstream, UpstreamId};
use crate::json::{Edits, Scan};
use crate::mcp::incomplete::{Wanted, wanted};
use crate::mcp::jsonrpc::Message;
use crate::mcp::method::Shape;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::to_client::{self, Origin};

/// How often an upstream is asked again for one request of a client since it wants that.
const TRIES: usize = 8;

/// A request that is made once more; its body has the `requestState` that is sent back.
#[derive(Debug)]
struct AskAgain {
    call: RoutedCall,
}

/// The client gets the answer, unless that wants to be asked again.
#[derive(Debug)]
struct Answered {
    /// How often it has been asked again.
    tries: usize,
}

/// Whether the answer to a request may want to be asked again, and can be: it is kept, for a client that
/// does not know of this.
pub(crate) fn may_be_asked(outbound: &Outbound) -> bool {
    let Outbound { routed: Routed::Call(call), caller } = outbound else { return false };
    let peer = caller.peer(call.upstream);
    caller.era() == Era::Handshake
        && peer.is_some_and(|peer| peer.era() == Era::Stateless)
        && matches!(call.shape, Shape::Tool | Shape::Prompt | Shape::Contents)
        && call.is_kept()
}

/// Begins, as the upstream has refused the head of the request; its refusal stays held.
pub(crate) fn start(cx: &mut Context<'_>, call: RoutedCall, caller: Caller) -> Turn {
    ask(cx, AskAgain { call }, caller, 0)
}

/// Goes on with what the upstream has said to the client's own request; that stays held.
pub(crate) fn answered(cx: &mut Context<'_>, routed: Routed, caller: Caller, said: &[u8]) -> Turn {
    let name = cx.gateway.name(routed.upstream());
    let failed = |routed: Routed, fault| reply::now(routed.failed(UpstreamError::new(name, fault)));
    match (routed, wanted(said)) {
        (Routed::Call(call), Some(wanted @ Wanted::AskedAgain(state))) => {
            let mut question = AskAgain { call };
            if question.take_state(state) {
                ask(cx, question, caller, 1)
            } else {
                failed(Routed::Call(question.call), wanted.fault())
            }
        }
        (routed, _) => failed(routed, Fault::NotTheResponse),
    }
}

fn ask(cx: &mut Context<'_>, question: AskAgain, caller: Caller, tries: usize) -> Turn {
    let upstream = question.call.upstream;
    FanOut::new(question, Answered { tries }, caller).start(cx, [upstream])
}

impl AskAgain {
    /// Writes this `requestState`, as JSON, into the request; whether that could be done. Without it, it would
    /// be the first request once more, which its upstream may act on: then nothing is sent.
    fn take_state(&mut self, state: &str) -> bool {
        let body = with_state(&self.call.body, state);
        let is_taken = body.is_some();
        self.call.body = body.unwrap_or_default();
        is_taken
    }
}

/// The answer as the client gets it: the upstream's, under the client's id.
pub(crate) fn for_client(
    cx: &mut Context<'_>,
    call: &RoutedCall,
    caller: &Caller,
    said: &[u8],
) -> Option<Vec<u8>> {
    let Ok(Message::Response { id: Some(id), .. }) = Message::read(said) else { return None };
    let mut edits = Edits::of(said);
    edits.replace(id.as_raw(), call.id.as_raw());
    let said = edits.finish()?;
    let upstream = cx.gateway.upstream(call.upstream);
    let tags = OwnerTags { keys: &cx.gateway.keys, scope: caller.scope() };
    let dialect = caller.dialect(caller.peer(call.upstream));
    let (request, shape) = (Some(&call.id), call.shape);
    let message = to_client::message(Origin { upstream, tags, request, shape, dialect }, &said);
    cx.trail.ends(message.ending);
    message.answers.then(|| message.changed.unwrap_or(said))
}

fn with_state(body: &[u8], state: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let [params] = Scan::whole(text, |scan| scan.pick(["params"])).ok()??;
    let params = params?;
    let [known] = params.scan().pick(["requestState"]).ok()??;
    let mut edits = Edits::of(body);
    match known {
        Some(known) => edits.replace(known.get(), state),
        // What names the thing stands behind it.
        None => edits.insert_after(params.get().get(..1)?, format!(r#""requestState":{state},"#)),
    }
    edits.finish()
}

/// The request under another id.
fn with_id(body: &[u8], id: u64) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let [known] = Scan::whole(text, |scan| scan.pick(["id"])).ok()??;
    let mut edits = Edits::of(body);
    edits.replace(known?.get(), id.to_string());
    edits.finish()
}

impl Question for AskAgain {
    type Part = Vec<u8>;

    fn subject(&self) -> Subject<'_> {
        self.call.subject()
    }

    fn body(&self, _: &Upstream, request: u64, _: Option<&Vec<u8>>) -> Vec<u8> {
        with_id(&self.call.body, request).unwrap_or_else(|| self.call.body.clone())
    }

    fn timeout(&self, upstream: &Upstream) -> Duration {
        upstream.call_timeout
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn read(
        &self,
        _: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<Vec<u8>, UpstreamError> {
        answer.response().ok_or_else(|| answer.refusal())
    }

    fn held(&self) -> usize {
        self.call.body.capacity()
    }

    fn size(part: &Vec<u8>) -> usize {
        part.capacity()
    }
}

impl Completion<AskAgain> for Answered {
    fn complete(self, cx: &mut Context<'_>, mut asked: AskAgain, ended: Ended<Vec<u8>>) -> Turn {
        let Ended { parts, caller, .. } = ended;
        let label = asked.call.label;
        let error = match parts.into_iter().next() {
            Some((_, Ok(said))) => {
                if let Some(Wanted::AskedAgain(state)) = wanted(&said)
                    && self.tries < TRIES
                    && asked.take_state(state)
                {
                    return ask(cx, asked, caller, self.tries + 1);
                }
                if let Some(body) = for_client(cx, &asked.call, &caller, &said) {
                    let headers = vec![("content-type", b"application/json".to_vec())];
                    let reply = Effect::Reply(Reply { status: 200, headers, body });
                    return reply::now(vec![reply::count(label, Outcome::Ok), reply]);
                }
                UpstreamError::new(cx.gateway.name(asked.call.upstream), Fault::NotTheResponse)
            }
            Some((_, Err(error))) => error,
            None => UpstreamError::new(cx.gateway.name(asked.call.upstream), Fault::NotTheResponse),
        };
        let mut effects = warnings(label, std::slice::from_ref(&error));
        effects.extend(reply::error(label, Some(&asked.call.id), &Error::Upstream(error)));
        reply::now(effects)
    }

    fn holds_answer(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_there_or_nothing_is_sent() {
        for (params, expected) in [
            (r#"{ "name":"t"}"#, Some(r#"{"requestState":"s", "name":"t"}"#)),
            (r#"{"name":"t","requestState":"r"}"#, Some(r#"{"name":"t","requestState":"s"}"#)),
            (r#"{"requestState":1,"name":"t","requestState":2}"#, None),
            ("[]", None),
        ] {
            let body = |params| format!(r#"{{"id":1,"params":{params}}}"#);
            let found = with_state(body(params).as_bytes(), r#""s""#);
            assert_eq!(found, expected.map(|it| body(it).into_bytes()), "{params}");
        }
        assert_eq!(with_state(b"{}", r#""s""#), None);
        assert_eq!(
            with_id(br#"{"params":{"id":1},"id":"x"}"#, 7).unwrap(),
            br#"{"params":{"id":1},"id":7}"#
        );
    }
}
