//! What is measured: the scenarios, grouped by the upstreams that they need.

use serde_json::json;

use crate::args::Upstream as Flags;
use crate::results::Kind;
use crate::subject::Subject;
use crate::upstream::text;

/// The progress token of calls that want progress.
pub(crate) const TOKEN: u32 = 7;
/// The id of every request: `mcp_router` keeps no other ids than numbers.
pub(crate) const ID: u32 = 1;
/// The newest revision that `mcp_router` speaks.
pub(crate) const REVISION: &str = "2025-06-18";
/// The revision without sessions.
pub(crate) const STATELESS: &str = "2026-07-28";

/// Upstreams, the Envoys before them, and what is measured there.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) upstream: Flags,
    pub(crate) subjects: &'static [Subject],
    pub(crate) scenarios: Vec<Scenario>,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) ask: Ask,
    pub(crate) connections: u32,
}

/// A request of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `tools/call` of so many bytes, about.
    Call { bytes: usize },
    /// `tools/list`
    List,
    /// `initialize`
    Initialize,
    /// `ping`
    Ping,
}

impl Ask {
    /// The method that says so, as the subject's client has it.
    pub(crate) const fn method(self, subject: Subject) -> &'static str {
        match self {
            Self::Call { .. } => "tools/call",
            Self::List => "tools/list",
            Self::Ping => "ping",
            Self::Initialize if subject.is_stateless() => "server/discover",
            Self::Initialize => "initialize",
        }
    }

    /// The body that says so to this subject.
    pub(crate) fn body(self, subject: Subject) -> String {
        let method = self.method(subject);
        let mut params = match self {
            Self::Call { bytes } => {
                let call = |argument: &str| {
                    json!({
                        "name": subject.tool_name("tool_0000"),
                        "arguments": {"argument_0": argument},
                        "_meta": {"progressToken": TOKEN},
                    })
                };
                let frame = call("").to_string().len()
                    + "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':}".len();
                call(&text(bytes.saturating_sub(frame)))
            }
            Self::Initialize if !subject.is_stateless() => json!({
                "protocolVersion": REVISION,
                "capabilities": {},
                "clientInfo": {"name": "bench", "version": "1"},
            }),
            Self::List | Self::Ping | Self::Initialize => json!({}),
        };
        if subject.is_stateless() {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(STATELESS);
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "bench", "version": "1"});
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
        }
        json!({"jsonrpc": "2.0", "id": ID, "method": method, "params": params}).to_string()
    }
}

/// All worlds; few and small ones if it has to be quick.
pub(crate) fn worlds(quick: bool) -> Vec<World> {
    let mut worlds = calls(quick);
    worlds.extend(lists(quick));
    worlds.push(initialize());
    worlds.extend(eras(quick));
    worlds
}

/// The same requests in both eras, and from one to the other, before upstreams of both.
fn eras(quick: bool) -> Vec<World> {
    let world = |listeners, id: &str, title: &str, ask, connections| World {
        upstream: Flags { listeners, ..Flags::default() },
        subjects: &Subject::ERAS,
        scenarios: vec![Scenario {
            id: format!("eras-{id}"),
            title: title.into(),
            kind: Kind::Eras,
            ask,
            connections,
        }],
    };
    let call = Ask::Call { bytes: 200 };
    let calls = world(2, "call-c16", "small call, 16 connections", call, 16);
    let opening = "`initialize` or `server/discover`, 10 upstreams that are known";
    if quick {
        return vec![calls];
    }
    vec![
        calls,
        world(2, "call-c1", "small call, 1 connection", call, 1),
        world(10, "list", "tools/list, 10 x 10 tools", Ask::List, 1),
        world(10, "open", opening, Ask::Initialize, 1),
    ]
}

fn calls(quick: bool) -> Vec<World> {
    let small = Ask::Call { bytes: 200 };
    let scenario = |id: &str, title: &str, kind, ask, connections| Scenario {
        id: format!("call-{id}-c{connections}"),
        title: format!("{title}, {}", plural(connections, "connection")),
        kind,
        ask,
        connections,
    };
    let world = |upstream: Flags, scenarios| World {
        upstream: Flags { listeners: 2, ..upstream },
        subjects: &Subject::ALL,
        scenarios,
    };
    let json = "small call, JSON answer";
    let sse = "small call, SSE answer";
    let long = Ask::Call { bytes: 100_000 };
    let mut worlds = vec![
        world(
            Flags::default(),
            vec![
                scenario("json", json, Kind::Small, small, 1),
                scenario("json", json, Kind::Small, small, 16),
                scenario("100kb", "call with 100 KB of arguments", Kind::Large, long, 1),
            ],
        ),
        world(
            Flags { sse: true, ..Flags::default() },
            vec![
                scenario("sse", sse, Kind::Small, small, 1),
                scenario("sse", sse, Kind::Small, small, 16),
            ],
        ),
    ];
    if quick {
        return worlds;
    }
    let stream = "call with 100 progress events";
    // What an upstream without resources answers can hold no URIs, which a gateway may have to change.
    for (resources, of) in [(false, "tools alone"), (true, "with resources")] {
        for (sse, format) in [(false, "JSON"), (true, "SSE")] {
            let flags = Flags { answer_size: 1_000_000, sse, resources, ..Flags::default() };
            let id =
                format!("1mb-{}{}", format.to_lowercase(), if resources { "-uris" } else { "" });
            let title = format!("call with a 1 MB {format} answer, {of}");
            worlds.push(world(flags, vec![scenario(&id, &title, Kind::Large, small, 1)]));
        }
    }
    worlds.push(world(
        Flags { progress: 100, ..Flags::default() },
        vec![scenario("progress", stream, Kind::Large, small, 1)],
    ));
    worlds
}

fn lists(quick: bool) -> Vec<World> {
    let all = [2, 5, 10].into_iter().flat_map(|listeners| [10, 100, 1000].map(|n| (listeners, n)));
    let sizes: Vec<(u32, u32)> = if quick { vec![(2, 10), (10, 100)] } else { all.collect() };
    let world = |sse: bool, (listeners, tools): (u32, u32)| {
        let format = if sse { "SSE" } else { "JSON" };
        // What it costs to serve a list again depends on its length alone.
        let again = !sse && listeners == 10 && tools >= 100;
        World {
            upstream: Flags { listeners, tools, sse, joined: again, ..Flags::default() },
            subjects: if again { &Subject::LISTERS } else { &Subject::GATEWAYS },
            scenarios: vec![Scenario {
                id: format!("list-{}-{listeners}x{tools}", format.to_lowercase()),
                title: format!("tools/list, {listeners} x {tools} tools, {format}"),
                kind: Kind::List,
                ask: Ask::List,
                connections: 1,
            }],
        }
    };
    let json = sizes.iter().map(|&size| world(false, size));
    let sse = sizes.iter().filter(|_| !quick).map(|&size| world(true, size));
    json.chain(sse).collect()
}

fn initialize() -> World {
    let scenario = |id: &str, connections| Scenario {
        id: id.to_owned(),
        title: format!(
            "initialize, 10 upstreams of 20 ms each, {}",
            plural(connections, "connection")
        ),
        kind: Kind::Initialize,
        ask: Ask::Initialize,
        connections,
    };
    World {
        upstream: Flags { listeners: 10, delay: 20, ..Flags::default() },
        subjects: &Subject::OPENERS,
        scenarios: vec![scenario("initialize-c1", 1), scenario("initialize-c16", 16)],
    }
}

/// The largest list, for those who wait while it is made.
pub(crate) fn largest_list() -> Flags {
    Flags { listeners: 10, tools: 1000, ..Flags::default() }
}

fn plural(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
