//! A connection to Envoy, for one request or for many in turn.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::channel::Channel;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::client::{Open, Reply, Request};
use crate::{Envoy, within};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A connection that is used for one request after the other.
#[derive(Debug)]
pub struct KeptAlive(SendRequest<BoxBody<Bytes, Infallible>>);

pub(crate) async fn connect(address: SocketAddr) -> Result<KeptAlive, BoxError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(KeptAlive(sender))
}

impl KeptAlive {
    /// Connects to Envoy.
    pub async fn open(envoy: &Envoy) -> Self {
        connect(envoy.address).await.expect("a connection to Envoy")
    }

    /// Sends a request and reads the answer to its end.
    pub async fn send(&mut self, request: Request) -> Reply {
        let answer = within("an answer", self.exchange(request)).await.expect("an answer");
        within("the end of the answer", answer.rest()).await
    }

    pub(crate) async fn exchange(&mut self, request: Request) -> Result<Open, BoxError> {
        let mut http = hyper::Request::builder()
            .method(request.method)
            .uri(request.target)
            .header("host", "gateway.test")
            .body(body(request.body))?;
        http.headers_mut().extend(request.headers);
        self.0.ready().await?;
        let (head, body) = self.0.send_request(http).await?.into_parts();
        Ok(Open::new(head, body))
    }
}

fn body(pieces: Vec<Bytes>) -> BoxBody<Bytes, Infallible> {
    if pieces.len() < 2 {
        return Full::new(pieces.into_iter().next().unwrap_or_default()).boxed();
    }
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        for piece in pieces {
            if sender.send_data(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    body.boxed()
}
