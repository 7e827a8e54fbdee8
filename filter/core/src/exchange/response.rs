//! The upstream's response to a routed request, on its way to the client.

pub(super) mod error;
pub(super) mod json;
pub(super) mod json_long;
pub(super) mod sse;
