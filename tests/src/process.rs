//! The real MCP servers and clients, as processes.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

use crate::within;

/// A server on a loopback port; ended when dropped.
#[derive(Debug)]
pub struct Service {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    log: NamedTempFile,
}

/// A loopback port that was free a moment ago, for servers that cannot pick their own. It takes them
/// seconds to listen on it, so it is none of those that the kernel would hand out meanwhile.
pub async fn free_port() -> u16 {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let port = 11_000 + u16::try_from(random % 20_000).expect("less than 20,000");
        if TcpListener::bind(("127.0.0.1", port)).await.is_ok() {
            return port;
        }
    }
}

impl Service {
    /// Starts a server and waits until it accepts connections on this port.
    pub async fn start(command: &mut Command, port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let what = format!("{command:?} to listen");
        let log = NamedTempFile::new().expect("a temporary file");
        let handle = || log.reopen().expect("the log");
        let command = command.stdin(Stdio::null()).stdout(handle()).stderr(handle());
        let spawned = command.kill_on_drop(true).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{what}: {error}"));
        within(&what, async {
            while TcpStream::connect(address).await.is_err() {
                let ended = child.try_wait().expect("the state of the child");
                assert!(
                    ended.is_none(),
                    "{what}: it ended with {ended:?}, see {}",
                    log.path().display()
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        Self { address, child, log }
    }

    /// Kills it, and returns when it is gone.
    pub async fn kill(mut self) {
        within("a killed server to be gone", self.child.kill())
            .await
            .expect("the end of the child");
    }

    /// What it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log.path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of the server\n{}\n---", self.log());
        }
    }
}

/// Runs a program to its end, which must be a success, and returns what it printed.
pub async fn output(command: &mut Command) -> String {
    let what = format!("{command:?}");
    let output = finished(command).await;
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

/// Runs a program to its end, whatever comes of it.
pub async fn finished(command: &mut Command) -> Output {
    let what = format!("{command:?}");
    let output = within(&what, command.stdin(Stdio::null()).kill_on_drop(true).output());
    output.await.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// A program that prints until it is dropped.
#[derive(Debug)]
pub struct Printing {
    what: String,
    stdout: ChildStdout,
    read: String,
    _child: Child,
}

impl Printing {
    /// Starts it.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let what = format!("{command:?}");
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        let stdout = child.stdout.take().expect("a pipe");
        Self { what, stdout, read: String::new(), _child: child }
    }

    /// Reads on up to this text, which must come.
    pub async fn until(&mut self, text: &str) {
        let what = format!("{text:?} of {}", self.what);
        within(&what, async {
            loop {
                if let Some(at) = self.read.find(text) {
                    self.read.drain(..at + text.len());
                    return;
                }
                let mut bytes = [0; 4096];
                let count = self.stdout.read(&mut bytes).await.expect("its output");
                assert!(count > 0, "{what}: it ended at {}", self.read);
                self.read.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        })
        .await;
    }
}

/// A port that is taken and that nobody listens on: connections to it are refused.
#[derive(Debug)]
pub struct ClosedPort {
    /// The address that refuses.
    pub address: SocketAddr,
    _socket: socket2::Socket,
}

impl ClosedPort {
    /// Takes a port. A server that sets `SO_REUSEADDR`, as all do, can listen on it all the same; what
    /// picks any free port does not pick this one.
    #[must_use]
    pub fn reserve() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("a loopback port");
        let address = socket.local_addr().expect("the bound address").as_socket().expect("IPv4");
        Self { address, _socket: socket }
    }
}
