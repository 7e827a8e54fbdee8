//! Tells the filter which revision of the source it was built from.

#[path = "../revision.rs"]
mod revision;

fn main() {
    println!("cargo:rerun-if-changed=../revision.rs");
    revision::tell();
}
