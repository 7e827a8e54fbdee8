//! What changes in messages on their way through: names of things, never anything else.
//!
//! | towards clients | towards the owner |
//! |---|---|
//! | URIs in results, content, prompts, updates and errors get their prefix | lose it |
//! | ids and progress tokens of a server's own requests get their mark | lose it |
//! | tasks get their mark, wherever one is named | lose it |
//! | `includeContext` of a sampling request becomes `none` | |
//!
//! Every change is made by position; `structuredContent`, `arguments`, the `tools` of a sampling
//! request and whatever else is not named here keep their bytes. What cannot be read passes as it is.

pub mod long;
pub mod stream;
pub mod to_client;
pub mod to_upstream;

/// The key of `_meta` that says which task a message belongs to (2025-11-25, Tasks).
pub(crate) const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
