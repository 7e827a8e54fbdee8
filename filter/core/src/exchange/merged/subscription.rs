//! A `subscriptions/listen` that all upstreams serve together (2026-07-28, Subscriptions).

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::caller::Caller;
use crate::era::Era;
use crate::era::upstream::stateless::{self, META_SUBSCRIPTION};
use crate::error::ClientError;
use crate::exchange::merged::wanted::{ACKNOWLEDGED, CHANGES, Passed};
use crate::exchange::request::message::Request;
use crate::gateway::{Gateway, UpstreamId};
use crate::json::{Members, Raw, Scan, decode};
use crate::mcp::batch;
use crate::mcp::capability::Capabilities;
use crate::mcp::fields::TASK_NOTIFICATION;
use crate::mcp::jsonrpc::{Id, Message};
use crate::mcp::method::{self, Kind};
use crate::mcp::uri;
use crate::peer::Peer;
use crate::rewrite::dialect::Dialect;
use crate::rewrite::to_client::{self, Origin};
use crate::rewrite::to_upstream;

const UPDATED: &str = "notifications/resources/updated";

/// What it asks for.
#[derive(Debug)]
pub(super) struct Subscription {
    id: Id<'static>,
    /// The request.
    body: Vec<u8>,
    /// The lists whose changes it wants to hear of.
    pub(super) kinds: BTreeSet<Kind>,
    /// Resources that have an owner.
    resources: Vec<Named>,
    /// Tasks likewise.
    tasks: Vec<Named>,
}

/// Something of an upstream's.
#[derive(Debug)]
struct Named {
    owner: UpstreamId,
    /// What its owner calls it.
    own: String,
    /// What the client calls it, as JSON.
    shown: String,
}

impl Subscription {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// [`ClientError::Params`] if it does not say what it asks for.
    pub(super) fn read(
        gateway: &Gateway,
        caller: &Caller,
        request: &Request<'_>,
    ) -> Result<Self, ClientError> {
        let asked = request.notifications()?;
        let is_true = |name: &str| {
            let flag = asked.find(&format!("{name}ListChanged"));
            flag.is_some_and(|flag| flag.get() == "true")
        };
        let kinds = CHANGES.iter().filter(|(.., name)| is_true(name));
        let tags = caller.tasks(gateway);
        let exists = |(at, own): &(UpstreamId, String)| {
            gateway.admits(caller.rights(), *at, Kind::Resource, own)
        };
        let resource = |uri: &str| {
            uri::owner(gateway, uri).map(|(at, own)| (at, own.into_owned())).filter(exists)
        };
        let task = |id: &str| tags.owner(gateway, id).map(|(at, own)| (at, own.to_owned()));
        Ok(Self {
            id: request.id.clone(),
            body: request.body.to_vec(),
            kinds: kinds.map(|(_, kind, _)| *kind).collect(),
            resources: named(asked.find("resourceSubscriptions"), resource),
            tasks: named(asked.find("taskIds"), task),
        })
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        let named = self.resources.iter().chain(&self.tasks);
        self.body.capacity()
            + named.map(|it| it.own.capacity() + it.shown.capacity()).sum::<usize>()
    }

    /// The first message of the stream: what of it can be served, as far as it is known what upstreams can.
    pub(super) fn acknowledgement(&self, gateway: &Gateway, caller: &Caller) -> Vec<u8> {
        let can = |upstream, wanted| {
            caller.peer(upstream).is_none_or(|peer| peer.capabilities.contains(wanted))
        };
        let any = |wanted| gateway.upstreams.ids().any(|upstream| can(upstream, wanted));
        let told =
            CHANGES.iter().filter(|(wanted, kind, _)| self.kinds.contains(kind) && any(*wanted));
        let mut members: Vec<String> =
            told.map(|(.., name)| format!(r#""{name}ListChanged":true"#)).collect();
        for (key, all, wanted) in [
            ("resourceSubscriptions", &self.resources, Capabilities::RESOURCES_SUBSCRIBE),
            ("taskIds", &self.tasks, Capabilities::TASKS_EXTENSION),
        ] {
            let served = all.iter().filter(|it| can(it.owner, wanted));
            let served: Vec<&str> = served.map(|it| it.shown.as_str()).collect();
            if !served.is_empty() {
                members.push(format!(r#""{key}":[{}]"#, served.join(",")));
            }
        }
        let params = format!(r#"{{"notifications":{{{}}}}}"#, members.join(","));
        let message = format!(r#"{{"jsonrpc":"2.0","method":"{ACKNOWLEDGED}","params":{params}}}"#);
        self.tag(message.into_bytes())
    }

    /// The result, which ends the stream (2026-07-28, Subscriptions).
    pub(super) fn result(&self) -> Vec<u8> {
        let id = self.id.as_raw();
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{{"{META_SUBSCRIPTION}":{id}}}}}}}"#
        )
        .into_bytes()
    }

    /// Whether an upstream can say anything of what is asked for.
    pub(super) fn concerns(&self, upstream: UpstreamId, peer: &Peer) -> bool {
        let can = |wanted| peer.capabilities.contains(wanted);
        let owns = |all: &[Named]| all.iter().any(|it| it.owner == upstream);
        let is_modern = peer.era() == Era::Stateless;
        CHANGES.iter().any(|(wanted, kind, _)| self.kinds.contains(kind) && can(*wanted))
            || can(Capabilities::RESOURCES_SUBSCRIBE) && owns(&self.resources)
            || is_modern && can(Capabilities::TASKS_EXTENSION) && owns(&self.tasks)
    }

    /// It as an upstream of its era gets it.
    pub(super) fn request(
        &self,
        gateway: &Gateway,
        caller: &Caller,
        (upstream, peer): (UpstreamId, &Peer),
    ) -> Vec<u8> {
        let who = (caller.tasks(gateway), caller.rights());
        let own = to_upstream::subscriptions(gateway, who, upstream, &self.body);
        let own = own.map_or(Cow::Borrowed(&self.body), Cow::Owned);
        caller.address(peer, true, &own).unwrap_or_else(|| own.into_owned())
    }

    /// The resources of an upstream, as it calls them.
    pub(super) fn resources(&self, upstream: UpstreamId) -> impl Iterator<Item = &str> {
        let own = self.resources.iter().filter(move |it| it.owner == upstream);
        own.map(|it| it.own.as_str())
    }

    /// Says of each resource of an upstream that it may have changed.
    pub(super) fn updates(&self, upstream: UpstreamId) -> impl Iterator<Item = Vec<u8>> {
        let own = self.resources.iter().filter(move |it| it.owner == upstream);
        own.map(|Named { shown, .. }| self.tag(updated(shown)))
    }

    /// What of the message of an upstream was asked for: all else stays behind, whatever its upstream was asked for
    /// (2026-07-28, Subscriptions).
    pub(super) fn pass<'d>(&self, from: (UpstreamId, Origin<'_>), data: &'d [u8]) -> Passed<'d> {
        let mut passed = Passed::default();
        if batch::is_batch(data) {
            for message in batch::messages(data) {
                self.one(from, message.get().as_bytes(), &mut passed);
            }
        } else {
            self.one(from, data, &mut passed);
        }
        passed
    }

    fn one(
        &self,
        (upstream, origin): (UpstreamId, Origin<'_>),
        data: &[u8],
        passed: &mut Passed<'_>,
    ) {
        let has_sessions = origin.dialect.from == Era::Handshake;
        let (method, params) = match Message::read(data) {
            Ok(Message::Notification { method, params }) => (method, params),
            Ok(Message::Request { id, method, .. }) if has_sessions => {
                return passed.asked.push((id.into_owned(), method.into_owned()));
            }
            _ => return,
        };
        let changed = method::changed(&method);
        passed.relisted.extend(changed);
        let is_wanted = match (changed, &*method) {
            (Some(kind), _) => self.kinds.contains(&kind),
            (None, UPDATED) => self.is_subscribed(upstream, params),
            (None, TASK_NOTIFICATION) => !has_sessions && self.is_awaited(upstream, params),
            (None, _) => false,
        };
        if is_wanted {
            let dialect = if has_sessions { Dialect::HANDSHAKE } else { origin.dialect };
            let origin = Origin { dialect, ..origin };
            let shown = to_client::message(origin, data).changed;
            let shown = self.tag(shown.unwrap_or_else(|| data.to_vec()));
            passed.messages.push(Cow::Owned(shown));
        }
    }

    /// Whether an update is of a resource that was asked for, or of a part of one (2025-11-25, Resources,
    /// "Subscriptions").
    fn is_subscribed(&self, upstream: UpstreamId, params: Option<Raw<'_>>) -> bool {
        let uri = text_of(params, "uri");
        uri.is_some_and(|uri| self.resources(upstream).any(|own| is_within(&uri, own)))
    }

    /// Whether a notification is about a task that was asked for (SEP-2663).
    fn is_awaited(&self, upstream: UpstreamId, params: Option<Raw<'_>>) -> bool {
        let mut own = self.tasks.iter().filter(|it| it.owner == upstream);
        text_of(params, "taskId").is_some_and(|task| own.any(|it| it.own == task))
    }

    /// A notification with the id of the request whose stream it is on.
    pub(super) fn tag(&self, message: Vec<u8>) -> Vec<u8> {
        stateless::of_subscription(&message, self.id.as_raw()).unwrap_or(message)
    }
}

/// A text among params.
fn text_of<'m>(params: Option<Raw<'m>>, key: &str) -> Option<Cow<'m, str>> {
    let members = params.and_then(Members::read)?;
    decode(members.find(key)?.get())
}

/// Whether a URI names this resource or a part of it: what begins with the same letters may be another one.
fn is_within(uri: &str, resource: &str) -> bool {
    let rest = uri.strip_prefix(resource);
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(['/', '?', '#']) || resource.ends_with(['/', ':'])
    })
}

/// Says that a resource, by its raw URI, may have changed (2025-11-25, Resources, "Subscriptions").
pub(super) fn updated(uri: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","method":"{UPDATED}","params":{{"uri":{uri}}}}}"#).into_bytes()
}

/// Those of a list of texts that have an owner.
fn named(list: Option<Raw<'_>>, own: impl Fn(&str) -> Option<(UpstreamId, String)>) -> Vec<Named> {
    let mut all = Vec::new();
    let mut add = |scan: &mut Scan<'_>| {
        let shown = scan.value()?.get();
        let owned = decode(shown).and_then(|text| own(&text));
        all.extend(owned.map(|(owner, own)| Named { owner, own, shown: shown.to_owned() }));
        Ok(())
    };
    // What is no list names nothing.
    let _ = list.map(|list| list.scan().elements(&mut add));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_resource_begins_where_its_uri_ends() {
        for (uri, resource) in [
            ("x:/1", "x:/1"),
            ("x:/1/a", "x:/1"),
            ("x:/1?a", "x:/1"),
            ("x:/1#a", "x:/1"),
            ("x:/1/a", "x:/1/"),
            ("x:/1", "x:"),
            ("x://y/1", "x://"),
        ] {
            assert!(is_within(uri, resource), "{uri} {resource}");
        }
        for (uri, resource) in [("x:/10", "x:/1"), ("x:/1.a", "x:/1"), ("x:/", "x:/1")] {
            assert!(!is_within(uri, resource), "{uri} {resource}");
        }
    }
}
