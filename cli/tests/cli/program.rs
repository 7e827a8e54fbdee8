//! The program, as a user starts it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mcp_mux_tests::{DEADLINE, within};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A variable that all have that the program has started.
const MARK: &str = "MCP_MUX_TEST_MARK";

/// What has ended: its exit code, stdout and stderr.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command of the program.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-mux"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub(crate) async fn ended(arguments: &[&str]) -> Ended {
    let output = within("the end of mcp-mux", command(arguments).output()).await.expect("started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    Ended { code: output.status.code().expect("an exit code"), stdout, stderr }
}

/// `mcp-mux run --json` while it runs.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    mark: String,
    heard: Vec<Value>,
}

impl Running {
    /// Starts it with a file of servers; at this port.
    pub(crate) fn start(file: &Path, port: u16, environment: &[(&str, &str)]) -> Self {
        let mark = format!("{port}-{}", std::process::id());
        let port = port.to_string();
        let file = file.to_str().expect("UTF-8");
        let mut command = command(&["run", file, "--port", &port, "--json"]);
        command.env(MARK, &mark).envs(environment.iter().copied());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        Self { child, lines, mark, heard: Vec::new() }
    }

    /// Waits for an event.
    pub(crate) async fn until(&mut self, event: &str) -> Value {
        let next = async {
            while let Some(line) = self.lines.next_line().await.expect("stdout") {
                let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                self.heard.push(said.clone());
                if said["event"] == event {
                    return Some(said);
                }
            }
            None
        };
        // Several programs start here, beside all that the other tests do.
        let said = tokio::time::timeout(3 * DEADLINE, next).await;
        let said = said.unwrap_or_else(|_| panic!("no event {event}"));
        if let Some(said) = said {
            return said;
        }
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().expect("stderr");
        pipe.read_to_string(&mut stderr).await.expect("stderr");
        panic!("it has ended before {event}: {:?}\n{stderr}", self.heard);
    }

    /// Waits for the end that it comes to by itself: the exit code, and what is on stderr.
    pub(crate) async fn end(&mut self) -> (i32, String) {
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().expect("stderr");
        within("the end of stderr", pipe.read_to_string(&mut stderr)).await.expect("stderr");
        let status = within("the end of mcp-mux", self.child.wait()).await.expect("its end");
        (status.code().expect("an exit code"), stderr)
    }

    /// The processes that it has started and that run, with their commands.
    pub(crate) fn others(&self) -> Vec<(u32, String)> {
        let own = self.child.id();
        let mark = format!("{MARK}={}", self.mark);
        let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
        let processes = entries.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
        let ours = processes.filter(|pid| Some(*pid) != own).filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        });
        let command = |pid| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, line.replace('\0', " "))
        };
        ours.map(command).collect()
    }

    /// Kills it, and waits until nothing that it has started is left.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
        within("the end of all that it has started", async {
            while !self.others().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// Sends a signal, as Ctrl-C does, and waits for the end; returns the exit code.
    pub(crate) async fn signal(&mut self, signal: &str) -> i32 {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await.expect("kill");
        assert!(sent.success());
        let status = within("the end of mcp-mux", self.child.wait()).await.expect("its end");
        status.code().expect("an exit code")
    }
}
