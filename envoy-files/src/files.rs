//! The files, each replaced whole and only when it changes.
//!
//! Promise: whoever reads a file sees the old or the new one, and of what is written here a filter that
//! names a cluster is never there without it. Envoy reads them independently, so what is added goes from
//! other files to clusters to the filter, what is removed the other way round, with time in between to take it.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::resources::{self, Clusters};

/// How long Envoy may need to take a file. It is told of a change at once, and reads it in milliseconds;
/// clusters that come late cost one answer that names an upstream as unavailable.
const TAKEN: Duration = Duration::from_millis(500);

/// What the names of files begin with that are being written.
pub const UNFINISHED: &str = ".new-";

/// The directory that Envoy watches.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    /// With all clusters.
    pub clusters: PathBuf,
    /// With the filter.
    pub filter: PathBuf,
    /// Who may read what is written, as `chmod` says it.
    mode: u32,
}

impl Files {
    /// The files in a directory: `clusters.json` and `filter.json`. Whether they are for Envoy's user alone, or
    /// for all.
    #[must_use]
    pub fn new(directory: &Path, private: bool) -> Self {
        let [clusters, filter] = ["clusters.json", "filter.json"].map(|name| directory.join(name));
        let mode = if private { 0o600 } else { 0o644 };
        Self { directory: directory.to_owned(), clusters, filter, mode }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The clusters that are there.
    #[must_use]
    pub fn written(&self) -> Clusters {
        resources::read_clusters(&std::fs::read(&self.clusters).unwrap_or_default())
    }

    /// Brings the files up to date: those that clusters refer to, by name, then the clusters, then the filter.
    /// What is up to date already is not touched. Says whether anything was not.
    ///
    /// # Errors
    ///
    /// A file that cannot be written. It is then as it was.
    pub async fn put(
        &self,
        others: &[(String, Vec<u8>)],
        clusters: &Clusters,
        filter: &[u8],
    ) -> anyhow::Result<bool> {
        let before = self.written();
        let (more, fewer) = (beyond(clusters, &before), beyond(&before, clusters));
        // Nobody reads the files yet when the first filter is written.
        let is_read = self.filter.exists();
        let mut both = clusters.clone();
        if is_read {
            both.extend(before.into_iter().filter(|(name, _)| !clusters.contains_key(name)));
        }
        let mut wrote = false;
        for (name, bytes) in others {
            wrote |= self.replace(&self.directory.join(name), bytes)?;
        }
        wrote |= self.replace(&self.clusters, &resources::clusters_file(&both))?;
        if more && is_read {
            tokio::time::sleep(TAKEN).await;
        }
        wrote |= self.replace(&self.filter, filter)?;
        if fewer && is_read {
            tokio::time::sleep(TAKEN).await;
            wrote |= self.replace(&self.clusters, &resources::clusters_file(clusters))?;
            tokio::time::sleep(TAKEN).await;
        }
        Ok(wrote)
    }

    /// Replaces a file, unless it has these bytes; says whether it did.
    fn replace(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<bool> {
        if std::fs::read(path).is_ok_and(|before| before == bytes) {
            return Ok(false);
        }
        self.write(path, bytes).with_context(|| {
            let directory = self.directory.display();
            format!(
                "{} cannot be written: {directory} has to be a writable directory",
                path.display()
            )
        })?;
        Ok(true)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        // Envoy runs as another user more often than not.
        let mode = Permissions::from_mode(self.mode);
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(mode)
            .tempfile_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // The name is only safe once the directory is.
        std::fs::File::open(&self.directory)?.sync_all()
    }
}

/// Whether there are clusters that are not among the others.
fn beyond(clusters: &Clusters, others: &Clusters) -> bool {
    clusters.keys().any(|name| !others.contains_key(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::resources::{IDLE, cluster};

    #[tokio::test(start_paused = true)]
    async fn what_is_private_is_read_by_its_owner_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        for (private, mode) in [(true, 0o600), (false, 0o644)] {
            let folder = directory.path().join(mode.to_string());
            std::fs::create_dir(&folder).expect("a folder");
            let files = Files::new(&folder, private);
            let clusters = Clusters::from([("a".to_owned(), cluster("a", IDLE, Vec::new()))]);
            let others = [("other.json".to_owned(), b"{}".to_vec())];
            assert!(files.put(&others, &clusters, b"{}").await.expect("written"));
            assert!(!files.put(&others, &clusters, b"{}").await.expect("looked at"));
            for file in [&files.clusters, &files.filter, &folder.join("other.json")] {
                assert_eq!(file.metadata().expect("a file").mode() & 0o777, mode);
            }
            assert_eq!(files.written(), clusters);
        }
    }
}
