//! What was measured, as data: from here to the report, and to a file that the report can be
//! written from again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::subject::Subject;

/// A whole run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// How long a measurement took, about, in seconds.
    pub(crate) seconds: f64,
    pub(crate) rows: Vec<Row>,
    pub(crate) pings: BTreeMap<Subject, Vec<Ping>>,
    pub(crate) memory: Vec<Memory>,
    #[serde(default)]
    pub(crate) starts: Vec<Start>,
    /// How cost grows.
    #[serde(default)]
    pub(crate) growth: Vec<Growth>,
    /// With another load generator and other upstreams, if that was asked for.
    #[serde(default)]
    pub(crate) cross: Vec<Cross>,
}

/// What kind of scenario a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A small call.
    Small,
    /// A long call or answer, or a stream.
    Large,
    /// A list of all tools.
    List,
    /// The begin of a session.
    Initialize,
    /// A request in both eras of the protocol, and from one to the other.
    Eras,
}

/// One scenario.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) upstreams: u32,
    /// All upstreams together.
    pub(crate) tools: u32,
    pub(crate) sse: bool,
    pub(crate) subjects: BTreeMap<Subject, Measured>,
}

/// One subject in one scenario.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Measured {
    /// A sample for each round.
    Rounds(Vec<Sample>),
    /// It does not answer as it must, so that there is nothing to compare.
    Unfit(String),
}

/// One measurement: all times in microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
    /// Envoy's CPU time for each request.
    pub(crate) cpu: f64,
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The CPU time of all upstreams for each request.
    pub(crate) upstream_cpu: f64,
    /// The CPU time of the load generator for each request.
    pub(crate) load_cpu: f64,
    /// How many cores others kept busy meanwhile, on average.
    #[serde(default)]
    pub(crate) others: Option<f64>,
    /// Bytes of each answer's body.
    pub(crate) bytes: f64,
}

/// One round of pings, without and with another client that lists all the time; microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ping {
    pub(crate) idle_p50: f64,
    pub(crate) idle_p95: f64,
    pub(crate) busy_p50: f64,
    pub(crate) busy_p95: f64,
}

/// The memory of the Envoys while they work.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// What they did, for instance `calls`.
    pub(crate) title: String,
    /// After how many of them (0: none yet), the resident memory in bytes.
    pub(crate) subjects: BTreeMap<Subject, Vec<(u64, u64)>>,
}

/// How an Envoy starts, of one subject and with so many workers, round by round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) subject: Subject,
    pub(crate) workers: u32,
    /// CPU time until it is ready, in seconds.
    pub(crate) cpu: Vec<f64>,
    /// The same by the wall clock.
    pub(crate) wall: Vec<f64>,
    /// Its resident memory then, in bytes.
    pub(crate) memory: Vec<u64>,
}

/// How cost grows with one thing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// What grows; its plot has this name.
    pub(crate) id: String,
    /// What is seen there.
    pub(crate) title: String,
    /// What there is more of from point to point, in the singular.
    pub(crate) each: String,
    pub(crate) unit: Unit,
    pub(crate) lines: Vec<Course>,
}

/// What is measured of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// CPU time of Envoy.
    Microseconds,
    /// Its resident memory.
    Bytes,
}

/// What one request, or one thing that is held, costs a subject while something grows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Course {
    pub(crate) subject: Subject,
    pub(crate) what: String,
    /// From few to many.
    pub(crate) points: Vec<Point>,
}

/// What it costs with so many, round by round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) of: u64,
    pub(crate) rounds: Vec<f64>,
}

impl Course {
    /// The sizes, with the medians of the rounds.
    pub(crate) fn medians(&self) -> Vec<(f64, f64)> {
        let median = |point: &Point| {
            Some((point.of as f64, Spread::of(point.rounds.iter().copied())?.median))
        };
        self.points.iter().filter_map(median).collect()
    }
}

/// A scenario once more.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cross {
    /// That of the row that it is to be compared with.
    pub(crate) id: String,
    /// The CPU time of each program for a request, in microseconds, round by round; or why it does not
    /// answer as it must.
    pub(crate) subjects: BTreeMap<String, Result<Vec<f64>, String>>,
}

/// A value of each round: the middle of them, and how far they are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of no values there is none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let (left, right) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { low, median: f64::midpoint(left, right), high })
    }
}

impl Results {
    /// How many cores others kept busy meanwhile (median).
    pub(crate) fn others(&self) -> Option<f64> {
        let samples =
            self.rows.iter().flat_map(|row| Subject::ALL.map(|subject| row.samples(subject)));
        let others = Spread::of(samples.flatten().filter_map(|sample| sample.others));
        others.map(|others| others.median)
    }

    /// Whether they were few. The run by itself is a load of up to two.
    pub(crate) fn quiet(&self) -> bool {
        let load: f64 = self.machine.load.1.parse().unwrap_or_default();
        self.others().map_or(load <= 2.5, |others| others <= 0.2)
    }
}

impl Row {
    /// The samples of a subject; none if it was not measured.
    pub(crate) fn samples(&self, subject: Subject) -> &[Sample] {
        match self.subjects.get(&subject) {
            Some(Measured::Rounds(samples)) => samples,
            _ => &[],
        }
    }

    /// A value of a subject.
    pub(crate) fn spread(&self, subject: Subject, value: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples(subject).iter().map(value))
    }

    /// Envoy's CPU time for a request.
    pub(crate) fn cpu(&self, subject: Subject) -> Option<Spread> {
        self.spread(subject, |sample| sample.cpu)
    }

    /// Envoy's CPU time of one subject by that of another, round by round.
    pub(crate) fn ratio(&self, subject: Subject, to: Subject) -> Option<Spread> {
        self.by_round(subject, to, |one, other| one / other)
    }

    /// How much more CPU time a subject takes than another, round by round.
    pub(crate) fn over(&self, subject: Subject, other: Subject) -> Option<Spread> {
        self.by_round(subject, other, |one, other| one - other)
    }

    fn by_round(&self, a: Subject, b: Subject, value: fn(f64, f64) -> f64) -> Option<Spread> {
        let rounds = self.samples(a).iter().zip(self.samples(b));
        Spread::of(rounds.map(|(a, b)| value(a.cpu, b.cpu)))
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = Spread::of([3.0, 1.0, 2.0, 10.0]);
        assert_eq!(spread, Some(Spread { low: 1.0, median: 2.5, high: 10.0 }));
        assert_eq!(Spread::of([]), None);
    }
}
