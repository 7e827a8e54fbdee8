//! Asks the client for what its upstream wants, and makes the call once more with its answers.

use std::fmt::Write as _;
use std::time::Duration;

use crate::caller::Caller;
use crate::effect::Effect;
use crate::exchange::Context;
use crate::exchange::relay::course::Course;
use crate::exchange::relay::{ROUNDS, Relay};
use crate::fault::Fault;
use crate::json::{Edits, Members, Raw, Scan, decode, encode};
use crate::mcp::fields;
use crate::mcp::incomplete::{Asks, Input};
use crate::mcp::jsonrpc::{Id, Message, ResultOrError};
use crate::memory::questions::{Answered, Inbox, QuestionId, Questions};
use crate::rewrite::to_client::Rewriter;

/// How many things an upstream may ask for at a time.
const INPUTS: usize = 32;

/// How many characters of a client's words are repeated to it.
const WORDS: usize = 200;

/// What the client was asked at a time.
#[derive(Debug)]
pub(super) struct Round {
    inbox: Inbox,
    questions: Vec<Question>,
    /// The `requestState` that goes back with the answers, as JSON.
    state: Option<String>,
}

#[derive(Debug)]
struct Question {
    id: QuestionId,
    /// The key of the answer, as JSON.
    key: String,
    /// What was asked for, in words.
    words: String,
    is_elicitation: bool,
    /// The result as JSON, once it is there.
    answer: Option<String>,
}

impl Round {
    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let question = |it: &Question| it.key.capacity() + it.words.capacity() + of(&it.answer);
        of(&self.state) + self.questions.iter().map(question).sum::<usize>()
    }

    /// Lets nobody answer any more.
    pub(super) fn forget(&self, open: &Questions) {
        open.forget(self.questions.iter().map(|it| it.id));
    }

    /// What tells the client that it need not answer what it has not answered yet (2025-11-25, Cancellation).
    pub(super) fn withdrawn(&self) -> Vec<Vec<u8>> {
        let open = self.questions.iter().filter(|it| it.answer.is_none());
        let message = |it: &Question| {
            let id = encode(&it.id.text());
            let params = format!(r#"{{"requestId":{id},"reason":"its request was cancelled"}}"#);
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#)
                .into_bytes()
        };
        open.map(message).collect()
    }

    /// Why the call has no result if the client does not answer within this time.
    pub(super) fn unanswered(&self, within: Duration) -> Fault {
        let open = self.questions.iter().filter(|it| it.answer.is_none());
        let open: Vec<&str> = open.map(|it| it.words.as_str()).collect();
        Fault::Incomplete(format!(
            "it asked for {}, and its client did not answer within {within:?}",
            open.join(", ")
        ))
    }

    /// The `inputResponses`, when all are there.
    fn responses(&self) -> Option<String> {
        let each =
            self.questions.iter().map(|it| Some(format!("{}:{}", it.key, it.answer.as_ref()?)));
        let all = each.collect::<Option<Vec<String>>>()?;
        Some(format!("{{{}}}", all.join(",")))
    }
}

impl Relay {
    /// Does what the upstream's answer asks for.
    pub(super) fn ask(&mut self, cx: &mut Context<'_>, asks: &Asks<'_>) {
        self.rounds += 1;
        if self.rounds > ROUNDS {
            let why = format!("it asks for more (requestState, inputRequests) than {ROUNDS} times");
            return self.fail(cx, Fault::Incomplete(why));
        }
        if asks.inputs.len() > INPUTS {
            let why = format!("it asks for more than {INPUTS} things at a time");
            return self.fail(cx, Fault::Incomplete(why));
        }
        if let Some(input) = asks.inputs.iter().find(|it| !may_ask(&self.capabilities, it)) {
            let why = format!(
                "it wants input of its client ({}) that this client has not declared, or this upstream is not \
                 offered",
                input.words
            );
            return self.fail(cx, Fault::Incomplete(why));
        }
        let state = asks.state.map(str::to_owned);
        if asks.inputs.is_empty() {
            return self.again(cx, state.as_deref(), None);
        }
        self.client.begin();
        let mut round = Round { inbox: Inbox::default(), questions: Vec::new(), state };
        for (at, input) in asks.inputs.iter().enumerate() {
            let mut id = QuestionId([0; 16]);
            cx.host.random(&mut id.0);
            if !cx.memory.questions.open(id, self.caller.scope(), &round.inbox, at) {
                round.forget(&cx.memory.questions);
                return self.fail(cx, Fault::OverBudget);
            }
            let is_elicitation = input.method == ELICITATION;
            let (key, words) = (input.key.clone(), input.words.clone());
            round.questions.push(Question { id, key, words, is_elicitation, answer: None });
            let message = self.question(cx, id, input);
            self.client.send(b"", &message);
        }
        let within = cx.gateway.upstream(self.call.upstream).call_timeout;
        self.client.waits(cx.host.now(), within);
        self.client.effects.push(Effect::Await(round.inbox.clone()));
        self.course = Course::Awaits(round);
    }

    /// The request to the client.
    fn question(&self, cx: &Context<'_>, id: QuestionId, input: &Input<'_>) -> Vec<u8> {
        let (method, id) = (&*input.method, id.text());
        let mint = input.params.and_then(|params| elicitation_id(method, params, &id));
        let (params, id, method) = (self.params(cx, input, mint), encode(&id), encode(method));
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method}{params}}}"#).into_bytes()
    }

    /// The `params` of what the upstream asks for, as a member that stands behind others, with what names things of the
    /// upstream rewritten; `first` goes before all that is in them.
    pub(super) fn params(
        &self,
        cx: &Context<'_>,
        input: &Input<'_>,
        first: Option<String>,
    ) -> String {
        let Some(params) = input.params else { return String::new() };
        let text = params.get();
        let mut out = Rewriter::of(cx.gateway.upstream(self.call.upstream), text.as_bytes());
        out.fields(fields::server_request(&input.method), Some(params));
        if let Some(first) = first {
            out.edits.insert_after(text.get(..1).unwrap_or_default(), first);
        }
        let changed = out.edits.finish().and_then(|it| String::from_utf8(it).ok());
        format!(r#","params":{}"#, changed.as_deref().unwrap_or(text))
    }

    /// Takes what the client has answered; goes on if that is all.
    pub(super) fn answered(&mut self, cx: &mut Context<'_>) {
        let Course::Awaits(round) = &mut self.course else { return };
        let mut refusal = None;
        for (at, answer) in round.inbox.take() {
            let Some(question) = round.questions.get_mut(at) else { continue };
            match answer {
                Ok(result) => question.answer = Some(result),
                // There is no error among the answers (2026-07-28, Multi Round-Trip Requests).
                Err(_) if question.is_elicitation => {
                    question.answer = Some(r#"{"action":"cancel"}"#.to_owned());
                }
                Err(why) => {
                    let words = &question.words;
                    refusal = Some(format!("it asked for {words}, and its client refused: {why}"));
                }
            }
        }
        if let Some(why) = refusal {
            return self.fail(cx, Fault::Incomplete(why));
        }
        let within = cx.gateway.upstream(self.call.upstream).call_timeout;
        self.client.waits(cx.host.now(), within);
        if let Some(responses) = round.responses() {
            let state = round.state.take();
            self.again(cx, state.as_deref(), Some(&responses));
        }
    }

    /// Makes the call once more, with what goes back to the upstream, as JSON.
    fn again(&mut self, cx: &mut Context<'_>, state: Option<&str>, responses: Option<&str>) {
        let request = cx.request_id();
        let members = [("inputResponses", responses), ("requestState", state)];
        match with_members(&self.call.body, request, members) {
            Some(body) => self.send(cx, Id::from_number(request), &body),
            None => self.fail(cx, Fault::NotTheResponse),
        }
    }
}

const ELICITATION: &str = "elicitation/create";

/// Whether a client with these capabilities can be asked for this (2026-07-28, Multi Round-Trip Requests; Elicitation,
/// "Capabilities").
pub(super) fn may_ask(capabilities: &str, input: &Input<'_>) -> bool {
    let declared = Raw::read(capabilities).and_then(Members::read).unwrap_or_default();
    let has = |key| declared.find(key).is_some();
    match &*input.method {
        "roots/list" => has("roots"),
        "sampling/createMessage" => has("sampling"),
        ELICITATION => {
            let modes = declared.find("elicitation").and_then(Members::read).unwrap_or_default();
            let mode = mode(input.params);
            // Without any mode it is that of forms.
            let is_any = mode == "form" && modes.iter().next().is_none();
            has("elicitation") && (is_any || modes.find(&mode).is_some())
        }
        _ => false,
    }
}

fn mode(params: Option<Raw<'_>>) -> String {
    let mode = params.and_then(Members::read).and_then(|it| decode(it.find("mode")?.get()));
    mode.map_or_else(|| "form".to_owned(), std::borrow::Cow::into_owned)
}

/// The id that a client of the handshake era is told with a URL that it is to visit, and that servers of the other
/// era do not give (2025-11-25, Elicitation, "URL Mode").
fn elicitation_id(method: &str, params: Raw<'_>, id: &str) -> Option<String> {
    let members = Members::read(params)?;
    let lacks_it = method == ELICITATION
        && mode(Some(params)) == "url"
        && members.find("elicitationId").is_none();
    lacks_it.then(|| format!(r#""elicitationId":{},"#, encode(id)))
}

/// A request under another id, with these members of its `params` where they are there. `None` if it cannot be
/// written so.
fn with_members(body: &[u8], id: u64, members: [(&str, Option<&str>); 2]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let [known, params] = Scan::whole(text, |scan| scan.pick(["id", "params"])).ok()??;
    let (known, params) = (known?, params?);
    let mut edits = Edits::of(body);
    edits.replace(known.get(), id.to_string());
    let standing = params.scan().pick(members.map(|(key, _)| key)).ok()??;
    let mut added = String::new();
    for ((key, value), standing) in members.into_iter().zip(standing) {
        match (value, standing) {
            (Some(value), Some(standing)) => edits.replace(standing.get(), value),
            // What names the thing stands behind it.
            (Some(value), None) => {
                let _ = write!(added, r#""{key}":{value},"#);
            }
            (None, _) => {}
        }
    }
    if !added.is_empty() {
        edits.insert_after(params.get().get(..1)?, added);
    }
    edits.finish()
}

/// Hands a client's response over to the one who waits for it; `false` if nobody has asked for it.
pub(crate) fn answer(cx: &Context<'_>, caller: &Caller, body: &[u8]) -> bool {
    let Ok(Message::Response { id: Some(id), outcome }) = Message::read(body) else { return false };
    let id = decode(id.as_raw()).and_then(|text| QuestionId::read(&text));
    let Some(id) = id else { return false };
    let answered: Answered = match outcome {
        ResultOrError::Result(result) => Ok(result.get().to_owned()),
        ResultOrError::Error(error) => {
            let message = Members::read(error).and_then(|it| decode(it.find("message")?.get()));
            Err(message.unwrap_or_default().chars().take(WORDS).collect())
        }
    };
    cx.memory.questions.answer(id, caller.scope(), answered)
}

#[cfg(test)]
mod tests;
