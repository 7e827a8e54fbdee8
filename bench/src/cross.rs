//! The main rows once more with nothing of this crate's on either side: wrk sends, servers of the
//! official TypeScript SDK answer. And beside them another gateway of the same purpose, written in
//! Rust: `mcp-proxy` of crates.io.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::time::sleep;

use crate::args::Upstream as Flags;
use crate::envoy::{Envoy, Process, Upstreams, needed, on_cores, repository};
use crate::load::Load;
use crate::measure::Plan;
use crate::results::Cross;
use crate::scenario::Ask;
use crate::subject::{PATH, Subject, upstream_name};
use crate::upstream::{call_text, tools};
use crate::world::Contender;

/// What the others are called in the report.
pub(crate) const PROXY: &str = "mcp-proxy";
const ROUNDS: usize = 3;

/// What is asked of which upstreams, over how many connections, and the row above that it is beside.
fn scenarios() -> Vec<(&'static str, Ask, u32, Flags)> {
    let small = Ask::Call { bytes: 200 };
    let two = Flags { listeners: 2, ..Flags::default() };
    let ten = Flags { listeners: 10, tools: 100, ..Flags::default() };
    let long = Flags { answer_size: 1_000_000, ..two.clone() };
    vec![
        ("call-json-c1", small, 1, two.clone()),
        ("call-json-c16", small, 16, two),
        ("call-1mb-json-c1", small, 1, long),
        ("list-json-10x100", Ask::List, 1, ten),
    ]
}

/// Measures all of it.
pub(crate) async fn check(plan: &Plan) -> Result<Vec<Cross>> {
    let mut rows = Vec::new();
    for (id, ask, connections, flags) in scenarios() {
        if plan.wants(&format!("cross-{id}")) {
            eprintln!("once more with wrk and the TypeScript SDK: {id}");
            let row = row(id, ask, connections, &flags).await;
            rows.push(row.with_context(|| format!("cross-{id}"))?);
        }
    }
    Ok(rows)
}

async fn row(id: &str, ask: Ask, connections: u32, flags: &Flags) -> Result<Cross> {
    let files = tempfile::tempdir().context("a temporary folder")?;
    let content = files.path().join("content.json");
    let call = json!({"content": [{"type": "text", "text": call_text(flags)}]});
    std::fs::write(&content, json!({"tools": tools(flags), "call": call}).to_string())?;
    let mut command = on_cores(Path::new("node"), false);
    command.arg(repository("bench/cross/server.mjs"));
    command.arg(repository(".tools/node")).arg(&content).arg(flags.listeners.to_string());
    let upstreams = Upstreams::of(command, flags.listeners).await?;

    let subjects: &[Subject] = if ask == Ask::List { &Subject::GATEWAYS } else { &Subject::ALL };
    let mut contenders = Vec::new();
    for &subject in subjects {
        let envoy = Envoy::start(subject, &upstreams.addresses).await?;
        contenders.push((subject.title(), Contender::open(subject, envoy).await?));
    }
    // Its tools are named as those of `mcp_router` are.
    let proxy = proxy(&upstreams.addresses).await?;
    contenders.push((PROXY, Contender::open(Subject::Router, proxy).await?));

    let mut row = Cross { id: id.to_owned(), subjects: BTreeMap::new() };
    let mut fit = Vec::new();
    for (title, contender) in &contenders {
        match contender.verify(ask, flags).await {
            Ok(_) => {
                let load = contender.load(ask, connections);
                send(&load).await?; // warm
                fit.push((*title, contender, load, Vec::new()));
            }
            Err(error) => {
                eprintln!("  {title} is left out: {error:#}");
                row.subjects.insert((*title).to_owned(), Err(format!("{error:#}")));
            }
        }
    }
    for _ in 0..ROUNDS {
        for (_, contender, load, samples) in &mut fit {
            let process = &contender.envoy.process;
            let before = process.cpu()?;
            let answers = send(load).await?;
            samples.push((process.cpu()? - before) as f64 / 1000.0 / answers as f64);
        }
    }
    for (title, _, _, samples) in fit {
        eprintln!("  {title:<16} {samples:.1?} us of CPU a request");
        row.subjects.insert(title.to_owned(), Ok(samples));
    }
    Ok(row)
}

/// Sends for a second, which is the least that wrk can do, and says how many answers came.
async fn send(load: &Load) -> Result<u64> {
    let files = tempfile::tempdir().context("a temporary folder")?;
    let body = files.path().join("body");
    std::fs::write(&body, &load.body)?;
    let mut command = on_cores(&needed("MCP_MUX_WRK", ".tools/bin/wrk")?, false);
    command.args(["--threads=1", "--duration=1s", "--timeout=10s"]);
    command.arg(format!("--connections={}", load.connections));
    command.arg("--script").arg(repository("bench/cross/post.lua"));
    command.arg(load.url()).arg("--").arg(&body);
    for (name, value) in &load.headers {
        command.arg(format!("{name}: {value}"));
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers = numbers.with_context(|| format!("wrk: {text}"))?;
    let numbers: Vec<u64> = numbers.split(' ').filter_map(|it| it.parse().ok()).collect();
    let [answers, failed, _, bytes] = numbers[..] else { bail!("wrk: {text}") };
    ensure!(failed == 0 && answers > 0 && bytes > 0, "not all requests were answered: {text}");
    Ok(answers)
}

/// Starts `mcp-proxy` in front of these upstreams, as its documentation has it.
async fn proxy(upstreams: &[SocketAddr]) -> Result<Envoy> {
    let backend = |(number, address): (usize, &SocketAddr)| {
        let name = upstream_name(number);
        format!(
            "[[backends]]\nname = \"{name}\"\ntransport = \"http\"\nurl = \"http://{address}{PATH}\"\n"
        )
    };
    let backends: String = upstreams.iter().enumerate().map(backend).collect();
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = format!(
        "[proxy]\nname = \"bench\"\nversion = \"1\"\nseparator = \"__\"\n\
         [proxy.listen]\nhost = \"127.0.0.1\"\nport = {}\n{backends}",
        address.port()
    );
    let files = tempfile::tempdir().context("a temporary folder")?;
    let file = files.path().join("proxy.toml");
    std::fs::write(&file, config)?;
    let log = files.path().join("log");
    let mut command = on_cores(&needed("MCP_MUX_MCP_PROXY", ".tools/bin/mcp-proxy")?, true);
    command.arg("--config").arg(&file);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
    let process = Process::start(&mut command)?;
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(Envoy::other(process, (address, "/"), files));
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("mcp-proxy does not listen:\n{}", std::fs::read_to_string(&log)?)
}
