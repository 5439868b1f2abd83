//! `wrk`: as many requests as are answered, on sixteen connections.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What one round came to; times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Answers that were no 200.
    pub(crate) refused: u64,
    /// Requests without an answer.
    pub(crate) failed: u64,
    /// Processor time of Envoy and of the servers for each request.
    pub(crate) envoy: f64,
    pub(crate) servers: f64,
}

/// Sends the tokens of a file for so many seconds, beginning with that one.
pub(crate) fn run(script: &Path, tokens: &Path, port: u16, seconds: u64, from: u64) -> Round {
    run_at("/", script, tokens, port, seconds, from)
}

/// The same to a path.
pub(crate) fn run_at(
    path: &str,
    script: &Path,
    tokens: &Path,
    port: u16,
    seconds: u64,
    from: u64,
) -> Round {
    let ran = Command::new("wrk")
        .args(["-t1", "-c16", "--timeout", "20s", "-s"])
        .arg(script)
        .arg(format!("-d{seconds}s"))
        .arg(format!("http://127.0.0.1:{port}/"))
        .arg("--")
        .arg(tokens)
        .arg(from.to_string())
        .arg(path)
        .output()
        .expect("wrk runs");
    let told = String::from_utf8_lossy(&ran.stdout);
    let line = told.lines().find(|line| line.starts_with('{'));
    let said: Value = line
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("{told}\n{}", String::from_utf8_lossy(&ran.stderr)));
    let number = |name: &str| said[name].as_f64().unwrap_or_default();
    let whole = |name: &str| said[name].as_u64().unwrap_or(u64::MAX);
    Round {
        per_second: number("requests") * 1e6 / number("duration"),
        p50: number("p50"),
        p99: number("p99"),
        refused: whole("refused"),
        failed: whole("failed"),
        envoy: 0.0,
        servers: 0.0,
    }
}
