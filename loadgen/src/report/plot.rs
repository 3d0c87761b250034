//! Plots as SVG, for pages that need nothing else.

use hdrhistogram::Histogram;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

const SIZE: (u32, u32) = (960, 400);
/// Colours that people who see few of them tell apart too (Okabe and Ito, 2008; then of Paul Tol's muted scheme).
const COLOURS: [RGBColor; 12] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(136, 34, 85),
    RGBColor(153, 153, 51),
    RGBColor(51, 34, 136),
    RGBColor(136, 136, 136),
    RGBColor(68, 170, 153),
];
const GRID: RGBColor = RGBColor(225, 225, 225);
/// Points for each halving of the distance to 100%.
const TICKS: u32 = 10;
/// Nothing is shown as faster than this, in milliseconds: a logarithm has no zero.
const LATENCY_MS_MIN: f64 = 0.001;

/// A line in a plot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Curve {
    /// As in the legend.
    pub(crate) name: String,
    /// From left to right.
    pub(crate) points: Vec<(f64, f64)>,
    /// Which colour; others of the same number have the same one.
    pub(crate) colour: usize,
    /// Thinner: the other view of something.
    pub(crate) is_faint: bool,
}

/// How values grow along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Evenly, from 0.
    Linear,
    /// By powers of ten.
    Logarithmic,
}

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
#[error("a plot cannot be drawn: {0}")]
pub(crate) struct PlotError(String);

/// The points of a distribution of microseconds: 1/(1 - quantile), and milliseconds.
pub(crate) fn distribution(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let last = super::as_f64(histogram.len());
    histogram
        .iter_quantiles(TICKS)
        .map(|point| {
            let quantile = point.quantile_iterated_to();
            let x = if quantile < 1.0 { (1.0 / (1.0 - quantile)).min(last) } else { last };
            (x.max(1.0), ms(point.value_iterated_to()))
        })
        .collect()
}

/// Microseconds as the milliseconds of a plot.
pub(crate) fn ms(us: u64) -> f64 {
    (super::as_f64(us) / 1e3).max(LATENCY_MS_MIN)
}

/// Latencies by percentile.
pub(crate) fn percentiles(curves: &[Curve]) -> Result<String, PlotError> {
    let last = extent(curves, |point| point.0).map_or(100.0, |(_, last)| last.max(100.0));
    let x = (1.0..power_above(last)).log_scale();
    let labels = Labels { x: "percentile", y: "latency, ms", of_x: &percentile, of_y: &short };
    drawn(|root| frame(root, x, logarithmic(curves).log_scale(), curves, &labels))
}

/// Something over the seconds of a run.
pub(crate) fn over_time(curves: &[Curve], what: &str, scale: Scale) -> Result<String, PlotError> {
    // Points stand in the middle of their seconds.
    let last = extent(curves, |point| point.0).map_or(1.0, |(_, last)| last.max(1.0).ceil());
    let labels = Labels { x: "seconds", y: what, of_x: &short, of_y: &short };
    drawn(|root| match scale {
        Scale::Logarithmic => frame(root, 0.0..last, logarithmic(curves).log_scale(), curves, &labels),
        Scale::Linear => {
            let most = extent(curves, |point| point.1).map_or(1.0, |(_, most)| most);
            frame(root, 0.0..last, 0.0..if most > 0.0 { most * 1.1 } else { 1.0 }, curves, &labels)
        }
    })
}

type Root<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What stands at the axes.
struct Labels<'a> {
    x: &'a str,
    y: &'a str,
    of_x: &'a dyn Fn(&f64) -> String,
    of_y: &'a dyn Fn(&f64) -> String,
}

fn drawn(draw: impl FnOnce(&Root<'_>) -> Result<(), PlotError>) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&root)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn frame<X, Y>(root: &Root<'_>, x: X, y: Y, curves: &[Curve], labels: &Labels<'_>) -> Result<(), PlotError>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut builder = ChartBuilder::on(root);
    builder.margin(12).margin_right(40).x_label_area_size(44).y_label_area_size(72);
    let mut chart = builder.build_cartesian_2d(x, y).map_err(failed)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE.mix(0.0)).bold_line_style(GRID).axis_style(RGBColor(120, 120, 120));
    mesh.x_desc(labels.x).y_desc(labels.y).label_style(("sans-serif", 13));
    mesh.x_label_formatter(labels.of_x).y_label_formatter(labels.of_y).draw().map_err(failed)?;
    for curve in curves {
        let series = LineSeries::new(curve.points.iter().copied(), curve.style());
        chart.draw_series(series).map_err(failed)?;
    }
    Ok(())
}

impl Curve {
    /// Its colour, as in a style sheet.
    pub(crate) fn css(&self) -> String {
        let RGBColor(red, green, blue) = COLOURS[self.colour % COLOURS.len()];
        format!("#{red:02X}{green:02X}{blue:02X}")
    }

    fn style(&self) -> ShapeStyle {
        let colour = COLOURS[self.colour % COLOURS.len()];
        if self.is_faint { colour.mix(0.55).stroke_width(1) } else { colour.stroke_width(2) }
    }
}

/// The least and the greatest of what `of` takes from the points.
fn extent(curves: &[Curve], of: impl Fn(&(f64, f64)) -> f64) -> Option<(f64, f64)> {
    let values = curves.iter().flat_map(|curve| &curve.points).map(of);
    values.fold(None, |extent, value| {
        let (least, most) = extent.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    })
}

/// Whole powers of ten around all values.
fn logarithmic(curves: &[Curve]) -> Range<f64> {
    let (least, most) = extent(curves, |point| point.1).unwrap_or((0.1, 1.0));
    let least = 10_f64.powf(least.max(LATENCY_MS_MIN).log10().floor());
    least..power_above(most).max(least * 10.0)
}

fn power_above(value: f64) -> f64 {
    10_f64.powf(value.log10().ceil())
}

/// `1/(1 - quantile)` as a percentile: 100 is 99%.
fn percentile(x: &f64) -> String {
    // Powers of ten only: those between have no short names.
    let nines = x.log10().round();
    if (10_f64.powf(nines) / x - 1.0).abs() > 1e-6 {
        return String::new();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a handful")]
    let decimals = (nines - 2.0).max(0.0) as usize;
    format!("{:.decimals$}%", 100.0 - 100.0 / x)
}

/// A number without what nobody needs to know of it.
fn short(value: &f64) -> String {
    match value.abs() {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        _ => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

fn failed<E: std::fmt::Display>(error: E) -> PlotError {
    PlotError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_labelled_as_people_say() {
        let percentiles = [1.0, 2.0, 10.0, 100.0, 1_000.0, 1e5].map(|x| percentile(&x));
        assert_eq!(percentiles, ["0%", "", "90%", "99%", "99.9%", "99.999%"]);
        assert_eq!(
            [0.0, 0.01, 2.5, 100.0, 150_000.0, 2e6].map(|v| short(&v)),
            ["0", "0.01", "2.5", "100", "150k", "2M"]
        );
    }

    #[test]
    fn every_curve_is_a_line_of_its_colour() {
        let mut histogram = crate::histogram::microseconds().unwrap();
        (1..=10_000).for_each(|us| histogram.record(us).unwrap());
        let points = distribution(&histogram);
        let (x, y) = *points.last().unwrap();
        assert!(x == 10_000.0 && (y / 10.0 - 1.0).abs() < 0.001, "{x} {y}");
        assert!(points.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
        let curve = Curve { points, ..Curve::default() };
        let svg =
            percentiles(&[curve.clone(), Curve { is_faint: true, colour: 1, ..curve.clone() }]).unwrap();
        assert!(svg.contains(&curve.css()) && svg.contains("#D55E00") && svg.contains("99.9%"), "{svg}");
        for scale in [Scale::Linear, Scale::Logarithmic] {
            assert!(over_time(std::slice::from_ref(&curve), "x", scale).unwrap().contains("<polyline"));
            assert!(over_time(&[], "x", scale).unwrap().contains("seconds"));
        }
    }
}
