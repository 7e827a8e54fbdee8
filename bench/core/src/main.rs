//! With the name of a scenario: runs that once. Without: counts what each of them takes.

mod instructions;

use anyhow::Result;
use mcp_mux_bench_core::{Answered, Prepared, prepared};

fn main() -> Result<()> {
    let Some(name) = std::env::args().nth(1) else {
        return instructions::check();
    };
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
