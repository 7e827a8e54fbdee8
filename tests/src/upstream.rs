//! A scripted MCP server: decent by default, and whatever the test says for the methods it names.
//!
//! Every request is recorded before it is answered.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::script::{Answer, Step};
use crate::seen::Seen;
use crate::server::Server;
use crate::within;

type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;
type Scripts = Arc<Mutex<HashMap<String, Script>>>;
type Body = BoxBody<Bytes, Cut>;

/// A body that ends before it is whole.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the script cuts the answer here")
    }
}

impl std::error::Error for Cut {}

/// An upstream to be: [`Upstream::named`].
pub struct Builder {
    server: Server,
    scripts: Scripts,
}

/// A running upstream; dropping it closes its port and its connections.
pub struct Upstream {
    /// Its name in the plugin's configuration and of its Envoy cluster.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    scripts: Scripts,
    seen: Arc<watch::Sender<Vec<Seen>>>,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: Mutex<Server>,
    scripts: Scripts,
    seen: Arc<watch::Sender<Vec<Seen>>>,
}

impl Builder {
    /// Tools of these names, with a small schema each.
    #[must_use]
    pub fn tools(mut self, names: &[&str]) -> Self {
        self.server.pages = vec![names.iter().map(|name| crate::server::tool(name)).collect()];
        self
    }

    /// Pages of tools, each item as the text to send, with a schema if it has none.
    #[must_use]
    pub fn pages(mut self, pages: &[&[&str]]) -> Self {
        let page = |page: &&[&str]| page.iter().map(|&item| crate::server::usable(item)).collect();
        self.server.pages = pages.iter().map(page).collect();
        self
    }

    /// Answers in event streams where the script says nothing.
    #[must_use]
    pub fn sse_answers(self) -> Self {
        self.with(|server| server.sse = true)
    }

    /// Changes the default server.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Server)) -> Self {
        change(&mut self.server);
        self
    }

    /// Answers a JSON-RPC method (`tools/call`), or else an HTTP method (`DELETE`), in this way.
    #[must_use]
    pub fn on(
        self,
        method: &str,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        lock(&self.scripts).insert(method.to_owned(), Arc::new(script));
        self
    }

    /// Starts to listen.
    pub async fn start(self) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("the bound address");
        let name = self.server.name.clone();
        let seen = Arc::new(watch::Sender::new(Vec::new()));
        let shared = Arc::new(Shared {
            server: Mutex::new(self.server),
            scripts: self.scripts.clone(),
            seen: seen.clone(),
        });
        let serving = shared.clone();
        let accepting = tokio::spawn(async move {
            // Dropped with this task, and every connection with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, serving.clone()));
            }
        });
        Upstream { name, address, scripts: self.scripts, seen, shared, accepting }
    }
}

impl Upstream {
    /// An upstream with a session id, one tool `echo`, and no surprises.
    #[must_use]
    pub fn named(name: &str) -> Builder {
        Builder { server: Server::named(name), scripts: Scripts::default() }
    }

    /// From now on, answers a JSON-RPC method, or else an HTTP method, in this way.
    pub fn answer(&self, method: &str, script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        lock(&self.scripts).insert(method.to_owned(), Arc::new(script));
    }

    /// From now on, answers a JSON-RPC method, or else an HTTP method, as a plain server does.
    pub fn unscript(&self, method: &str) {
        lock(&self.scripts).remove(method);
    }

    /// Loses every session that it has opened; requests in them get `answer` from now on.
    pub fn restart(&self, answer: Answer) {
        let mut server = lock(&self.shared.server);
        server.lost = server.opened;
        server.gone = answer;
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// The requests of a JSON-RPC or HTTP method so far.
    #[must_use]
    pub fn seen_of(&self, method: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| matches(seen, method)).collect()
    }

    /// The one request of a JSON-RPC or HTTP method so far.
    #[expect(clippy::must_use_candidate, reason = "it is an assertion as well")]
    pub fn only(&self, method: &str) -> Seen {
        let mut seen = self.seen_of(method);
        let all: Vec<_> =
            self.seen().iter().map(|it| it.rpc_method().unwrap_or(it.method.clone())).collect();
        assert_eq!(seen.len(), 1, "{} requests of {method} at {}: {all:?}", seen.len(), self.name);
        seen.remove(0)
    }

    /// Waits until a request of a JSON-RPC or HTTP method is there.
    pub async fn wait_for(&self, method: &str) {
        let mut seen = self.seen.subscribe();
        let arrived = seen.wait_for(|seen| seen.iter().any(|seen| matches(seen, method)));
        within(&format!("{method} at {}", self.name), arrived).await.expect("sender is ours");
    }

    /// Forgets what was seen.
    pub fn forget(&self) {
        self.seen.send_replace(Vec::new());
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn matches(seen: &Seen, method: &str) -> bool {
    seen.rpc_method().as_deref().unwrap_or(&seen.method) == method
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Hyper owns the stream; this second handle lets a script turn the close into an RST.
    let stream = stream.into_std().expect("a socket");
    let socket = stream.try_clone().expect("a second handle");
    let resets = Arc::new(Mutex::new(false));
    let stream = TcpStream::from_std(stream).expect("a socket");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let answering = resets.clone();
    let service = service_fn(move |request| {
        let (shared, resets) = (shared.clone(), answering.clone());
        async move { respond(request, &shared, resets).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection.without_shutdown());
    // A broken connection is often what the test is about.
    let _ = connection.as_mut().await;
    if *lock(&resets) {
        let linger = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        linger.expect("SO_LINGER");
    }
}

async fn respond(
    request: Request<Incoming>,
    shared: &Shared,
    resets: Arc<Mutex<bool>>,
) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    if head.uri.path().starts_with("/echo") {
        return Ok(Response::new(body.map_err(|_| Cut).boxed()));
    }
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let seen = Seen {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.collect(),
        body: body.collect().await.map_err(|_| Cut)?.to_bytes(),
    };
    shared.seen.send_modify(|all| all.push(seen.clone()));
    let rpc_method = seen.rpc_method();
    let scripted = |method: &String| lock(&shared.scripts).get(method).cloned();
    let script = scripted(rpc_method.as_ref().unwrap_or(&seen.method));
    let answer = match script {
        Some(script) => script(&seen),
        None => lock(&shared.server).answer(&seen),
    };
    match answer {
        Answer::Reply { status, headers, body } => {
            let body = match <[Step; 1]>::try_from(body) {
                Ok([Step::Send(bytes)]) => whole(bytes),
                Ok(steps) => stepwise(steps.into(), resets),
                Err(none) if none.is_empty() => whole(Vec::new()),
                Err(steps) => stepwise(steps, resets),
            };
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(body).expect("a scripted response"))
        }
        Answer::Hang => std::future::pending().await,
        Answer::Reset => {
            *lock(&resets) = true;
            Err(Cut)
        }
    }
}

fn whole(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never: Infallible| match never {}).boxed()
}

fn stepwise(steps: Vec<Step>, resets: Arc<Mutex<bool>>) -> Body {
    let (sender, body) = Channel::<Bytes, Cut>::new(1);
    tokio::spawn(async move {
        // The receiver going away is the client going away.
        let _ = play(steps, sender, resets).await;
    });
    body.boxed()
}

async fn play(
    steps: Vec<Step>,
    mut sender: Sender<Bytes, Cut>,
    resets: Arc<Mutex<bool>>,
) -> Result<(), http_body_util::channel::SendError> {
    for step in steps {
        match step {
            Step::Send(bytes) => sender.send_data(Bytes::from(bytes)).await?,
            Step::Until(gate) => gate.passed().await,
            Step::Pause(time) => tokio::time::sleep(time).await,
            Step::Talk(mut stream) => loop {
                match stream.next().await {
                    Ok(bytes) => sender.send_data(Bytes::from(bytes)).await?,
                    Err(false) => break,
                    Err(true) => {
                        reset(sender, &resets);
                        return Ok(());
                    }
                }
                tokio::task::yield_now().await;
            },
            Step::Reset => {
                reset(sender, &resets);
                return Ok(());
            }
        }
        // Lets hyper flush what it has, so that chunks leave one by one.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn reset(sender: Sender<Bytes, Cut>, resets: &Mutex<bool>) {
    *lock(resets) = true;
    sender.abort(Cut);
}

/// A script that panics fails its own test and no other request.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
