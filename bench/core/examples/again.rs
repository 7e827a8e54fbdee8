//! One scenario of the core again and again, natively or in wasm: to be timed, or for a profiler to
//! look at (see ../../PROFILE.md).
//!
//! ```sh
//! cargo run --release -p mcp-mux-bench-core --example again -- call_json 100000
//! ```

use std::time::Instant;

use anyhow::{Context as _, Result};
use mcp_mux_bench_core::{DOCUMENTS, SCENARIOS, prepared};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().with_context(|| {
        format!("expected one of {SCENARIOS:?} or {DOCUMENTS:?}, and how often")
    })?;
    let times: u32 = arguments.next().map_or(Ok(1000), |times| times.parse())?;
    let mut scenario = prepared(&name)?;
    scenario.run_again()?;
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let start = Instant::now();
    for _ in 0..times {
        scenario.run_again()?;
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(times);
    println!("{name}: {each:.2} us each, {times} times");
    Ok(())
}
