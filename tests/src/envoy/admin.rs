//! Envoy's admin interface.

use std::net::SocketAddr;

use serde_json::Value;

use crate::client::Request;
use crate::within;

/// Where the admin interface listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admin(pub(super) SocketAddr);

impl Admin {
    /// The body of a page; `None` while nobody listens.
    pub(super) async fn page(self, page: &str) -> Option<String> {
        let reply = Request::at(self.0, "GET", page).attempt().await?;
        Some(reply.text().to_owned())
    }

    /// The lines of the statistics whose names match this regular expression, as names and values.
    pub(super) async fn stats(self, names: &str) -> Vec<(String, String)> {
        let text = self.page(&format!("/stats?filter={names}")).await.expect("the stats");
        let line =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.into(), value.into()));
        text.lines().filter_map(line).collect()
    }

    /// Waits until the first listener listens; returns where.
    pub(super) async fn listens(self) -> SocketAddr {
        within("Envoy to listen", async {
            loop {
                if let Some(address) = self.listener(0).await {
                    return address;
                }
                tokio::time::sleep(super::POLL).await;
            }
        })
        .await
    }

    /// Where the listener of this place in the configuration listens.
    pub(super) async fn listener(self, place: usize) -> Option<SocketAddr> {
        let listeners = self.page("/listeners?format=json").await?;
        let listeners: Value = serde_json::from_str(&listeners).ok()?;
        let listener = &listeners["listener_statuses"][place]["local_address"]["socket_address"];
        let port = u16::try_from(listener["port_value"].as_u64()?).ok().filter(|&port| port > 0)?;
        Some(SocketAddr::from(([127, 0, 0, 1], port)))
    }
}
