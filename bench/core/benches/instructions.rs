//! Counts the instructions of each scenario under callgrind; `tests/bounds.rs` runs this and
//! compares.

#![allow(missing_docs, reason = "what the macros make has none")]

use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use mcp_mux_bench_core::{Answered, Prepared, prepared};

/// What is not counted: all that the scenario needs is made, and it runs once, to be warm.
fn ready(name: &str) -> Prepared {
    match prepared(name) {
        Ok(prepared) => prepared,
        Err(error) => panic!("{error:#}"),
    }
}

#[library_benchmark(setup = ready)]
#[bench::call_json("call_json")]
#[bench::call_sse("call_sse")]
#[bench::call_100_kb_of_arguments("call_100_kb_of_arguments")]
#[bench::call_1_mb_json("call_1_mb_json")]
#[bench::call_1_mb_sse("call_1_mb_sse")]
#[bench::call_1_mb_json_with_resources("call_1_mb_json_with_resources")]
#[bench::call_1_mb_sse_with_resources("call_1_mb_sse_with_resources")]
#[bench::call_100_progress_events("call_100_progress_events")]
#[bench::list_10_x_1_tools("list_10_x_1_tools")]
#[bench::list_10_x_100_tools("list_10_x_100_tools")]
#[bench::initialize_10("initialize_10")]
#[bench::resources_read("resources_read")]
#[bench::ping("ping")]
#[bench::list_many_tools("list_many_tools")]
#[bench::list_many_tools_x10("list_many_tools_x10")]
#[bench::list_long_descriptions("list_long_descriptions")]
#[bench::list_long_descriptions_x10("list_long_descriptions_x10")]
#[bench::list_deep_schemas("list_deep_schemas")]
#[bench::list_deep_schemas_x10("list_deep_schemas_x10")]
#[bench::list_unicode("list_unicode")]
#[bench::list_unicode_x10("list_unicode_x10")]
#[bench::call_unicode_json("call_unicode_json")]
#[bench::call_unicode_json_x10("call_unicode_json_x10")]
#[bench::call_unicode_sse("call_unicode_sse")]
#[bench::call_unicode_sse_x10("call_unicode_sse_x10")]
#[bench::call_unicode_json_with_resources("call_unicode_json_with_resources")]
#[bench::call_unicode_json_with_resources_x10("call_unicode_json_with_resources_x10")]
#[bench::call_unicode_sse_with_resources("call_unicode_sse_with_resources")]
#[bench::call_unicode_sse_with_resources_x10("call_unicode_sse_with_resources_x10")]
fn scenario(mut prepared: Prepared) -> Option<(Answered, Prepared)> {
    // What it holds is given back, so that it is not dropped here.
    Some((prepared.run().ok()?, prepared))
}

library_benchmark_group!(name = core, benchmarks = scenario);
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = core
);
