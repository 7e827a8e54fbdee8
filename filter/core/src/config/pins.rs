//! `upstreams[].tools.pin` and `on_change`.

use serde::Deserialize;
use serde::de::Deserializer;

use super::collections::ByTool;
use super::text::text;
use crate::catalog::ToolDigest;
use crate::gateway::Pins;

/// The digest that a tool is pinned with.
pub(super) struct Pin(pub(super) ToolDigest);

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const PIN: &str = "a SHA-256 digest: 64 hexadecimal digits in lower case";
        text(deserializer, PIN, |text| text.parse().map(Self).map_err(|_| PIN.into()))
    }
}

/// `tools.on_change`.
#[derive(Default, PartialEq)]
pub(super) enum OnChange {
    #[default]
    Warn,
    Block,
}

impl<'de> Deserialize<'de> for OnChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const CHANGE: &str = r#""warn" or "block""#;
        text(deserializer, CHANGE, |text| match text {
            "warn" => Ok(Self::Warn),
            "block" => Ok(Self::Block),
            _ => Err(CHANGE.into()),
        })
    }
}

/// What tools are pinned to.
pub(super) fn pins(raw: ByTool<Pin>, on_change: &OnChange) -> Pins {
    let digests = raw.0.into_iter().map(|(name, pin)| (name, pin.0)).collect();
    Pins { digests, blocks: *on_change == OnChange::Block }
}
