//! See the function of this name in `mcp_mux_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mcp_mux_fuzz::json(input));
