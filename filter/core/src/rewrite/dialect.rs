//! What changes in a message because its client is of another era than its upstream.
//!
//! | towards a client | of the stateless era | of the handshake era |
//! |---|---|---|
//! | results | say that they are complete, and that they are not to be kept | stay |
//! | results that ask for input | stay | -32603 that says what is missing |
//! | -32002 | -32602 | |
//! | -32602 about a resource | | -32002 |
//! | -32020, -32021, -32022 | stay if the upstream is of that era, else -32603 | -32603; for -32021 it says what is missing |
//! | -32042, and other codes up to -32099 | -32603 | |
//! | whose a result is (`_meta`) | | taken out, except from results that are too long to be held |
//! | requests of the upstream | go nowhere | |
//! | log messages | go nowhere, unless the request asks for their level | |
//! | other notifications except progress | go nowhere | |
//! | event ids | stay if the upstream is of that era, else go nowhere | go nowhere |

use crate::era::Era;
use crate::json::{Decision, Members, Raw, decode, encode};
use crate::mcp::error_code::{
    HEADER_MISMATCH, INTERNAL, INVALID_PARAMS, MISSING_CAPABILITY, RESOURCE_NOT_FOUND,
    UNSERVED_REVISION, URL_ELICITATION,
};
use crate::mcp::fields::TASK_NOTIFICATION;
use crate::mcp::jsonrpc::Id;
use crate::mcp::log_level::LogLevel;
use crate::mcp::method::Shape;

/// Who speaks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The upstream's era.
    pub(crate) from: Era,
    /// The client's era.
    pub(crate) to: Era,
    /// From which level on a client of the stateless era wants log messages; `None` for none.
    pub(crate) log_level: Option<LogLevel>,
}

/// What becomes of the ids of events on their way to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventIds {
    /// They say whose they are.
    Marked,
    /// They pass.
    AsTheyAre,
    /// There are none.
    TakenOut,
}

/// The keys of a result, as far as they matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResultKeys {
    /// Whether there are any.
    any: bool,
    /// Whether those of [`ADDED`] are there.
    has: [bool; ADDED.len()],
}

/// What a result of the stateless era has to have, and what stands there for a result of the other era. The
/// last two only where a result may be kept (2026-07-28, Base Protocol, "Results"; Caching).
const ADDED: [(&str, &str); 3] =
    [("resultType", r#""complete""#), ("ttlMs", "0"), ("cacheScope", r#""private""#)];

impl ResultKeys {
    /// Takes note of a key.
    pub(crate) fn see(&mut self, key: Option<&str>) {
        self.any = true;
        for (has, (name, _)) in self.has.iter_mut().zip(ADDED) {
            *has |= key == Some(name);
        }
    }
}

impl Dialect {
    /// Both are of the handshake era.
    pub(crate) const HANDSHAKE: Self =
        Self { from: Era::Handshake, to: Era::Handshake, log_level: None };

    /// Whether an upstream without sessions answers a client with one.
    pub(crate) fn is_to_session(self) -> bool {
        (self.from, self.to) == (Era::Stateless, Era::Handshake)
    }

    /// Whether both are of the stateless era.
    pub(crate) fn is_stateless(self) -> bool {
        (self.from, self.to) == (Era::Stateless, Era::Stateless)
    }

    /// Whether the client is of the stateless era.
    pub(crate) fn is_to_stateless(self) -> bool {
        self.to == Era::Stateless
    }

    /// The members that a result lacks, to stand behind those that it has.
    pub(crate) fn missing(self, shape: Shape, keys: ResultKeys) -> Option<Vec<u8>> {
        if (self.from, self.to) != (Era::Handshake, Era::Stateless) {
            return None;
        }
        let wanted = if shape == Shape::Contents { ADDED.len() } else { 1 };
        let missing = ADDED.iter().zip(keys.has).take(wanted).filter(|(_, has)| !has);
        let members: Vec<String> =
            missing.map(|((key, value), _)| format!(r#""{key}":{value}"#)).collect();
        let comma = if keys.any && !members.is_empty() { "," } else { "" };
        Some(format!("{comma}{}", members.join(",")).into_bytes())
    }

    /// The error in place of a result that asks for input: a client of the handshake era knows none that is not
    /// complete (2026-07-28, Multi Round-Trip Requests).
    pub(crate) fn refused_result(self, id: &Id<'_>, result: Raw<'_>) -> Option<Vec<u8>> {
        if (self.from, self.to) != (Era::Stateless, Era::Handshake) {
            return None;
        }
        let [kind] = result.scan().pick(["resultType"]).ok()??;
        let kind = decode(kind?.get()).filter(|kind| kind != "complete")?;
        let message = encode(&format!(
            "The server answered with a result of type {}: it asks for input that cannot be asked of this \
             client, which speaks an older revision of MCP",
            kind.chars().take(40).collect::<String>()
        ));
        let error = format!(r#"{{"code":{INTERNAL},"message":{message}}}"#);
        let id = id.as_raw();
        Some(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes())
    }

    /// What becomes of the code of an error. Whether -32602 is about a resource shows behind it.
    pub(crate) fn code(self, shape: Shape, raw: &str) -> Decision {
        let Ok(code) = raw.parse::<i64>() else { return Decision::Keep };
        let instead = match (self.from, self.to, code) {
            (_, Era::Stateless, RESOURCE_NOT_FOUND) => INVALID_PARAMS,
            (Era::Stateless, Era::Stateless, UNSERVED_REVISION..=HEADER_MISMATCH) => code,
            (_, Era::Stateless, URL_ELICITATION | -32099..=HEADER_MISMATCH)
            | (Era::Stateless, Era::Handshake, UNSERVED_REVISION..=HEADER_MISMATCH) => INTERNAL,
            (Era::Stateless, Era::Handshake, INVALID_PARAMS) if shape == Shape::Contents => {
                return Decision::Wait;
            }
            _ => code,
        };
        if instead == code { Decision::Keep } else { replace(instead) }
    }

    /// What becomes of a code that had to wait; `about_resource` is whether its error names one.
    pub(crate) fn settled_code(about_resource: bool) -> Decision {
        if about_resource { replace(RESOURCE_NOT_FOUND) } else { Decision::Keep }
    }

    /// Whether the upstream may send requests of its own to the client (up to 2025-11-25).
    pub(crate) fn passes_requests(self) -> bool {
        (self.from, self.to) == (Era::Handshake, Era::Handshake)
    }

    /// Whether a notification of the upstream may go to the client: on the stream of a request of the stateless
    /// era only what belongs to that request (2026-07-28, Streamable HTTP, "Sending Messages").
    pub(crate) fn passes_notification(self, method: &str, params: Option<Raw<'_>>) -> bool {
        match (self.from, self.to) {
            // Tasks of the two eras have nothing in common.
            (Era::Stateless, Era::Handshake) => method != TASK_NOTIFICATION,
            // One without sessions has been told the level, and which request this is.
            (Era::Handshake, Era::Handshake) | (Era::Stateless, Era::Stateless) => true,
            (Era::Handshake, Era::Stateless) => match method {
                "notifications/progress" => true,
                "notifications/message" => {
                    let level = params.and_then(Members::read).and_then(|it| it.find("level"));
                    let level = level.and_then(|raw| LogLevel::of(&decode(raw.get())?));
                    self.log_level.is_some_and(|wanted| level.is_some_and(|it| it >= wanted))
                }
                _ => false,
            },
        }
    }

    /// What becomes of the ids of events. By a marked one a client asks for the rest of a stream with a GET, which
    /// takes two of the handshake era.
    pub(crate) fn event_ids(self) -> EventIds {
        match (self.from, self.to) {
            (Era::Handshake, Era::Handshake) => EventIds::Marked,
            (Era::Stateless, Era::Stateless) => EventIds::AsTheyAre,
            _ => EventIds::TakenOut,
        }
    }

    /// The HTTP status of an error that an upstream has answered with.
    pub(crate) fn status(self, code: Option<i64>) -> u16 {
        match (self.from, self.to, code) {
            (Era::Stateless, Era::Stateless, Some(code))
                if [HEADER_MISMATCH, MISSING_CAPABILITY, UNSERVED_REVISION].contains(&code) =>
            {
                400
            }
            _ => 200,
        }
    }
}

fn replace(code: i64) -> Decision {
    Decision::Replace(code.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(from: Era, to: Era) -> Dialect {
        Dialect { from, to, log_level: LogLevel::of("warning") }
    }

    #[test]
    fn codes_are_those_of_the_clients_era() {
        use Era::{Handshake, Stateless};
        let code =
            |from, to, shape, code: i64| match dialect(from, to).code(shape, &code.to_string()) {
                Decision::Keep => code,
                Decision::Replace(with) => String::from_utf8(with).unwrap().parse().unwrap(),
                other => panic!("{other:?}"),
            };
        for other in [-32700, -32600, -32601, -32603, -32000, -32019, -32100, 1, 0] {
            for (from, to) in [(Handshake, Stateless), (Stateless, Handshake)] {
                assert_eq!(code(from, to, Shape::Tool, other), other);
            }
        }
        for (from, to, before, after) in [
            (Handshake, Handshake, -32002, -32002),
            (Handshake, Handshake, -32050, -32050),
            (Handshake, Stateless, -32002, -32602),
            (Stateless, Stateless, -32002, -32602),
            (Handshake, Stateless, -32042, -32603),
            (Handshake, Stateless, -32020, -32603),
            (Stateless, Stateless, -32020, -32020),
            (Stateless, Stateless, -32021, -32021),
            (Stateless, Stateless, -32022, -32022),
            (Stateless, Stateless, -32023, -32603),
            (Stateless, Stateless, -32099, -32603),
            (Stateless, Handshake, -32020, -32603),
            (Stateless, Handshake, -32021, -32603),
            (Stateless, Handshake, -32022, -32603),
            (Stateless, Handshake, -32602, -32602),
        ] {
            assert_eq!(code(from, to, Shape::Tool, before), after, "{from:?} {to:?} {before}");
        }
        let waits = dialect(Stateless, Handshake).code(Shape::Contents, "-32602");
        assert_eq!(waits, Decision::Wait);
    }

    #[test]
    fn only_what_is_missing_is_added() {
        let translated = dialect(Era::Handshake, Era::Stateless);
        let added = |shape, keys: &[&str]| {
            let mut seen = ResultKeys::default();
            for key in keys {
                seen.see(Some(key));
            }
            String::from_utf8(translated.missing(shape, seen).unwrap()).unwrap()
        };
        assert_eq!(added(Shape::Tool, &[]), r#""resultType":"complete""#);
        assert_eq!(added(Shape::Tool, &["content"]), r#","resultType":"complete""#);
        assert_eq!(added(Shape::Tool, &["resultType"]), "");
        assert_eq!(
            added(Shape::Contents, &["contents", "ttlMs"]),
            r#","resultType":"complete","cacheScope":"private""#
        );
        let same = Dialect::HANDSHAKE.missing(Shape::Tool, ResultKeys::default());
        assert_eq!(same, None);
    }

    #[test]
    fn a_stateless_client_hears_what_belongs_to_its_request() {
        let translated = dialect(Era::Handshake, Era::Stateless);
        let passes = |method: &str, level: &str| {
            let params = format!(r#"{{"level":"{level}"}}"#);
            translated.passes_notification(method, Raw::read(&params))
        };
        assert!(passes("notifications/progress", "") && passes("notifications/message", "error"));
        assert!(passes("notifications/message", "warning"));
        for (method, level) in [
            ("notifications/message", "info"),
            ("notifications/message", "x"),
            ("notifications/tools/list_changed", ""),
        ] {
            assert!(!passes(method, level), "{method} {level}");
        }
        let silent = Dialect { log_level: None, ..translated };
        assert!(
            !silent.passes_notification("notifications/message", Raw::read(r#"{"level":"error"}"#))
        );
        assert!(!translated.passes_requests() && Dialect::HANDSHAKE.passes_requests());
    }
}
