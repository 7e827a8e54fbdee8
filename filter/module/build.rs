//! Tells the filter which revision of the source it was built from.

use std::process::Command;

fn main() {
    // Its threads run on when Envoy has no more configuration of it.
    println!("cargo:rustc-link-arg-cdylib=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=../../.git/HEAD");
    println!("cargo:rerun-if-changed=../../.git/index");
    println!("cargo:rerun-if-env-changed=MCP_MUX_REVISION");
    let revision = std::env::var("MCP_MUX_REVISION").ok().or_else(described);
    println!("cargo:rustc-env=MCP_MUX_REVISION={}", revision.as_deref().unwrap_or("unknown"));
}

/// The commit, marked if the tree differs from it; `None` outside a checkout.
fn described() -> Option<String> {
    let arguments = ["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"];
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
