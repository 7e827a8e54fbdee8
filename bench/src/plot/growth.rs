//! A plot for each thing that cost grows with: points that were measured, and the line through them.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::{Color as _, IntoLogRange as _, RGBColor};

use super::{Line, Plot, color, ranges};
use crate::fit::Fit;
use crate::results::{Course, Growth, Unit};

/// How many points a fitted line is drawn of: on logarithmic axes it bends.
const STEPS: i32 = 40;

/// The name of the file that a growth is drawn into.
pub(crate) fn file(growth: &Growth) -> String {
    format!("grows-{}.svg", growth.id)
}

/// Draws it, unless there is nothing to draw.
pub(super) fn draw(growth: &Growth, folder: &Path) -> Result<()> {
    let lines = lines(growth);
    if lines.is_empty() {
        return Ok(());
    }
    let y = match growth.unit {
        Unit::Microseconds => "us",
        Unit::Bytes => "MiB",
    };
    let (title, x) = (format!("{} (median)", growth.title), format!("{}s", growth.each));
    let plot = Plot { title: &title, x: &x, y, file: &folder.join(file(growth)) };
    // Air above, for the legend.
    let (x, y) = ranges(&lines, 1.3);
    match growth.unit {
        Unit::Microseconds => {
            let above = y.end * (y.end / y.start).sqrt().max(2.0);
            plot.lines(&lines, x.log_scale(), (y.start..above).log_scale())
        }
        Unit::Bytes => plot.lines(&lines, 0.0..x.end, 0.0..y.end * 1.4),
    }
}

/// What was measured as points alone, what was fitted as a line alone.
fn lines(growth: &Growth) -> Vec<Line> {
    let mut lines = Vec::new();
    for (course, shade) in growth.lines.iter().zip(shades(&growth.lines)) {
        let mut points = course.medians();
        if growth.unit == Unit::Bytes {
            points = points.into_iter().map(|(of, bytes)| (of, bytes / 1_048_576.0)).collect();
        }
        points.retain(|point| point.1 > 0.0);
        let fit = Fit::through(&points).map(|fit| fitted(fit, &points)).unwrap_or_default();
        if points.is_empty() {
            continue;
        }
        let label = format!("{}: {}", course.subject.title(), course.what);
        lines.push(Line { label, color: shade, points, style: super::Style::Points });
        if fit.len() > 1 {
            lines.push(Line {
                label: String::new(),
                color: shade,
                points: fit,
                style: super::Style::Thin,
            });
        }
    }
    lines
}

/// The line through points, where it is above zero.
fn fitted(fit: Fit, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let step = (last.0 / first.0).powf(1.0 / f64::from(STEPS));
    let at = |n| first.0 * step.powi(n);
    let line = (0..=STEPS).map(|n| (at(n), fit.fixed + fit.each * at(n)));
    line.filter(|point| point.1 > 0.0).collect()
}

/// The colour of its subject for each line, paler with every further line of the same.
fn shades(lines: &[Course]) -> Vec<RGBColor> {
    let shade = |(number, line): (usize, &Course)| {
        let before = lines[..number].iter().filter(|it| it.subject == line.subject).count();
        let strength = 1.0 - 0.3 * before.min(2) as f64;
        let pale = |value: u8| (255.0 - f64::from(255 - value) * strength) as u8;
        let (red, green, blue) = color(line.subject).rgb();
        RGBColor(pale(red), pale(green), pale(blue))
    };
    lines.iter().enumerate().map(shade).collect()
}
