//! The file of servers that the user already has, as Claude Desktop, Claude Code, Cursor or VS Code write it.
//!
//! Promises: a file is taken whole or refused with one line that says where; what is a secret in it (the values
//! of headers and of the environment) is in no message. Reads JSON with comments and trailing commas.

mod fields;
pub mod find;
mod names;
mod read;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod url;
pub mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use read::read;
pub use text::{Fault, Position, Text};

/// The most bytes that a file has. That of Claude Code has much else in it.
pub const LONGEST: usize = 32 * 1024 * 1024;

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// In the order of the file.
    pub servers: Vec<Server>,
    /// What the user should know of it; a line each.
    pub notes: Vec<String>,
}

/// One MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it is called at the gateway: 1 to 32 characters `a` to `z`, `0` to `9` and `-`.
    pub name: String,
    /// What the file calls it.
    pub written: String,
    /// Where the file has it, for messages: `mcpServers.github`.
    pub place: String,
    /// How it is reached.
    pub reached: Reached,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// A program that is started, and spoken to over stdio.
    Command(Command),
    /// A URL.
    Url(Remote),
}

/// A program that speaks MCP over stdio.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables that it has besides those of this process.
    pub environment: BTreeMap<String, String>,
    /// Where it runs, if not here.
    pub folder: Option<PathBuf>,
}

/// Variables may hold secrets.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.environment.keys().collect();
        let parts = (&self.program, &self.arguments, names, &self.folder);
        f.debug_tuple("Command").field(&parts).finish()
    }
}

/// A server with a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Whether it is a server of the HTTP+SSE transport (2024-11-05), not of Streamable HTTP.
    pub sse: bool,
    /// Whether it is reached over TLS.
    pub tls: bool,
    /// A DNS name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path of the endpoint with its query.
    pub path: String,
    /// What the server is to get with every request.
    pub headers: Vec<Header>,
}

impl Remote {
    /// The host as `:authority` has it: without the port that its scheme has anyway.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.bracketed();
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The URL without its query, which may hold a secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{}://{}{path}", self.scheme(), self.authority())
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority(), self.path)
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

/// A header that a server gets.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Its value, if all variables in it are known; always with [`variables::Missing::Refused`].
    pub value: Option<String>,
    /// Where the value comes from, if that is one variable, after a word such as `Bearer `: the word and the
    /// name of the variable.
    pub variable: Option<(String, String)>,
}

/// Its value is a secret.
impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Header").field(&self.name).field(&self.variable).finish()
    }
}

/// Reads a file.
///
/// # Errors
///
/// One line: the file, where in it, what is wrong, what to do.
pub fn load(path: &Path, variables: &variables::Variables<'_>) -> Result<Servers, String> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| format!("{shown}: it cannot be read: {error}; name another file"))?;
    if bytes.len() > LONGEST {
        return Err(format!("{shown}: it has {} bytes, expected at most {LONGEST}", bytes.len()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        format!("{shown}: byte {place} is not UTF-8: save it as UTF-8")
    })?;
    read(&text, variables).map_err(|fault| format!("{shown}:{fault}"))
}
