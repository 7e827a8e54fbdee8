//! mcp-mux as an Envoy dynamic module: Envoy's hooks become events of the core, the core's effects become
//! calls into Envoy. Nothing here knows MCP.
//!
//! ```text
//!   Envoy ──▶ hooks ──▶ Filter ──▶ Stream (the driver)
//!         ◀── host  ◀── Envoy (trait Host)  ◀──┘
//! ```
//!
//! It is native code in Envoy's process: a panic is caught at the hook that it happens in
//! ([`crate::hooks`]). What is unsafe is in [`crate::abi`] and [`crate::host`], but for the exported names of the hooks.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unreachable, clippy::todo))]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod abi;
mod bridged;
mod calls;
mod ending;
mod envoy;
mod filter;
mod frequent;
#[allow(unsafe_code)]
mod hooks;
#[allow(unsafe_code)]
mod host;
mod mailbox;
mod main_thread;
mod panics;
mod plugin;
mod replaced;
mod routed;
mod shared;
mod timer;
