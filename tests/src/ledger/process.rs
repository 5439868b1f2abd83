//! Another process of a test: its own executable, started again for one test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Tells the other process what to do; without it, it does nothing.
const TASK: &str = "CLAIMBOUND_LEDGER_TASK";

/// What stands before what a process says to the one that started it.
const MARK: &str = "says: ";

/// A process that was started.
pub(super) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the test of this path, below `ledger`, with this task.
    pub(super) fn start(test: &str, task: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("ledger::{test}"), "--nocapture"])
            .env(TASK, task.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// What it says next.
    pub(super) fn hear(&mut self) -> String {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).unwrap() > 0 {
            if let Some((_, said)) = line.trim_end().split_once(MARK) {
                return said.to_owned();
            }
            line.clear();
        }
        panic!("the other process said nothing more");
    }

    /// Lets it go on from where it waits.
    pub(super) fn go(&mut self) {
        writeln!(self.stdin.as_mut().unwrap()).unwrap();
    }
}

impl Drop for Process {
    /// Waits for its end: it has nobody to wait for any more.
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What this process was started for, if it was.
pub(super) fn task() -> Option<Vec<String>> {
    let task = std::env::var(TASK).ok()?;
    Some(task.split('\n').map(str::to_owned).collect())
}

/// Says something to the process that started this one.
#[expect(clippy::print_stdout, reason = "the other process reads it")]
pub(super) fn say(what: &str) {
    println!("\n{MARK}{what}");
}

/// Waits until the process that started this one lets it go on.
pub(super) fn wait() {
    std::io::stdin()
        .lock()
        .read_line(&mut String::new())
        .unwrap();
}
