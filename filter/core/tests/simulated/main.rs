//! The core in a simulated world: whole exchanges, from the client's first byte to its last.
//!
//! [`world`] plays everything around the core. Its host cuts every body into random pieces and
//! orders answers at random, so each test here also says that neither matters.

mod world;

mod amend;
mod anything;
mod asked;
mod calls;
mod capabilities;
mod catalog;
mod cost;
mod counters;
mod draining;
mod failures;
mod forged;
mod gather;
mod headers;
mod items;
mod joining;
mod kinds;
mod large;
mod levels;
mod listen;
mod lists;
mod memory;
mod model;
mod naming;
mod overdue;
mod owners;
mod private;
mod recovery;
mod refusals;
mod regained;
mod relay;
mod relisted;
mod resolving;
mod second_try;
mod sessions;
mod sharing;
mod streams;
mod tasks;
mod told;
