//! What more servers, more sessions and more waiting calls take of the core, natively: time by the clock, bytes by the
//! resident memory of this process. docs/scale.md says what follows from that.
//!
//! ```sh
//! cargo run --release -p mcp-mux-bench-core --example scale -- 1000000
//! ```

use std::time::Instant;

use anyhow::{Context as _, Result};
use mcp_mux_bench_core::crowd::{Crowd, SideCalls, idle};

/// The most that a gateway may have are the last.
const SERVERS: [usize; 6] = [2, 4, 8, 16, 32, 64];
/// How often a request is made, to know what one takes.
const TIMES: u32 = 200;
/// How many calls wait.
const WAITING: u32 = 20_000;
/// Tools of each server.
const TOOLS: usize = 10;

fn main() -> Result<()> {
    let sessions = std::env::args().nth(1).map_or(Ok(100_000), |many| many.parse::<u32>())?;
    // First what is counted in bytes: memory that was used and freed would be used again.
    configured()?;
    waiting()?;
    crowd(sessions)?;
    servers()
}

/// What one request takes by the number of servers.
fn servers() -> Result<()> {
    println!(
        "servers  initialize  tools/list  call   session id  side calls of initialize  of tools/list"
    );
    for servers in SERVERS {
        let mut crowd = Crowd::of(servers, TOOLS)?;
        let session = crowd.open(&mut SideCalls::default())?;
        let mut opened = SideCalls::default();
        let initialize = each(|| crowd.open(&mut opened).map(drop))?;
        let mut listed = SideCalls::default();
        let list = each(|| crowd.list(&session, &mut listed).map(drop))?;
        let call = each(|| crowd.call(&session))?;
        println!(
            "{servers:>7}  {initialize:>7.1} us  {list:>7.1} us  {call:.1} us  {} bytes  {}  {}",
            session.len(),
            of_one(opened),
            of_one(listed)
        );
    }
    Ok(())
}

/// Calls, bytes there and bytes back, of one request.
fn of_one(side: SideCalls) -> String {
    let one = |all: usize| all / TIMES as usize;
    format!("{}: {} bytes, {} back", one(side.count), one(side.sent), one(side.got))
}

/// The microseconds that something takes.
fn each(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let start = Instant::now();
    for _ in 0..TIMES {
        work()?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES))
}

fn configured() -> Result<()> {
    let before = resident()?;
    let gateways = idle(200, 64)?;
    let taken = resident()?.saturating_sub(before);
    println!("a configured server: {} bytes", taken / gateways.len() / 64);
    Ok(())
}

/// What a call takes that waits for its server.
fn waiting() -> Result<()> {
    let mut crowd = Crowd::of(2, TOOLS)?;
    let session = crowd.open(&mut SideCalls::default())?;
    crowd.call(&session)?;
    let before = resident()?;
    let calls = (0..WAITING).map(|_| crowd.wait(&session)).collect::<Result<Vec<_>>>()?;
    let taken = resident()?.saturating_sub(before);
    println!("a call that waits: {} bytes, of {} calls", taken / calls.len(), calls.len());
    Ok(())
}

/// Sessions, each with a list and a call, and none of them closed.
fn crowd(many: u32) -> Result<()> {
    let mut crowd = Crowd::of(2, TOOLS)?;
    let mut side = SideCalls::default();
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let start = Instant::now();
    let before = resident()?;
    for number in 1..=many {
        let session = crowd.open(&mut side)?;
        crowd.list(&session, &mut side)?;
        crowd.call(&session)?;
        // At powers of two of a thousand, and at the end.
        if number == many || (number % 1000 == 0 && (number / 1000).is_power_of_two()) {
            println!(
                "{number:>8} sessions: {:>6} KiB, notes of {}, {:.1} us each",
                resident()?.saturating_sub(before) / 1024,
                crowd.noted(),
                start.elapsed().as_secs_f64() * 1e6 / f64::from(number)
            );
        }
    }
    Ok(())
}

/// The resident memory of this process, in bytes.
fn resident() -> Result<usize> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>().context("VmRSS")? * 1024)
}
