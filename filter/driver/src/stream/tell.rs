//! What the operator is told of a request: metrics, and fields for the access log.

use mcp_mux_core::effect::{Answered, Counter, Operation, StreamKind};
use mcp_mux_core::gateway::UpstreamId;

use super::Stream;
use crate::host::Host;
use crate::metrics::{self, Family, Metric, upstream_label};

/// The names of the fields, as access logs find them in filter state. They begin with [`OF_WASM`](field::OF_WASM) in every
/// host, so that one access log serves all.
pub mod field {
    /// What Envoy itself puts before what WebAssembly says.
    pub const OF_WASM: &str = "wasm.";
    /// The label of the request's method, for instance `tools_call`.
    pub const METHOD: &str = "wasm.mcp_mux.method";
    /// How it ended; see [`mcp_mux_core::effect::Ending::label`].
    pub const OUTCOME: &str = "wasm.mcp_mux.outcome";
    /// The code of the JSON-RPC error that the client got, if it got one.
    pub const CODE: &str = "wasm.mcp_mux.code";
    /// The upstream that it went on to, if it was one.
    pub const UPSTREAM: &str = "wasm.mcp_mux.upstream";
    /// The tool, prompt or URI that it is about, as that upstream calls it.
    pub const NAME: &str = "wasm.mcp_mux.name";
    /// Who has sent it, if `caller` is configured.
    pub const CALLER: &str = "wasm.mcp_mux.caller";
    /// The era of the client: `handshake` or `stateless`.
    pub const ERA: &str = "wasm.mcp_mux.era";
    /// Tells its session from others; 12 hexadecimal digits.
    pub const SESSION: &str = "wasm.mcp_mux.session";

    /// Each of them.
    pub const ALL: [&str; 8] = [METHOD, OUTCOME, CODE, UPSTREAM, NAME, CALLER, ERA, SESSION];
}

impl Stream {
    /// The client's request is answered, or never will be.
    pub(super) fn ended_as(&self, host: &mut impl Host, operation: &Operation) {
        let gateway = self.worker.gateway();
        let Operation { method, outcome, .. } = *operation;
        host.count(gateway, Counter::Request { method, outcome }, 1);
        let upstream = upstream_label(gateway, operation.upstream);
        let ending = operation.ending.label();
        let mut record = |family: &'static Family, values: &[&str], value| {
            host.record(Metric { family, values }, value);
        };
        record(&metrics::OPERATION_MS, &[method, upstream, ending], milliseconds(operation.took));
        if let Some(took) = operation.upstream_took {
            record(&metrics::UPSTREAM_MS, &[method, upstream, ending], milliseconds(took));
        }
        if let Some(tool) = operation.name.as_deref().filter(|_| operation.is_measured) {
            record(&metrics::TOOL_MS, &[upstream, ending, tool], milliseconds(operation.took));
        }
        record(&metrics::REQUEST_BYTES, &[method], operation.request_bytes);
        record(&metrics::RESPONSE_BYTES, &[method], operation.response_bytes);

        let mut describe = |name, value: &str| {
            if !value.is_empty() {
                host.describe(name, value);
            }
        };
        describe(field::METHOD, method);
        describe(field::OUTCOME, ending);
        if let Some(code) = operation.ending.code() {
            describe(field::CODE, &code.to_string());
        }
        if operation.upstream.is_some() {
            describe(field::UPSTREAM, upstream);
        }
        describe(field::NAME, operation.name.as_deref().unwrap_or_default());
        describe(field::CALLER, operation.caller.as_deref().unwrap_or_default());
        describe(field::ERA, operation.era);
        if let Some(session) = operation.session {
            describe(field::SESSION, std::str::from_utf8(&session.digits()).unwrap_or_default());
        }
    }

    /// A request of the gateway's own has ended.
    pub(super) fn answered(&self, host: &mut impl Host, answered: Answered) {
        let gateway = self.worker.gateway();
        let Answered { upstream, method, ok, ending, took } = answered;
        host.count(gateway, Counter::SideCall { upstream, ok }, 1);
        let values = &[method, gateway.name(upstream), ending.label()];
        host.record(Metric { family: &metrics::UPSTREAM_MS, values }, milliseconds(took));
    }

    /// An event stream to the client has begun, or is over.
    pub(super) fn streams(host: &mut impl Host, kind: StreamKind, has_begun: bool) {
        let values = match kind {
            StreamKind::Answer => &["answer"],
            StreamKind::Listen => &["listen"],
        };
        let metric = Metric { family: &metrics::OPEN_STREAMS, values };
        host.adjust(metric, if has_begun { 1 } else { -1 });
    }

    /// An upstream has shown of which era it is.
    pub(super) fn is_of_era(&self, host: &mut impl Host, upstream: UpstreamId, era: &str) {
        let name = self.worker.gateway().name(upstream);
        for it in ["handshake", "stateless"] {
            let metric = Metric { family: &metrics::UPSTREAM_ERA, values: &[name, it] };
            host.set(metric, u64::from(it == era));
        }
    }
}

/// Microseconds in milliseconds, rounded.
fn milliseconds(microseconds: u64) -> u64 {
    microseconds.saturating_add(500) / 1000
}
