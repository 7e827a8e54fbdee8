//! Where things are: the filter, Envoy, the bridge; what is missing is installed by `scripts/install`, as the demo
//! does it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::args::Place;
use crate::gateway::{Filter, Host};
use crate::report;

/// What installs things, for a program that is not in a checkout: the path, the text, whether it is a program.
const SCRIPTS: [(&str, &str, bool); 8] = [
    ("scripts/install", include_str!("../../scripts/install"), true),
    ("scripts/lib.sh", include_str!("../../scripts/lib.sh"), false),
    ("scripts/debian.sh", include_str!("../../scripts/debian.sh"), false),
    ("scripts/bridge/package.json", include_str!("../../scripts/bridge/package.json"), false),
    (
        "scripts/bridge/package-lock.json",
        include_str!("../../scripts/bridge/package-lock.json"),
        false,
    ),
    ("scripts/bridge/large.cjs", include_str!("../../scripts/bridge/large.cjs"), false),
    ("scripts/node/.npmrc", include_str!("../../scripts/node/.npmrc"), false),
    ("scripts/node/loopback.cjs", include_str!("../../scripts/node/loopback.cjs"), false),
];

/// The folder with `scripts/` and `.tools/`: a checkout of mcp-mux, or one of the user's.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

impl Root {
    /// The checkout that this program is in, or else `mcp-mux` in the user's data.
    ///
    /// # Errors
    ///
    /// There is neither.
    pub fn find() -> anyhow::Result<Self> {
        if let Some(checkout) = checkout() {
            return Ok(Self(checkout));
        }
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
        let root = data.context("no place for what has to be installed: set HOME")?.join("mcp-mux");
        for (path, text, program) in SCRIPTS {
            let file = root.join(path);
            if std::fs::read_to_string(&file).is_ok_and(|there| there == text) {
                continue;
            }
            let folder = file.parent().unwrap_or(&root);
            let written =
                std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, text));
            written.with_context(|| format!("{} cannot be written", file.display()))?;
            if program {
                std::fs::set_permissions(&file, Permissions::from_mode(0o755))?;
            }
        }
        Ok(Self(root))
    }

    /// A path below `.tools/`.
    #[must_use]
    pub fn tool(&self, path: &str) -> PathBuf {
        self.0.join(".tools").join(path)
    }

    /// A path below `scripts/`.
    #[must_use]
    pub fn script(&self, path: &str) -> PathBuf {
        self.0.join("scripts").join(path)
    }

    /// Installs what is missing of these.
    ///
    /// # Errors
    ///
    /// The last line of what the installation says, which says what to do.
    pub async fn install(&self, tools: &[&str]) -> anyhow::Result<()> {
        if tools.is_empty() {
            return Ok(());
        }
        let mut child = tokio::process::Command::new(self.script("install"))
            .args(tools)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("scripts/install cannot be started: install bash")?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let out = async {
            let Some(stdout) = stdout else { return };
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                // What is there already is no news.
                if !line.contains(": there") {
                    report::note(&line);
                }
            }
        };
        let mut last = String::new();
        let errors = async {
            let Some(stderr) = stderr else { return };
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                last = line;
            }
        };
        tokio::join!(out, errors);
        ensure!(child.wait().await?.success(), "{last}");
        Ok(())
    }
}

/// The checkout that the program is in.
fn checkout() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let mut folders = program.ancestors().skip(1);
    let is_checkout = |folder: &&Path| {
        folder.join("scripts/install").is_file() && folder.join("filter/core").is_dir()
    };
    folders.find(is_checkout).map(Path::to_owned)
}

/// The filter of a host.
///
/// # Errors
///
/// It is not there.
pub fn filter(place: &Place) -> anyhow::Result<Filter> {
    let (name, build) = match place.host {
        Host::Wasm => ("mcp_mux.wasm", "wasm"),
        Host::Module => ("libmcp_mux.so", "module"),
    };
    if let Some(file) = &place.filter {
        ensure!(file.is_file(), "{} is no file: name {name}", file.display());
        return Ok(Filter { host: place.host, file: std::path::absolute(file)? });
    }
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.parent().unwrap_or(Path::new("."));
    // What cargo builds beside the program is for tests of another kind: what a checkout ships goes first.
    let places = [
        checkout().map(|root| root.join("dist").join(name)),
        Some(beside.join(name)),
        Some(beside.join("../lib/mcp-mux").join(name)),
    ];
    let Some(file) = places.into_iter().flatten().find(|file| file.is_file()) else {
        bail!("no {name}: build it (scripts/build {build}), or name it (--filter FILE)");
    };
    Ok(Filter { host: place.host, file })
}

/// Envoy, installed if need be.
///
/// # Errors
///
/// It cannot be installed.
pub async fn envoy(root: &Root, place: &Place) -> anyhow::Result<PathBuf> {
    if let Some(envoy) = &place.envoy {
        ensure!(envoy.is_file(), "{} is no file: name an Envoy", envoy.display());
        return Ok(envoy.clone());
    }
    root.install(&["envoy"]).await?;
    Ok(root.tool("bin/envoy"))
}
