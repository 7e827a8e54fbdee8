//! One scenario, once: what `benches/instructions.rs` runs under callgrind.

use anyhow::{Context as _, Result};
use mcp_mux_bench_core::{Answered, Prepared, prepared};

fn main() -> Result<()> {
    let name = std::env::args().nth(1).context("expected the name of a scenario")?;
    // What it takes to prepare it, and to drop it, is not counted.
    let mut scenario = prepared(&name)?;
    std::hint::black_box(scenario_counted(&mut scenario)?);
    Ok(())
}

/// Is found by its name.
#[inline(never)]
fn scenario_counted(scenario: &mut Prepared) -> Result<Answered> {
    scenario.run()
}
