//! The core alone, natively, in a loop: what of a request's cost is its own, and for a profiler to
//! look at (see PROFILE.md).
//!
//! ```sh
//! cargo run --release -p mcp-mux-bench --example core -- call 100000
//! cargo run --release -p mcp-mux-bench --example core -- call 1000 1000000   # a longer answer
//! cargo run --release -p mcp-mux-bench --example core -- list 100 10 100     # upstreams, tools
//! cargo run --release -p mcp-mux-bench --example core -- initialize 10000
//! ```

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mcp_mux_core::config::{Surroundings, compile};
use mcp_mux_core::effect::{Call, Effect, Reply};
use mcp_mux_core::event::{Event, Source};
use mcp_mux_core::exchange::{Ambient, Cx, Exchange};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::http::Headers;
use mcp_mux_core::memory::Memory;
use mcp_mux_core::seal::Key;
use serde_json::json;
use tokio::time::Instant;

/// Time stands still, and chance with it.
struct Still;

impl Ambient for Still {
    fn now(&self) -> u64 {
        1_700_000_000
    }
    fn random(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
    fn shared(&self, _key: &str) -> Vec<u8> {
        Vec::new()
    }
}

type Head<'h> = Vec<(&'h [u8], &'h [u8])>;

/// A gateway, and what its upstreams answer to everything.
struct World {
    gateway: Gateway,
    memory: Memory,
    session: String,
    /// The result of each side call.
    result: String,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: usize| match arguments.get(at) {
        Some(text) => text.parse().with_context(|| format!("not a number: {text}")),
        None => Ok(otherwise),
    };
    let what = arguments.first().map(String::as_str);
    let times = number(1, 100_000)?;
    let (name, work): (&str, Box<dyn FnMut() -> Result<()>>) = match what {
        Some("call") => {
            let mut world = World::of(2)?;
            let answer = answer(
                &json!({"content": [{"type": "text", "text": text(number(2, 200)?)}]}).to_string(),
            );
            ("call", Box::new(move || world.call(&answer)))
        }
        Some("list") => {
            let mut world = World::of(number(2, 2)?)?;
            world.result = tools(number(3, 10)?);
            ("list", Box::new(move || world.fan_out("tools/list", "{}").map(drop)))
        }
        Some("initialize") => {
            let mut world = World::of(number(2, 10)?)?;
            ("initialize", Box::new(move || world.initialize().map(drop)))
        }
        _ => bail!("expected: call|list|initialize, how often, and numbers"),
    };
    let took = repeat(times, work)?;
    let each = took.as_secs_f64() * 1e6 / f64::from(u32::try_from(times)?);
    println!("{name}: {each:.2} us each, {times} times");
    Ok(())
}

fn repeat(times: usize, mut work: Box<dyn FnMut() -> Result<()>>) -> Result<Duration> {
    work()?;
    let start = Instant::now();
    for _ in 0..times {
        work()?;
    }
    Ok(start.elapsed())
}

impl World {
    fn of(upstreams: usize) -> Result<Self> {
        let names: Vec<_> = (0..upstreams).map(|n| json!({"name": format!("up{n}")})).collect();
        let config = json!({"upstreams": names}).to_string();
        let surroundings =
            Surroundings { variable: &|_| None, process_key: &|| Ok(Key::new([1; 32])) };
        let gateway = compile(config.as_bytes(), surroundings);
        let gateway = gateway.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let result = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"b","version":"1"}}"#;
        let mut world = Self {
            gateway,
            memory: Memory::default(),
            session: String::new(),
            result: result.into(),
        };
        let reply = world.initialize()?;
        let session = reply.headers.iter().find(|(name, _)| *name == "mcp-session-id");
        world.session = String::from_utf8(session.context("no session")?.1.clone())?;
        Ok(world)
    }

    fn initialize(&mut self) -> Result<Reply> {
        let params = r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}"#;
        self.fan_out("initialize", params)
    }

    /// A request that the gateway answers itself, after side calls.
    fn fan_out(&mut self, method: &str, params: &str) -> Result<Reply> {
        let mut exchange = Exchange::default();
        let mut effects = self.request(&mut exchange, method, params);
        loop {
            let mut calls = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Reply(reply) => return Ok(reply),
                    Effect::Call(call) => calls.push(call),
                    _ => {}
                }
            }
            effects = Vec::new();
            for call in calls {
                effects.extend(self.answer(&mut exchange, &call)?);
            }
            if effects.is_empty() {
                bail!("no answer");
            }
        }
    }

    /// A call, through to the end of its answer.
    fn call(&mut self, answer: &str) -> Result<()> {
        let mut exchange = Exchange::default();
        let params = r#"{"name":"up0__tool_0000","arguments":{"argument_0":"Reads the page at the URL and returns what it says, without navig"},"_meta":{"progressToken":7}}"#;
        let effects = self.request(&mut exchange, "tools/call", params);
        if !effects.contains(&Effect::Reroute) {
            bail!("not routed: {effects:?}");
        }
        let length = answer.len().to_string();
        let headers: Head<'_> = vec![
            (b":status", b"200"),
            (b"content-type", b"application/json"),
            (b"content-length", length.as_bytes()),
        ];
        let source = Source::Upstream;
        self.tell(
            &mut exchange,
            Event::ResponseHead { headers: Headers(&headers), source, end: false },
        );
        self.tell(&mut exchange, Event::ResponseBody { chunk: answer.as_bytes(), end: false });
        self.tell(&mut exchange, Event::ResponseBody { chunk: b"", end: true });
        Ok(())
    }

    fn request(&mut self, exchange: &mut Exchange, method: &str, params: &str) -> Vec<Effect> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let length = body.len().to_string();
        let session = std::mem::take(&mut self.session);
        let mut headers: Head<'_> = vec![
            (b":authority", b"127.0.0.1:8080"),
            (b":path", b"/mcp"),
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b"user-agent", b"h2load nghttp2/1.52.0"),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            (b"content-length", length.as_bytes()),
            (b"x-forwarded-proto", b"http"),
            (b"x-request-id", b"7a9b5f0e-6b1c-4b43-9c53-0f5d1d1f5a2e"),
        ];
        if !session.is_empty() {
            headers.push((b"mcp-session-id", session.as_bytes()));
            headers.push((b"mcp-protocol-version", b"2025-06-18"));
        }
        let mut effects =
            self.tell(exchange, Event::RequestHead { headers: Headers(&headers), end: false });
        effects
            .extend(self.tell(exchange, Event::RequestBody { chunk: body.as_bytes(), end: false }));
        effects.extend(self.tell(exchange, Event::RequestBody { chunk: b"", end: true }));
        drop(headers);
        self.session = session;
        effects
    }

    fn answer(&mut self, exchange: &mut Exchange, call: &Call) -> Result<Vec<Effect>> {
        let request: serde_json::Value = serde_json::from_slice(&call.body)?;
        let body =
            answer(&self.result).replacen("\"id\":1", &format!("\"id\":{}", request["id"]), 1);
        let headers: Head<'_> = vec![
            (b":status", b"200"),
            (b"content-type", b"application/json"),
            (b"mcp-session-id", b"bench-12345-00000000000000000000000000000001"),
        ];
        let head = Event::CallHead { call: call.id, headers: Headers(&headers) };
        let mut effects = self.tell(exchange, head);
        let chunk = Cow::Owned(body.into_bytes());
        effects.extend(self.tell(exchange, Event::CallBody { call: call.id, chunk, end: true }));
        Ok(effects)
    }

    fn tell(&mut self, exchange: &mut Exchange, event: Event<'_>) -> Vec<Effect> {
        let mut cx = Cx { gateway: &self.gateway, ambient: &mut Still, memory: &mut self.memory };
        exchange.handle(&mut cx, event).effects
    }
}

fn answer(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#)
}

fn text(bytes: usize) -> String {
    "Reads the page at the URL and returns \"what\" it says.\n"
        .chars()
        .cycle()
        .take(bytes)
        .collect()
}

/// A page of tools of 1 KB.
fn tools(count: usize) -> String {
    let property = json!({"type": "string", "description": "The URL of the page to read"});
    let properties = json!({"a": property, "b": property, "c": property, "d": property});
    let tool = |n| {
        json!({
            "name": format!("tool_{n:04}"),
            "description": text(600),
            "inputSchema": {"type": "object", "properties": properties, "required": ["a"]},
        })
    };
    json!({"tools": (0..count).map(tool).collect::<Vec<_>>()}).to_string()
}
