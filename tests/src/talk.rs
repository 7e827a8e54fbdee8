//! A program that is spoken with line by line while it runs.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::within;

/// A running program whose output is lines of JSON; ended when dropped.
#[derive(Debug)]
pub struct Talk {
    /// Everything that it has said so far.
    pub heard: Vec<Value>,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Talk {
    /// Starts a program.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { heard: Vec::new(), input, output, _child: child }
    }

    /// Says a line.
    pub async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.input.write_all(line.as_bytes()).await.expect("it listens");
    }

    /// Waits for a line that is wanted.
    pub async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let next = async {
            while let Some(line) = self.output.next_line().await.expect("its output") {
                let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                self.heard.push(said.clone());
                if wanted(&said) {
                    return Some(said);
                }
            }
            None
        };
        within(what, next).await.unwrap_or_else(|| panic!("{what}: the program has ended"))
    }
}
