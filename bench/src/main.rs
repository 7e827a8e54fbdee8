//! Load measurements, side by side: plain Envoy, this filter, Envoy's own pair of filters.
//!
//! ```text
//!   h2load ---> Envoy of one subject, --concurrency 1 ---> `upstream`, on several ports
//!      \               \                                       \
//!       latency         CPU time, by the kernel's account       CPU time, to see who is the bottleneck
//! ```
//!
//! `make bench` measures everything and writes `bench/report.md` and the table of `README.md`; `make bench-quick` shows the main
//! rows. All subjects run at once and are measured in turn, round by round, so that whatever else
//! the machine does falls on all of them. What is compared is CPU time per request: on a shared
//! machine it holds still where the wall clock does not.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "measurements are floats, and far below 2^52"
)]

mod args;
mod beside;
mod client;
mod cpu;
mod cross;
mod envoy;
mod fit;
mod goals;
mod growth;
mod load;
mod machine;
mod measure;
mod plot;
mod readme;
mod report;
mod results;
mod scenario;
mod subject;
mod table;
mod upstream;
mod verify;
mod world;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Command};

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One thread: what it waits for are other processes.
fn run(args: Args) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
        // Whatever was started is a child that is killed when its handle is dropped: by the end of the
        // work, by an error, or here, when the work is dropped because of a signal.
        tokio::select! {
            result = work(args) => result.map(|()| ExitCode::SUCCESS),
            _ = interrupt.recv() => Ok(ExitCode::from(130)),
            _ = terminate.recv() => Ok(ExitCode::from(143)),
        }
    })
}

async fn work(args: Args) -> Result<()> {
    match args.command {
        Command::Run(run) => measure::run(&run).await,
        Command::Report(report) => report::again(&report),
        Command::Upstream(flags) => upstream::serve(&flags).await,
    }
}
