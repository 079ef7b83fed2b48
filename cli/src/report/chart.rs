//! Charts as SVG. All are drawn on a sheet of one width, which a page may show larger or smaller.

use std::fmt::Write;

/// The width of the sheet: that of a phone, so that text is readable there.
const WIDTH: f64 = 400.0;
/// Room for the axes.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 34.0;

/// A colour of the style sheet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Colour(pub(super) &'static str);

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "var(--{})", self.0)
    }
}

/// Text that is safe in HTML, attributes among it.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A sheet with axes: where values are on it.
pub(super) struct Sheet {
    svg: String,
    height: f64,
    x: [f64; 2],
    y: [f64; 2],
}

impl Sheet {
    /// A sheet for these ranges, with lines at round values of `y`, which `label` writes, and titles of the axes.
    pub(super) fn new(
        height: f64,
        x: [f64; 2],
        y: [f64; 2],
        titles: [&str; 2],
        label: impl Fn(f64) -> String,
    ) -> Self {
        let mut sheet = Self {
            svg: String::new(),
            height,
            x,
            y,
        };
        for tick in ticks(y, 5) {
            let at = sheet.at_y(tick);
            let right = WIDTH - RIGHT;
            sheet.add(format_args!(
                r#"<path class="grid" d="M{LEFT} {at:.1}H{right}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 7.0,
                at + 4.0,
                escape(&label(tick)),
            ));
        }
        let [below, left] = titles.map(escape);
        sheet.add(format_args!(
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{below}</text><text x="0" y="12">{left}</text>"#,
            WIDTH - RIGHT,
            height - 4.0,
        ));
        sheet
    }

    /// Round values along `x`.
    pub(super) fn x_ticks(mut self, whole: bool) -> Self {
        for tick in ticks(self.x, 6) {
            if whole && tick.fract() != 0.0 {
                continue;
            }
            let (x, y) = (self.at_x(tick), self.height - BOTTOM + 16.0);
            self.add(format_args!(
                r#"<text x="{x:.1}" y="{y:.1}" text-anchor="middle">{tick}</text>"#
            ));
        }
        self
    }

    pub(super) fn at_x(&self, value: f64) -> f64 {
        let part = (value - self.x[0]) / (self.x[1] - self.x[0]);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    pub(super) fn at_y(&self, value: f64) -> f64 {
        let part = (value - self.y[0]) / (self.y[1] - self.y[0]);
        let bottom = self.height - BOTTOM;
        bottom - part * (bottom - TOP)
    }

    pub(super) fn add(&mut self, part: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.svg.write_fmt(part);
    }

    /// A line through points, with a dot at each if there are few.
    pub(super) fn line(&mut self, points: &[(f64, f64)], colour: Colour, dashed: bool) {
        let sound = points.iter().filter(|(_, y)| y.is_finite());
        let sound: Vec<_> = sound.map(|&(x, y)| (self.at_x(x), self.at_y(y))).collect();
        let path: Vec<String> = sound
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let dashes = if dashed {
            r#" stroke-dasharray="5 4""#
        } else {
            ""
        };
        self.add(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2.2" stroke-linejoin="round"{dashes}/>"#,
            path.join(" ")
        ));
        if sound.len() <= 40 && !dashed {
            for (x, y) in sound {
                self.add(format_args!(
                    r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
                ));
            }
        }
    }

    /// A filled rectangle between values, which tells `title` to who points at it.
    pub(super) fn bar(&mut self, x: [f64; 2], y: [f64; 2], colour: Colour, title: &str) {
        let [left, right] = x.map(|x| self.at_x(x));
        let [low, high] = y.map(|y| self.at_y(y));
        self.add(format_args!(
            r#"<rect x="{left:.1}" y="{high:.1}" width="{:.1}" height="{:.1}" fill="{colour}"><title>{}</title></rect>"#,
            (right - left).max(0.5),
            (low - high).max(0.0),
            escape(title),
        ));
    }

    /// The drawing, which `what` says to who cannot see it.
    pub(super) fn finish(self, what: &str) -> String {
        let (height, svg) = (self.height, self.svg);
        let what = escape(what);
        format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{what}">{svg}</svg>"#)
    }
}

/// What the colours stand for.
pub(super) fn key(entries: &[(Colour, String)]) -> String {
    let entry = |(colour, name): &(Colour, String)| {
        format!(
            r#"<li><i style="background:{colour}"></i>{}</li>"#,
            escape(name)
        )
    };
    let entries: String = entries.iter().map(entry).collect();
    format!(r#"<ul class="key">{entries}</ul>"#)
}

/// Horizontal bars, one below the other: name, value as text, and length as a part of the longest.
pub(super) fn bars(rows: &[(String, String, f64, Colour)], what: &str) -> String {
    const ROW: f64 = 30.0;
    const NAMES: f64 = 152.0;
    const GAP: f64 = 8.0;
    // A character is narrower than this, a digit by far.
    const CHARACTER: f64 = 7.5;
    let characters = rows.iter().map(|row| row.1.chars().count()).max();
    let values = GAP + CHARACTER * characters.unwrap_or(0) as f64;
    let room = (WIDTH - NAMES - values).max(1.0);
    let longest = rows
        .iter()
        .map(|row| row.2)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = String::new();
    for ((name, value, length, colour), at) in rows.iter().zip(0u32..) {
        let y = f64::from(at) * ROW;
        let width = (length / longest * room).max(1.0);
        // Writing to a string does not fail.
        let _ = write!(
            svg,
            r#"<text class="strong" x="0" y="{:.1}">{}</text><rect x="{NAMES}" y="{:.1}" width="{width:.1}" height="16" rx="3" fill="{colour}"/><text x="{:.1}" y="{:.1}">{}</text>"#,
            y + 19.0,
            escape(name),
            y + 7.0,
            NAMES + width + GAP,
            y + 19.0,
            escape(value),
        );
    }
    let height = rows.len() as f64 * ROW;
    let what = escape(what);
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{what}">{svg}</svg>"#)
}

/// About `count` round values in a range: multiples of 1, 2 or 5 times a power of ten.
pub(super) fn ticks([low, high]: [f64; 2], count: usize) -> Vec<f64> {
    let rough = (high - low) / count as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().map(|factor| factor * power);
    let step = step.into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(rough);
    let first = (low / step - 1e-9).ceil();
    let round = |tick: f64| (tick * step * 1e9).round() / 1e9;
    let all = (0..=2 * count).map(|index| round(first + index as f64));
    all.take_while(|tick| *tick <= high + step * 1e-9).collect()
}

/// The range of values, wider by a margin, and never empty.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let sound = values.filter(|value| value.is_finite());
    let ends = sound.fold(None, |ends: Option<[f64; 2]>, value| {
        Some(ends.map_or([value; 2], |[low, high]| [low.min(value), high.max(value)]))
    });
    ends.map(|[low, high]| {
        let margin = ((high - low) * 0.08).max(high.abs() * 0.005).max(1e-9);
        [low - margin, high + margin]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks([0.0, 10.0], 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks([0.93, 0.97], 4), [0.93, 0.94, 0.95, 0.96, 0.97]);
        assert_eq!(ticks([1.0, 1.0], 5), [1.0]);
        assert!(ticks([0.0, f64::NAN], 5).len() == 1);
        for (low, high) in [(0.0, 1e-7), (-3.0, 4000.0), (1.0, 8.0)] {
            let found = ticks([low, high], 5);
            assert!((2..=11).contains(&found.len()), "{found:?}");
            assert!(
                found
                    .iter()
                    .all(|tick| (low - 1e-9..=high * 1.0001).contains(tick))
            );
        }
    }

    #[test]
    fn text_of_users_is_no_markup() {
        assert_eq!(
            escape(r#"<a href="x">&'"#),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"
        );
        let key = key(&[(Colour("logits"), "<b>".to_owned())]);
        assert!(
            key.contains("&lt;b&gt;") && key.contains("var(--logits)"),
            "{key}"
        );
    }

    #[test]
    fn the_text_of_the_longest_bar_has_room() {
        let value = "1 h 12 min, 100.00 %";
        let row = |length| {
            let name = "logits".to_owned();
            (name, value.to_owned(), length, Colour("logits"))
        };
        let svg = bars(&[row(1.0), row(3.0)], "bars");
        let end = |bar: &str| -> f64 {
            let number = |name: &str| -> f64 {
                let text = bar.split_once(name).unwrap().1;
                text.split('"').next().unwrap().parse().unwrap()
            };
            number(r#" x=""#) + number(r#" width=""#)
        };
        let longest = svg.split("<rect").skip(1).map(end).fold(0.0, f64::max);
        assert!(WIDTH - longest >= 7.0 * value.len() as f64, "{svg}");
    }

    #[test]
    fn values_that_are_none_are_left_out() {
        assert_eq!(range([f64::NAN].into_iter()), None);
        let [low, high] = range([2.0, f64::INFINITY, 2.0].into_iter()).unwrap();
        assert!(low < 2.0 && 2.0 < high);
        let mut sheet = Sheet::new(200.0, [0.0, 2.0], [0.0, 1.0], ["x", "y"], |y| y.to_string());
        sheet.line(
            &[(0.0, 0.5), (1.0, f64::NAN), (2.0, 1.0)],
            Colour("accent"),
            false,
        );
        let svg = sheet.finish("a line");
        assert!(!svg.contains("NaN"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
    }
}
