//! Runs the exchanges of [`mcp_mux_core`] for a host: a proxy, or whatever else has requests to serve.
//!
//! ```text
//!           what happens to a request                     events
//!          ───────────────────────────▶  ┌────────┐  ─────────────▶  ┌──────────┐
//!   host                                 │ Stream │                  │ Exchange │
//!          ◀───────────────────────────  └───┬────┘  ◀─────────────  └──────────┘
//!             trait Host: what to do         │           effects
//!                                         Worker     one thread: how much memory is taken
//!                                           │
//!                                         Shared     all threads: configuration, memory, who waits for whom
//! ```
//!
//! A host is one crate that implements [`Host`] with its supertrait [`HostEnv`], makes a [`Shared`] for each
//! configuration, a [`Worker`] for each thread and a [`Stream`] for each request, and tells that what happens. The
//! rest is here: the order in which things are done, the bound on memory, who waits for a list that another request
//! asks for, the names of the metrics and the lines of the log. `tests/host` holds a host that talks to nobody.
//! [`SharedNotes`] is for a host whose workers share memory, [`shared_data`] for one whose workers share no more than
//! bytes, and [`WakeQueue`] for one that wakes streams up from a timer.
//!
//! [`HostEnv`]: mcp_mux_core::host::HostEnv
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unreachable, clippy::todo))]

pub mod shared_data;

mod host;
mod mailbox;
mod metrics;
mod shared;
mod shared_notes;
mod stream;
mod wake_queue;
mod worker;

#[cfg(test)]
#[path = "../../core/src/chance.rs"]
#[expect(dead_code, reason = "the core's tests have more uses of it")]
mod chance;

pub use host::{Host, Level, NotSent, NotStored, PAUSE};
pub use metrics::{FAMILIES, Family, Metric, MetricKind, metric_name};
pub use shared::Shared;
pub use shared_notes::{InUse, SharedNotes};
pub use stream::{Stream, field};
pub use wake_queue::WakeQueue;
pub use worker::Worker;
