//! Tells when the file of servers has changed.

use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// Editors write a file in several steps; those of this time are one change.
const TOGETHER: Duration = Duration::from_millis(200);

/// A file that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    changes: mpsc::UnboundedReceiver<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl Watched {
    /// Watches the folder of a file: editors put a new file in the place of the old one.
    ///
    /// # Errors
    ///
    /// The system does not let it be watched.
    pub(super) fn new(file: &Path) -> anyhow::Result<Self> {
        let (sender, changes) = mpsc::unbounded_channel();
        let file = std::path::absolute(file)?;
        let name = file.file_name().map(ToOwned::to_owned);
        let handler = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            let ours = event.paths.iter().any(|path| path.file_name() == name.as_deref());
            if ours && !event.kind.is_access() {
                let _ = sender.send(());
            }
        };
        let mut watcher = notify::recommended_watcher(handler)?;
        let folder = file.parent().unwrap_or(Path::new("/"));
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(Self { changes, _watcher: Some(watcher) })
    }

    /// One that never changes.
    #[must_use]
    pub(super) fn never() -> Self {
        Self { changes: mpsc::unbounded_channel().1, _watcher: None }
    }

    /// Waits for the next change, and for those that follow at once.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(TOGETHER, self.changes.recv()).await {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_written_or_replaced_has_changed_and_another_has_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("servers.json");
        std::fs::write(&file, "1").expect("written");
        let mut watched = Watched::new(&file).expect("watched");
        let soon = Duration::from_secs(20);
        for replaced in [false, true] {
            let new = folder.path().join("new");
            std::fs::write(if replaced { &new } else { &file }, "2").expect("written");
            if replaced {
                std::fs::rename(&new, &file).expect("renamed");
            }
            tokio::time::timeout(soon, watched.changed()).await.expect("a change");
        }
        std::fs::write(folder.path().join("other"), "3").expect("written");
        let short = Duration::from_millis(300);
        assert!(tokio::time::timeout(short, watched.changed()).await.is_err());
    }
}
