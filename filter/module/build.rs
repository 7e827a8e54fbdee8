//! Tells the filter which revision of the source it was built from, and the linker that it stays loaded.

#[path = "../revision.rs"]
mod revision;

fn main() {
    println!("cargo:rerun-if-changed=../revision.rs");
    // Its threads run on when Envoy has no more configuration of it.
    println!("cargo:rustc-link-arg-cdylib=-Wl,-z,nodelete");
    revision::tell();
}
