//! What a stateless server answers when it cannot do without its client: a result that is not complete
//! (2026-07-28, Multi Round-Trip Requests), or an error that says what its client would have to be able to do. A
//! client of the handshake era understands neither.

use std::borrow::Cow;

use crate::fault::Fault;
use crate::json::{Members, Raw, decode, encode};
use crate::mcp::error_code::MISSING_CAPABILITY;
use crate::mcp::jsonrpc::{Message, ResultOrError};

/// How many things that a server asks for are named, and how many characters of each of its words.
const NAMED: usize = 5;
const WORDS: usize = 100;

/// What the server wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted<'m> {
    /// To be asked once more, with this `requestState` as JSON.
    AskedAgain(&'m str),
    /// What its client would have to say, in words.
    Input(String),
    /// What its client would have to be able to do, as it says it.
    Capabilities(String),
}

impl Wanted<'_> {
    /// Why the request has no result.
    pub(crate) fn fault(self) -> Fault {
        let other = "a server without sessions can ask only clients without sessions (2026-07-28), and this one has a session";
        let wants = match self {
            Self::AskedAgain(_) => "it wants to be asked again (requestState); for a client that cannot do \
                that itself it is done eight times at most, and only where nothing has been passed on yet"
                .to_owned(),
            Self::Input(what) => format!("it wants input of its client ({what}); {other}"),
            Self::Capabilities(what) => {
                format!("it needs a client with these capabilities: {what}; {other}")
            }
        };
        Fault::Incomplete(wants)
    }
}

/// All that a result asks for that is not complete.
#[derive(Debug)]
pub(crate) struct Asks<'m> {
    /// What its client would have to say.
    pub(crate) inputs: Vec<Input<'m>>,
    /// The `requestState` that goes with it, as JSON.
    pub(crate) state: Option<&'m str>,
}

/// One thing that a client would have to say.
#[derive(Debug)]
pub(crate) struct Input<'m> {
    /// The key of the answer, as JSON.
    pub(crate) key: String,
    pub(crate) method: Cow<'m, str>,
    pub(crate) params: Option<Raw<'m>>,
    /// It in words, for people.
    pub(crate) words: String,
}

impl<'m> Input<'m> {
    /// A request of this method, with the key of its answer.
    pub(crate) fn new(key: String, method: Cow<'m, str>, params: Option<Raw<'m>>) -> Self {
        let words = in_words(&method, params);
        Self { key, method, params, words }
    }
}

/// What a message asks for if it is a result that is not complete; `None` if it is anything else, or does not say
/// what it asks for.
pub(crate) fn asks(message: &[u8]) -> Option<Asks<'_>> {
    let Ok(Message::Response { outcome: ResultOrError::Result(result), .. }) =
        Message::read(message)
    else {
        return None;
    };
    let keys = ["resultType", "inputRequests", "requestState"];
    let [kind, requests, state] = result.scan().pick(keys).ok()??;
    (decode(kind?.get())? == "input_required").then_some(())?;
    let requests = requests.map_or_else(|| Some(Members::default()), Members::read)?;
    let mut inputs = Vec::new();
    for (key, request) in requests.iter() {
        let [method, params] = request.scan().pick(["method", "params"]).ok()??;
        inputs.push(Input::new(encode(key), decode(method?.get())?, params));
    }
    let state = state.filter(|state| state.is_string()).map(Raw::get);
    (state.is_some() || !inputs.is_empty()).then_some(Asks { inputs, state })
}

/// What a message wants instead of giving a result; `None` if it is anything else.
pub(crate) fn wanted(message: &[u8]) -> Option<Wanted<'_>> {
    match Message::read(message) {
        Ok(Message::Response { outcome: ResultOrError::Result(result), .. }) => of_result(result),
        Ok(Message::Response { outcome: ResultOrError::Error(error), .. }) => of_error(error),
        _ => None,
    }
}

fn of_result(result: Raw<'_>) -> Option<Wanted<'_>> {
    let keys = ["resultType", "inputRequests", "requestState"];
    let [kind, requests, state] = result.scan().pick(keys).ok()??;
    (decode(kind?.get())? == "input_required").then_some(())?;
    let requests = requests.and_then(Members::read).unwrap_or_default();
    let named: Vec<String> = requests.iter().take(NAMED).map(|(_, it)| words(it)).collect();
    match state {
        Some(state) if named.is_empty() && state.is_string() => {
            Some(Wanted::AskedAgain(state.get()))
        }
        _ => Some(Wanted::Input(listed(&named))),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "it does not say which".to_owned() } else { names.join(", ") }
}

/// The method of something that is asked for, and what people would be told of it.
fn words(request: Raw<'_>) -> String {
    let [method, params] =
        request.scan().pick(["method", "params"]).ok().flatten().unwrap_or([None; 2]);
    let method = method.and_then(|raw| decode(raw.get())).unwrap_or_default();
    in_words(&method, params)
}

fn in_words(method: &str, params: Option<Raw<'_>>) -> String {
    let message = params.and_then(Members::read).and_then(|it| it.find("message"));
    let message = message.and_then(|raw| decode(raw.get()));
    let method = method.chars().take(WORDS).collect::<String>();
    match message {
        Some(message) => {
            format!("{method} {:?}", message.chars().take(WORDS).collect::<String>())
        }
        None => method,
    }
}

fn of_error(error: Raw<'_>) -> Option<Wanted<'_>> {
    let [code, data] = error.scan().pick(["code", "data"]).ok()??;
    (code?.get().parse() == Ok(MISSING_CAPABILITY)).then_some(())?;
    let required = data.and_then(Members::read).and_then(|it| it.find("requiredCapabilities"));
    let required = required.and_then(Members::read).unwrap_or_default();
    let name = |(key, value): (&str, Raw<'_>)| match Members::read(value) {
        Some(inner) if inner.iter().next().is_some() => {
            let inner: Vec<&str> = inner.iter().map(|(inner, _)| inner).collect();
            format!("{key} ({})", inner.join(", "))
        }
        _ => key.to_owned(),
    };
    let names: Vec<String> = required.iter().take(NAMED).map(name).collect();
    Some(Wanted::Capabilities(listed(&names).chars().take(NAMED * WORDS).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(says: &str) -> Option<String> {
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,{says}}}"#);
        Some(match wanted(message.as_bytes())? {
            Wanted::AskedAgain(state) => format!("again {state}"),
            Wanted::Input(what) => format!("input {what}"),
            Wanted::Capabilities(what) => format!("can {what}"),
        })
    }

    #[test]
    fn what_a_server_wants_is_known_and_named() {
        for (says, expected) in [
            (r#""result":{"resultType":"input_required","requestState":"a\n"}"#, r#"again "a\n""#),
            (
                r#""result":{"inputRequests":{},"requestState":"s","resultType":"input_required"}"#,
                r#"again "s""#,
            ),
            (
                r#""result":{"resultType":"input_required","requestState":"s","inputRequests":{
                "a":{"method":"elicitation/create","params":{"message":"Name?"}},
                "b":{"method":"roots/list"},"c":1}}"#,
                r#"input elicitation/create "Name?", roots/list, "#,
            ),
            (r#""result":{"resultType":"input_required"}"#, "input it does not say which"),
            (
                r#""result":{"resultType":"input_required","requestState":7}"#,
                "input it does not say which",
            ),
            (
                r#""error":{"code":-32021,"message":"m","data":{"requiredCapabilities":
                {"elicitation":{"form":{},"url":{}},"sampling":{}}}}"#,
                "can elicitation (form, url), sampling",
            ),
            (r#""error":{"code":-32021,"message":"m"}"#, "can it does not say which"),
        ] {
            assert_eq!(of(says).as_deref(), Some(expected), "{says}");
        }
        for says in [
            r#""result":{"resultType":"complete","requestState":"s"}"#,
            r#""result":{"content":[],"x":{"resultType":"input_required"}}"#,
            r#""result":[]"#,
            r#""error":{"code":-32602,"message":"m"}"#,
            r#""method":"m","params":{"resultType":"input_required"}"#,
        ] {
            assert_eq!(of(says), None, "{says}");
        }
    }

    #[test]
    fn only_so_much_of_it_is_repeated() {
        let long = "x".repeat(10_000);
        let each =
            |at: usize| format!(r#""{at}":{{"method":"{long}","params":{{"message":"{long}"}}}}"#);
        let requests: Vec<String> = (0..100).map(each).collect();
        let requests = requests.join(",");
        let says =
            format!(r#""result":{{"resultType":"input_required","inputRequests":{{{requests}}}}}"#);
        assert!(of(&says).unwrap().len() < 1200);
        let says = format!(
            r#""error":{{"code":-32021,"message":"m","data":{{"requiredCapabilities":{{"{long}":{{}}}}}}}}"#
        );
        assert!(of(&says).unwrap().len() < 1200);
    }
}
