//! Where the values of variables come from: the environment, and for VS Code's inputs the user.

use std::io::IsTerminal as _;
use std::path::Path;

/// What becomes of a variable without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is refused.
    Refused,
    /// The text that it stands in has no value either, where that can be: in headers and variables.
    Left,
}

/// Where values come from.
#[derive(Clone, Copy)]
pub struct Variables<'a> {
    /// A variable of the environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// An input of VS Code, by its id; or why it has no value.
    pub input: &'a dyn Fn(&str) -> Result<String, String>,
    /// The folder of the project.
    pub folder: &'a Path,
    /// What becomes of one without a value.
    pub missing: Missing,
}

/// The folder of the project that a file belongs to: the one above `.vscode` or `.cursor`, or else its own.
#[must_use]
pub fn project(file: &Path) -> &Path {
    let own = file.parent().unwrap_or(Path::new("."));
    let hidden = own.file_name().is_some_and(|name| name == ".vscode" || name == ".cursor");
    own.parent().filter(|_| hidden).unwrap_or(own)
}

/// The variable that gives the value of an input where nobody can be asked.
#[must_use]
pub fn of_input(id: &str) -> String {
    let upper = id.to_ascii_uppercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("MCP_MUX_INPUT_{}", upper.chars().map(plain).collect::<String>())
}

/// An input: its variable, or else what the user types if somebody can be asked.
///
/// # Errors
///
/// What to do if nobody can.
pub fn ask(id: &str) -> Result<String, String> {
    let variable = of_input(id);
    if let Ok(value) = std::env::var(&variable) {
        return Ok(value);
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(format!("the input {id:?} has no value: set it (export {variable}=...)"));
    }
    // It is not told whether it is a secret, so it is one.
    let prompt = format!("{id} ({variable}): ");
    rpassword::prompt_password(prompt).map_err(|error| format!("the input {id:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_above_the_folder_of_an_editor() {
        assert_eq!(project(Path::new("/p/.vscode/mcp.json")), Path::new("/p"));
        assert_eq!(project(Path::new("/p/.mcp.json")), Path::new("/p"));
    }

    #[test]
    fn an_input_has_a_variable_of_its_own() {
        assert_eq!(of_input("github-token"), "MCP_MUX_INPUT_GITHUB_TOKEN");
    }
}
