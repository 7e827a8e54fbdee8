//! Tells whoever owns a Service that was left out why, once for each reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::service::Reason;
use crate::state::Refused;

/// The longest note of an Event, in bytes, is 1 kB.
const LONGEST: usize = 1000;

/// How long the API server may take for an Event before the next refusal has its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Service, by its uid, and why it is left out.
type Key = (String, Reason);

/// What was logged and still holds.
pub struct Report {
    client: Client,
    reporter: Reporter,
    /// Whether the Event is there as well.
    told: BTreeMap<Key, bool>,
}

impl Report {
    /// Nothing yet.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let reporter = Reporter::from("mcp-mux-discovery");
        Self { client, reporter, told: BTreeMap::new() }
    }

    /// Logs what is new, and publishes what is not published yet.
    pub async fn tell(&mut self, refused: &[Refused]) {
        let now: BTreeSet<Key> = refused.iter().map(key).collect();
        self.told.retain(|told, _| now.contains(told));
        for one in refused {
            let Refused { service, reason } = one;
            let key = key(one);
            if !self.told.contains_key(&key) {
                let name = service.name.as_deref().unwrap_or_default();
                let namespace = service.namespace.as_deref().unwrap_or_default();
                let Reason { word, note } = reason;
                tracing::warn!(namespace, name, reason = word, note, "left out");
            }
            let published = self.told.get(&key) == Some(&true) || self.publish(one).await;
            self.told.insert(key, published);
        }
    }

    /// Whether there is an Event that could not be published.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.told.values().any(|published| !published)
    }

    /// Whether there is an Event now.
    async fn publish(&self, refused: &Refused) -> bool {
        let event = Event {
            type_: EventType::Warning,
            reason: refused.reason.word.to_owned(),
            note: Some(shortened(&refused.reason.note).to_owned()),
            action: "Discover".to_owned(),
            secondary: None,
        };
        // A recorder that has published before repeats its first note for the same word.
        let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
        let published = recorder.publish(&event, &refused.service);
        match tokio::time::timeout(PATIENCE, published).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::warn!(%error, "the Event could not be published"),
            Err(_) => tracing::warn!("the API server took too long to take an Event"),
        }
        false
    }
}

fn key(refused: &Refused) -> Key {
    (refused.service.uid.clone().unwrap_or_default(), refused.reason.clone())
}

fn shortened(note: &str) -> &str {
    if note.len() <= LONGEST {
        return note;
    }
    let end = (0..=LONGEST).rev().find(|at| note.is_char_boundary(*at));
    end.and_then(|end| note.get(..end)).unwrap_or(note)
}
