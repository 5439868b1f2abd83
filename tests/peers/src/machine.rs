//! The machine, as it describes itself.

use std::fs;

use serde_json::{Value, json};

/// What times depend on.
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    /// In kibibytes.
    memory: u64,
    compiler: &'static str,
    /// The load before the run, and after it.
    load: [String; 2],
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The mean number of runnable tasks of the last minute.
fn load() -> String {
    let text = read("/proc/loadavg");
    text.split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned()
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

impl Machine {
    /// Reads what the kernel says.
    pub(crate) fn read() -> Self {
        let memory = read("/proc/meminfo");
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name")
                .unwrap_or("an unknown processor")
                .to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: version(&read("/proc/sys/kernel/osrelease")),
            memory: field(&memory, "MemTotal")
                .and_then(|value| value.split_whitespace().next()?.parse().ok())
                .unwrap_or_default(),
            compiler: env!("PEERS_COMPILER"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 85\nmodel name\t: A Processor @ 2 GHz\n";
        assert_eq!(field(text, "model name"), Some("A Processor @ 2 GHz"));
        assert_eq!(field(text, "name"), None);
    }
}
