//! What the Model Context Protocol is made of: revisions, methods, messages, capabilities, and the names under
//! which clients see what upstreams have.

pub mod batch;
pub mod cache_hints;
pub mod capability;
pub mod cursor;
pub(crate) mod error_code;
pub mod event_id;
pub mod fields;
pub(crate) mod header_value;
pub(crate) mod incomplete;
pub mod jsonrpc;
pub mod log_level;
pub mod method;
pub mod name;
pub mod owner_tag;
pub mod param_headers;
pub mod revision;
pub mod uri;
