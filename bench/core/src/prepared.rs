//! One request, handed to the core event by event, as Envoy does.

pub mod crowd;

use std::borrow::Cow;
use std::rc::Rc;

use anyhow::{Result, anyhow, bail, ensure};
use mcp_mux_core::config::{Environment, compile};
use mcp_mux_core::effect::{Callout, Reply};
use mcp_mux_core::event::Source;
use mcp_mux_core::{Key, tool_digest};
use mcp_mux_driver::{Shared, Stream, Worker};
use serde_json::{Value, json};

use crate::host::Client;
use crate::script::{CLAIMS, Head, Script, TOOL, answer};

/// A gateway with an open session, and a request with all that will be answered to it.
pub struct Prepared {
    worker: Rc<Worker>,
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
        let session = prepared.rehearse(&opening)?.session;
        if script.method != "initialize" {
            ensure!(session.is_some() != script.stateless.is_some(), "no session, or one too many");
            // The worker knows the session already, or what its upstreams speak, and tools that were listed.
            if let Some(list) = script.list_before() {
                prepared.follow(&list, session.as_deref())?;
                prepared.rehearse(&list)?;
            }
            prepared.follow(script, session.as_deref())?;
        }
        let answered = prepared.rehearse(script)?;
        let text = String::from_utf8_lossy(&answered.body);
        ensure!(text.contains(r#""result""#), "no result: {}", &text[..text.len().min(500)]);
        let least = match script.method {
            "tools/list" => script.upstreams * (script.result.len() - r#"{"tools":[]}"#.len()),
            "initialize" | "server/discover" => 0,
            _ => script.result.len(),
        };
        ensure!(answered.bytes >= least, "{} bytes instead of {least}", answered.bytes);
        Ok(prepared)
    }

    /// Goes on with another request to the same worker.
    fn follow(&mut self, script: &Script, session: Option<&str>) -> Result<()> {
        let worker = self.worker.clone();
        *self = Self { worker, ..Self::new(script, session)? };
        Ok(())
    }

    fn new(script: &Script, session: Option<&str>) -> Result<Self> {
        let names = (0..script.upstreams).map(|n| json!({"name": format!("up{n}")}));
        let open = if script.lazy { "lazy" } else { "eager" };
        let upstreams = names.collect::<Vec<_>>();
        let mut config = json!({"upstreams": upstreams, "session": {"open": open}});
        if script.rules {
            govern(&mut config)?;
        }
        let config = config.to_string();
        let surroundings = Environment {
            variable: &|_| None,
            process_key: &|| Ok(Key::new([1; 32])),
            streams: false,
            claims: true,
            bridges: true,
        };
        let gateway = compile(config.as_bytes(), surroundings);
        let gateway = gateway.map_err(|error| anyhow!("{error:?}"))?;
        let body = script.body();
        Ok(Self {
            worker: Worker::new(Shared::new(gateway)),
            request: (Head::request(script, body.len(), session), body),
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
        &self,
        side: &mut dyn FnMut(&Callout) -> Vec<u8>,
        answered: &mut Answered,
        keep: bool,
    ) -> Result<()> {
        self.tell(Client::default(), side, answered, keep)
    }

    fn tell(
        &self,
        mut client: Client,
        side: &mut dyn FnMut(&Callout) -> Vec<u8>,
        answered: &mut Answered,
        keep: bool,
    ) -> Result<()> {
        let Self { worker, request, call_head, response, .. } = self;
        let stream = Stream::new(worker.clone(), 0);
        let (head, body) = request;
        head.show(|headers| stream.request_head(&mut client, headers, false));
        stream.request_body(&mut client, body.len(), false, || body);
        stream.request_body(&mut client, 0, true, || b"");
        while !client.is_routed {
            if let Some(reply) = client.reply.take() {
                stream.ended(&mut client);
                return replied(reply, answered, keep);
            }
            let calls = std::mem::take(&mut client.calls);
            ensure!(!calls.is_empty(), "no answer");
            for callout in calls {
                let body = side(&callout);
                let (call, length) = (callout.id, body.len());
                let read = || Cow::Owned(body);
                call_head.show(|headers| {
                    stream.call_response(&mut client, call, headers, length, read);
                });
            }
        }
        let (head, chunks) = response;
        head.show(|headers| stream.response_head(&mut client, headers, Source::Upstream, false));
        for chunk in chunks {
            stream.response_body(&mut client, chunk.len(), false, || chunk);
            client.passed(chunk, answered, keep);
        }
        stream.response_body(&mut client, 0, true, || b"");
        client.passed(b"", answered, keep);
        stream.ended(&mut client);
        Ok(())
    }
}

/// All that a gateway can be told of who may do what, and of its tools.
fn govern(config: &mut Value) -> Result<()> {
    let pin = tool_digest(TOOL).map_err(|error| anyhow!("{error}"))?.to_string();
    config["upstreams"][0]["tools"] = json!({"deny": ["*_secret"], "pin": {"tool_0000": pin}});
    config["metrics"] = json!({"tools": true});
    config["caller"] = json!({"claim": "sub", "payload_header": CLAIMS});
    config["rules"] = json!([
        {"when": {"claim": "scope", "has": "tools:write"}, "tools": {"allow": ["*__write_*"]}},
        {"when": {"claim": "groups", "has": "support"}, "tools": {"allow": ["up1__*"]}},
        {
            "when": {"claim": "groups", "has": "admins"},
            "tools": {"allow": ["up0__tool_*", "up1__*"], "deny": ["*_secret"]},
        },
    ]);
    Ok(())
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
