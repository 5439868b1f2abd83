//! What callers notice of policies that follow each other: the same load twice,
//! once on a host whose policy stays, once while one version after another is
//! published in its store and taken up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use crate::stage::{Running, Stage, free_port, get};
use crate::table;
use crate::tokens::{AUDIENCE, ISSUER, Signer, job, key_set, with};
use crate::wrk::{self, Round};

/// How long one version decides before the next is published.
const EACH: Duration = Duration::from_millis(300);
/// How many tokens there are, which callers send in turn.
const TOKENS: u64 = 5_000;
/// The module's name, which the policy has.
const NAME: &str = "traffic";
/// Where forward authentication is asked.
const PATH: &str = "/authorize/deploy";

pub(crate) fn run(swaps: u64, rounds: u64) -> ExitCode {
    let stage = Stage::new();
    stage.write("wrk.lua", include_str!("../wrk.lua"));
    let signer = Signer::es256("es");
    stage.write("keys.json", key_set(&[&signer]));
    sign(&stage, &signer);
    let editions = publish(&stage, swaps * rounds);
    let before = table::load();
    let (port, monitor) = (free_port(), free_port());
    configure(&stage, port, monitor);
    editions.put(1);
    let server = stage.serve("serve.toml", port);
    let host = Host {
        stage: &stage,
        server,
        port,
        monitor,
    };
    host.load(2);
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let swaps_last = EACH.saturating_mul(u32::try_from(swaps).unwrap_or(u32::MAX));
    let seconds = swaps_last.as_secs() + 1;
    for round in 0..rounds {
        quiet.push(host.load(seconds));
        let next = 2 + round * swaps;
        busy.push(thread::scope(|scope| {
            let load = scope.spawn(|| host.load(seconds));
            for edition in next..next + swaps {
                editions.put(edition);
                thread::sleep(EACH);
            }
            load.join().expect("a round")
        }));
    }
    let taken_up = host.settled(swaps * rounds);
    println!("{}", told(&quiet, &busy, swaps, taken_up, &before));
    let all = quiet.iter().chain(&busy);
    let is_whole = { all }.all(|round| round.refused == 0 && round.failed == 0);
    if is_whole && taken_up > 0 && host.server.is_alive() {
        ExitCode::SUCCESS
    } else {
        eprintln!("{}", host.server.tail());
        ExitCode::FAILURE
    }
}

/// A host that takes its policy from a store.
struct Host<'a> {
    stage: &'a Stage,
    server: Running,
    port: u16,
    monitor: u16,
}

impl Host<'_> {
    fn load(&self, seconds: u64) -> Round {
        let (script, tokens) = (self.stage.path("wrk.lua"), self.stage.path("tokens"));
        wrk::run_at(PATH, &script, &tokens, self.port, seconds, 0)
    }

    /// How many versions were taken up, once none of so many is on its way.
    fn settled(&self, most: u64) -> u64 {
        let started = Instant::now();
        loop {
            let taken_up = self.taken_up();
            if taken_up >= most || started.elapsed() > Duration::from_secs(5) {
                return taken_up;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn taken_up(&self) -> u64 {
        let text = get(self.monitor, "/metrics").unwrap_or_default();
        let name = "claimbound_modules_taken_up_total{route=\"deploy\"} ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |count| count.trim().parse().unwrap_or(0))
    }
}

/// Editions of an index, each with one more version.
struct Editions {
    kept: PathBuf,
    place: PathBuf,
}

impl Editions {
    /// Publishes one: its signature first, so that there is one at any time.
    fn put(&self, number: u64) {
        let signature = |number: u64| {
            let name = format!("index.json.{}.sigstore.json", number % 2);
            self.place.join(name)
        };
        put(&self.kept.join(format!("{number}.sig")), &signature(number));
        put(
            &self.kept.join(format!("{number}.json")),
            &self.place.join("index.json"),
        );
        let _ = fs::remove_file(signature(number + 1));
    }
}

fn put(from: &Path, to: &Path) {
    let beside = to.with_extension("new");
    fs::copy(from, &beside).expect("a copy");
    fs::rename(beside, to).expect("a file");
}

/// Builds, signs and publishes one version, and as many after it, and keeps each
/// edition of the index.
fn publish(stage: &Stage, versions: u64) -> Editions {
    let run = |arguments: &[&str]| Stage::run(&mut stage.command(arguments));
    run(&["modules", "keygen", "release", "--algorithm", "p256"]);
    let editions = Editions {
        kept: stage.path("editions"),
        place: stage.path("store").join(NAME),
    };
    fs::create_dir_all(&editions.kept).expect("a folder");
    for number in 1..=versions + 1 {
        let document = include_str!("../policy.toml");
        let version = format!("version = \"1.{number}.0\"");
        let name = format!("{NAME}.wasm");
        stage.build(&document.replace("version = \"1.0.0\"", &version), &name);
        let _ = fs::remove_file(stage.path(&format!("{NAME}.statement.json")));
        let _ = fs::remove_file(stage.path(&format!("{NAME}.statement.json.sigstore.json")));
        run(&["sign", &name, "--key", "release.key"]);
        run(&["push", &name, "store"]);
        run(&[
            "modules",
            "index",
            "store",
            NAME,
            "--key",
            "release.key",
            "--expires",
            "1d",
        ]);
        editions.keep(number);
        if number.is_multiple_of(50) {
            eprintln!("{number} of {} versions are published", versions + 1);
        }
    }
    editions.clear();
    editions
}

impl Editions {
    fn signatures(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(&self.place).expect("a folder");
        let paths = found.map(|entry| entry.expect("an entry").path());
        let is_one = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("index.json.") && name.ends_with(".sigstore.json")
        };
        paths.filter(is_one).collect()
    }

    fn keep(&self, number: u64) {
        let signatures = self.signatures();
        let kept = |what: &str| self.kept.join(format!("{number}.{what}"));
        fs::copy(&signatures[0], kept("sig")).expect("a copy");
        fs::copy(self.place.join("index.json"), kept("json")).expect("a copy");
    }

    fn clear(&self) {
        for signature in self.signatures() {
            fs::remove_file(signature).expect("a file");
        }
    }
}

fn configure(stage: &Stage, port: u16, monitor: u16) {
    let config = format!(
        r#"claimbound = 1

[issuer.github]
model = "github-actions"
url = "{ISSUER}"
algorithms = ["ES256"]
keys = {{ from = "file", path = "keys.json" }}

[store.main]
folder = "store"
poll = "100ms"

[store.main.key.release]
file = "release.pub"
modules = ["{NAME}"]

[route.deploy]
audience = "{AUDIENCE}"
issuers = ["github"]
module = {{ store = "main", name = "{NAME}", version = "1" }}
ceiling = {{ roles = ["deploy"], enrolment = true }}

[ledger]
sqlite = "ledger.db"

[record]
folder = "record"
durability = {{ interval = "100ms" }}

[listen.http]
address = "127.0.0.1:{port}"
serves = ["forward-auth"]

[monitor]
address = "127.0.0.1:{monitor}"
"#
    );
    stage.write("serve.toml", config);
    Stage::run(&mut stage.command(&["subject", "init", "--ledger", "sqlite:ledger.db"]));
}

fn sign(stage: &Stage, signer: &Signer) {
    let sign = |number: u64| {
        let id = serde_json::json!({ "jti": format!("7c3a9f8e-51d2-4b0e-9a64-{number:012}") });
        signer.sign(&with(job(""), &id))
    };
    let tokens: Vec<_> = (0..TOKENS).map(sign).collect();
    stage.write("tokens", tokens.join("\n") + "\n");
}

/// The medians of both, and what one is over the other.
fn told(quiet: &[Round], busy: &[Round], swaps: u64, taken_up: u64, before: &str) -> String {
    let median = |rounds: &[Round], of: fn(&Round) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    let row = |name: &str, rounds: &[Round]| {
        let (second, p50) = (
            median(rounds, |one| one.per_second),
            median(rounds, |one| one.p50),
        );
        let p99 = median(rounds, |one| one.p99);
        let lost: u64 = rounds.iter().map(|one| one.refused + one.failed).sum();
        format!("| {name} | {second:.0} | {p50:.0} | {p99:.0} | {lost} |")
    };
    let ratio = median(busy, |one| one.p99) / median(quiet, |one| one.p99);
    format!(
        "<!-- printed by tests/traffic/run swaps -->\n\n\
         | | requests a second | p50, µs | p99, µs | lost |\n|---|--:|--:|--:|--:|\n{}\n{}\n\n\
         {taken_up} versions were taken up; p99 is {ratio:.2} times its usual. {before}",
        row("one version", quiet),
        row(&format!("{swaps} swaps a round"), busy),
    )
}
