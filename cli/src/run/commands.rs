//! What is started: a bridge for each program, and Envoy.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::gateway::{Filter, Host, KEYS, PATH};
use crate::locate::Root;
use crate::servers;

/// The bridge of a program: supergateway, which starts the program for each session and ends it with that, passes
/// messages on as they are, and answers for a program that has ended.
pub(super) fn bridge(root: &Root, program: &servers::Command, port: u16) -> Command {
    let mut command = Command::new("node");
    // It would listen on every interface, and take no body of more than 100 kB.
    for script in ["node/loopback.cjs", "bridge/large.cjs"] {
        command.arg("--require").arg(root.script(script));
    }
    command.arg(root.tool("bridge/node_modules/supergateway/dist/index.js"));
    command.args(["--stdio", &shell(program), "--outputTransport", "streamableHttp", "--stateful"]);
    command.args(["--streamableHttpPath", PATH, "--port", &port.to_string()]);
    command.env_remove(KEYS).envs(&program.environment);
    if let Some(folder) = &program.folder {
        command.current_dir(folder);
    }
    // It prints every message that goes by, and those are nobody's business.
    command.stdout(Stdio::null());
    command
}

/// A command as a shell reads it.
fn shell(program: &servers::Command) -> String {
    let quoted = |word: &String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&byte);
        if !word.is_empty() && word.bytes().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    let words = std::iter::once(&program.program).chain(&program.arguments);
    // Without a shell in between that would have to pass signals on.
    format!("exec {}", words.map(quoted).collect::<Vec<_>>().join(" "))
}

/// Becomes a program, and leaves a watcher behind that reads what is written to it. A line says that the program has
/// ended. The end of the input says that this one has, in whatever way: then a folder goes, and the program with all of
/// its process group.
const WATCHED: &str = r#"
folder=$1
shift
exec 3<&0
{ read -r _ <&3 || { rm -r "$folder"; kill -KILL 0; }; } >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
"#;

/// Envoy, which does not outlive this program. Nor does the folder of its bootstrap, which has secrets in it.
pub(super) fn envoy(
    program: &Path,
    bootstrap: &Path,
    filter: &Filter,
    keys: &str,
    log: Stdio,
) -> Command {
    let folder = bootstrap.parent().unwrap_or(bootstrap);
    let mut command = Command::new("sh");
    command.args(["-c", WATCHED, "sh"]).arg(folder).arg(program);
    command.arg("-c").arg(bootstrap).args(["--concurrency", "2", "--disable-hot-restart"]);
    command.env(KEYS, keys).stdout(log);
    if filter.host == Host::Module {
        let folder = filter.file.parent().map(PathBuf::from).unwrap_or_default();
        command.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", folder);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_words_as_they_were_written() {
        let words = ["a b", "it's", "", "$HOME", "-y", "@scope/x", "*"].map(str::to_owned);
        let program = servers::Command {
            program: "printf".into(),
            arguments: std::iter::once("%s|".to_owned()).chain(words).collect(),
            environment: std::collections::BTreeMap::default(),
            folder: None,
        };
        let mut command = std::process::Command::new("sh");
        let output = command.arg("-c").arg(shell(&program)).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "a b|it's||$HOME|-y|@scope/x|*|");
    }
}
