//! Clients of all SDKs in every mode that they have, which stay connected while they look again and again.

use std::collections::BTreeMap;

use mcp_mux_tests::real::{node, python};
use mcp_mux_tests::repository;
use mcp_mux_tests::talk::Talk;
use mcp_mux_tests_rmcp as rust;
use serde_json::Value;
use tokio::process::Command;

/// Those of each language, as their program is told them: whose client, and how it opens.
const TYPESCRIPT: [&str; 6] =
    ["v1:legacy", "v2:legacy", "v2:auto", "v2:2026-07-28", "remote:legacy", "remote:auto"];
const PYTHON: [&str; 5] =
    ["mcp:legacy", "mcp:auto", "mcp:2026-07-28", "fastmcp:legacy", "fastmcp:auto"];
const RUST: [(&str, rust::Mode); 3] = [
    ("rmcp:default", rust::Mode::Default),
    ("rmcp:auto", rust::Mode::Auto),
    ("rmcp:discover", rust::Mode::Discover),
];

/// Whether a client ends up without a session.
pub(super) fn is_stateless(client: &str) -> bool {
    let (_, mode) = client.split_once(':').expect("a mode");
    !matches!(mode, "legacy" | "default")
}

/// All of them.
pub(super) struct Clients {
    typescript: Talk,
    python: Talk,
    rust: [rust::Client; 3],
    /// How names and URIs of each server begin.
    servers: Vec<String>,
}

/// What each has seen.
pub(super) type Seen = BTreeMap<String, Value>;

impl Clients {
    /// Has each connect and take all steps at the servers with these names.
    pub(super) async fn start(endpoint: &str, names: &[String]) -> (Self, Seen) {
        let servers: Vec<String> = names.iter().map(|name| format!("{name}__,{name}+")).collect();
        let mut typescript = Command::new("node");
        typescript.arg(repository("tests/clients/eras.mjs")).arg(node());
        typescript.args([endpoint, &TYPESCRIPT.join(",")]).args(&servers);
        let mut python = Command::new(python("python"));
        // Leaves no compiled modules in the repository.
        python.arg("-B").arg(repository("tests/clients/eras.py"));
        python.args([endpoint, &PYTHON.join(",")]).args(&servers);
        let (mut typescript, mut python) = (Talk::start(&mut typescript), Talk::start(&mut python));
        let all = &servers;
        let [a, b, c] = RUST.map(|(_, mode)| {
            Box::pin(async move {
                let client = rust::Client::connect(endpoint, mode).await;
                let seen = client.round(&prefixes(all)).await;
                (client, seen)
            })
        });
        let programs = said(&mut typescript, &mut python);
        let (mut seen, (a, seen_by_a), (b, seen_by_b), (c, seen_by_c)) =
            tokio::join!(programs, a, b, c);
        insert(&mut seen, [seen_by_a, seen_by_b, seen_by_c]);
        (Self { typescript, python, rust: [a, b, c], servers }, seen)
    }

    /// Has each look at all servers once more, in the connection that it has.
    pub(super) async fn look(&mut self) -> Seen {
        let Self { typescript, python, rust, servers } = self;
        typescript.say("look").await;
        python.say("look").await;
        let servers = &*servers;
        let [a, b, c] = rust
            .each_ref()
            .map(|client| Box::pin(async move { client.look(&prefixes(servers)).await }));
        let (mut seen, a, b, c) = tokio::join!(said(typescript, python), a, b, c);
        insert(&mut seen, [a, b, c]);
        seen
    }

    pub(super) async fn end(self) {
        for client in self.rust {
            client.end().await;
        }
    }
}

fn prefixes(servers: &[String]) -> Vec<rust::Prefixes<'_>> {
    let servers = servers.iter().map(|server| server.split_once(',').expect("two prefixes"));
    servers.map(|(names, uris)| rust::Prefixes { names, uris }).collect()
}

fn insert(seen: &mut Seen, rust: [Value; 3]) {
    seen.extend(RUST.iter().zip(rust).map(|((name, _), seen)| ((*name).to_owned(), seen)));
}

/// What the clients of both programs say next.
async fn said(typescript: &mut Talk, python: &mut Talk) -> Seen {
    let of = async |program: &mut Talk, clients: &[&str]| {
        let mut seen = Seen::new();
        while seen.len() < clients.len() {
            let what = format!("the clients beside {:?}", seen.keys());
            let mut said = program.until(&what, |_| true).await;
            let client = said["client"].as_str().expect("a client").to_owned();
            assert!(
                said["failed"].is_null(),
                "{client}: {}",
                said["failed"].as_str().unwrap_or_default()
            );
            seen.insert(client, said["seen"].take());
        }
        seen
    };
    let (mut typescript, python) = tokio::join!(of(typescript, &TYPESCRIPT), of(python, &PYTHON));
    typescript.extend(python);
    typescript
}
