//! The module says which revision it was built from. This one is not shipped.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=MCP_MUX_REVISION=linked");
}
