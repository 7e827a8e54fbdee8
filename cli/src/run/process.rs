//! Processes that are kept running: started again when they end, with more and more time in between, and stopped
//! with all that they have started.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long it takes to start a process again that has ended: at first, and at most.
const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(30);

/// A process that has run for so long has not ended because it cannot start.
const STEADY: Duration = Duration::from_secs(60);

/// How long a process may take to end before it is killed: the bridge gives its own 5 s.
const GRACE: Duration = Duration::from_secs(8);

/// The longest line of a log that is kept in mind, in characters.
const LONGEST_LINE: usize = 200;

/// What happens to processes.
#[derive(Debug)]
pub(super) enum Event {
    /// One has ended, and is started again after this time.
    Ended {
        /// Whose it is.
        name: String,
        /// How it ended.
        how: String,
        /// When it is started again.
        again: Duration,
    },
    /// What a bridge has started has ended by itself.
    ProgramEnded {
        /// Whose it is.
        name: String,
        /// How it ended.
        how: String,
    },
}

/// What is to be run.
pub(super) struct Spec {
    /// Whose it is, for messages.
    pub(super) name: String,
    /// Makes the command.
    pub(super) command: Box<dyn Fn() -> Command + Send>,
    /// What it says goes there.
    pub(super) log: PathBuf,
    /// Whether it is a bridge, whose words tell of the program behind it.
    pub(super) is_bridge: bool,
}

/// A process that is kept running.
#[derive(Debug)]
pub(super) struct Kept {
    /// Its log.
    pub(super) log: PathBuf,
    last: Arc<Mutex<String>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Kept {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// It cannot be started, or its log not be written.
    pub(super) fn start(spec: Spec, events: mpsc::UnboundedSender<Event>) -> anyhow::Result<Self> {
        let log = spec.log.clone();
        let last = Arc::new(Mutex::new(String::new()));
        // The first start fails here, for whoever wants it.
        let file = open(&spec.log)?;
        let child = spawn(&spec)?;
        let (stop, stopped) = watch::channel(false);
        let keeper = Keeper { spec, events, stopped, last: last.clone(), file, is_program: true };
        Ok(Self { log, last, stop, task: tokio::spawn(keeper.keep(child)) })
    }

    /// The last line that it said.
    #[must_use]
    pub(super) fn last_line(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops it, and waits until it is gone.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

struct Keeper {
    spec: Spec,
    events: mpsc::UnboundedSender<Event>,
    stopped: watch::Receiver<bool>,
    last: Arc<Mutex<String>>,
    file: File,
    /// Whether the last line was the program's own, not its bridge's.
    is_program: bool,
}

impl Keeper {
    async fn keep(mut self, mut child: Child) {
        let mut pause = FIRST;
        loop {
            let started = Instant::now();
            // What is started ends when this closes, even if this program is killed: so it is kept until nothing is left.
            // `wait` would close it.
            let mut stdin = child.stdin.take();
            let Some(status) = self.follow(&mut child).await else {
                return terminate(&mut child).await;
            };
            if let Some(stdin) = &mut stdin {
                // For a watcher, which the end does not concern then.
                let _ = stdin.write_all(b"ended\n").await;
            }
            pause = if started.elapsed() > STEADY { FIRST } else { pause };
            loop {
                let ended = Event::Ended {
                    name: self.spec.name.clone(),
                    how: status_text(status),
                    again: pause,
                };
                let _ = self.events.send(ended);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = self.stopped.wait_for(|stopped| *stopped) => return,
                }
                pause = (pause * 2).min(LAST);
                if let Ok(again) = spawn(&self.spec) {
                    child = again;
                    break;
                }
            }
        }
    }

    /// Writes down what it says until it has ended; `None` if it is to be stopped before.
    async fn follow(&mut self, child: &mut Child) -> Option<ExitStatus> {
        let stderr = child.stderr.take().map(|stderr| BufReader::new(stderr).split(b'\n'));
        let mut lines = stderr;
        let mut stopped = self.stopped.clone();
        loop {
            let next = async {
                match &mut lines {
                    Some(lines) => lines.next_segment().await.ok().flatten(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What it has said is written down before its end is told.
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return None,
                line = next => match line {
                    Some(line) => self.line(&String::from_utf8_lossy(&line)),
                    // What it has started may keep the pipe open, or close it: neither is its end.
                    None => lines = None,
                },
                status = child.wait() => return status.ok().or_else(|| Some(ExitStatus::default())),
            }
        }
    }

    fn line(&mut self, line: &str) {
        let mut line = line.trim_end();
        // What the bridge says itself begins so; what does not goes on with what was said before.
        if self.spec.is_bridge
            && let Some(said) = line.strip_prefix("[supergateway] ")
        {
            line = said;
            if let Some(how) = line.strip_prefix("Child exited: ").and_then(by_itself) {
                let _ = self.events.send(Event::ProgramEnded { name: self.spec.name.clone(), how });
            }
            let of_program = line.strip_prefix("Child stderr: ");
            self.is_program = of_program.is_some();
            line = of_program.unwrap_or(line);
        }
        if line.trim().is_empty() {
            return;
        }
        let _ = writeln!(self.file, "{line}");
        if self.is_program {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = line.chars().take(LONGEST_LINE).collect();
        }
    }
}

/// How a program has ended of which the bridge says `code=137, signal=null`; `None` if the bridge has ended it,
/// as it does with each session.
fn by_itself(ended: &str) -> Option<String> {
    let (code, signal) = ended.split_once(", ")?;
    let (code, signal) = (code.strip_prefix("code=")?, signal.strip_prefix("signal=")?);
    match (code, signal) {
        ("0" | "130" | "143" | "null", "null" | "SIGTERM" | "SIGINT" | "SIGHUP") => None,
        // As a shell says it of what it has run.
        ("137", _) => Some("killed".to_owned()),
        (code, "null") => Some(format!("exit code {code}")),
        (_, signal) => Some(format!("killed by {signal}")),
    }
}

fn status_text(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

fn spawn(spec: &Spec) -> anyhow::Result<Child> {
    let mut command = (spec.command)();
    let program = command.as_std().get_program().to_owned();
    command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C reaches this program alone, which then stops the others.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{} cannot be started", program.to_string_lossy()))
}

/// Ends a process and its group, gently at first. Returns when nothing of the group is left.
async fn terminate(child: &mut Child) {
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let Some(group) = group else { return };
    for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, GRACE)] {
        let _ = kill_process_group(group, signal);
        let gone = async {
            let _ = child.wait().await;
            while test_kill_process_group(group).is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(patience, gone).await.is_ok() {
            return;
        }
    }
}

/// A log is its owner's alone: programs say what they like.
fn open(path: &Path) -> anyhow::Result<File> {
    let opened = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
    opened.with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
