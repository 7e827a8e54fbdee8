//! What cost may grow with.

use super::Goal;
use crate::fit::power;
use crate::results::{Course, Growth, Results};

/// Linear, with some air for what the machine does besides.
const LINEAR: f64 = 1.15;
/// What a call with two workers may cost, by that with one.
const TWO_WORKERS: f64 = 1.25;

/// Those that something was measured for.
pub(super) fn goals(results: &Results) -> Vec<Goal> {
    linear(results).into_iter().chain(workers(results)).collect()
}

fn linear(results: &Results) -> Option<Goal> {
    // Two workers are no course: see `workers`.
    let lines =
        results.growth.iter().flat_map(|growth| growth.lines.iter().map(move |it| (growth, it)));
    let powers = lines
        .filter(|(_, line)| line.points.len() > 2)
        .filter_map(|(growth, line)| Some((power(&line.medians())?, growth, line)));
    let powers: Vec<(f64, &Growth, &Course)> = powers.collect();
    let (worst, growth, line) = powers.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let within = powers.iter().filter(|power| power.0 <= LINEAR).count();
    Some(Goal {
        text: "nothing grows faster than its size: at most with its power 1.15, over the upper half",
        measured: format!(
            "{within} of {} courses; worst: {worst:.2} ({}, {} by {}s)",
            powers.len(),
            line.subject.title(),
            line.what,
            growth.each
        ),
        met: within == powers.len(),
    })
}

fn workers(results: &Results) -> Option<Goal> {
    let workers = results.growth.iter().find(|growth| growth.id == "workers")?;
    let ratios = workers.lines.iter().filter_map(|line| {
        let points = line.medians();
        Some(points.last()?.1 / points.first()?.1)
    });
    let worst = ratios.max_by(f64::total_cmp)?;
    Some(Goal {
        text: "two workers: a call costs at most 1.25 times what it costs with one",
        measured: format!("{worst:.2} times"),
        met: worst <= TWO_WORKERS,
    })
}

#[cfg(test)]
mod tests {
    use super::linear;
    use crate::machine::Machine;
    use crate::results::{Course, Growth, Point, Results, Unit};
    use crate::subject::Subject;

    /// Results with one course: what something costs by its size.
    fn results(cost: fn(f64) -> f64) -> Results {
        let sizes = [1_u32, 10, 100, 1000];
        let point = |of| Point { of: u64::from(of), rounds: vec![cost(f64::from(of))] };
        let points = sizes.map(point).into();
        let lines = vec![Course { subject: Subject::Native, what: "a list".into(), points }];
        let growth = Growth {
            id: "tools".into(),
            title: "lists".into(),
            each: "tool".into(),
            unit: Unit::Microseconds,
            lines,
        };
        Results {
            machine: Machine::default(),
            seconds: 1.0,
            rows: Vec::new(),
            pings: std::collections::BTreeMap::new(),
            memory: Vec::new(),
            starts: Vec::new(),
            growth: vec![growth],
            cross: Vec::new(),
        }
    }

    #[test]
    fn what_grows_with_the_square_misses_the_goal() {
        let goal = linear(&results(|size| 100.0 + 3.0 * size)).expect("a goal");
        assert!(goal.met, "{goal:?}");
        let goal = linear(&results(|size| 100.0 + 0.1 * size * size)).expect("a goal");
        assert!(!goal.met && goal.measured.starts_with("0 of 1"), "{goal:?}");
    }
}
