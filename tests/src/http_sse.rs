//! A scripted MCP server of the HTTP+SSE transport (2024-11-05): a GET a session, a POST for each message.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::channel::Channel;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::script::{Answer, Step};
use crate::seen::Seen;
use crate::server::Server;
use crate::{sse, within};

type Body = BoxBody<Bytes, Infallible>;
type Script = Arc<dyn Fn(&Seen) -> Vec<String> + Send + Sync>;

/// How soon a server notices that its client is gone.
const BEAT: Duration = Duration::from_millis(20);

/// A running server; dropping it closes its port and its connections.
pub struct SseServer {
    /// Its name in the plugin's configuration and of its Envoy cluster.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: Mutex<Server>,
    scripts: Mutex<HashMap<String, Script>>,
    /// What its `endpoint` event says, with `{}` for the session.
    endpoint: Mutex<String>,
    /// The events of the sessions that are open; empty text ends one.
    sessions: watch::Sender<BTreeMap<usize, mpsc::UnboundedSender<String>>>,
    seen: watch::Sender<Vec<Seen>>,
}

impl SseServer {
    /// Starts a server with one tool, `echo`, which speaks 2024-11-05.
    pub async fn named(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("the bound address");
        let mut server = Server::named(name);
        server.sessions = false;
        server.revision = Some("2024-11-05".to_owned());
        let shared = Arc::new(Shared {
            server: Mutex::new(server),
            scripts: Mutex::default(),
            endpoint: Mutex::new("/messages?session={}".to_owned()),
            sessions: watch::Sender::default(),
            seen: watch::Sender::default(),
        });
        let serving = shared.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("TCP_NODELAY");
                let shared = serving.clone();
                let service = service_fn(move |request| respond(request, shared.clone()));
                let http = hyper::server::conn::http1::Builder::new();
                connections.spawn(async move {
                    // A broken connection is often what the test is about.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { name: name.to_owned(), address, shared, accepting }
    }

    /// Changes what it is.
    pub fn change(&self, change: impl FnOnce(&mut Server)) {
        change(&mut lock(&self.shared.server));
    }

    /// From now on, says this as its endpoint, with `{}` for the session.
    pub fn endpoint(&self, endpoint: &str) {
        endpoint.clone_into(&mut lock(&self.shared.endpoint));
    }

    /// From now on, says these messages when it gets one of this method.
    pub fn on(&self, method: &str, script: impl Fn(&Seen) -> Vec<String> + Send + Sync + 'static) {
        lock(&self.shared.scripts).insert(method.to_owned(), Arc::new(script));
    }

    /// Says a message in a session.
    pub fn say(&self, session: usize, message: &str) {
        let sessions = self.shared.sessions.borrow();
        let stream = sessions.get(&session).expect("an open session");
        stream.send(sse::message(message)).expect("an open stream");
    }

    /// Says a message in every session.
    pub fn say_to_all(&self, message: &str) {
        for stream in self.shared.sessions.borrow().values() {
            stream.send(sse::message(message)).expect("an open stream");
        }
    }

    /// Loses all its sessions.
    pub fn restart(&self) {
        self.shared.sessions.send_replace(BTreeMap::new());
    }

    /// Waits until so many sessions are open.
    pub async fn open(&self, count: usize) {
        let mut sessions = self.shared.sessions.subscribe();
        let what = format!("{count} sessions at {}", self.name);
        let reached = sessions.wait_for(|sessions| sessions.len() == count);
        within(&what, reached).await.expect("sender is ours");
    }

    /// The requests so far of a JSON-RPC method, or else of an HTTP method.
    #[must_use]
    pub fn seen_of(&self, method: &str) -> Vec<Seen> {
        let seen = self.shared.seen.borrow();
        seen.iter().filter(|seen| is_of(seen, method)).cloned().collect()
    }

    /// Waits until there are so many requests of a method.
    pub async fn wait_for(&self, method: &str, count: usize) {
        let mut seen = self.shared.seen.subscribe();
        let arrived =
            seen.wait_for(|all| all.iter().filter(|it| is_of(it, method)).count() >= count);
        within(&format!("{method} at {}", self.name), arrived).await.expect("sender is ours");
    }
}

impl Drop for SseServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn is_of(seen: &Seen, method: &str) -> bool {
    seen.rpc_method().as_deref().unwrap_or(&seen.method) == method
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let seen = Seen {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.collect(),
        body: body.collect().await?.to_bytes(),
    };
    let mut number = 0;
    shared.seen.send_modify(|all| {
        number = all.len();
        all.push(seen.clone());
    });
    Ok(match (seen.method.as_str(), head.uri.path()) {
        ("GET", "/sse") => stream(shared, number),
        ("POST", _) => posted(&shared, &seen),
        _ => whole(404, "not here"),
    })
}

fn whole(status: u16, text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes())).boxed();
    Response::builder().status(status).body(body).expect("a response")
}

fn stream(shared: Arc<Shared>, session: usize) -> Response<Body> {
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    let endpoint = lock(&shared.endpoint).replace("{}", &session.to_string());
    say.send(format!("event: endpoint\r\ndata: {endpoint}\r\n\r\n")).expect("it is open");
    shared.sessions.send_modify(|sessions| drop(sessions.insert(session, say)));
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        loop {
            let text = match tokio::time::timeout(BEAT, said.recv()).await {
                Ok(Some(text)) => text,
                Ok(None) => break,
                Err(_) => ": beat\r\n\r\n".to_owned(),
            };
            if sender.send_data(Bytes::from(text)).await.is_err() {
                break;
            }
        }
        shared.sessions.send_modify(|sessions| drop(sessions.remove(&session)));
    });
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(body.boxed()).expect("a response")
}

fn posted(shared: &Shared, seen: &Seen) -> Response<Body> {
    let session = seen.target.rsplit('=').next().and_then(|text| text.parse::<usize>().ok());
    let sessions = shared.sessions.borrow();
    let Some(stream) = session.and_then(|session| sessions.get(&session)) else {
        return whole(404, "no such session");
    };
    let method = seen.rpc_method().unwrap_or_default();
    let script = lock(&shared.scripts).get(&method).cloned();
    let messages = script.map_or_else(|| by_default(shared, seen), |script| script(seen));
    for message in messages {
        // The stream may have ended meanwhile.
        let _ = stream.send(sse::message(&message));
    }
    whole(202, "Accepted")
}

fn by_default(shared: &Shared, seen: &Seen) -> Vec<String> {
    match lock(&shared.server).answer(seen) {
        Answer::Reply { body, .. } => body
            .into_iter()
            .filter_map(|step| match step {
                Step::Send(bytes) if !bytes.is_empty() => String::from_utf8(bytes).ok(),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
