//! What a client can do, as upstreams get to see it.

use std::borrow::Cow;

use super::{APPS, TASKS, is_object, member};
use crate::gateway::ClientFeatures;
use crate::json::{Edits, Members, Raw, encode};

/// Whether a client's `capabilities` declare the tasks extension.
#[must_use]
pub(crate) fn declares_tasks(client: &str) -> bool {
    if !mentions_extensions(client) {
        return false;
    }
    let extensions = Raw::read(client).and_then(|it| member(it, "extensions"));
    is_object(extensions.and_then(|it| member(it, TASKS)))
}

/// Whether there may be extensions among a client's `capabilities`; most have none.
fn mentions_extensions(client: &str) -> bool {
    client.contains("extensions") || client.contains('\\')
}

/// A client's `capabilities` as upstreams of the handshake era get to see them: what the gateway relays.
/// Tasks that the client would run and extensions that the gateway does not know are left out.
#[must_use]
pub(crate) fn relayed(client: &str) -> String {
    with_extensions(client, &[APPS])
}

/// The same for upstreams of the stateless era.
#[must_use]
pub(crate) fn relayed_stateless(client: &str) -> String {
    with_extensions(client, &[APPS, TASKS])
}

/// Those of a client with a session that an upstream of the stateless era gets to see where it can ask the client
/// nothing: the extensions that the gateway relays.
#[must_use]
pub(crate) fn of_session(client: &str) -> Cow<'_, str> {
    if mentions_extensions(client) {
        Cow::Owned(reduced(client, &[APPS], |_, _| false))
    } else {
        Cow::Borrowed("{}")
    }
}

/// The same where an upstream with this `offer` can ask.
#[must_use]
pub(crate) fn of_session_asked(client: &str, offer: ClientFeatures) -> String {
    reduced(client, &[APPS], |key, value| offer.admits(key) && value.is_object())
}

fn with_extensions(client: &str, known: &[&str]) -> String {
    reduced(client, known, |_, _| true)
}

/// Of a client's `capabilities` the `known` extensions, and of what it can be asked for that for which `is_left`.
fn reduced(client: &str, known: &[&str], is_left: impl Fn(&str, Raw<'_>) -> bool) -> String {
    let Some(declared) = Raw::read(client).and_then(Members::read) else { return "{}".to_owned() };
    let members = declared.iter().filter_map(|(key, value)| match key {
        "roots" | "sampling" | "elicitation" => {
            is_left(key, value).then(|| format!("{}:{}", encode(key), value.get()))
        }
        "extensions" => {
            let left = only(&Members::read(value)?, known);
            (!left.is_empty()).then(|| format!("{}:{{{left}}}", encode(key)))
        }
        _ => None,
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// The members of these extensions, without braces.
fn only(extensions: &Members<'_>, known: &[&str]) -> String {
    let left = extensions.iter().filter(|(key, _)| known.contains(key));
    let left: Vec<String> =
        left.map(|(key, value)| format!("{}:{}", encode(key), value.get())).collect();
    left.join(",")
}

/// The `capabilities` of a client of the stateless era as an upstream of that era gets to see them, which is
/// never longer: without the extensions that the gateway does not know. `None` where nothing changes.
#[must_use]
pub(crate) fn without_unknown_extensions(client: &str) -> Option<String> {
    const KNOWN: [&str; 2] = [APPS, TASKS];
    if !mentions_extensions(client) {
        return None;
    }
    let Some(declared) = Raw::read(client).and_then(Members::read) else {
        return Some("{}".to_owned());
    };
    let extensions = declared.find("extensions").filter(|it| it.is_object())?;
    let members = Members::read(extensions);
    if members.as_ref().is_some_and(|it| it.iter().all(|(key, _)| KNOWN.contains(&key))) {
        return None;
    }
    let left = members.map(|members| only(&members, &KNOWN)).unwrap_or_default();
    let mut edits = Edits::of(client.as_bytes());
    edits.replace(extensions.get(), format!("{{{left}}}"));
    edits.finish().and_then(|changed| String::from_utf8(changed).ok())
}

/// Those of a client's `capabilities` that let an upstream with this `offer` ask for input: `None` if there are none.
#[must_use]
pub(crate) fn asked(client: &str, offer: ClientFeatures) -> Option<String> {
    answers(client, |key| offer.admits(key))
}

/// The same, whatever an upstream is offered.
#[must_use]
pub(crate) fn answered(client: &str) -> Option<String> {
    answers(client, |_| true)
}

fn answers(client: &str, is_offered: impl Fn(&str) -> bool) -> Option<String> {
    let declared = Raw::read(client).and_then(Members::read)?;
    let asks = |key: &str| matches!(key, "roots" | "sampling" | "elicitation") && is_offered(key);
    let left = declared.iter().filter(|(key, value)| asks(key) && value.is_object());
    let left: Vec<String> =
        left.map(|(key, value)| format!("{}:{}", encode(key), value.get())).collect();
    (!left.is_empty()).then(|| format!("{{{}}}", left.join(",")))
}

/// Those of [`relayed`] that an upstream with this `offer` gets to see.
#[must_use]
pub(crate) fn offered(relayed: &str, offer: ClientFeatures) -> Cow<'_, str> {
    let declared = Raw::read(relayed).and_then(Members::read).unwrap_or_default();
    if declared.iter().all(|(key, _)| offer.admits(key)) {
        return Cow::Borrowed(relayed);
    }
    let left = declared.iter().filter(|(key, _)| offer.admits(key));
    let left: Vec<String> =
        left.map(|(key, value)| format!("{}:{}", encode(key), value.get())).collect();
    Cow::Owned(format!("{{{}}}", left.join(",")))
}
