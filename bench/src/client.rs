//! One request at a time, for what is not measured: opening sessions, looking at answers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::http::request::Builder;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than any answer takes, the slowest subject's longest list included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where MCP is served.
pub(crate) type Endpoint = (SocketAddr, &'static str);

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The headers of every POST, and those of a session.
pub(crate) fn headers(session: Option<&str>, revision: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json, text/event-stream".to_owned()),
    ];
    if let Some(session) = session {
        headers.push(("mcp-session-id", session.to_owned()));
        headers.push(("mcp-protocol-version", revision.to_owned()));
    }
    headers
}

/// A connection, for one request after the other; closed when dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    sender: http1::SendRequest<Full<Bytes>>,
    task: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { address, sender, task: tokio::spawn(connection) })
    }

    /// Posts a body, and waits for the whole answer.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        body: impl Into<Bytes>,
    ) -> Result<Reply> {
        let request = self.request(Method::POST, path, headers).body(Full::new(body.into()))?;
        let exchange = async {
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            anyhow::Ok(Reply { status: head.status, headers: head.headers, body })
        };
        in_time(exchange).await
    }

    /// Gets something, and waits for the head of the answer. The rest comes for as long as the connection is kept.
    pub(crate) async fn get(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response<Incoming>> {
        let headers = headers.iter().filter(|(name, _)| *name != "content-type");
        let headers: Vec<_> = headers.cloned().collect();
        let request = self.request(Method::GET, path, &headers).body(Full::default())?;
        in_time(async { Ok(self.sender.send_request(request).await?) }).await
    }

    /// Whether the other side has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    fn request(&self, method: Method, path: &str, headers: &[(&str, String)]) -> Builder {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", self.address.to_string());
        headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Posts a body to an endpoint.
pub(crate) async fn post(
    (address, path): Endpoint,
    headers: &[(&'static str, String)],
    body: impl Into<Bytes>,
) -> Result<Reply> {
    Connection::open(address).await?.post(path, headers, body).await
}

/// Gets a page, for instance of Envoy's admin interface.
pub(crate) async fn get(address: SocketAddr, page: &str) -> Result<Reply> {
    let mut connection = Connection::open(address).await?;
    let (head, body) = connection.get(page, &[]).await?.into_parts();
    let body = in_time(async { Ok(body.collect().await?.to_bytes()) }).await?;
    Ok(Reply { status: head.status, headers: head.headers, body })
}

async fn in_time<T>(exchange: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout(PATIENCE, exchange).await {
        Ok(result) => result,
        Err(_) => bail!("no answer within {PATIENCE:?}"),
    }
}

impl Reply {
    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The JSON-RPC messages of the body: one of JSON, or those of an event stream.
    pub(crate) fn messages(&self) -> Result<Vec<Value>> {
        let text = std::str::from_utf8(&self.body).context("an answer that is not UTF-8")?;
        if self.status != StatusCode::OK {
            bail!("{}: {}", self.status, start(text));
        }
        let kind = self.header("content-type").unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            let message = serde_json::from_str(text);
            return Ok(vec![message.with_context(|| format!("not JSON: {}", start(text)))?]);
        }
        // The measured upstreams write one line of data for each event.
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let messages = data.map(str::trim).filter(|data| !data.is_empty());
        let messages = messages.map(serde_json::from_str).collect::<Result<_, _>>();
        messages.with_context(|| format!("not JSON: {}", start(text)))
    }
}

/// The first characters of a text.
pub(crate) fn start(text: &str) -> String {
    let start: String = text.chars().take(120).collect();
    if start.len() < text.len() { format!("{start}...") } else { start }
}
