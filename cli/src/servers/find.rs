//! Where the file of servers is, if the user does not say.

use std::path::PathBuf;

/// Where clients keep their files: those of a project first.
const PLACES: [&str; 8] = [
    "./.mcp.json",
    "./.cursor/mcp.json",
    "./.vscode/mcp.json",
    "~/.config/Claude/claude_desktop_config.json",
    "~/Library/Application Support/Claude/claude_desktop_config.json",
    "~/.claude.json",
    "~/.cursor/mcp.json",
    "~/.config/Code/User/mcp.json",
];

/// The first that is there.
///
/// # Errors
///
/// Where it was looked for.
pub fn find() -> Result<PathBuf, String> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let path = |place: &&str| match place.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => PathBuf::from(place.trim_start_matches("./")),
    };
    PLACES
        .iter()
        .map(path)
        .find(|path| path.is_file())
        .ok_or_else(|| format!("no file of servers: name one. Looked for {}", PLACES.join(", ")))
}
