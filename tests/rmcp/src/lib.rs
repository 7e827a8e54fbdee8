//! The Rust SDK, rmcp, as a server and as a client of the end-to-end tests. A crate of its own, so that
//! nothing but the tests themselves waits until it is compiled.
#![expect(clippy::missing_panics_doc, reason = "a harness reports by panicking")]

mod client;
mod everything;
mod server;

pub use client::{Client, Mode, Prefixes};
pub use server::Server;
