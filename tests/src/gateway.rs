//! What most tests begin with: a gateway before one server.

use crate::{Envoy, Setup, Upstream};

/// A gateway before one upstream.
pub struct Gateway {
    /// The upstream, a plain server until a test scripts its answers.
    pub a: Upstream,
    /// The gateway.
    pub envoy: Envoy,
}

impl Gateway {
    /// Starts both.
    pub async fn start() -> Self {
        Self::with(|setup| setup).await
    }

    /// Starts both, the gateway with what is special about it.
    pub async fn with(special: impl FnOnce(Setup) -> Setup) -> Self {
        let a = Upstream::named("a").start().await;
        let envoy = special(Setup::new().upstream(&a)).start().await;
        Self { a, envoy }
    }
}
