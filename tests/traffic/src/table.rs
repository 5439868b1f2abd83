//! What was measured, for people and for programs.

use std::fmt::Write as _;
use std::fs;

use serde_json::json;

use crate::wrk::Round;

/// One way to decide, and the tokens that it met.
pub(crate) struct Row {
    pub(crate) tokens: String,
    pub(crate) way: String,
    pub(crate) rounds: Vec<Round>,
}

impl Row {
    /// Whether every request was answered, by 200.
    pub(crate) fn is_valid(&self) -> bool {
        let mut rounds = self.rounds.iter();
        rounds.all(|round| round.refused == 0 && round.failed == 0)
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let mut values: Vec<_> = self.rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    }

    fn per_second(&self) -> f64 {
        self.median(|round| round.per_second)
    }

    /// Over the yardstick with the same tokens; none where one is invalid.
    fn ratio(&self, rows: &[Self], yardstick: &str) -> Option<f64> {
        let mut same = rows.iter().filter(|row| row.tokens == self.tokens);
        let yardstick = same.find(|row| row.way == yardstick)?;
        let is_valid = self.is_valid() && yardstick.is_valid();
        is_valid.then(|| self.per_second() / yardstick.per_second())
    }
}

/// One row on its way.
pub(crate) fn line(row: &Row) -> String {
    format!(
        "{}: {}: {:.0} a second",
        row.tokens,
        row.way,
        row.per_second()
    )
}

/// Tables in Markdown, one for each kind of tokens.
pub(crate) fn text(rows: &[Row], yardstick: &str, before: &str) -> String {
    let mut text = String::from("<!-- printed by tests/traffic/run bench -->\n");
    let mut tokens = "";
    for row in rows {
        if row.tokens != tokens {
            tokens = &row.tokens;
            let _ = write!(
                text,
                "\n| {tokens} | requests a second | p50, µs | p99, µs | over {yardstick} | Envoy, µs | servers, µs |\n|---|--:|--:|--:|--:|--:|--:|\n"
            );
        }
        if !row.is_valid() {
            let refused: u64 = row.rounds.iter().map(|round| round.refused).sum();
            let failed: u64 = row.rounds.iter().map(|round| round.failed).sum();
            let _ = writeln!(
                text,
                "| {} | invalid: {refused} were no 200, {failed} had no answer | | | | | |",
                row.way
            );
            continue;
        }
        let ratio = row.ratio(rows, yardstick);
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let whole = |of: fn(&Round) -> f64| grouped(row.median(of));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {ratio} | {} | {} |",
            row.way,
            grouped(row.per_second()),
            whole(|round| round.p50),
            whole(|round| round.p99),
            whole(|round| round.envoy),
            whole(|round| round.servers),
        );
    }
    let _ = write!(
        text,
        "\nMedians of {} rounds. {}; load {before} before the run and {} after it.\n\n<!-- end of what tests/traffic/run bench printed -->",
        rows.first().map_or(0, |row| row.rounds.len()),
        machine(),
        load(),
    );
    text
}

/// The same for programs: every round of every row.
pub(crate) fn json(rows: &[Row], yardstick: &str) -> String {
    let rows = rows.iter().map(|row| {
        let rounds = row.rounds.iter().map(|round| {
            json!({ "per_second": round.per_second, "p50_us": round.p50, "p99_us": round.p99,
                "not_200": round.refused, "unanswered": round.failed,
                "envoy_cpu_us": round.envoy, "servers_cpu_us": round.servers })
        });
        json!({ "tokens": row.tokens, "way": row.way, "valid": row.is_valid(),
            "per_second": row.per_second(), "p50_us": row.median(|round| round.p50),
            "p99_us": row.median(|round| round.p99),
            "over_yardstick": row.ratio(rows, yardstick),
            "rounds": rounds.collect::<Vec<_>>() })
    });
    let report = json!({ "yardstick": yardstick, "machine": machine(),
        "rows": rows.collect::<Vec<_>>() });
    serde_json::to_string_pretty(&report).expect("JSON")
}

/// A number with commas, as tables of the documentation have it.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The load of the last minute.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu.lines().find(|line| line.starts_with("model name"));
    let name = name.and_then(|line| line.split(':').nth(1));
    let name = name.unwrap_or_default().trim();
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{name}, {count} processors for all of it: wrk, Envoy's one worker, and claimbound")
}
