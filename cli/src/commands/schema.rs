//! `mcp-mux schema`: the JSON schema of the filter's configuration.

use super::Ending;

/// Prints it.
///
/// # Errors
///
/// None that is known.
pub fn run() -> Result<(), Ending> {
    Ok(())
}
