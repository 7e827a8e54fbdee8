//! For build scripts: which revision of the source a filter is built from, as it says in its log.

use std::process::Command;

/// Hands the revision to the crate as `MCP_MUX_REVISION`: the variable of that name, or the commit.
pub(crate) fn tell() {
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
