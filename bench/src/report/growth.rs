//! How cost grows.

use std::fmt::Write as _;

use crate::fit::{Fit, power};
use crate::plot;
use crate::results::{Course, Growth, Results, Unit};
use crate::table::{Table, number};

pub(super) const TITLE: &str = "How cost grows";
pub(super) const TEXT: &str = "\
In front of more tools, more servers, longer answers, more sessions, more open streams, and with more workers. *Fixed* \
and *each further one* are those of a straight line through the medians of three rounds, each weighted by its size; \
*off* is how far the point that fits worst is from it. *Power* is that of the upper half of the points: cost grows with \
so much of a power of the size, 1 where it doubles with it, 0 where it stays. Sessions and streams pile up in one Envoy, and \
what stands there for all of them is a sum of single measurements. Streams are those of one server in WebAssembly, of two \
servers natively.\n\n";

/// A table and a plot for each.
pub(super) fn text(results: &Results) -> String {
    let mut text = String::new();
    for growth in &results.growth {
        let _ = write!(
            text,
            "{}\n![{}](plots/{})\n\n",
            table(growth),
            growth.title,
            plot::growth_file(growth)
        );
    }
    text
}

fn table(growth: &Growth) -> String {
    let unit = match growth.unit {
        Unit::Microseconds => "us",
        Unit::Bytes => "KiB",
    };
    let title = format!("{}, {unit}", growth.title);
    let each = format!("each further {}", growth.each);
    let mut table = Table::new(&[&title, "measured", "fixed", &each, "off", "power"]);
    for line in &growth.lines {
        table.row(row(line, growth.unit));
    }
    table.finish()
}

fn row(line: &Course, unit: Unit) -> [String; 6] {
    let scale = if unit == Unit::Bytes { 1024.0 } else { 1.0 };
    let points: Vec<(f64, f64)> =
        line.medians().into_iter().map(|(of, value)| (of, value / scale)).collect();
    let ends = match (points.first(), points.last()) {
        (Some(first), Some(last)) => {
            format!("{:.0}: {}, {:.0}: {}", first.0, number(first.1), last.0, number(last.1))
        }
        _ => "-".into(),
    };
    let fit = Fit::through(&points);
    let of = |value: fn(Fit) -> String| fit.map_or_else(|| "-".into(), value);
    [
        format!("{}: {}", line.subject.title(), line.what),
        ends,
        of(|fit| number(fit.fixed)),
        of(|fit| number(fit.each)),
        of(|fit| format!("{:.0}%", fit.off * 100.0)),
        power(&points).map_or_else(|| "-".into(), |power| format!("{power:.2}")),
    ]
}
