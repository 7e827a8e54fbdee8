//! Ten servers are labelled, unlabelled, killed and started again at random, and the API server goes away
//! now and then, while clients list and call. For five minutes:
//! `MCP_MUX_CHAOS_SECONDS=300 cargo test -p mcp-mux-discovery -- --nocapture chaos`.

use std::cell::{Cell, RefCell, RefMut};
use std::time::Duration;

use mcp_mux_tests::mcp::names;
use mcp_mux_tests::{Client, Envoy, Upstream, within};
use tokio::time::{Instant, sleep, timeout};

use crate::api::Api;
use crate::objects::{service, slice, slice_at};
use crate::world::World;

/// How many servers there are.
const SERVERS: usize = 10;

/// The first of them are left alone.
const ALONE: usize = 2;

/// How long it may take until a list shows what is the case.
const LATE: Duration = Duration::from_secs(10);

/// What was done to a server a moment before the last may still be on its way, and take it off the list once
/// more: so long, it is not taken for healthy.
const SETTLED: Duration = Duration::from_secs(4);

/// How long all this goes on, in seconds, unless `MCP_MUX_CHAOS_SECONDS` says otherwise.
const SECONDS: u64 = 20;

struct Server {
    name: String,
    running: Option<Upstream>,
    labelled: bool,
    /// Counts what is done to it.
    changes: u64,
    /// When the last of that was done, or could be learned from the API server.
    since: Instant,
    /// Whether its tool was listed since, and that has settled.
    listed: bool,
}

impl Server {
    fn is_served(&self) -> bool {
        self.running.is_some() && self.labelled
    }

    /// Something is done to it.
    fn touch(&mut self) {
        self.changes += 1;
        self.since = Instant::now();
        self.listed = false;
    }
}

struct Chaos {
    servers: RefCell<Vec<Server>>,
    seed: Cell<u64>,
    done: Cell<u64>,
    calls: Cell<u64>,
    lists: Cell<u64>,
    sessions: Cell<u64>,
    /// How long the slowest change took to be seen in a list.
    slowest: Cell<Duration>,
}

impl Chaos {
    /// Starts all servers, labelled.
    async fn start(api: &Api) -> Self {
        let mut servers = Vec::new();
        for n in 0..SERVERS {
            let upstream = Upstream::named(&format!("s{n}")).start().await;
            api.put(service(&upstream.name, true));
            api.put(slice(&upstream, true));
            servers.push(Server {
                name: upstream.name.clone(),
                running: Some(upstream),
                labelled: true,
                changes: 0,
                since: Instant::now(),
                listed: false,
            });
        }
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos();
        let zero = Cell::default;
        Self {
            servers: RefCell::new(servers),
            seed: Cell::new(u64::try_from(now).expect("before 2554") | 1),
            done: zero(),
            calls: zero(),
            lists: zero(),
            sessions: zero(),
            slowest: Cell::default(),
        }
    }

    fn server(&self, at: usize) -> RefMut<'_, Server> {
        RefMut::map(self.servers.borrow_mut(), |servers| &mut servers[at])
    }

    /// A number below `end` (xorshift64, Marsaglia 2003).
    fn random(&self, end: u64) -> u64 {
        let mut it = self.seed.get();
        it ^= it << 13;
        it ^= it >> 7;
        it ^= it << 17;
        self.seed.set(it);
        it % end
    }

    async fn pause(&self, milliseconds: u64) {
        sleep(Duration::from_millis(self.random(milliseconds))).await;
    }

    /// Does one thing after the other, for good.
    async fn mischief(&self, api: &mut Api) {
        loop {
            self.pause(1000).await;
            let others = SERVERS - ALONE;
            let at = ALONE + usize::try_from(self.random(others as u64)).expect("a small number");
            match self.random(10) {
                0..5 => {
                    let mut server = self.server(at);
                    server.touch();
                    server.labelled = !server.labelled;
                    api.put(service(&server.name, server.labelled));
                }
                5..9 => self.kill_or_start(at, api).await,
                _ => self.trouble(api).await,
            }
            self.done.set(self.done.get() + 1);
        }
    }

    /// Kills a server, or starts it again elsewhere. Kubernetes takes a while to notice either.
    async fn kill_or_start(&self, at: usize, api: &Api) {
        let name = self.server(at).name.clone();
        let killed = {
            let mut server = self.server(at);
            server.touch();
            server.running.take()
        };
        if let Some(upstream) = killed {
            let address = upstream.address;
            drop(upstream);
            self.pause(500).await;
            api.put(slice_at(&name, address, false));
        } else {
            let upstream = Upstream::named(&name).start().await;
            self.pause(500).await;
            let mut server = self.server(at);
            server.touch();
            api.put(slice(&upstream, true));
            server.running = Some(upstream);
        }
    }

    /// What API servers do to those who watch them.
    async fn trouble(&self, api: &mut Api) {
        match self.random(3) {
            0 => api.cut(),
            1 => api.forget(),
            _ => {
                api.die();
                self.pause(2000).await;
                api.come_back().await;
                // What was done just before can be learned now.
                self.servers.borrow_mut().iter_mut().for_each(|it| it.since = Instant::now());
            }
        }
    }

    /// Calls one tool after the other. Who is there, was listed, and is left alone meanwhile, answers.
    async fn call(&self, client: &Client<'_>) {
        loop {
            let at = usize::try_from(self.random(SERVERS as u64)).expect("a small number");
            let (name, changes, healthy) = {
                let server = self.server(at);
                (server.name.clone(), server.changes, server.is_served() && server.listed)
            };
            let reply = client.call(&format!("{name}__echo")).await;
            if healthy && self.server(at).changes == changes {
                let right = reply.status == 200 && reply.text().contains(&format!("{name}:echo"));
                assert!(right, "a call to {name}: {reply:?}");
                self.calls.set(self.calls.get() + 1);
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lists tools again and again: they are what is there, but for what was done a moment ago.
    async fn list(&self, client: &Client<'_>) {
        loop {
            let before: Vec<u64> = self.servers.borrow().iter().map(|it| it.changes).collect();
            let asked = Instant::now();
            let listed = names(&client.list().await.result());
            for (server, before) in self.servers.borrow_mut().iter_mut().zip(before) {
                let is_listed = listed.contains(&format!("{}__echo", server.name));
                if server.changes != before {
                    continue;
                }
                let since = asked.saturating_duration_since(server.since);
                if is_listed != server.is_served() {
                    let Server { name, .. } = server;
                    assert!(since < LATE, "{name}, {since:?} after its last change: {is_listed}");
                    assert!(!server.listed, "{name} was listed, and nothing was done to it");
                    self.slowest.set(self.slowest.get().max(since));
                }
                server.listed |= is_listed && server.is_served() && since > SETTLED;
            }
            self.lists.set(self.lists.get() + 1);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Opens one session after the other.
    async fn open(&self, envoy: &Envoy) {
        loop {
            let client = Client::open(envoy).await;
            for n in 0..ALONE {
                assert_eq!(client.call_text(&format!("s{n}__echo")).await, format!("s{n}:echo"));
            }
            self.sessions.set(self.sessions.get() + 1);
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn calls_to_healthy_servers_succeed_whatever_becomes_of_the_others() {
    let seconds = std::env::var("MCP_MUX_CHAOS_SECONDS")
        .map_or(SECONDS, |text| text.parse().expect("MCP_MUX_CHAOS_SECONDS: a number of seconds"));
    let mut api = Api::start().await;
    let chaos = Chaos::start(&api).await;
    let mut world = World::new(&api, "{}");
    let envoy = world.start().await;
    let client = Client::open(&envoy).await;
    let mut all = Box::pin(async {
        tokio::join!(
            chaos.mischief(&mut api),
            chaos.call(&client),
            chaos.list(&client),
            chaos.open(&envoy)
        )
    });
    let Chaos { done, calls, lists, sessions, slowest, .. } = &chaos;
    let enough = || done.get() > seconds / 2 && calls.get() > seconds * 10 && lists.get() > seconds;
    let ended = timeout(Duration::from_secs(seconds), &mut all).await;
    assert!(ended.is_err(), "it goes on for good");
    // Not much of a test without enough of each: a busy machine needs longer for that.
    within("enough to happen", async {
        let happened = async {
            while !enough() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = happened => (),
            _ = &mut all => panic!("it goes on for good"),
        }
    })
    .await;
    println!(
        "{} things done, {} calls to healthy servers, {} lists, {} sessions; \
         a list showed what was done after {:?} at most",
        done.get(),
        calls.get(),
        lists.get(),
        sessions.get(),
        slowest.get()
    );
}
