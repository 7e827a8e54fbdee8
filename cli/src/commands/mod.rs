//! The commands, a file each.

pub mod config;
pub mod pin;
pub mod schema;
pub mod tools;

/// Why a command does not end well, and with that its exit code.
#[derive(Debug)]
pub enum Ending {
    /// It did not work.
    Failed(anyhow::Error),
    /// A file is wrong: lines that say where.
    Wrong(Vec<String>),
}

impl From<anyhow::Error> for Ending {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Ending {
    /// A file has one fault.
    #[must_use]
    pub fn wrong(line: impl Into<String>) -> Self {
        Self::Wrong(vec![line.into()])
    }
}
