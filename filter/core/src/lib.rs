//! The MCP multiplexer as a pure state machine: events in, effects out.
//!
//! ```text
//!              Event                       Step { verdict, effects }
//!  host ──▶ request head, body  ──▶ ┌──────────┐ ──▶ send a side call, reroute,
//!           side call answered      │ Exchange │     change headers or bodies,
//!           response head, body     └────┬─────┘     reply, count, warn
//!                                        │ reads
//!                           Gateway (configuration), HostEnv (time, chance, what workers share),
//!                           Memory (what was found out before)
//! ```
//!
//! The crate promises: no clock, randomness, host call, global or thread of its own; no panic for
//! any input; linear time in the bytes it reads and memory bounded by the configured limits. It
//! leaves to its host: bytes on the wire, timers, and everything that Envoy does better.
//!
//! # Example
//!
//! ```
//! use mcp_mux_core::config::{Environment, compile};
//! use mcp_mux_core::effect::{Effect, Verdict};
//! use mcp_mux_core::event::Event;
//! use mcp_mux_core::host::{Abilities, HostEnv};
//! use mcp_mux_core::{
//!     Context, Exchange, Headers, Key, ListChanged, Notes, ScopeTag, Memory,
//! };
//!
//! struct Still;
//! impl HostEnv for Still {
//!     fn now(&self) -> u64 { 1_700_000_000 }
//!     fn clock(&self) -> u64 { 0 }
//!     fn random(&mut self, bytes: &mut [u8]) { bytes.fill(7) }
//!     fn session_notes(&self, _session: ScopeTag) -> Notes { Notes::default() }
//!     fn list_changes(&self, _lists: ListChanged) -> u64 { 0 }
//!     fn abilities(&self) -> Abilities {
//!         let (memory, request_buffer) = (1 << 20, 1 << 15);
//!         let (one_memory, shares_memory, streams) = (false, false, false);
//!         Abilities { memory, request_buffer, one_memory, shares_memory, streams }
//!     }
//! }
//!
//! let config = br#"{"upstreams": [{"name": "everything"}]}"#;
//! let surroundings = Environment { variable: &|_| None, process_key: &|| Ok(Key::new([1; 32])), streams: false, claims: false, bridges: false };
//! let gateway = compile(config, surroundings).unwrap();
//!
//! let mut exchange = Exchange::default();
//! let memory = Memory::default();
//! let mut host = Still;
//! let mut cx = Context::new(&gateway, &mut host, &memory);
//! let head = [(&b":method"[..], &b"PUT"[..]), (b":path", b"/mcp")];
//! let step = exchange.handle(&mut cx, Event::RequestHead { headers: Headers(&head), end: true });
//! assert_eq!(step.verdict, Verdict::Hold);
//! assert!(matches!(step.effects.last(), Some(Effect::Reply(reply)) if reply.status == 405));
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unreachable, clippy::todo))]

// What hosts, the discovery, benchmarks and tests use is this, and nothing besides.
pub mod config;
pub mod effect;
pub mod event;
pub mod gateway;
pub mod host;

mod bytes;
mod caller;
mod catalog;
mod era;
mod error;
mod exchange;
mod fault;
mod guarded;
mod http;
mod json;
mod mcp;
mod memory;
mod peer;
mod pieces;
mod principal;
mod rewrite;
mod seal;
mod seen;
mod session;
mod sse;

pub use catalog::cache::{Answer, Flight, ListChanged};
pub use catalog::{DigestError, ToolDigest, tool_digest};
pub use exchange::{Context, Exchange};
pub use guarded::Guarded;
pub use http::{Header, Headers};
pub use mcp::capability::Capabilities;
pub use mcp::event_id::digest;
pub use mcp::log_level::LogLevel;
pub use mcp::method::Kind;
pub use mcp::owner_tag::OwnerTags;
pub use mcp::revision::Revision;
pub use memory::Memory;
pub use memory::questions::Inbox;
pub use pieces::Pieces;
pub use seal::{Key, ScopeTag};
pub use seen::Seen;
pub use session::UpstreamSession;
pub use session::notes::{Note, Notes, Subscription};
pub use sse::{Event as ServerEvent, Reader as EventReader};

#[cfg(any(test, feature = "fuzz"))]
#[cfg_attr(not(test), allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing))]
mod chance;
#[cfg(any(test, feature = "fuzz"))]
#[cfg_attr(not(test), allow(dead_code, clippy::unwrap_used))]
mod fixture;
#[cfg(feature = "fuzz")]
#[cfg_attr(not(test), allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]
pub mod fuzz;
