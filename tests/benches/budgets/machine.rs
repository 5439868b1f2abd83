//! The machine, as its kernel describes it, and what this process holds.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// What times depend on.
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    /// In kibibytes.
    memory: u64,
    compiler: String,
    /// The load before the run, and after it.
    load: [String; 2],
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The mean number of runnable tasks of the last minute.
fn load() -> String {
    let text = read("/proc/loadavg");
    let first = text.split_whitespace().next();
    first.unwrap_or("unknown").to_owned()
}

/// The compiler that stands here, which cargo has just used.
fn compiler() -> String {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "an unknown compiler".to_owned())
}

/// The version of a kernel, without what its maker calls the build.
fn version(release: &str) -> String {
    let version = release.split('-').next().unwrap_or_default();
    version.trim().to_owned()
}

/// The value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

/// A field in kibibytes, `N kB`.
fn kibibytes(path: &str, name: &str) -> Option<u64> {
    let text = read(path);
    field(&text, name)?.split_whitespace().next()?.parse().ok()
}

/// What of this process is in memory, in kibibytes: `VmRSS`, which counts a
/// page once for each place where it is mapped.
pub(crate) fn resident() -> u64 {
    kibibytes("/proc/self/status", "VmRSS").unwrap_or_default()
}

impl Machine {
    /// Reads what the kernel says.
    pub(crate) fn read() -> Self {
        let processor = read("/proc/cpuinfo");
        let processor = field(&processor, "model name");
        Self {
            processor: processor.unwrap_or("an unknown processor").to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: version(&read("/proc/sys/kernel/osrelease")),
            memory: kibibytes("/proc/meminfo", "MemTotal").unwrap_or_default(),
            compiler: compiler(),
            load: [load(), String::new()],
        }
    }

    /// Reads the load again, after the run.
    #[must_use]
    pub(crate) fn after(mut self) -> Self {
        let [_, after] = &mut self.load;
        *after = load();
        self
    }

    /// In words, as one sentence.
    pub(crate) fn describe(&self) -> String {
        let [before, after] = &self.load;
        format!(
            "{}, {} cores, {} MiB of memory, Linux {}, {}; load {before} before the run and {after} after it.",
            self.processor,
            self.cores,
            self.memory / 1024,
            self.kernel,
            self.compiler,
        )
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "memory_kib": self.memory,
            "kernel": self.kernel,
            "compiler": self.compiler,
            "load": self.load,
        })
    }
}
