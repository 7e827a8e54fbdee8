//! The instructions of the core's hot paths, held to `bounds.txt`; and the cost of long documents,
//! which grows as they do.
//!
//! Counted by valgrind's callgrind, so the same on every run and whatever else the machine does. Yet
//! callgrind shows programs what the processor can do: `memchr`, the cipher and the C library have
//! other code for those without AVX2. So on such machines nothing is compared with the bounds.
//!
//! Callgrind runs this very program, with the name of a scenario. A second program would have all of the
//! core compiled and optimized once more.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result, anyhow, ensure};
use mcp_mux_bench_core::{DOCUMENTS, SCENARIOS, TEN_TIMES};

/// How far over what is measured a bound is set.
const SLACK: f64 = 1.15;
/// Ten times the bytes cost at most so many times the instructions.
const LINEAR: f64 = 11.0;
/// What makes this write `bounds.txt` anew.
const SET: &str = "MCP_MUX_SET_BOUNDS";

const ADVICE: &str = "\
A regression? bench/PROFILE.md says where the instructions went when it was written, and
  callgrind_annotate target/release/NAME.out
where they go now. On purpose? `scripts/instructions --set` writes bench/core/bounds.txt anew: commit it.";

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The instructions of each scenario, by name. They do not depend on what else runs, so all cores count.
fn count() -> Result<BTreeMap<String, u64>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(all());
    let next = || left.lock().ok()?.pop();
    std::thread::scope(|scope| {
        let worker = || -> Result<Vec<(String, u64)>> {
            std::iter::from_fn(next).map(|name| Ok((name.clone(), callgrind(&name)?))).collect()
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let mut counts = BTreeMap::new();
        for worker in workers {
            counts.extend(worker.join().map_err(|_| anyhow!("a thread panicked"))??);
        }
        Ok(counts)
    })
}

/// The names of all scenarios, and of the documents in both lengths.
fn all() -> Vec<String> {
    let documents =
        DOCUMENTS.iter().flat_map(|name| [(*name).to_owned(), (*name).to_owned() + TEN_TIMES]);
    SCENARIOS.iter().map(|name| (*name).to_owned()).chain(documents).collect()
}

/// The instructions of a scenario, without what leads up to it.
fn callgrind(name: &str) -> Result<u64> {
    let program = std::env::current_exe()?;
    let out = program.with_file_name(format!("{name}.out"));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--toggle-collect=*scenario_counted*"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [here("../../.tools/bin")].into_iter().chain(std::env::split_paths(&path));
    valgrind.env("PATH", std::env::join_paths(folders)?);
    let output = valgrind.arg(program).arg(name).output();
    let output = output.context("valgrind (see scripts/instructions)")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} under valgrind:\n{errors}");
    let text = std::fs::read_to_string(&out)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.parse().ok());
    total
        .filter(|&count| count > 0)
        .with_context(|| format!("no count of {name}: {}", out.display()))
}

fn counted(counts: &BTreeMap<String, u64>, name: &str) -> Result<u64> {
    let count = counts.get(name).copied();
    count.with_context(|| format!("{name} is not counted"))
}

/// Reads `bounds.txt`: a name and a number a line.
fn bounds() -> Result<BTreeMap<String, u64>> {
    let text = std::fs::read_to_string(here("bounds.txt"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let bound = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.trim().replace(',', "").parse().ok()?))
    };
    lines.map(|line| bound(line).with_context(|| format!("bounds.txt: {line}"))).collect()
}

/// Writes it, with numbers of three digits.
fn set(counts: &BTreeMap<String, u64>) -> Result<()> {
    let mut text = "\
# The instructions that each scenario of src/scenarios.rs may take, natively: 15% over what was
# counted. Written by `scripts/instructions --set`.
"
    .to_owned();
    for name in SCENARIOS {
        let bound = times(counted(counts, name)?, SLACK);
        let unit = 10_u64.pow(bound.ilog10().saturating_sub(2));
        let _ = writeln!(text, "{name:<34}{:>14}", grouped(bound.div_ceil(unit) * unit));
    }
    std::fs::write(here("bounds.txt"), text)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "far below 2^52"
)]
fn times(count: u64, factor: f64) -> u64 {
    (count as f64 * factor) as u64
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|it| std::str::from_utf8(it).ok()).collect();
    groups.join(",")
}

/// What is over its bound, a line each.
fn over(counts: &BTreeMap<String, u64>) -> Result<Vec<String>> {
    let bounds = bounds()?;
    for name in bounds.keys() {
        ensure!(SCENARIOS.contains(&name.as_str()), "bounds.txt: there is no scenario {name}");
    }
    let mut over = Vec::new();
    for name in SCENARIOS {
        let count = counted(counts, name)?;
        let bound = *bounds.get(name).with_context(|| format!("bounds.txt: no bound of {name}"))?;
        let share = ratio(count, bound);
        println!("{name:<34}{:>14} of {:>14} ({share:.2})", grouped(count), grouped(bound));
        if count > bound {
            let percent = (share - 1.0) * 100.0;
            let (count, bound) = (grouped(count), grouped(bound));
            over.push(format!(
                "{name}: {count} instructions, {percent:.1}% over its bound of {bound}"
            ));
        } else if share * SLACK * SLACK < 1.0 {
            println!("  much less than it may take: `scripts/instructions --set` lowers the bound");
        }
    }
    let tools = counted(counts, "list_10_x_100_tools")? - counted(counts, "list_10_x_1_tools")?;
    println!("{:<34}{:>14}", "  each further tool", grouped(tools / 990));
    Ok(over)
}

/// Which documents cost more than their length explains, a line each.
fn steep(counts: &BTreeMap<String, u64>) -> Result<Vec<String>> {
    let mut steep = Vec::new();
    for name in DOCUMENTS {
        let (one, ten) = (counted(counts, name)?, counted(counts, &(name.to_owned() + TEN_TIMES))?);
        let factor = ratio(ten, one);
        println!("{name:<34}{:>14}, ten times as long: {factor:.2} times", grouped(one));
        if factor > LINEAR {
            steep.push(format!(
                "{name}: ten times the bytes cost {factor:.2} times the instructions \
                 ({} and {}), over {LINEAR}",
                grouped(one),
                grouped(ten)
            ));
        }
    }
    Ok(steep)
}

/// Are the bounds for a machine such as this one?
fn comparable() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Counts everything, and fails when something costs more than it may.
pub(crate) fn check() -> Result<()> {
    let counts = count()?;
    if std::env::var_os(SET).is_some() {
        ensure!(comparable(), "bounds are set on an x86-64 processor with AVX2");
        set(&counts)?;
    }
    let mut wrong = over(&counts)?;
    if !comparable() {
        println!("not an x86-64 processor with AVX2: the bounds do not hold here");
        wrong.clear();
    }
    wrong.extend(steep(&counts)?);
    ensure!(wrong.is_empty(), "\n{}\n{ADVICE}", wrong.join("\n"));
    Ok(())
}
