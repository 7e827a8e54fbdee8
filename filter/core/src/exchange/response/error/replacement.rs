//! What the client gets in place of an answer that it could not use, and whose fault that is.

use super::ErrorResponse;
use crate::effect::{Effect, Ending, Outcome};
use crate::error::{Error, UpstreamError};
use crate::event::Source;
use crate::exchange::fan_out::refusal::{RefusalHead, is_protocol_status};
use crate::exchange::response::proxy_error;
use crate::exchange::routed::request::Routed;
use crate::exchange::{Context, reply};
use crate::fault::Fault;
use crate::http::MediaType;
use crate::mcp::jsonrpc::Id;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::to_client::{self, Origin};

/// What the client gets instead.
pub(super) struct Instead {
    pub(super) status: u16,
    pub(super) outcome: Outcome,
    pub(super) ending: Ending,
    pub(super) body: Vec<u8>,
}

impl ErrorResponse {
    /// The line in the counters for the upstream, if that is at fault.
    pub(super) fn count_fault(&self, cx: &Context<'_>, outcome: Outcome) -> Option<Effect> {
        let forward = self.forward.as_ref().filter(|_| outcome == Outcome::UpstreamError)?;
        Some(reply::count_fault(forward.routed.upstream(), &self.fault(cx)))
    }

    /// The JSON-RPC error, or the message that the body is.
    pub(super) fn instead(&self, cx: &Context<'_>) -> Instead {
        let routed = self.forward.as_ref().map(|it| &it.routed);
        let id: Option<&Id<'_>> = routed.and_then(Routed::id);
        if let Some(body) = proxy_error::overflow(self.source, id) {
            let (outcome, ending) = (Outcome::ClientError, Ending::Error(-32600));
            return Instead { status: 413, outcome, ending, body };
        }
        let served = (200..300).contains(&self.head.status);
        let upstream = routed.map(|routed| cx.gateway.upstream(routed.upstream()));
        if let (true, Some(it), Some(upstream)) =
            (is_protocol_status(self.head.status), &self.forward, upstream)
        {
            let tags = OwnerTags { keys: &cx.gateway.keys, scope: it.caller.scope() };
            let dialect = it.caller.dialect(it.caller.peer(it.routed.upstream()));
            let shape = it.routed.shape();
            let origin = Origin { upstream, tags, request: id, shape, dialect };
            let text = self.head.message(&self.body);
            let message = to_client::message(origin, &text);
            if message.answers {
                let body = message.changed.unwrap_or_else(|| text.into_owned());
                let outcome = if served { Outcome::Ok } else { Outcome::UpstreamError };
                let code = self.head.rpc_error(&self.body).and_then(|fault| fault.rpc_code());
                let status = dialect.status(code);
                return Instead { status, outcome, ending: message.ending, body };
            }
        }
        let name = upstream.map_or("", |it| it.name.as_str());
        let mut error = UpstreamError::new(name, self.fault(cx));
        error.status = Some(self.head.status);
        error.challenge.clone_from(&self.head.challenge);
        let error = Error::Upstream(error);
        let status = match (routed, self.head.status) {
            (Some(Routed::Stream(_)), status @ (405 | 409)) => status,
            (Some(Routed::Stream(stream)), _) if !stream.is_resumed() && self.has_no_stream() => {
                405
            }
            (Some(Routed::Stream(_)), _) => 502,
            _ => reply::status(&error, id),
        };
        let (outcome, ending) = (Outcome::UpstreamError, Ending::of_error(&error));
        Instead { status, outcome, ending, body: error.body(id) }
    }

    /// Whether this is how a server answers a GET that has no stream to give. What it should answer is 405
    /// (2025-11-25, Transports, "Listening for Messages from the Server"), and clients take anything
    /// else for a broken transport.
    fn has_no_stream(&self) -> bool {
        let is_json = self.head.media_type == MediaType::Json && !self.body.is_empty();
        let is_stream = self.head.media_type == MediaType::EventStream;
        match self.head.status {
            _ if self.source != Source::Upstream => false,
            200..=299 => !is_json && !is_stream,
            status => matches!(status, 400 | 404 | 406 | 415 | 422 | 501),
        }
    }

    /// What the upstream has done, or what befell it.
    pub(super) fn fault(&self, cx: &Context<'_>) -> Fault {
        let routed = self.forward.as_ref().map(|it| &it.routed);
        let upstream = routed.map(|routed| cx.gateway.upstream(routed.upstream()));
        let RefusalHead { status, media_type, coding, .. } = &self.head;
        let said = || self.head.said(&self.body);
        if let Some(fault) = proxy_error::fault(self.source, *status, said) {
            return fault;
        }
        match (*status, media_type, coding, upstream) {
            (200..=299, _, Some(coding), _) => Fault::Encoded { coding: coding.clone() },
            (200..=299, MediaType::Json, ..)
                if matches!(routed, Some(Routed::Stream(_))) && !self.body.is_empty() =>
            {
                Fault::NoStream
            }
            (200..=299, MediaType::Json | MediaType::EventStream, ..) => {
                self.head.rpc_error(&self.body).unwrap_or(Fault::NoBody)
            }
            (status @ 200..=299, ..) => Fault::NoMessage { status },
            (_, _, _, Some(upstream)) => self.head.fault(upstream, &self.body),
            (status, _, _, None) => Fault::Refused { status, said: said() },
        }
    }
}
