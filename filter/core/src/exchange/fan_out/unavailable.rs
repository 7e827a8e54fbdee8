//! Upstreams that are missing in a joined answer: who they are, and how the client and the operator
//! learn of them.

use crate::effect::Effect;
use crate::error::{UpstreamError, list_data};
use crate::gateway::UpstreamId;
use crate::json::encode;

/// Where a joined result says which upstreams are missing.
const META_KEY: &str = "mcp-mux/unavailable";

/// The contributions that are there, and the upstreams that are missing.
pub(crate) fn sort<P>(
    parts: Vec<(UpstreamId, Result<P, UpstreamError>)>,
) -> (Vec<(UpstreamId, P)>, Vec<UpstreamError>) {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for (upstream, part) in parts {
        match part {
            Ok(part) => there.push((upstream, part)),
            Err(error) => missing.push(error),
        }
    }
    (there, missing)
}

/// The member of the joined result's `_meta` that names the upstreams that are missing, as raw key and
/// value; `None` if there are none.
pub(crate) fn meta_member(missing: &[UpstreamError]) -> Option<(String, String)> {
    (!missing.is_empty()).then(|| (encode(META_KEY), list_data(missing)))
}

/// A line to the operator for each upstream that is missing; `label` is the client's request.
pub(crate) fn warnings(label: &str, missing: &[UpstreamError]) -> Vec<Effect> {
    let line = |error: &UpstreamError| Effect::Warn(format!("{label}: {error}"));
    missing.iter().map(line).collect()
}
