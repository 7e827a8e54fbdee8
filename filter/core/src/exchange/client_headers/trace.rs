//! Trace context, in headers and in `_meta` (SEP-414).

use crate::mcp::fields::{TRACE_PARENT, TRACE_STATE};

use super::{ClientHeaders, Kept};

/// Trace context reaches every upstream, configured or not.
pub(super) fn is_trace(name: &[u8]) -> bool {
    matches!(
        name,
        b"traceparent"
            | b"tracestate"
            | b"baggage"
            | b"x-request-id"
            | b"b3"
            | b"x-b3-traceid"
            | b"x-b3-spanid"
            | b"x-b3-parentspanid"
            | b"x-b3-sampled"
            | b"x-b3-flags"
    )
}

/// W3C Trace Context, section 3.2, "Traceparent Header"; not one of zeros, which means nothing.
fn is_trace_parent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |text: &str| text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    let [version, trace, span, flags] = parts.as_slice() else { return false };
    [version, trace, span, flags].iter().all(|it| is_hex(it))
        && (version.len(), trace.len(), span.len(), flags.len()) == (2, 32, 16, 2)
        && [trace, span].iter().all(|it| it.bytes().any(|it| it != b'0'))
        && *version != "ff"
}

impl ClientHeaders {
    /// Follows the trace that the body of the request names, unless its head names one. `state` goes with it.
    pub(crate) fn follow(&mut self, parent: &str, state: Option<&str>) {
        let is_known = self.kept.iter().any(|kept| self.header(kept).0 == TRACE_PARENT);
        if is_known || !is_trace_parent(parent) {
            return;
        }
        let state =
            state.filter(|it| it.len() <= 512 && it.bytes().all(|it| (b' '..=b'~').contains(&it)));
        let named = [(TRACE_PARENT, Some(parent)), (TRACE_STATE, state)];
        for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let (name, value) = (self.add(name.as_bytes()), self.add(value.as_bytes()));
            self.kept.push(Kept { name, value, is_configured: false, is_followed: true });
        }
    }

    /// The trace that the body names, where the head has none.
    pub(crate) fn followed(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.kept.iter().filter(|kept| kept.is_followed).map(|kept| self.header(kept))
    }
}
