//! The table that a bench prints: figure, baseline, ratio, goal.

use std::time::Duration;

use crate::terminal;

/// What one bench found.
pub(super) struct Table {
    title: String,
    rows: Vec<[String; COLUMNS]>,
}

const COLUMNS: usize = 6;
const HEADINGS: [&str; COLUMNS] = ["", "figure", "baseline", "", "ratio", "goal"];
/// These columns hold numbers, which stand right.
const RIGHT: [bool; COLUMNS] = [false, true, true, false, true, false];

impl Table {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: vec![HEADINGS.map(str::to_owned)] }
    }

    /// Sets a time beside that of its baseline. `goal` is the highest ratio that is good enough.
    pub(super) fn compare(
        &mut self,
        what: &str,
        figure: Duration,
        baseline: Duration,
        baseline_is: &str,
        goal: Option<f64>,
    ) {
        let ratio = figure.as_secs_f64() / baseline.as_secs_f64().max(1e-9);
        let row = [what.to_owned(), time(figure), time(baseline), baseline_is.to_owned()];
        let goal_text = goal.map_or_else(|| "none".to_owned(), |most| format!("≤ {most}×"));
        self.push(row, format!("{ratio:.2}×"), &goal_text, goal.is_none_or(|most| ratio <= most));
    }

    /// Sets a time beside that of its baseline. `most` is the longest time that is good enough.
    pub(super) fn limit(
        &mut self,
        what: &str,
        figure: Duration,
        baseline: Duration,
        baseline_is: &str,
        most: Duration,
    ) {
        let ratio = figure.as_secs_f64() / baseline.as_secs_f64().max(1e-9);
        let goal = format!("≤ {}", time(most));
        let row = [what.to_owned(), time(figure), time(baseline), baseline_is.to_owned()];
        self.push(row, format!("{ratio:.2}×"), &goal, figure <= most);
    }

    /// Sets an amount of memory beside that of its baseline. `most` is the largest one that is good enough, in bytes.
    pub(super) fn memory(
        &mut self,
        what: &str,
        figure: u64,
        baseline: u64,
        baseline_is: &str,
        most: Option<u64>,
    ) {
        let ratio = format!("{:.2}×", figure as f64 / baseline.max(1) as f64);
        let row = [what.to_owned(), megabytes(figure), megabytes(baseline), baseline_is.to_owned()];
        match most {
            Some(most) => self.push(row, ratio, &format!("≤ {}", megabytes(most)), figure <= most),
            None => self.push(row, ratio, "none", true),
        }
    }

    /// Sets a part of 1 beside that of its baseline. `least` is the smallest one that is good enough.
    pub(super) fn part(&mut self, what: &str, figure: f64, baseline: f64, baseline_is: &str, least: f64) {
        let row = [what.to_owned(), format!("{figure:.4}"), format!("{baseline:.4}"), baseline_is.to_owned()];
        self.push(row, format!("{:.4}×", figure / baseline), &format!("≥ {least}"), figure >= least);
    }

    fn push(&mut self, row: [String; 4], ratio: String, goal: &str, is_met: bool) {
        let [what, figure, baseline, baseline_is] = row;
        let verdict = if is_met { "met" } else { "missed" };
        let goal = if goal == "none" { goal.to_owned() } else { format!("{goal} {verdict}") };
        self.rows.push([what, figure, baseline, baseline_is, ratio, goal]);
    }

    /// Sets two other figures beside each other.
    pub(super) fn show(&mut self, what: &str, figure: String, baseline: String, baseline_is: &str) {
        let row = [what.to_owned(), figure, baseline, baseline_is.to_owned()];
        let mut cells = row.into_iter();
        self.rows.push(std::array::from_fn(|_| cells.next().unwrap_or_default()));
    }

    pub(super) fn print(&self) {
        terminal::line(&format!("\n{}", self.title));
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for row in &self.rows {
            let mut line = String::from(" ");
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                line.push_str(&if RIGHT[column] {
                    format!(" {cell:>width$} ")
                } else {
                    format!(" {cell:<width$} ")
                });
            }
            terminal::line(line.trim_end());
        }
    }
}

/// A time with three digits that count.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}")
}

/// A number of bytes in millions.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// How many in a second.
pub(super) fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let shown =
            [1_234, 12_345, 123_456, 12_345_678, 1_234_567_890].map(|ns| time(Duration::from_nanos(ns)));
        assert_eq!(shown, ["1.23 µs", "12.3 µs", "123 µs", "12.3 ms", "1.23 s"]);
    }

    #[test]
    fn a_goal_is_met_or_missed() {
        let mut table = Table::new("x");
        let ms = Duration::from_millis;
        table.compare("a", ms(30), ms(10), "walk", Some(3.0));
        table.compare("b", ms(31), ms(10), "walk", Some(3.0));
        table.compare("c", ms(5), ms(10), "walk", None);
        let ends: Vec<_> = table.rows[1..].iter().map(|row| [row[4].as_str(), row[5].as_str()]).collect();
        assert_eq!(ends, [["3.00×", "≤ 3× met"], ["3.10×", "≤ 3× missed"], ["0.50×", "none"]]);
    }
}
