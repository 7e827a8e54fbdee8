//! The plots, as SVG: text stays text, so no fonts are needed here.

mod growth;

use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::chart::SeriesLabelPosition;
use plotters::coord::ranged1d::{
    AsRangedCoord, IntoSegmentedCoord as _, SegmentValue, ValueFormatter,
};
use plotters::prelude::*;

use crate::results::{Kind, Memory, Results, Row};
use crate::subject::Subject;

pub(crate) use growth::file as growth_file;

const SIZE: (u32, u32) = (860, 420);
const GREY: RGBColor = RGBColor(120, 120, 120);

/// A line of a plot.
struct Line {
    /// What the legend says of it; nothing if that is empty.
    label: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
    style: Style,
}

/// How it is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A line with its points.
    Both,
    /// The points alone.
    Points,
    /// A thin line alone.
    Thin,
}

/// Draws what there is something to draw of, into a folder, and returns the names of the files.
pub(crate) fn draw(results: &Results, folder: &Path) -> Result<Vec<(&'static str, &'static str)>> {
    std::fs::create_dir_all(folder)?;
    let mut drawn = Vec::new();
    let calls: Vec<&Row> =
        results.rows.iter().filter(|row| matches!(row.kind, Kind::Small | Kind::Large)).collect();
    if !calls.is_empty() {
        bars(&calls, &folder.join("calls.svg")).map_err(|error| anyhow!("calls.svg: {error}"))?;
        drawn.push(("calls.svg", "CPU time of calls, as a multiple of plain Envoy's"));
    }
    let lists = lists(results);
    if !lists.is_empty() {
        let plot = Plot {
            title: "tools/list: CPU time of Envoy by number of tools (JSON, median)",
            x: "tools of all upstreams",
            y: "ms",
            file: &folder.join("lists.svg"),
        };
        let (x, y) = ranges(&lists, 1.3);
        plot.lines(&lists, x.log_scale(), y.log_scale())?;
        drawn.push(("lists.svg", "CPU time of lists by the number of tools"));
    }
    if let Some(memory) = results.memory.first() {
        let lines = memory_lines(memory);
        let plot = Plot {
            title: "Resident memory over small calls",
            x: "calls",
            y: "MiB",
            file: &folder.join("memory.svg"),
        };
        let (x, y) = ranges(&lines, 1.1);
        // Some air above, for the legend.
        plot.lines(&lines, 0.0..x.end, 0.0..y.end * 1.3)?;
        drawn.push(("memory.svg", "Memory over many calls"));
    }
    for growth in &results.growth {
        growth::draw(growth, folder)?;
    }
    Ok(drawn)
}

fn color(subject: Subject) -> RGBColor {
    match subject {
        Subject::Plain => GREY,
        Subject::Router => RGBColor(215, 110, 30),
        Subject::Native | Subject::NativeKept | Subject::NativeLazy => RGBColor(30, 150, 90),
        _ => RGBColor(20, 110, 180),
    }
}

fn lists(results: &Results) -> Vec<Line> {
    let rows: Vec<&Row> =
        results.rows.iter().filter(|row| row.kind == Kind::List && !row.sse).collect();
    let points = |subject| {
        let points = rows.iter().filter_map(|row: &&Row| {
            Some((f64::from(row.tools), row.cpu(subject)?.median / 1000.0))
        });
        let mut points: Vec<(f64, f64)> = points.collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let line = |subject: Subject| Line {
        label: subject.title().into(),
        color: color(subject),
        points: points(subject),
        style: Style::Both,
    };
    let mut lines: Vec<Line> = Subject::GATEWAYS.into_iter().map(line).collect();
    let goal = rows.iter().map(|row| (f64::from(row.tools), f64::from(row.tools) * 0.003));
    lines.push(Line {
        label: "3 us a tool".into(),
        color: GREY,
        points: goal.collect(),
        style: Style::Both,
    });
    for line in &mut lines {
        line.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines.retain(|line| line.points.len() > 1);
    lines
}

fn memory_lines(memory: &Memory) -> Vec<Line> {
    let lines = memory.subjects.iter().map(|(subject, points)| Line {
        label: subject.title().into(),
        color: color(*subject),
        points: points
            .iter()
            .map(|&(sent, bytes)| (sent as f64, bytes as f64 / 1_048_576.0))
            .collect(),
        style: Style::Both,
    });
    lines.collect()
}

/// From the least to the most, with some air.
fn ranges(lines: &[Line], air: f64) -> (Range<f64>, Range<f64>) {
    let points = || lines.iter().flat_map(|line| line.points.iter());
    let range = |values: Vec<f64>| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        low / air..high * air
    };
    (range(points().map(|point| point.0).collect()), range(points().map(|point| point.1).collect()))
}

/// What stands on a plot of lines.
struct Plot<'p> {
    title: &'p str,
    x: &'p str,
    y: &'p str,
    file: &'p Path,
}

impl Plot<'_> {
    fn lines<X, Y>(&self, lines: &[Line], x: X, y: Y) -> Result<()>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let failed = |error: &dyn Display| anyhow!("{}: {error}", self.file.display());
        let area = SVGBackend::new(self.file, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|error| failed(&error))?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)
            .map_err(|error| failed(&error))?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(self.x)
            .y_desc(self.y)
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(|error| failed(&error))?;
        for line in lines {
            let style = line.color.stroke_width(if line.style == Style::Thin { 1 } else { 2 });
            let points = line.points.iter().copied();
            let drawn = if line.style == Style::Points {
                let point = |point| Circle::new(point, 3, line.color.filled());
                chart.draw_series(points.map(point)).map_err(|error| failed(&error))?
            } else {
                let size = if line.style == Style::Both { 3 } else { 0 };
                let series = LineSeries::new(points, style).point_size(size);
                chart.draw_series(series).map_err(|error| failed(&error))?
            };
            if !line.label.is_empty() {
                drawn
                    .label(&line.label)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 14))
            .draw()
            .map_err(|error| failed(&error))?;
        area.present().map_err(|error| failed(&error))
    }
}

/// A bar for each scenario and subject: its CPU time by that of plain Envoy.
fn bars(rows: &[&Row], file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let value = |row: &Row, subject| row.ratio(subject, Subject::Plain).map_or(0.0, |r| r.median);
    let values = || rows.iter().flat_map(|row| Subject::ALL.map(|subject| value(row, subject)));
    let most = values().fold(1.5, f64::max);
    let height = 90 + 57 * u32::try_from(rows.len())?;
    let area = SVGBackend::new(file, (SIZE.0, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let rows_axis = (0..rows.len()).into_segmented();
    let mut chart = ChartBuilder::on(&area)
        .caption("CPU time of Envoy for a call, plain Envoy = 1 (median)", ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(28)
        .y_label_area_size(300)
        .build_cartesian_2d(0.0..most * 1.12, rows_axis)?;
    let title = |value: &SegmentValue<usize>| match value {
        // Downwards, as in the tables.
        SegmentValue::CenterOf(n) if *n < rows.len() => rows[rows.len() - 1 - n].title.clone(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(WHITE)
        .y_labels(rows.len() + 1)
        .y_label_formatter(&title)
        .label_style(("sans-serif", 13))
        .draw()?;
    for (place, subject) in (0_u32..).zip(Subject::ALL) {
        let style = color(subject).filled();
        let bar = |(number, row): (usize, &&Row)| {
            let position = rows.len() - 1 - number;
            let (from, to) = (SegmentValue::Exact(position), SegmentValue::Exact(position + 1));
            let mut bar = Rectangle::new([(0.0, from), (value(row, subject), to)], style);
            let above = 6 + 11 * place;
            bar.set_margin(above, 6 + 11 * (3 - place), 0, 0);
            bar
        };
        chart
            .draw_series(rows.iter().enumerate().map(bar))?
            .label(subject.title())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 14))
        .draw()?;
    area.present()?;
    Ok(())
}
