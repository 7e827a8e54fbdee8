//! Every counter that there may be under a configuration.

use super::{Counter, Outcome, Served, SessionEvent};
use crate::fault::label::LABELS;
use crate::gateway::Gateway;
use crate::mcp::method;

impl Counter {
    /// Every counter under this configuration, for a host that has to define them before they count. With two
    /// upstreams there are about 220, and 34 more for each one more.
    #[must_use]
    pub fn all(gateway: &Gateway) -> Vec<Self> {
        let sessions = [SessionEvent::Opened, SessionEvent::Ended, SessionEvent::Refused];
        let served = [Served::Hit, Served::Miss, Served::Shared];
        let requests = method::labels()
            .flat_map(|method| Outcome::ALL.map(|outcome| Self::Request { method, outcome }));
        let mut counters: Vec<Self> =
            requests.chain(served.map(Self::Catalog)).chain(sessions.map(Self::Session)).collect();
        for upstream in gateway.upstreams.ids() {
            counters.extend([true, false].map(|ok| Self::SideCall { upstream, ok }));
            counters.extend(LABELS.map(|fault| Self::Fault { upstream, fault }));
            counters.extend([
                Self::ItemDropped { upstream },
                Self::NameConflict { upstream },
                Self::OddName { upstream },
                Self::ToolChanged { upstream },
                Self::SessionRecovered { upstream },
            ]);
        }
        counters
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::fixture::gateway;

    #[test]
    fn each_counter_is_there_once() {
        let gateway = gateway(r#"{"upstreams": [{"name": "a"}, {"name": "b"}]}"#);
        let all = Counter::all(&gateway);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        for label in ["tools_call", "get", "delete", "response", "other", "tasks_update"] {
            let outcome = Outcome::Busy;
            assert!(all.contains(&Counter::Request { method: label, outcome }), "{label}");
        }
        assert_eq!(all.len(), 5 * method::labels().count() + 6 + 2 * (2 + LABELS.len() + 5));
    }
}
