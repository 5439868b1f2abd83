//! A folder, and the programs that run in it: all of them end with it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than any program here takes to start.
const PATIENCE: Duration = Duration::from_mins(1);
/// How much of a log is told, in bytes.
const TAIL: usize = 2 << 10;

/// A folder of this run.
pub(crate) struct Stage {
    folder: TempDir,
    claimbound: PathBuf,
    envoy: PathBuf,
}

impl Stage {
    /// A new one; the environment says where the programs are.
    pub(crate) fn new() -> Self {
        let named = |name: &str| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.unwrap_or_else(|| panic!("{name} names no program: use tests/traffic/run"))
        };
        Self {
            folder: tempfile::Builder::new()
                .prefix("claimbound-traffic-")
                .tempdir()
                .expect("a folder"),
            claimbound: named("CLAIMBOUND"),
            envoy: named("CLAIMBOUND_ENVOY"),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, whole or not at all.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, text).expect("a file");
        fs::rename(new, self.path(name)).expect("a file");
    }

    /// The program, in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.claimbound);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(command: &mut Command) {
        let ran = command.output().expect("claimbound runs");
        let told = String::from_utf8_lossy(&ran.stderr);
        // Without its environment, which may hold a password.
        let arguments: Vec<_> = command.get_args().collect();
        assert!(ran.status.success(), "{arguments:?}: {told}");
    }

    /// Builds this document to `name`.
    pub(crate) fn build(&self, document: &str, name: &str) {
        self.write("policy.toml", document);
        Self::run(&mut self.command(&["build", "policy.toml", "-o", name]));
    }

    /// Serves a configuration, once it answers at `port`.
    pub(crate) fn serve(&self, config: &str, port: u16) -> Running {
        let mut command = self.command(&["serve", "--log", "warn", "--config", config]);
        let running = Running::start(&mut command, &self.path(&format!("{config}.log")));
        running.listens(port);
        running
    }

    fn envoy_command(&self, config: &str) -> Command {
        let mut command = Command::new(&self.envoy);
        command
            .args(["-c", config, "--concurrency", "1", "--use-dynamic-base-id"])
            .args(["-l", "warning"])
            .current_dir(self.folder.path())
            .env(
                "ENVOY_DYNAMIC_MODULES_SEARCH_PATH",
                self.claimbound.parent().unwrap_or(Path::new(".")),
            );
        command
    }

    /// What Envoy says against a configuration.
    pub(crate) fn refuses(&self, config: &str) -> Option<String> {
        let mut command = self.envoy_command(config);
        let ran = command.args(["--mode", "validate"]).output();
        let ran = ran.expect("Envoy runs");
        (!ran.status.success()).then(|| String::from_utf8_lossy(&ran.stderr).into_owned())
    }

    /// Runs Envoy with one worker, once it answers at `port`.
    pub(crate) fn envoy(&self, config: &str, port: u16) -> Running {
        let mut command = self.envoy_command(config);
        let running = Running::start(&mut command, &self.path(&format!("{config}.log")));
        running.listens(port);
        running
    }
}

/// A port of loopback that nobody has now, below those that the system gives to
/// connections: one of them could have it before its server does.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id();
    let ports = (0..20_000).map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)));
    let mut ports = ports.map(|number| 10_000 + u16::try_from(number % 20_000).unwrap_or(0));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a port")
}

/// A program that runs until this is dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let end = log.get(log.len().saturating_sub(TAIL)..);
        String::from_utf8_lossy(end.unwrap_or_default()).into_owned()
    }

    fn start(command: &mut Command, log: &Path) -> Self {
        let output = fs::File::create(log).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn();
        Self {
            child: child.expect("it starts"),
            log: log.to_owned(),
        }
    }

    fn listens(&self, port: u16) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let told = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "{}", told());
            assert!(self.is_alive(), "{}", told());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        let stat = self.proc("stat");
        !stat.is_empty() && !stat.contains(") Z ")
    }

    fn proc(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap_or_default()
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let digits = line.unwrap_or_default().trim().trim_end_matches(" kB");
        digits.parse().unwrap_or(0)
    }

    /// Processor time so far.
    pub(crate) fn time(&self) -> Duration {
        // proc(5): after the name in parentheses, utime and stime are fields 14
        // and 15 of all, in ticks of a hundredth of a second.
        let stat = self.proc("stat");
        let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
        let fields = rest.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is answered to a GET at a port.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
