//! The program: its command line and its exit code.

use std::process::ExitCode;

use clap::Parser as _;
use mcp_mux_cli::args::{Arguments, Command};
use mcp_mux_cli::commands::{Ending, config, pin, schema, tools};
use mcp_mux_cli::{check, report, run};

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(|error| Ending::Failed(error.into())).and_then(|runtime| {
        runtime.block_on(async {
            match command {
                Command::Run(arguments) => run::run(&arguments).await,
                Command::Config(arguments) => config::run(&arguments),
                Command::Check(arguments) => check::run(&arguments),
                Command::Schema => {
                    schema::run();
                    Ok(())
                }
                Command::Tools(arguments) => tools::run(&arguments).await,
                Command::Pin(arguments) => pin::run(&arguments).await,
            }
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ending::Failed(error)) => {
            report::error(&format!("{error:#}"));
            ExitCode::from(1)
        }
        Err(Ending::Wrong(lines)) => {
            for line in lines {
                report::say(&line);
            }
            ExitCode::from(3)
        }
    }
}
