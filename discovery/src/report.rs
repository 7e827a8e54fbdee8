//! Tells whoever owns a Service that was left out why, once for each reason.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::service::Reason;
use crate::state::Refused;

/// The longest note of an Event, in bytes, is 1 kB.
const LONGEST: usize = 1000;

/// How long the API server may take for an Event before the next refusal has its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was reported and still holds.
pub struct Report {
    client: Client,
    reporter: Reporter,
    told: BTreeSet<(String, Reason)>,
}

impl Report {
    /// Nothing yet.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let reporter = Reporter::from("mcp-mux-discovery");
        Self { client, reporter, told: BTreeSet::new() }
    }

    /// Logs and publishes what is new. An Event that cannot be published is tried again the next time.
    pub async fn tell(&mut self, refused: &[Refused]) {
        let key = |it: &Refused| {
            let uid = it.service.uid.clone().unwrap_or_default();
            (uid, it.reason.clone())
        };
        let now: BTreeSet<_> = refused.iter().map(key).collect();
        self.told.retain(|told| now.contains(told));
        for one in refused {
            let Refused { service, reason } = one;
            if self.told.contains(&key(one)) {
                continue;
            }
            let name = service.name.as_deref().unwrap_or_default();
            let namespace = service.namespace.as_deref().unwrap_or_default();
            tracing::warn!(namespace, name, reason = reason.word, note = reason.note, "left out");
            let event = Event {
                type_: EventType::Warning,
                reason: reason.word.to_owned(),
                note: Some(shortened(&reason.note).to_owned()),
                action: "Discover".to_owned(),
                secondary: None,
            };
            // A recorder that has published before repeats its first note for the same word.
            let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
            let published = recorder.publish(&event, service);
            match tokio::time::timeout(PATIENCE, published).await {
                Ok(Ok(())) => {
                    self.told.insert(key(one));
                }
                Ok(Err(error)) => tracing::warn!(%error, "the Event could not be published"),
                Err(_) => tracing::warn!("the API server took too long to take an Event"),
            }
        }
    }
}

fn shortened(note: &str) -> &str {
    if note.len() <= LONGEST {
        return note;
    }
    let end = (0..=LONGEST).rev().find(|at| note.is_char_boundary(*at));
    end.and_then(|end| note.get(..end)).unwrap_or(note)
}
