//! Fuzz targets: functions that take any bytes, and panic where a promise does not hold.
//!
//! `make fuzz` has libFuzzer look for such bytes (`fuzz_targets/`). What it found, and what leads it to every
//! corner, is in `corpus/`, which an ordinary test runs through the same functions.
#![allow(clippy::missing_panics_doc, reason = "that is what each is for")]

mod bridge;
mod configuration;
#[cfg(feature = "discovery")]
mod discovery;
mod exchange;
#[allow(unsafe_code)]
mod hooks;
mod live;
mod naive;
// The hooks of the native host are found by their exported names.
use mcp_mux_module_linked as _;

#[expect(dead_code, unused_imports, reason = "the core's own tests have more uses of it")]
#[path = "../../core/tests/simulated/world/mod.rs"]
mod world;

pub use bridge::bridge;
pub use configuration::configuration;
#[cfg(feature = "discovery")]
pub use discovery::discovery;
pub use exchange::exchange;
pub use hooks::hooks;
pub use live::live;
pub use mcp_mux_core::fuzz::{ids, json, rewrite, sse};

/// A target.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("bridge", bridge),
    ("configuration", configuration),
    #[cfg(feature = "discovery")]
    ("discovery", discovery),
    ("exchange", exchange),
    ("hooks", hooks),
    ("ids", ids),
    ("json", json),
    ("live", live),
    ("rewrite", rewrite),
    ("sse", sse),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TARGETS;

    #[test]
    fn every_input_of_the_corpora_is_as_promised() {
        for (name, target) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
            let inputs = std::fs::read_dir(&folder).expect("a corpus");
            let mut count = 0;
            for input in inputs {
                let path = input.expect("an input").path();
                let bytes = std::fs::read(&path).expect("an input");
                println!("{}", path.display());
                target(&bytes);
                count += 1;
            }
            assert!(count >= 8, "{name}: {count} inputs lead nowhere");
        }
    }
}
