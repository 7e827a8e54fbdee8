//! The files, each replaced whole and only when it changes.
//!
//! Promise: whoever reads a file sees the old or the new one, and of what is written here a filter that
//! names a cluster is never there without it. Envoy reads them independently, so what is added goes from
//! endpoints to clusters to the filter, what is removed the other way round, with time in between to take it.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::resources::{self, Clusters};
use crate::settings::Settings;
use crate::state::Upstream;

/// How long Envoy may need to take a file. It is told of a change at once, and reads it in milliseconds;
/// clusters that come late cost one answer that names an upstream as unavailable.
const TAKEN: Duration = Duration::from_millis(500);

/// What the names of files begin with that are being written.
const UNFINISHED: &str = ".new-";

/// The directory that Envoy watches.
#[derive(Debug)]
pub struct Output {
    directory: PathBuf,
    clusters: PathBuf,
    filter: PathBuf,
}

impl Output {
    /// The files in the directory of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let (clusters, filter) = ("clusters.json", "filter.json");
        let directory = settings.output.clone();
        Self { clusters: directory.join(clusters), filter: directory.join(filter), directory }
    }

    /// The clusters that are there.
    #[must_use]
    pub fn written(&self) -> Clusters {
        resources::read_clusters(&std::fs::read(&self.clusters).unwrap_or_default())
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
        let before = self.written();
        let (more, fewer) = (beyond(&clusters, &before), beyond(&before, &clusters));
        // Nobody reads the files yet when the first filter is written.
        let is_read = self.filter.exists();
        let mut both = clusters.clone();
        if is_read {
            both.extend(before.into_iter().filter(|(name, _)| !clusters.contains_key(name)));
        }
        let mut wrote = false;
        for upstream in upstreams {
            let path = self.directory.join(resources::endpoints_name(&upstream.cluster));
            wrote |= replace(&path, &resources::endpoints_file(upstream))?;
        }
        wrote |= replace(&self.clusters, &resources::clusters_file(&both))?;
        if more && is_read {
            tokio::time::sleep(TAKEN).await;
        }
        wrote |= replace(&self.filter, &resources::filter_file(settings, plugin))?;
        if fewer && is_read {
            tokio::time::sleep(TAKEN).await;
            wrote |= replace(&self.clusters, &resources::clusters_file(&clusters))?;
            tokio::time::sleep(TAKEN).await;
        }
        self.tidy(&clusters);
        Ok(wrote)
    }

    /// Removes the endpoints of clusters that are gone, and leftovers. What stays does no harm.
    fn tidy(&self, clusters: &Clusters) {
        let needed: Vec<String> =
            clusters.keys().map(|name| resources::endpoints_name(name)).collect();
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
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

/// Whether there are clusters that are not among the others.
fn beyond(clusters: &Clusters, others: &Clusters) -> bool {
    clusters.keys().any(|name| !others.contains_key(name))
}

/// Replaces a file, unless it has these bytes; says whether it did.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<bool> {
    if std::fs::read(path).is_ok_and(|before| before == bytes) {
        return Ok(false);
    }
    write(path, bytes).with_context(|| {
        format!("{} cannot be written: `output` has to be a writable directory", path.display())
    })?;
    Ok(true)
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    // Envoy runs as another user more often than not.
    let mode = Permissions::from_mode(0o644);
    let mut file =
        tempfile::Builder::new().prefix(UNFINISHED).permissions(mode).tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The name is only safe once the directory is.
    std::fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
