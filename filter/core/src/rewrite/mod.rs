//! What changes in messages on their way through: names of things, never anything else.
//!
//! Where names stand is in [`crate::mcp::fields`]; what becomes of them is here:
//!
//! | towards clients | towards the owner |
//! |---|---|
//! | URIs in results, content, prompts, updates and errors get their prefix | lose it |
//! | ids and progress tokens of a server's own requests are tagged with their owner | lose the tag |
//! | ids of tasks are tagged with their owner, wherever one stands | lose the tag |
//! | `includeContext` of a sampling request becomes `none` | |
//!
//! Every change is made by position, every other byte stays, and what cannot be read passes unchanged.

pub(crate) mod dialect;
pub(crate) mod long;
mod renamer;
pub(crate) mod stream;
pub(crate) mod to_client;
pub(crate) mod to_upstream;

#[cfg(test)]
mod tests;
