//! The table and the plot of `veilgrad prune simulate`.

use std::fmt::Write;

use host::job::{SweepReport, SweepRow};

use crate::units::seconds;

/// The columns, in the order of the table, with what stands over them and the colour of their line.
const WAYS: [(&str, &str, &str); 6] = [
    ("importance", "importance", "#0072b2"),
    ("random", "random", "#555555"),
    ("hardest", "hardest (HEPrune)", "#d55e00"),
    ("window", "window", "#e69f00"),
    ("mixed", "mixed", "#009e73"),
    ("full-same-steps", "all rows, same steps", "#cc79a7"),
];

/// Width and height of the plot of one data set, in pixels, and the room around its axes.
const PANEL: (f64, f64) = (420.0, 300.0);
const MARGIN: f64 = 48.0;
/// Names in a line of the legend, for each panel beside another, and the height of a line.
const NAMES_PER_PANEL: usize = 3;
const LINE: f64 = 16.0;
/// Of the labels, in pixels: no font has wider digits.
const DIGIT_WIDTH: f64 = 7.0;

/// The lines of a sweep so far.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<SweepRow>,
}

impl Table {
    pub(crate) fn add(&mut self, row: &SweepRow) {
        self.rows.push(row.clone());
    }

    /// Data sets in their order.
    fn sets(&self) -> Vec<&str> {
        let mut sets: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !sets.contains(&row.data.as_str()) {
                sets.push(&row.data);
            }
        }
        sets
    }

    fn of<'a>(&'a self, data: &'a str, way: &'a str) -> impl Iterator<Item = &'a SweepRow> {
        let rows = self.rows.iter();
        rows.filter(move |row| row.data == data && row.way == way)
    }

    /// One table for each data set.
    pub(crate) fn markdown(&self, report: &SweepReport) -> String {
        let mut text = format!(
            "Test accuracy in percent, mean and standard deviation of {} trainings of {} epochs in mini-batches of {} ({}).\n",
            report.seeds,
            report.epochs,
            report.batch,
            seconds(report.seconds)
        );
        for data in self.sets() {
            let heads: Vec<&str> = WAYS.iter().map(|way| way.1).collect();
            text += &format!(
                "\n### {data}\n\n| kept | steps | {} | HEPrune reports |\n|---|---|{}---|\n",
                heads.join(" | "),
                "---|".repeat(WAYS.len())
            );
            for row in self.of(data, WAYS[0].0) {
                let same = |other: &&SweepRow| other.keep.to_bits() == row.keep.to_bits();
                let cells: Vec<String> = WAYS
                    .iter()
                    .map(|way| self.of(data, way.0).find(same).map_or(String::new(), cell))
                    .collect();
                let (kept, steps) = ((1e4 * row.keep).round() / 100.0, row.steps);
                text += &format!(
                    "| {kept} % | {steps} | {} | {} |\n",
                    cells.join(" | "),
                    published(row)
                );
            }
            for row in self.of(data, "full") {
                let (steps, cell, published) = (row.steps, cell(row), published(row));
                let empty = " | ".repeat(WAYS.len() - 1);
                text += &format!("| 100 % | {steps} | {cell} {empty} | {published} |\n");
            }
        }
        text
    }

    /// One panel for each data set: accuracy over the share kept, which is on a logarithmic axis.
    pub(crate) fn svg(&self) -> Result<String, std::fmt::Error> {
        let sets = self.sets();
        let columns = sets.len().clamp(1, 2);
        let (width, height) = PANEL;
        let in_line = NAMES_PER_PANEL * columns;
        let legend = 14.0 + LINE * WAYS.len().div_ceil(in_line) as f64;
        let all = [
            width * columns as f64,
            height * sets.len().div_ceil(columns) as f64 + legend,
        ];
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
            all[0], all[1]
        );
        for (index, (_, name, colour)) in WAYS.iter().enumerate() {
            let x = 12.0 + (index % in_line) as f64 * (all[0] - 12.0) / in_line as f64;
            let y = LINE * (index / in_line) as f64;
            writeln!(
                text,
                "<rect x=\"{x}\" y=\"{}\" width=\"10\" height=\"4\" fill=\"{colour}\"/><text x=\"{}\" y=\"{}\" font-size=\"10\">{name}</text>",
                y + 11.0,
                x + 13.0,
                y + 17.0
            )?;
        }
        for (index, data) in sets.iter().enumerate() {
            let x = width * (index % columns) as f64;
            let y = legend + height * (index / columns) as f64;
            self.panel(&mut text, data, x, y)?;
        }
        text += "</svg>\n";
        Ok(text)
    }

    fn panel(&self, text: &mut String, data: &str, left: f64, top: f64) -> std::fmt::Result {
        let of_set = self.rows.iter().filter(|row| row.data == data);
        let best = of_set.clone().map(|row| row.accuracy).fold(0.0, f64::max);
        // What lies far below is cut off: the differences that matter are near the top.
        let worst = of_set.clone().map(|row| row.accuracy).fold(1.0, f64::min);
        let floor = worst.max(best - 0.3);
        let least = of_set.map(|row| row.keep).fold(1.0, f64::min).min(0.5);
        let (width, height) = (PANEL.0 - 1.5 * MARGIN, PANEL.1 - 1.5 * MARGIN);
        let x = |keep: f64| left + MARGIN + width * (1.0 - keep.log10() / least.log10());
        let y = |accuracy: f64| {
            let part = ((accuracy - floor) / (best - floor).max(1e-9)).clamp(0.0, 1.0);
            top + 0.5 * MARGIN + height * (1.0 - part)
        };
        writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" font-size=\"13\">{data}</text>",
            left + MARGIN,
            top + 16.0
        )?;
        for step in 0..=4 {
            let accuracy = floor + (best - floor) * f64::from(step) / 4.0;
            let (at, from, to) = (y(accuracy), x(least), x(1.0));
            writeln!(
                text,
                "<line x1=\"{from}\" x2=\"{to}\" y1=\"{at}\" y2=\"{at}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.1}</text>",
                from - 4.0,
                at + 4.0,
                100.0 * accuracy
            )?;
        }
        let shares = self.of(data, WAYS[0].0).chain(self.of(data, "full"));
        let shares = shares.map(|row| (row.keep, x(row.keep))).collect();
        axis(text, shares, top + 0.5 * MARGIN + height)?;
        for row in self.of(data, "full") {
            let (from, to, at) = (x(least), x(1.0), y(row.accuracy));
            writeln!(
                text,
                "<line x1=\"{from}\" x2=\"{to}\" y1=\"{at}\" y2=\"{at}\" stroke=\"black\" stroke-dasharray=\"4 3\"/>"
            )?;
        }
        for (way, _, colour) in WAYS {
            let mut points = String::new();
            for row in self.of(data, way) {
                let (across, up) = (x(row.keep), y(row.accuracy));
                write!(points, "{across:.1},{up:.1} ")?;
                let (low, high) = (y(row.accuracy - row.spread), y(row.accuracy + row.spread));
                writeln!(
                    text,
                    "<line x1=\"{across:.1}\" x2=\"{across:.1}\" y1=\"{low:.1}\" y2=\"{high:.1}\" stroke=\"{colour}\"/>"
                )?;
            }
            writeln!(
                text,
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
            )?;
        }
        Ok(())
    }
}

/// The axis of shares at this height: a mark where each is, and from the right a label where there is room for it.
fn axis(text: &mut String, mut shares: Vec<(f64, f64)>, height: f64) -> std::fmt::Result {
    shares.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut room_until = f64::INFINITY;
    for (share, at) in shares {
        writeln!(
            text,
            "<line x1=\"{at}\" x2=\"{at}\" y1=\"{height}\" y2=\"{}\" stroke=\"#888\"/>",
            height + 3.0
        )?;
        let label = format!("{:.0}", 100.0 * share);
        let half = 0.5 * DIGIT_WIDTH * label.len() as f64;
        if at + half > room_until {
            continue;
        }
        room_until = at - half - DIGIT_WIDTH;
        writeln!(
            text,
            "<text x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            height + 14.0
        )?;
    }
    Ok(())
}

fn cell(row: &SweepRow) -> String {
    format!("{:.2} ± {:.2}", 100.0 * row.accuracy, 100.0 * row.spread)
}

fn published(row: &SweepRow) -> String {
    row.published
        .map_or(String::new(), |share| format!("{:.2}", 100.0 * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_an_axis_have_room() {
        let shares =
            [0.01, 0.1, 0.5, 0.9, 1.0].map(|share| (share, 174.0 * (2.0 + f64::log10(share))));
        let mut text = String::new();
        axis(&mut text, shares.to_vec(), 10.0).unwrap();
        assert_eq!(text.matches("<line").count(), 5, "{text}");
        let labels: Vec<&str> = text.split("middle\">").skip(1).collect();
        let labels: Vec<_> = labels
            .iter()
            .filter_map(|rest| rest.split('<').next())
            .collect();
        assert_eq!(labels, ["100", "50", "10", "1"]);
    }
}
