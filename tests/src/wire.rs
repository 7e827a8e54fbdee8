//! One end of a connection, read and written by hand, for what a well-behaved peer never does.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::contains;
use crate::within;

/// A server that takes connections and does nothing with them.
#[derive(Debug)]
pub struct Wire {
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
}

/// A connection.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    /// All that was read.
    pub read: Vec<u8>,
}

impl Wire {
    /// Starts to listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        Self { address: listener.local_addr().expect("the bound address"), listener }
    }

    /// The next connection.
    pub async fn accept(&self) -> Peer {
        let (stream, _) = within("a connection", self.listener.accept()).await.expect("accepted");
        Peer { stream, read: Vec::new() }
    }
}

impl Peer {
    /// Connects to a server.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes; whether the other side took them all.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("bytes to be taken", self.stream.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Reads on until all that was read contains `text`.
    pub async fn until(&mut self, text: &str) {
        let what = format!("{text:?} on the wire");
        within(&what, async {
            let mut searched = 0;
            while !contains(&self.read[searched..], text) {
                // It may have come in part.
                searched = (self.read.len() + 1).saturating_sub(text.len().max(1));
                assert!(self.more().await, "ended at {:?}", String::from_utf8_lossy(&self.read));
            }
        })
        .await;
    }

    /// Reads on until the other side ends or resets the connection.
    pub async fn end(&mut self) {
        within("the end of a connection", async { while self.more().await {} }).await;
    }

    /// What was read, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    async fn more(&mut self) -> bool {
        self.read.reserve(64 * 1024);
        match self.stream.read_buf(&mut self.read).await {
            Ok(count) => count > 0,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}
