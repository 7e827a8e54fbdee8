//! Tells whoever owns a Service that was left out why: a line of the log, and an Event on the Service.
//!
//! Promise: what the API server does to an Event holds up nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use mcp_mux_envoy_files::resources::hexadecimal;
use tokio::sync::watch;

use crate::service::Reason;
use crate::state::Refused;

/// The longest note of an Event, in bytes: it may have less than 1024.
const LONGEST_NOTE: usize = 1000;

/// How long the API server may take for an Event before the next has its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it takes to try again what was not published.
const RETRY: Duration = Duration::from_secs(10);

/// A Service, by its uid, and why it is left out.
type Key = (String, Reason);

/// Logs why Services are left out.
pub fn log(refused: &[Refused]) {
    for Refused { service, reason: Reason { word, note } } in refused {
        let name = service.name.as_deref().unwrap_or_default();
        let namespace = service.namespace.as_deref().unwrap_or_default();
        tracing::warn!(namespace, name, reason = word, note, "left out");
    }
}

/// Logs and publishes what is sent, once for as long as it holds, until the sender is gone.
pub async fn follow(client: Client, mut sent: watch::Receiver<Vec<Refused>>) {
    // Whether the Event is there as well.
    let mut told: BTreeMap<Key, bool> = BTreeMap::new();
    loop {
        let is_behind = told.values().any(|published| !published);
        tokio::select! {
            changed = sent.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if is_behind => {}
        }
        let refused = sent.borrow_and_update().clone();
        let now: BTreeSet<Key> = refused.iter().map(key).collect();
        told.retain(|told, _| now.contains(told));
        for one in refused {
            let key = key(&one);
            if told.get(&key) == Some(&true) || sent.has_changed().unwrap_or(true) {
                continue;
            }
            if !told.contains_key(&key) {
                log(std::slice::from_ref(&one));
            }
            told.insert(key, publish(&client, &one).await);
        }
    }
}

fn key(refused: &Refused) -> Key {
    (refused.service.uid.clone().unwrap_or_default(), refused.reason.clone())
}

/// Whether there is an Event now. All replicas give it the same name, so that there is but one.
async fn publish(client: &Client, refused: &Refused) -> bool {
    let namespace = refused.service.namespace.as_deref().unwrap_or("default");
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let (event, parameters) = (event(refused, namespace), PostParams::default());
    match tokio::time::timeout(PATIENCE, events.create(&parameters, &event)).await {
        Ok(Ok(_)) => return true,
        Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => return true,
        Ok(Err(error)) => tracing::warn!(%error, "the Event could not be published"),
        Err(_) => tracing::warn!("the API server took too long to take an Event"),
    }
    false
}

fn event(refused: &Refused, namespace: &str) -> Event {
    let Refused { service, reason: Reason { word, note } } = refused;
    let uid = service.uid.as_deref().unwrap_or_default();
    let name = hexadecimal(&format!("{uid} {word} {note}"));
    Event {
        metadata: ObjectMeta {
            name: Some(format!("mcp-mux.{name}")),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some("Discover".to_owned()),
        event_time: Some(MicroTime(Timestamp::now())),
        note: Some(shortened(note).to_owned()),
        reason: Some((*word).to_owned()),
        regarding: Some(service.clone()),
        reporting_controller: Some("mcp-mux-discovery".to_owned()),
        reporting_instance: Some(
            std::env::var("HOSTNAME").unwrap_or_else(|_| "unknown".to_owned()),
        ),
        type_: Some("Warning".to_owned()),
        ..Event::default()
    }
}

fn shortened(note: &str) -> &str {
    let mut end = note.len().min(LONGEST_NOTE);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    note.get(..end).unwrap_or(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_same_for_the_same_reason_and_short() {
        let refused = |note: String| Refused {
            service: k8s_openapi::api::core::v1::ObjectReference {
                uid: Some("u".to_owned()),
                ..Default::default()
            },
            reason: Reason { word: "Conflict", note },
        };
        let event = |note: &str| event(&refused(note.to_owned()), "n");
        assert_eq!(event("a").metadata, event("a").metadata);
        assert_ne!(event("a").metadata, event("b").metadata);
        assert_eq!(event(&"é".repeat(501)).note, Some("é".repeat(500)));
        let odd = format!("a{}", "é".repeat(501));
        assert_eq!(event(&odd).note.map(|it| it.len()), Some(999));
    }
}
