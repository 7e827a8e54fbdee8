//! What an upstream with sessions asks on the stream of a `subscriptions/listen`. Its client, which has no session, is asked
//! in answer to its own requests alone (2026-07-28, Multi Round-Trip Requests), and the session that is listened to
//! serves no other. So the upstream gets an error, rather than waiting for an answer that cannot come.

use crate::effect::CallId;
use crate::era::upstream::Subject;
use crate::exchange::Context;
use crate::exchange::merged::client::ClientSide;
use crate::exchange::merged::part::Part;
use crate::exchange::upstream_request::{self, Sending};
use crate::json::encode;
use crate::mcp::jsonrpc::Id;

/// The id and the method of a request.
pub(super) type Asked = (Id<'static>, String);

impl Part {
    /// Answers these requests; soon, since nobody waits for what the upstream says to that.
    pub(super) fn answer(&self, cx: &mut Context<'_>, client: &ClientSide, asked: &[Asked]) {
        let (upstream, peer) =
            (cx.gateway.upstream(self.upstream), client.caller.peer(self.upstream));
        for (id, method) in asked {
            let (subject, timeout) = (Subject::of(""), Some(upstream.timeout));
            let sending = Sending { method: "POST", subject, body: answer(id, method), timeout };
            let headers = &client.caller.headers;
            let call = upstream_request::call(CallId::UNAWAITED, upstream, peer, headers, sending);
            cx.memory.parked.send(call);
            cx.has_new_sessions = true;
        }
    }
}

/// The response to a request: a ping is answered by whoever is there (2025-11-25, Ping).
fn answer(id: &Id<'_>, method: &str) -> Vec<u8> {
    let says = if method == "ping" {
        r#""result":{}"#.to_owned()
    } else {
        let why = encode(&format!(
            "Method not found: {method} on this stream, whose client only listens; ask on the stream of a request that it \
             has made"
        ));
        format!(r#""error":{{"code":-32601,"message":{why}}}"#)
    };
    format!(r#"{{"jsonrpc":"2.0","id":{},{says}}}"#, id.as_raw()).into_bytes()
}
