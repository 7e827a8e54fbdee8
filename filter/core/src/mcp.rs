//! What the Model Context Protocol is made of: revisions, methods, messages, capabilities, and the names under
//! which clients see what upstreams have.

pub(crate) mod batch;
pub(crate) mod cache_hints;
pub(crate) mod capability;
pub(crate) mod cursor;
pub(crate) mod error_code;
pub(crate) mod event_id;
pub(crate) mod fields;
pub(crate) mod header_value;
pub(crate) mod incomplete;
pub(crate) mod jsonrpc;
pub(crate) mod log_level;
pub(crate) mod method;
pub(crate) mod name;
pub(crate) mod owner_tag;
pub(crate) mod param_headers;
pub(crate) mod positions;
pub(crate) mod request_state;
pub(crate) mod revision;
pub(crate) mod uri;
