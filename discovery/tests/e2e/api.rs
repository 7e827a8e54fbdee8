//! As much of a Kubernetes API server as a watch needs: lists, watches as lines of JSON, resource
//! versions, bookmarks, 410 Gone, connections that break, Events that are posted.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use mcp_mux_tests::{tls, within};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch::Sender;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::store::{Filter, State};
use crate::stream::watch;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// A running API server.
pub(crate) struct Api {
    address: SocketAddr,
    /// In PEM, of one that speaks TLS.
    pub(crate) certificate: Option<String>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What a client shows to an API server that speaks TLS.
pub(crate) const TOKEN: &str = "a-token";

pub(crate) struct Shared {
    tls: Option<TlsAcceptor>,
    state: Mutex<State>,
    /// Counts what watches have to hear of.
    pub(crate) changed: Sender<u64>,
}

impl Api {
    /// Starts without any object.
    pub(crate) async fn start() -> Self {
        Self::start_with(None, None).await
    }

    /// The same, with TLS, and only for those who have the token.
    pub(crate) async fn start_with_tls() -> Self {
        let (tls, certificate) = tls::acceptor("127.0.0.1");
        Self::start_with(Some(tls), Some(certificate)).await
    }

    async fn start_with(tls: Option<TlsAcceptor>, certificate: Option<String>) -> Self {
        let shared = Arc::new(Shared {
            tls,
            state: Mutex::new(State { version: 100, ..State::default() }),
            changed: Sender::new(0),
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut api = Self { address: any, certificate, shared, accepting: None };
        api.come_back().await;
        api
    }

    /// Where a kubeconfig would say that it is.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Stops to listen and breaks every connection.
    pub(crate) fn die(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }

    /// Listens again, at the same address.
    pub(crate) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("a loopback port");
        self.address = listener.local_addr().expect("the bound address");
        let shared = self.shared.clone();
        self.accepting = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (shared.clone(), shared.tls.clone());
                let service = service_fn(move |request| respond(request, shared.clone()));
                connections.spawn(async move {
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = match tls {
                        None => server.serve_connection(TokioIo::new(stream), service).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => {
                                server.serve_connection(TokioIo::new(stream), service).await
                            }
                            Err(_) => Ok(()),
                        },
                    };
                });
            }
        }));
    }

    /// Adds an object, or puts it in the place of the one of its name.
    pub(crate) fn put(&self, object: Value) {
        self.change(|state| state.set(object, true));
    }

    /// Removes an object.
    pub(crate) fn delete(&self, object: Value) {
        self.change(|state| state.set(object, false));
    }

    /// Forgets all changes so far: watches have to list again.
    pub(crate) fn forget(&self) {
        self.change(|state| {
            state.version += 1;
            state.oldest = state.version;
            state.cuts += 1;
        });
    }

    /// Breaks every watch.
    pub(crate) fn cut(&self) {
        self.change(|state| state.cuts += 1);
    }

    /// Sends a bookmark on every watch, of a version that no object has, and returns that.
    pub(crate) fn bookmark(&self) -> u64 {
        self.change(|state| {
            state.version += 50;
            state.bookmarks += 1;
        });
        self.lock().version
    }

    /// From now on, takes no Event, or takes them again.
    pub(crate) fn refuse_events(&self, refuses: bool) {
        self.lock().refuses_events = refuses;
    }

    /// From now on, never answers requests for this: `services`, `events`; nothing: answers all.
    pub(crate) fn silence(&self, resource: &'static str) {
        self.lock().silent = resource;
    }

    /// The Events that were posted.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.lock().events.clone()
    }

    /// The methods and targets of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    /// Waits until something holds of this server.
    pub(crate) async fn wait(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        within(what, async {
            while !wanted(self) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.shared.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.die();
    }
}

pub(crate) fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn json_body(status: u16, value: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(value.to_string())).boxed();
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(body).expect("a response")
}

/// The value of a parameter of the query; empty if it is not there.
fn parameter(request: &Request<Incoming>, name: &str) -> String {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    value.replace("%2F", "/").replace("%3D", "=")
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let token = request.headers().get("authorization");
    if shared.tls.is_some() && token.is_none_or(|it| *it != format!("Bearer {TOKEN}")) {
        return Ok(json_body(401, &json!({"kind": "Status", "code": 401})));
    }
    let silent = {
        let mut state = lock(&shared);
        state.requests.push(format!("{} {}", request.method(), request.uri()));
        !state.silent.is_empty() && path.ends_with(state.silent)
    };
    if silent {
        return std::future::pending().await;
    }
    let kind = match path.rsplit('/').next() {
        Some("services") => "Service",
        Some("endpointslices") => "EndpointSlice",
        _ if request.method() != Method::GET => {
            let body =
                request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
            let event: Value = serde_json::from_slice(&body).expect("an Event");
            let mut state = lock(&shared);
            if state.refuses_events {
                return Ok(json_body(403, &json!({"kind": "Status", "code": 403})));
            }
            let name = &event["metadata"]["name"];
            if state.events.iter().any(|it| it["metadata"]["name"] == *name) {
                let known = json!({"kind": "Status", "status": "Failure", "message": "it is there",
                    "reason": "AlreadyExists", "code": 409});
                return Ok(json_body(409, &known));
            }
            state.events.push(event.clone());
            return Ok(json_body(201, &event));
        }
        _ => return Ok(json_body(404, &json!({"kind": "Status", "code": 404}))),
    };
    let filter = Filter {
        kind: kind.to_owned(),
        selector: parameter(&request, "labelSelector"),
        namespace: path
            .split_once("/namespaces/")
            .and_then(|(_, rest)| Some(rest.split_once('/')?.0.to_owned())),
    };
    if parameter(&request, "watch") == "true" {
        let from = parameter(&request, "resourceVersion").parse().expect("a version");
        return Ok(watch(filter, from, shared));
    }
    let state = lock(&shared);
    let list = json!({
        "kind": format!("{kind}List"), "apiVersion": "v1",
        "metadata": {"resourceVersion": state.version.to_string()},
        "items": state.list(&filter),
    });
    Ok(json_body(200, &list))
}
