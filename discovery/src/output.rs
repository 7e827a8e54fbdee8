//! The files, each replaced whole and only when it changes; what they promise is in [`mcp_mux_envoy_files::files`].

use mcp_mux_envoy_files::files::{Files, UNFINISHED};
use mcp_mux_envoy_files::resources::Clusters;
use serde_json::Value;

use crate::resources;
use crate::settings::Settings;
use crate::state::Upstream;

/// The directory that Envoy watches.
#[derive(Debug)]
pub struct Output {
    files: Files,
}

impl Output {
    /// The files in the directory of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { files: Files::new(&settings.output, false) }
    }

    /// The clusters that are there.
    #[must_use]
    pub fn written(&self) -> Clusters {
        self.files.written()
    }

    /// Brings the files up to date; what is so already is not touched. Says whether anything was not.
    ///
    /// # Errors
    ///
    /// A file that cannot be written. It is then as it was.
    pub async fn put(
        &self,
        settings: &Settings,
        upstreams: &[Upstream],
        plugin: &Value,
    ) -> anyhow::Result<bool> {
        let clusters = resources::clusters(settings, upstreams);
        let endpoints: Vec<_> = upstreams
            .iter()
            .map(|it| (resources::endpoints_name(&it.cluster), resources::endpoints_file(it)))
            .collect();
        let filter = resources::filter_file(settings, plugin);
        let wrote = self.files.put(&endpoints, &clusters, &filter).await?;
        self.tidy(&clusters);
        Ok(wrote)
    }

    /// Removes the endpoints of clusters that are gone, and leftovers. What stays does no harm.
    fn tidy(&self, clusters: &Clusters) {
        let needed: Vec<String> =
            clusters.keys().map(|name| resources::endpoints_name(name)).collect();
        for entry in std::fs::read_dir(self.files.directory()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Also what was being written when this program was killed.
            let ours = name.starts_with(UNFINISHED) || is_of_endpoints(&name);
            if ours && !needed.iter().any(|needed| *needed == name) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// `mcp-mux.<namespace>.<service>.json`.
fn is_of_endpoints(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    matches!(parts.as_slice(), ["mcp-mux", _, _, "json"])
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
