//! What the kernel says of a process: its CPU time and its memory.

use std::fs;

use anyhow::{Context as _, Result};

/// The clock ticks of `/proc/<pid>/stat` in a second: `USER_HZ`, the same on all of Linux.
const TICKS_A_SECOND: u64 = 100;

/// The CPU time that a process has used so far, in nanoseconds, on all its threads. To be read while
/// they sleep; a running one is behind by up to a tick.
pub(crate) fn nanoseconds(pid: u32) -> Result<u64> {
    match scheduled(pid)? {
        0 => ticks(&format!("/proc/{pid}/stat"), 11), // a kernel without CONFIG_SCHED_INFO
        nanoseconds => Ok(nanoseconds),
    }
}

/// The sum over the threads that live; Envoy's live as long as it does.
fn scheduled(pid: u32) -> Result<u64> {
    let threads = format!("/proc/{pid}/task");
    let mut sum = 0;
    for thread in fs::read_dir(&threads).with_context(|| format!("{threads}: it has ended"))? {
        let file = thread?.path().join("schedstat");
        let text = fs::read_to_string(file).unwrap_or_default();
        sum += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(sum)
}

/// The CPU time of the children of this process that have ended, in nanoseconds, in steps of 10 ms.
pub(crate) fn ended_children() -> Result<u64> {
    ticks("/proc/self/stat", 13)
}

/// The CPU time of all that runs on the machine so far, in nanoseconds, in steps of 10 ms; what a
/// hypervisor took away counts as well.
pub(crate) fn machine() -> Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("/proc/stat is empty")?;
    // user, nice, system, idle, iowait, irq, softirq, steal
    let times = line.split_whitespace().skip(1).take(8).map(str::parse::<u64>);
    let busy = times.enumerate().filter(|(at, _)| ![3, 4].contains(at));
    let ticks: u64 = busy.filter_map(|(_, ticks)| ticks.ok()).sum();
    Ok(ticks * (1_000_000_000 / TICKS_A_SECOND))
}

/// The sum of the fields `first` (counted from 0 behind the name) and the next one: user and system.
fn ticks(file: &str, first: usize) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| format!("{file}: it has ended"))?;
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let fields = fields.split_whitespace().skip(first).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks * (1_000_000_000 / TICKS_A_SECOND))
}

/// The resident memory of a process, in bytes.
pub(crate) fn memory(pid: u32) -> Result<u64> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("{file}: it has ended"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>().context("VmRSS")? * 1024)
}
