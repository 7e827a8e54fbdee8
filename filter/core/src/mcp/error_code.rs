//! Codes of JSON-RPC errors that have a meaning in MCP.

/// A header does not say what the body says (2026-07-28, Streamable HTTP, "Server Validation").
pub(crate) const HEADER_MISMATCH: i64 = -32020;
/// The request needs a capability that its client did not declare (2026-07-28, Base Protocol).
pub(crate) const MISSING_CAPABILITY: i64 = -32021;
/// The revision is none that is served (2026-07-28, Versioning).
pub(crate) const UNSERVED_REVISION: i64 = -32022;
/// No such resource, up to 2025-11-25 (Resources, "Error Handling").
pub(crate) const RESOURCE_NOT_FOUND: i64 = -32002;
/// The client has to visit a URL first (2025-11-25, Elicitation, "URL Elicitation Required").
pub(crate) const URL_ELICITATION: i64 = -32042;
/// There is no such method (JSON-RPC 2.0, "Error object").
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
/// The params are not what the method needs (JSON-RPC 2.0, "Error object").
pub(crate) const INVALID_PARAMS: i64 = -32602;
/// What is left (JSON-RPC 2.0, "Error object").
pub(crate) const INTERNAL: i64 = -32603;
