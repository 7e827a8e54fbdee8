//! Ten servers of both eras and all transports; three of them are always well.

use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::process::{ClosedPort, Service};
use mcp_mux_tests::real::everything_typescript;
use mcp_mux_tests::{Answer, Setup, Step, Upstream, sse};
use serde_json::json;
use tokio::sync::Mutex;

use super::Chance;
use crate::stateless::stateless;

/// What a server does wrong, for a while.
const MOODS: usize = 9;

/// How much a server says that floods, in bytes.
const FLOOD: usize = 1 << 20;

pub(super) struct Servers {
    /// They do nothing wrong.
    well: [Upstream; 3],
    moody: [Upstream; 5],
    /// In the native host alone.
    old: Option<SseServer>,
    /// Of an SDK, killed and started again.
    real: (ClosedPort, Mutex<Option<Service>>),
}

impl Servers {
    pub(super) async fn start() -> Self {
        let tools = json!({"tools": {"listChanged": true}});
        let well = [
            Upstream::named("steady").start().await,
            Upstream::named("streaming").sse_answers().start().await,
            stateless("modern", &tools).start().await,
        ];
        let handshake = async |name: &str| Upstream::named(name).start().await;
        let moody = [
            handshake("one").await,
            handshake("two").await,
            Upstream::named("three").sse_answers().start().await,
            stateless("four", &tools).start().await,
            stateless("five", &tools).sse_answers().start().await,
        ];
        let old = match Host::tested() {
            Host::Module => Some(SseServer::named("old").await),
            Host::Wasm => None,
        };
        let port = ClosedPort::reserve();
        let service = everything_typescript("both", port.address.port()).await;
        Self { well, moody, old, real: (port, Mutex::new(Some(service))) }
    }

    pub(super) fn setup(&self) -> Setup {
        let fields = json!({"timeout": "2s", "call_timeout": "5s"});
        let mut setup = Setup::new();
        for upstream in self.well.iter().chain(&self.moody) {
            setup = setup.upstream_with(upstream, &fields);
        }
        if let Some(old) = &self.old {
            let fields = json!({"timeout": "2s", "call_timeout": "5s", "transport": "sse"});
            setup = setup.upstream_at("old", old.address, &fields);
        }
        setup = setup.upstream_at("real", self.real.0.address, &fields);
        // What comes and goes with the configuration is there all the time.
        setup.cluster("extra", self.well[0].address).closes_idle().crowded()
    }

    /// Each server that has a tool, and that tool.
    pub(super) fn tools(&self) -> Vec<(&str, &str)> {
        let scripted = self.well.iter().chain(&self.moody).map(|it| (it.name.as_str(), "echo"));
        let old = self.old.as_ref().map(|it| (it.name.as_str(), "echo"));
        scripted.chain(old).chain([("real", "echo")]).collect()
    }

    /// Does something to one of them.
    pub(super) fn harm(&self, chance: &mut Chance) {
        for upstream in self.well.iter().chain(&self.moody) {
            upstream.forget();
        }
        let at = chance.below(self.moody.len() + 1);
        let Some(upstream) = self.moody.get(at) else {
            if let Some(old) = &self.old {
                old.restart();
            }
            return;
        };
        well(upstream);
        let garbage = chance.bytes(3000);
        let cut = chance.below(80);
        match chance.below(MOODS) {
            0 => upstream.answer("tools/call", |_| Answer::Hang),
            1 => upstream.answer("tools/list", |_| Answer::Hang),
            2 => upstream.answer("tools/call", |_| Answer::Reset),
            3 => upstream.answer("tools/call", move |_| Answer::json(garbage.clone())),
            4 => upstream.answer("tools/list", move |_| Answer::sse(garbage.clone())),
            5 => upstream.answer("tools/call", |_| {
                let one = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
                Answer::sse(sse::message(one).repeat(FLOOD / 80))
            }),
            6 => upstream.answer("tools/call", move |seen| {
                let result = r#"{"content":[{"type":"text","text":"late"}]}"#;
                let whole = mcp_mux_tests::script::response(seen, result);
                let (head, tail) = whole.split_at(cut.min(whole.len()));
                let steps =
                    vec![Step::send(head), Step::Pause(Duration::from_secs(1)), Step::send(tail)];
                Answer::steps(200, "application/json", steps)
            }),
            7 => upstream.restart(Answer::whole(404, "text/plain", "Session not found")),
            _ => upstream.answer("tools/list", |seen| {
                let text = format!(
                    r#"{{"name":"new-{}","inputSchema":{{"type":"object"}}}}"#,
                    seen.id().len()
                );
                Answer::result(seen, &format!(r#"{{"tools":[{text}]}}"#))
            }),
        }
    }

    /// Has all of them do as they should.
    pub(super) fn heal(&self) {
        self.moody.iter().for_each(well);
    }

    /// Kills the real one, and starts it again.
    pub(super) async fn kill_and_start(&self) {
        let (port, running) = &self.real;
        let mut running = running.lock().await;
        if let Some(service) = running.take() {
            service.kill().await;
        }
        *running = Some(everything_typescript("both", port.address.port()).await);
    }
}

fn well(upstream: &Upstream) {
    upstream.unscript("tools/call");
    upstream.unscript("tools/list");
}
