//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Load measurements of mcp-mux beside plain Envoy and Envoy's own `mcp_router`.
#[derive(Debug, Parser)]
#[command(name = "mcp-mux-bench")]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure, and write the report and its plots
    Run(Run),
    /// Write the report again, from the results of a run
    Report(Report),
    /// Serve MCP: the upstream of the measurements, which starts it by itself
    Upstream(Upstream),
}

/// `run`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// Only the main rows, in under a minute; the report goes to target/bench/, not to bench/
    #[arg(long)]
    pub(crate) quick: bool,
    /// How often each subject is measured in each scenario [default: calls 5, others 3, quick: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: Option<u32>,
    /// How long one measurement takes, about [default: 0.4s, quick: 0.2s]
    #[arg(long, value_parser = seconds)]
    pub(crate) time: Option<Duration>,
    /// Only scenarios whose id contains one of these
    #[arg(long, value_name = "PART")]
    pub(crate) only: Vec<String>,
    /// The main rows once more with wrk and the TypeScript SDK's servers, and beside `mcp-proxy`
    #[arg(long)]
    pub(crate) cross_check: bool,
    /// How many calls the memory of each subject is watched over
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    pub(crate) memory_calls: u64,
    /// Where the report goes, with plots/ beside it [default: bench/report.md]
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
}

/// `report`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Report {
    /// The results of a run
    #[arg(long, default_value = "target/bench/results.json")]
    pub(crate) from: PathBuf,
    /// Where the report goes, with plots/ beside it
    #[arg(long = "report", default_value = "bench/report.md")]
    pub(crate) to: PathBuf,
    /// Write the table of README.md as well
    #[arg(long)]
    pub(crate) readme: bool,
}

/// `upstream`: an MCP server that does as it is told. Prints the address of each listener, a line
/// each, once it listens; ends when its standard input does.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Upstream {
    /// How many servers: a port each, and nothing in common but this process
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) listeners: u32,
    /// How many tools each server has
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) tools: u32,
    /// Bytes of JSON of each tool, about
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(128..=1_048_576))]
    pub(crate) tool_size: u32,
    /// Tools on a page; 0 for all on one
    #[arg(long, default_value_t = 0)]
    pub(crate) page: u32,
    /// One more server, which lists the tools of all the others as a gateway does
    #[arg(long)]
    pub(crate) joined: bool,
    /// Answer in event streams instead of JSON
    #[arg(long)]
    pub(crate) sse: bool,
    /// Say that there are resources: then a gateway has to look for URIs in answers
    #[arg(long)]
    pub(crate) resources: bool,
    /// Wait before each answer, in milliseconds
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub(crate) delay: u32,
    /// Bytes of text in the answer to a call
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=67_108_864))]
    pub(crate) answer_size: u32,
    /// Progress events before the answer to a call; an event stream, whatever --sse says
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) progress: u32,
    /// Answer GET with an event stream that stays open, and is silent
    #[arg(long)]
    pub(crate) streams: bool,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            listeners: 1,
            tools: 10,
            tool_size: 1024,
            page: 0,
            joined: false,
            sse: false,
            resources: false,
            delay: 0,
            answer_size: 200,
            progress: 0,
            streams: false,
        }
    }
}

impl Upstream {
    /// The command line that says this.
    pub(crate) fn to_args(&self) -> Vec<String> {
        let mut args = vec!["upstream".to_owned()];
        let fields = [
            ("--listeners", self.listeners),
            ("--tools", self.tools),
            ("--tool-size", self.tool_size),
            ("--page", self.page),
            ("--delay", self.delay),
            ("--answer-size", self.answer_size),
            ("--progress", self.progress),
        ];
        for (name, value) in fields {
            args.extend([name.to_owned(), value.to_string()]);
        }
        args.extend(self.joined.then(|| "--joined".to_owned()));
        args.extend(self.sse.then(|| "--sse".to_owned()));
        args.extend(self.resources.then(|| "--resources".to_owned()));
        args.extend(self.streams.then(|| "--streams".to_owned()));
        args
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse::<f64>() {
        Ok(seconds) if (0.05..=60.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected seconds from 0.05 to 60, for instance 1s".into()),
    }
}
