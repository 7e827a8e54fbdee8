//! The upstream: a small MCP server that costs as little as it can, so that it is never what is
//! measured. What it answers is made once, at its start.

mod content;
mod pieces;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::args::Upstream as Flags;
use crate::scenario::STATELESS;
use crate::upstream::content::Content;
pub(crate) use crate::upstream::content::{call_text, text, tools};
use crate::upstream::pieces::Pieces;

const SESSION: &str = "mcp-session-id";
const REVISION: &str = "mcp-protocol-version";
/// Longer bodies are refused: the requests of the measurements are shorter.
const LONGEST_BODY: usize = 64 << 20;

/// What all connections share.
struct Server {
    flags: Flags,
    content: Content,
    sessions: AtomicU64,
}

/// What is read of a request.
#[derive(Deserialize)]
struct Call<'b> {
    #[serde(borrow)]
    id: Option<&'b RawValue>,
    method: &'b str,
    #[serde(borrow)]
    params: Option<Params<'b>>,
}

/// What is read of its params.
#[derive(Deserialize)]
struct Params<'b> {
    cursor: Option<&'b str>,
    #[serde(rename = "protocolVersion")]
    revision: Option<&'b str>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'b>>,
}

/// What is read of their `_meta`.
#[derive(Deserialize)]
struct Meta<'b> {
    #[serde(borrow, rename = "progressToken")]
    progress_token: Option<&'b RawValue>,
}

/// Serves until standard input ends: with the process that started this one, however that ends.
pub(crate) async fn serve(flags: &Flags) -> Result<()> {
    let server =
        |content| Arc::new(Server { flags: flags.clone(), content, sessions: AtomicU64::new(0) });
    let each = server(Content::of(flags));
    let joined = flags.joined.then(|| server(Content::joined(flags)));
    for server in (0..flags.listeners).map(|_| &each).chain(&joined) {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a loopback port")?;
        println!("{}", listener.local_addr()?);
        tokio::spawn(accept(listener, Arc::clone(server)));
    }
    let mut end = [0; 64];
    while tokio::io::stdin().read(&mut end).await? > 0 {}
    Ok(())
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&server)));
        }
    }
}

async fn connection(stream: TcpStream, server: Arc<Server>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    // A client that goes away is no error of the server.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Response<Pieces> {
        match *request.method() {
            Method::POST => {}
            Method::DELETE => return status(StatusCode::OK),
            Method::GET if self.flags.streams => return stream(),
            _ => return status(StatusCode::METHOD_NOT_ALLOWED),
        }
        let header = |name| request.headers().get(name);
        let in_session = header(SESSION).is_some_and(|id| self.is_mine(id));
        let stateless = header(REVISION).is_some_and(|it| it.as_bytes() == STATELESS.as_bytes());
        let Ok(body) = Limited::new(request.into_body(), LONGEST_BODY).collect().await else {
            return status(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let body = body.to_bytes();
        let Ok(call) = serde_json::from_slice::<Call<'_>>(&body) else {
            return status(StatusCode::BAD_REQUEST);
        };
        if self.flags.delay > 0 {
            tokio::time::sleep(Duration::from_millis(self.flags.delay.into())).await;
        }
        if call.method == "initialize" {
            return self.initialize(&call);
        }
        if !in_session && !stateless {
            return status(StatusCode::BAD_REQUEST);
        }
        let Some(id) = call.id else { return status(StatusCode::ACCEPTED) };
        let params = call.params.as_ref();
        let result = match call.method {
            "tools/list" => self.content.page(params.and_then(|params| params.cursor)),
            "tools/call" if stateless => Some(self.content.call_stateless.clone()),
            "tools/call" => Some(self.content.call.clone()),
            "server/discover" => Some(self.discover()),
            "ping" => Some(Bytes::from_static(b"{}")),
            _ => None,
        };
        let Some(result) = result else { return status(StatusCode::BAD_REQUEST) };
        let token = params.and_then(|params| params.meta.as_ref()?.progress_token);
        let events = if call.method == "tools/call" { self.flags.progress } else { 0 };
        self.response(id, result, events, token)
    }

    fn initialize(&self, call: &Call<'_>) -> Response<Pieces> {
        let Some(id) = call.id else { return status(StatusCode::BAD_REQUEST) };
        let revision = call.params.as_ref().and_then(|params| params.revision).unwrap_or("?");
        let resources = if self.flags.resources { r#","resources":{}"# } else { "" };
        let result = format!(
            r#"{{"protocolVersion":"{revision}","capabilities":{{"tools":{{}}{resources}}},"serverInfo":{{"name":"bench","version":"1"}}}}"#
        );
        let mut response = self.response(id, result.into(), 0, None);
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        let session = format!("{}{number:032x}", self.content.session_prefix);
        if let Ok(session) = HeaderValue::from_str(&session) {
            response.headers_mut().insert(SESSION, session);
        }
        response
    }

    /// What it says of itself in the stateless era (2026-07-28).
    fn discover(&self) -> Bytes {
        let resources = if self.flags.resources { r#","resources":{}"# } else { "" };
        format!(
            r#"{{"resultType":"complete","supportedVersions":["{STATELESS}"],"capabilities":{{"tools":{{}}{resources}}},"ttlMs":0,"cacheScope":"private"}}"#
        )
        .into()
    }

    fn is_mine(&self, session: &HeaderValue) -> bool {
        session.as_bytes().starts_with(self.content.session_prefix.as_bytes())
    }

    /// An answer, as JSON or as a stream of so many progress events and then the answer.
    fn response(
        &self,
        id: &RawValue,
        result: Bytes,
        events: u32,
        token: Option<&RawValue>,
    ) -> Response<Pieces> {
        let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
        let sse = self.flags.sse || events > 0;
        let pieces = if sse {
            let token = token.map_or("0", RawValue::get);
            let event = |number| content::progress(token, number, events);
            let mut pieces: Vec<Vec<Bytes>> = (1..=events).map(|n| vec![event(n)]).collect();
            let head = format!("event: message\ndata: {head}");
            pieces.push(vec![head.into(), result, Bytes::from_static(b"}\n\n")]);
            Pieces::stream(pieces)
        } else {
            Pieces::whole(vec![head.into(), result, Bytes::from_static(b"}")])
        };
        let mut response = Response::new(pieces);
        let kind = if sse { "text/event-stream" } else { "application/json" };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}

/// An event stream on which nothing comes.
fn stream() -> Response<Pieces> {
    let mut response = Response::new(Pieces::endless());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn status(status: StatusCode) -> Response<Pieces> {
    let mut response = Response::new(Pieces::whole(Vec::new()));
    *response.status_mut() = status;
    response
}
