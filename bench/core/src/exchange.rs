//! One request, told to the core event by event, as Envoy does.

use std::borrow::Cow;

use anyhow::{Context as _, Result, bail, ensure};
use mcp_mux_core::config::{Environment, compile};
use mcp_mux_core::effect::{CallId, Callout, Effect, Reply};
use mcp_mux_core::event::{Event, Source};
use mcp_mux_core::exchange::{Context, Exchange, HostEnv};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::seal::Key;
use mcp_mux_core::worker_cache::WorkerCache;
use serde_json::{Value, json};

use crate::script::{Head, Script, answer};

/// Time stands still, and chance with it: so the same request is told twice with the same ids.
struct Still;

impl HostEnv for Still {
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

/// A gateway with an open session, and a request with all that will be answered to it.
pub struct Prepared {
    gateway: Gateway,
    memory: WorkerCache,
    request: (Head, Vec<u8>),
    /// The answers to side calls, by their number.
    calls: Vec<Vec<u8>>,
    call_head: Head,
    response: (Head, Vec<Vec<u8>>),
}

/// What a client got.
#[derive(Debug, Default)]
pub struct Answered {
    /// The bytes of the body, as far as they were asked for.
    pub body: Vec<u8>,
    /// How many there are.
    pub bytes: usize,
    session: Option<String>,
}

impl Prepared {
    /// Opens the session and tells the request once, to see that it is answered.
    pub(crate) fn of(script: &Script) -> Result<Self> {
        let opening = script.opening();
        let mut prepared = Self::new(&opening, None)?;
        let session = prepared.rehearse(&opening)?.session.context("no session")?;
        if script.method != "initialize" {
            let memory = prepared.memory;
            prepared = Self { memory, ..Self::new(script, Some(&session))? };
        }
        let answered = prepared.rehearse(script)?;
        let text = String::from_utf8_lossy(&answered.body);
        ensure!(text.contains(r#""result""#), "no result: {}", &text[..text.len().min(500)]);
        let least = match script.method {
            "tools/list" => script.upstreams * (script.result.len() - r#"{"tools":[]}"#.len()),
            "initialize" => 0,
            _ => script.result.len(),
        };
        ensure!(answered.bytes >= least, "{} bytes instead of {least}", answered.bytes);
        Ok(prepared)
    }

    fn new(script: &Script, session: Option<&str>) -> Result<Self> {
        let names = (0..script.upstreams).map(|n| json!({"name": format!("up{n}")}));
        let config = json!({"upstreams": names.collect::<Vec<_>>()}).to_string();
        let surroundings =
            Environment { variable: &|_| None, process_key: &|| Ok(Key::new([1; 32])) };
        let gateway = compile(config.as_bytes(), surroundings);
        let body = script.body();
        Ok(Self {
            gateway: gateway.map_err(|error| anyhow::anyhow!("{error:?}"))?,
            memory: WorkerCache::default(),
            request: (Head::request(body.len(), session), body),
            calls: Vec::new(),
            call_head: Head::of(&[
                (":status", "200"),
                ("content-type", "application/json"),
                ("mcp-session-id", "bench-12345-00000000000000000000000000000001"),
            ]),
            response: (script.response_head(), script.chunks()),
        })
    }

    /// Tells it once and keeps what was answered to side calls, whose ids are known only then.
    fn rehearse(&mut self, script: &Script) -> Result<Answered> {
        let mut calls = Vec::new();
        let mut answered = Answered::default();
        self.tell_all(
            &mut |call: &Callout| {
                let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                let body = answer(&request["id"].to_string(), &script.result).into_bytes();
                calls.resize(calls.len().max(call.id.0 + 1), Vec::new());
                calls[call.id.0].clone_from(&body);
                body
            },
            &mut answered,
            true,
        )?;
        self.calls = calls;
        Ok(answered)
    }

    /// Tells it, and says how much was answered.
    ///
    /// # Errors
    ///
    /// The core gave no answer.
    pub fn run(&mut self) -> Result<Answered> {
        let mut answered = Answered::default();
        let mut calls = std::mem::take(&mut self.calls);
        let mut take = |call: &Callout| std::mem::take(&mut calls[call.id.0]);
        self.tell_all(&mut take, &mut answered, false)?;
        Ok(answered)
    }

    /// The same, as often as one likes: its answers are copied, which costs a little.
    ///
    /// # Errors
    ///
    /// The core gave no answer.
    pub fn run_again(&mut self) -> Result<Answered> {
        let calls = self.calls.clone();
        let answered = self.run();
        self.calls = calls;
        answered
    }

    fn tell_all(
        &mut self,
        side: &mut dyn FnMut(&Callout) -> Vec<u8>,
        answered: &mut Answered,
        keep: bool,
    ) -> Result<()> {
        let Self { gateway, memory, request, call_head, response, .. } = self;
        let mut exchange = Exchange::default();
        let mut tell = |event: Event<'_>| {
            let mut cx = Context { gateway, ambient: &mut Still, memory };
            exchange.handle(&mut cx, event).effects
        };
        let mut effects =
            request.0.show(|headers| tell(Event::RequestHead { headers, end: false }));
        effects.extend(tell(Event::RequestBody { chunk: &request.1, end: false }));
        effects.extend(tell(Event::RequestBody { chunk: b"", end: true }));
        let mut calls: Vec<(CallId, Vec<u8>)> = Vec::new();
        loop {
            let mut routed = false;
            for effect in effects.drain(..) {
                match effect {
                    Effect::Reply(reply) => return replied(reply, answered, keep),
                    Effect::Call(call) => calls.push((call.id, side(&call))),
                    Effect::Reroute => routed = true,
                    _ => {}
                }
            }
            if routed {
                break;
            }
            ensure!(!calls.is_empty(), "no answer");
            for (call, body) in calls.drain(..) {
                effects.extend(call_head.show(|headers| tell(Event::CallHead { call, headers })));
                let chunk = Cow::Owned(body);
                effects.extend(tell(Event::CallBody { call, chunk, end: true }));
            }
        }
        let (source, end) = (Source::Upstream, false);
        response.0.show(|headers| tell(Event::ResponseHead { headers, source, end }));
        for chunk in &response.1 {
            passed(tell(Event::ResponseBody { chunk, end: false }), chunk, answered, keep);
        }
        passed(tell(Event::ResponseBody { chunk: b"", end: true }), b"", answered, keep);
        Ok(())
    }
}

/// An answer of the core's own.
fn replied(reply: Reply, answered: &mut Answered, keep: bool) -> Result<()> {
    if reply.status != 200 {
        bail!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    }
    answered.bytes = reply.body.len();
    if keep {
        let session = reply.headers.iter().find(|(name, _)| *name == "mcp-session-id");
        answered.session = session.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        answered.body = reply.body;
    }
    Ok(())
}

/// A part of an upstream's answer, as it leaves the core.
fn passed(effects: Vec<Effect>, chunk: &[u8], answered: &mut Answered, keep: bool) {
    let mut parts = vec![Cow::Borrowed(chunk)];
    for effect in effects {
        match effect {
            Effect::ResponseBody(body) => parts = vec![Cow::Owned(body)],
            Effect::ResponseLead(lead) => parts.insert(0, Cow::Owned(lead)),
            _ => {}
        }
    }
    for part in parts {
        answered.bytes += part.len();
        if keep {
            answered.body.extend_from_slice(&part);
        }
    }
}
