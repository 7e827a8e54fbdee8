//! The process of an Envoy and its files: both are gone when it is dropped, and when the tests end in
//! whatever way.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::admin::Admin;
use crate::host::Host;
use crate::{repository, tool, within};

/// Becomes Envoy, and leaves a watcher behind that reads what the tests write. A line says that Envoy
/// has ended. The end of the input says that the tests have, which a static variable, or a test that is
/// killed, cannot say otherwise.
const WATCHED: &str = r#"
exec 3<&0
{ read -r ended <&3 || { kill -KILL $$; rm -r "$FILES"; }; } 2>&1 >&- &
exec "$@" 3<&- </dev/null
"#;

/// The file that has what Envoy writes besides its log.
const OUTPUT: &str = "output";

/// An Envoy that may be starting, running or ended.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    files: TempDir,
    /// Where in the log the part of the test begins.
    log_begin: u64,
}

impl Process {
    /// Starts Envoy with a bootstrap in YAML, of which JSON is a part, and with these variables in its
    /// environment. The bootstrap is told the folder of its files.
    pub(super) fn spawn(
        bootstrap: impl FnOnce(&Path) -> String,
        concurrency: u32,
        environment: &[(&str, &str)],
    ) -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        let file = files.path().join("envoy.yaml");
        std::fs::write(&file, bootstrap(files.path())).expect("the bootstrap");
        let log = File::create(files.path().join("log")).expect("the log");
        let child = Command::new("sh")
            .args(["-c", WATCHED, "sh"])
            .arg(tool("MCP_MUX_ENVOY", ".tools/bin/envoy"))
            .arg("--config-path")
            .arg(&file)
            .arg("--admin-address-path")
            .arg(files.path().join("admin"))
            .args(["--disable-hot-restart", "--log-level", "warning"])
            .args(["--component-log-level", "wasm:debug,dynamic_modules:info"])
            .args(["--concurrency", &concurrency.to_string()])
            // A listener that is removed ends its connections at once.
            .args(["--drain-time-s", "0", "--drain-strategy", "immediate"])
            .current_dir(repository("."))
            .env("FILES", files.path())
            .envs(Host::tested().environment())
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(File::create(files.path().join(OUTPUT)).expect("a file"))
            .stderr(log)
            .spawn()
            .expect("Envoy starts");
        Self { child, files, log_begin: 0 }
    }

    /// The path of a file that is gone with the process.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The log since [`Self::forget_log`].
    pub(super) fn log(&self) -> String {
        let mut bytes = Vec::new();
        let mut file = File::open(self.file("log")).expect("the log");
        file.seek(SeekFrom::Start(self.log_begin)).expect("a place in the log");
        file.read_to_end(&mut bytes).expect("the log");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What it has written besides its log: an access log that goes there.
    pub(super) fn output(&self) -> String {
        std::fs::read_to_string(self.file(OUTPUT)).expect("the output")
    }

    /// Begins the log anew.
    pub(super) fn forget_log(&mut self) {
        self.log_begin = std::fs::metadata(self.file("log")).expect("the log").len();
    }

    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of the child")
    }

    /// Must not have ended.
    pub(super) fn runs(&mut self) {
        if let Some(status) = self.ended() {
            panic!("Envoy ended with {status}:\n{}", self.log());
        }
    }

    /// The admin interface, once Envoy serves; `None` before.
    pub(super) async fn admin(&self) -> Option<Admin> {
        let address = std::fs::read_to_string(self.file("admin")).ok()?;
        let admin = Admin(address.parse::<SocketAddr>().ok()?);
        admin.page("/ready").await?.starts_with("LIVE").then_some(admin)
    }

    /// Waits until Envoy serves.
    pub(super) async fn live(&mut self) -> Admin {
        within("Envoy to be live", async {
            loop {
                self.runs();
                if let Some(admin) = self.admin().await {
                    return admin;
                }
                tokio::time::sleep(super::POLL).await;
            }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        if let Some(watcher) = &mut self.child.stdin {
            let _ = watcher.write_all(b"ended\n");
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(60)..];
            eprintln!("--- the end of Envoy's log\n{}\n---", tail.join("\n"));
        }
    }
}
