//! The core alone, without a host: what of a request's cost is its own.
//!
//! All that is handed to the core is made beforehand, so that what is counted or timed is the core's
//! work. `main.rs` runs it, `instructions.rs` counts that and holds it to `bounds.txt`;
//! `examples/again.rs` repeats one scenario, to be timed or looked at with a profiler.

mod documents;
mod host;
mod prepared;
mod scenarios;
mod script;

pub use prepared::{Answered, Prepared, crowd};
pub use scenarios::{DOCUMENTS, SCENARIOS, TEN_TIMES, prepared};
