//! How one thing grows with another: a line through what was measured, and how steep that gets.

/// A straight line through points, by the least squares of how far it is off in shares of each: a point of a few
/// microseconds counts as much as one of many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit {
    /// What it costs however few there are.
    pub(crate) fixed: f64,
    /// What each further one costs.
    pub(crate) each: f64,
    /// How far the worst point is from the line, as a share of itself.
    pub(crate) off: f64,
}

impl Fit {
    /// Through points of positive values; `None` of fewer than three, or of such that are all at one place.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 3 || points.iter().any(|point| point.1 <= 0.0) {
            return None;
        }
        let sum = |value: fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|&(x, y)| value(x, y) / (y * y)).sum()
        };
        let (one, x, y) = (sum(|_, _| 1.0), sum(|x, _| x), sum(|_, y| y));
        let (squares, products) = (sum(|x, _| x * x), sum(|x, y| x * y));
        let spread = one * squares - x * x;
        if spread <= one * squares * 1e-12 {
            return None;
        }
        let each = (one * products - x * y) / spread;
        let fixed = (y - each * x) / one;
        let off =
            points.iter().map(|&(x, y)| ((fixed + each * x - y) / y).abs()).fold(0.0, f64::max);
        Some(Self { fixed, each, off })
    }
}

/// The power of its size that something grows with, over the upper half of the points (at least two): 1 is linear, less
/// is better. `None` where there are not two sizes.
pub(crate) fn power(points: &[(f64, f64)]) -> Option<f64> {
    let upper = &points[(points.len() / 2).min(points.len().saturating_sub(2))..];
    let logs: Vec<(f64, f64)> = upper.iter().map(|&(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| logs.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let along: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    (spread > 0.0).then(|| along / spread).filter(|power| power.is_finite())
}

#[cfg(test)]
mod tests {
    use super::{Fit, power};

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }

    #[test]
    fn a_line_is_found_again() {
        let points = [1.0, 10.0, 100.0, 1000.0].map(|x| (x, 300.0 + 2.5 * x));
        let fit = Fit::through(&points).expect("four points");
        near(fit.fixed, 300.0);
        near(fit.each, 2.5);
        near(fit.off, 0.0);
    }

    #[test]
    fn what_is_not_on_the_line_is_told() {
        let fit = Fit::through(&[(1.0, 1.0), (2.0, 2.0), (4.0, 16.0)]).expect("three points");
        assert!(fit.off > 0.2, "{fit:?}");
    }

    #[test]
    fn too_few_points_have_no_line() {
        assert_eq!(Fit::through(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(Fit::through(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(power(&[(1.0, 1.0)]), None);
        assert_eq!(power(&[]), None);
    }

    #[test]
    fn the_power_is_that_of_the_end() {
        let squares = [1.0, 2.0, 4.0, 8.0].map(|x| (x, x * x));
        near(power(&squares).expect("a power"), 2.0);
        let flat = [1.0, 2.0, 4.0, 8.0].map(|x| (x, 7.0));
        near(power(&flat).expect("a power"), 0.0);
        // What is fixed hides at the beginning, not at the end.
        let late = [1.0, 10.0, 1000.0, 10_000.0].map(|x| (x, 100.0 + x * x));
        assert!(power(&late).expect("a power") > 1.9);
    }
}
