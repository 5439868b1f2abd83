//! Full load for minutes, while keys rotate, policies change and the ledger's
//! server goes away and comes back: no wrong answer, and flat memory.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::envoy::{Filter, bootstrap};
use crate::idp::Idp;
use crate::load::{self, Kind, Target, World};
use crate::stage::{Running, Stage, free_port, get};
use crate::tokens::{AUDIENCE, ISSUER, Signer, job, key_set, now, with};

/// How many callers each target has.
const CALLERS: usize = 8;
/// Tokens of each kind at a time.
const TOKENS: usize = 32;
/// How long keys are published before they sign, and after it: longer than the
/// ten seconds for which an unknown key provokes no second fetch.
const AHEAD: u64 = 15;
/// How long a withdrawn key may still be taken.
const WITHDRAWN: u64 = 20;
/// How long the ledger's server is away.
const AWAY: u64 = 5;
/// How long after it is back everything has to answer again.
const RECOVERY: Duration = Duration::from_secs(30);
/// How long a policy may take to be taken up, or refused.
const TAKE_UP: Duration = Duration::from_secs(15);
/// How often the ends of logs are kept.
const LOGS: usize = 5;
/// What resident memory may grow by from the second quarter of the run to its
/// last eighth, as medians: this much of it, and so many KiB besides.
const GROWTH: (u64, u64) = (5, 16 << 10);

pub(crate) fn run(minutes: u64) -> ExitCode {
    let lasts = Duration::from_secs(minutes * 60);
    let stage = Stage::new();
    let database = Database::start();
    let issuer = Issuer::start();
    let scene = Scene::set(&stage, &database, &issuer);
    let world = World::default();
    let signer = Mutex::new(issuer.first);
    let revoked = Mutex::new(Vec::new());
    let changes = Changes {
        stage: &stage,
        world: &world,
        scene: &scene,
        database: &database,
        idp: &issuer.idp,
        signer: &signer,
        stranger: Signer::rs256("nobody-has-this-key"),
        revoked: &revoked,
    };
    changes.revoke("revoked-0");
    changes.mint();
    let started = Instant::now();
    let mut samples = Vec::new();
    let mut told = Told::default();
    thread::scope(|scope| {
        for target in &scene.targets {
            for caller in 0..CALLERS {
                let world = &world;
                scope.spawn(move || load::send(world, target, caller * 97));
            }
        }
        let changes = &changes;
        let minting = scope.spawn(move || changes.keep_minting());
        let keys = scope.spawn(move || changes.rotate());
        let policies = scope.spawn(move || changes.reload());
        let ledger = scope.spawn(move || changes.restart(started + lasts));
        while started.elapsed() < lasts && scene.is_alive() {
            samples.push((scene.server.resident(), scene.envoy.resident()));
            let wrong = world.tally().wrong;
            if wrong > told.wrong && told.logs.len() < LOGS {
                told.logs.push(scene.tails(started.elapsed()));
            }
            told.wrong = wrong;
            thread::sleep(Duration::from_secs(1));
        }
        world.is_over.store(true, Ordering::Relaxed);
        minting.join().expect("minting");
        told.rotations = keys.join().expect("rotations");
        (told.reloads, told.refused) = policies.join().expect("reloads");
        told.recoveries = ledger.join().expect("restarts");
    });
    if !scene.is_alive() {
        world.wrong("a program ended".to_owned());
    }
    told.summary(&scene, &world, &samples, started.elapsed())
}

/// A private server of PostgreSQL.
struct Database {
    folder: TempDir,
    url: String,
    /// Stops it however this program ends.
    guard: Child,
    /// Held by whoever needs it, and by whoever takes it away.
    in_use: Mutex<()>,
}

impl Database {
    fn start() -> Self {
        // Its user has to reach it.
        let folder = tempfile::Builder::new().prefix("claimbound-pg-").tempdir();
        let folder = folder.expect("a folder");
        let started = Self::command("start", &folder)
            .output()
            .expect("tests/postgres runs");
        let told = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "{told}");
        let guard = Self::command("guard", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self {
            url: String::from_utf8_lossy(&started.stdout).trim().to_owned(),
            guard: guard.expect("a guard"),
            folder,
            in_use: Mutex::default(),
        }
    }

    fn command(what: &str, folder: &TempDir) -> Command {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../postgres");
        let mut command = Command::new(script);
        command.arg(what).arg(folder.path());
        command
    }

    fn tell(&self, what: &str) {
        let mut command = Self::command(what, &self.folder);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "tests/postgres {what}"
        );
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// The issuer, and its first key.
struct Issuer {
    idp: Idp,
    first: Signer,
}

impl Issuer {
    fn start() -> Self {
        let first = Signer::rs256("key-0");
        let idp = Idp::start(&key_set(&[&first]));
        idp.claim(ISSUER);
        Self { idp, first }
    }
}

/// Everything that runs.
struct Scene {
    server: Running,
    envoy: Running,
    targets: Vec<Target>,
    monitor: u16,
    /// Why the module takes no part, where it doesn't.
    without_module: Option<String>,
}

impl Scene {
    fn set(stage: &Stage, database: &Database, issuer: &Issuer) -> Self {
        stage.write("authority.pem", issuer.idp.authority());
        stage.write("database.url", &database.url);
        policy(stage, 1, "policy.wasm");
        let mut made = stage.command(&["subject", "init", "--ledger", "env:LEDGER"]);
        Stage::run(made.env("LEDGER", &database.url));
        let [grpc, http, monitor, by_grpc, by_module] = [(); 5].map(|()| free_port());
        let common = config(&issuer.idp);
        let listen = format!(
            r#"
[record]
folder = "record"
durability = {{ interval = "100ms" }}

[monitor]
address = "127.0.0.1:{monitor}"

[listen.grpc]
address = "127.0.0.1:{grpc}"
serves = ["ext-authz-grpc"]

[listen.http]
address = "127.0.0.1:{http}"
serves = ["forward-auth"]
"#
        );
        stage.write("serve.toml", common.clone() + &listen);
        let record =
            "\n[record]\nfolder = \"module-record\"\ndurability = { interval = \"100ms\" }\n";
        stage.write("module.toml", common + record);
        let server = stage.serve("serve.toml", http);
        let target = |name, port, path| Target { name, port, path };
        let mut targets = vec![
            target("Envoy, gRPC", by_grpc, "/"),
            target("forward-auth", http, "/authorize/deploy"),
        ];
        let mut listeners = vec![(by_grpc, Filter::Grpc(grpc))];
        let module = stage.path("module.toml");
        let module = Filter::Module(module.to_str().expect("a path of text").to_owned());
        let alone = bootstrap(&[(by_module, module.clone())], "");
        stage.write("module.json", alone.to_string());
        let without_module = stage.refuses("module.json");
        if without_module.is_none() {
            listeners.push((by_module, module));
            targets.push(target("Envoy, in process", by_module, "/"));
        }
        stage.write("envoy.json", bootstrap(&listeners, "").to_string());
        let envoy = stage.envoy("envoy.json", by_grpc);
        Self {
            server,
            envoy,
            targets,
            monitor,
            without_module,
        }
    }

    /// What the programs last logged.
    fn tails(&self, at: Duration) -> String {
        let (server, envoy) = (self.server.tail(), self.envoy.tail());
        format!("after {at:.1?}, claimbound:\n{server}\nEnvoy:\n{envoy}")
    }

    fn is_alive(&self) -> bool {
        self.server.is_alive() && self.envoy.is_alive()
    }

    /// Reloads that were refused so far.
    fn refused(&self) -> u64 {
        let text = get(self.monitor, "/metrics").unwrap_or_default();
        let name = "claimbound_reloads_total{result=\"refused\"} ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |count| count.trim().parse().unwrap_or(0))
    }

    /// What forward authentication answers to a token.
    fn ask(&self, token: &str) -> Option<load::Answer> {
        load::ask(&mut None, &self.targets[1], token)
    }
}

fn config(idp: &Idp) -> String {
    let document = idp.url() + crate::idp::DOCUMENT;
    format!(
        r#"claimbound = 1

[issuer.github]
model = "github-actions"
url = "{ISSUER}"

[issuer.github.keys]
from = "discovery"
document = "{document}"

[issuer.github.keys.fetch]
ca = "authority.pem"
every = "30s"

[route.deploy]
audience = "{AUDIENCE}"
issuers = ["github"]
policy = "policy.wasm"
danger_unsigned = true
ceiling = {{ roles = ["deploy"], enrolment = true }}

[ledger]
postgres = {{ url = "file:database.url" }}
"#
    )
}

/// Builds the policy in this version, which all allow the good token.
fn policy(stage: &Stage, version: u64, name: &str) {
    let document = include_str!("../policy.toml");
    let version = format!("version = \"{version}.0.0\"");
    stage.build(&document.replace("version = \"1.0.0\"", &version), name);
}

/// Whoever changes the world.
struct Changes<'a> {
    stage: &'a Stage,
    world: &'a World,
    scene: &'a Scene,
    database: &'a Database,
    idp: &'a Idp,
    signer: &'a Mutex<Signer>,
    /// Whose key the issuer never had.
    stranger: Signer,
    revoked: &'a Mutex<Vec<String>>,
}

impl Changes<'_> {
    /// Signs tokens of every kind but withdrawn ones.
    fn mint(&self) {
        let signer = self.signer.lock().expect("a signer");
        let ids = |kind: &str| {
            let kind = kind.to_owned();
            (0..TOKENS).map(move |number| format!("{kind}-{}-{number}", now()))
        };
        let many = |kind: &str, changes: serde_json::Value| {
            let sign = |id: String| signer.sign(&with(job(&id), &changes));
            ids(kind).map(sign).collect::<Vec<_>>()
        };
        let good = many("good", json!({}));
        // The payload of one under the signature of the next.
        let forged = good.iter().zip(good.iter().cycle().skip(1));
        let forged = forged.map(|(one, next)| {
            let (message, _) = one.rsplit_once('.').expect("a token");
            let (_, signature) = next.rsplit_once('.').expect("a token");
            format!("{message}.{signature}")
        });
        self.world.put(Kind::Forged, forged.collect());
        self.world.put(Kind::Good, good);
        let past = json!({ "iat": now() - 900, "nbf": now() - 900, "exp": now() - 300 });
        self.world.put(Kind::Expired, many("expired", past));
        let elsewhere = json!({ "aud": "https://elsewhere.example" });
        self.world
            .put(Kind::WrongAudience, many("elsewhere", elsewhere));
        let branch = json!({ "ref": "refs/heads/feature" });
        self.world.put(Kind::Denied, many("denied", branch));
        let revoked = self.revoked.lock().expect("ids");
        let revoked = revoked.iter().map(|id| signer.sign(&job(id)));
        self.world.put(Kind::Revoked, revoked.collect());
        let strangers = ids("stranger").map(|id| self.stranger.sign(&job(&id)));
        self.world.put(Kind::UnknownKey, strangers.collect());
    }

    fn keep_minting(&self) {
        while self.world.rest(2) {
            self.mint();
        }
    }

    /// Has the issuer change its key: published ahead, used, withdrawn. Gives how
    /// often.
    fn rotate(&self) -> u64 {
        let mut rotations = 0;
        while self.world.rest(3) {
            let next = Signer::rs256(&format!("key-{}", rotations + 1));
            {
                let current = self.signer.lock().expect("a signer");
                self.idp.publish(&key_set(&[&current, &next]));
            }
            if !self.world.rest(AHEAD) {
                break;
            }
            let next_set = key_set(&[&next]);
            let old = std::mem::replace(&mut *self.signer.lock().expect("a signer"), next);
            self.mint();
            // Until no request is under way that the old key signed.
            if !self.world.rest(5) {
                break;
            }
            self.idp.publish(&next_set);
            if !self.world.rest(WITHDRAWN) {
                break;
            }
            let withdrawn = (0..TOKENS).map(|number| old.sign(&job(&format!("old-{number}"))));
            self.world.put(Kind::Withdrawn, withdrawn.collect());
            rotations += 1;
        }
        rotations
    }

    /// Changes the policy's version, and now and then to a file that is none.
    /// Gives how many were taken up and refused.
    fn reload(&self) -> (u64, u64) {
        let (mut taken_up, mut refused) = (0, 0);
        while self.world.rest(3) {
            let version = 2 - taken_up % 2;
            policy(self.stage, version, "next.wasm");
            let component = fs::read(self.stage.path("next.wasm")).expect("a component");
            if taken_up % 3 == 2 {
                let before = self.scene.refused();
                self.stage
                    .write("policy.wasm", &component[..component.len() / 2]);
                if self.until(TAKE_UP, || self.scene.refused() > before) {
                    refused += 1;
                } else if self.world.goes_on() {
                    self.world.wrong("half a policy was not refused".to_owned());
                }
            }
            self.stage.write("policy.wasm", &component);
            let expected = format!("x-claimbound-policy: traffic@{version}.0.0");
            let is_taken_up = || {
                let answer = self.world.take(Kind::Good, 0);
                let answer = answer.and_then(|token| self.scene.ask(&token));
                answer.is_some_and(|answer| answer.head.contains(&expected))
            };
            if self.until(TAKE_UP + RECOVERY, is_taken_up) {
                taken_up += 1;
            } else if self.world.goes_on() {
                self.world
                    .wrong(format!("version {version} was not taken up"));
            }
        }
        (taken_up, refused)
    }

    /// Takes the ledger's server away now and then, and revokes a token while it
    /// is there. Gives how long it took each time until everything answered.
    fn restart(&self, ends: Instant) -> Vec<Duration> {
        let mut recoveries = Vec::new();
        while self.world.rest(15) {
            self.revoke(&format!("revoked-{}", recoveries.len() + 1));
            let needed = Duration::from_secs(AWAY) + RECOVERY;
            if !self.world.rest(10) || Instant::now() + needed > ends {
                continue;
            }
            let in_use = self.database.in_use.lock().expect("the database");
            self.world.turn();
            self.database.tell("stop");
            self.world.rest(AWAY);
            self.database.tell("again");
            drop(in_use);
            let since = Instant::now();
            let mut good = 0;
            let answers = || {
                let token = self.world.take(Kind::Good, good);
                let answer = token.and_then(|token| self.scene.ask(&token));
                good = if answer.is_some_and(|answer| answer.status == 200) {
                    good + 1
                } else {
                    0
                };
                good > 20
            };
            if self.until(RECOVERY, answers) {
                recoveries.push(since.elapsed());
            } else if self.world.goes_on() {
                self.world
                    .wrong("the ledger is back, and is not used".to_owned());
            }
            // Whoever asks in process has connections of its own.
            self.world.rest(3);
            self.world.turn();
        }
        recoveries
    }

    fn revoke(&self, id: &str) {
        let _in_use = self.database.in_use.lock().expect("the database");
        let mut command = self
            .stage
            .command(&["revoke", "token", id, "--issuer", ISSUER]);
        command.args([
            "--by",
            "soak",
            "--reason",
            "a trial",
            "--ledger",
            "env:LEDGER",
        ]);
        Stage::run(command.env("LEDGER", &self.database.url));
        // Hosts are told within a second.
        thread::sleep(Duration::from_secs(1));
        self.revoked.lock().expect("ids").push(id.to_owned());
    }

    fn until(&self, patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
        let started = Instant::now();
        while started.elapsed() < patience && self.world.goes_on() {
            if is_so() {
                return true;
            }
            thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

/// What happened.
#[derive(Default)]
struct Told {
    rotations: u64,
    reloads: u64,
    refused: u64,
    recoveries: Vec<Duration>,
    /// How much was wrong when it was last looked at.
    wrong: u64,
    /// The ends of logs from soon after something was.
    logs: Vec<String>,
}

impl Told {
    fn summary(
        &self,
        scene: &Scene,
        world: &World,
        samples: &[(u64, u64)],
        lasted: Duration,
    ) -> ExitCode {
        let tally = world.tally();
        let count: u64 = tally.answers.values().sum();
        println!(
            "{count} requests in {:.0} s, {} a second",
            lasted.as_secs_f64(),
            count / lasted.as_secs().max(1)
        );
        if let Some(why) = &scene.without_module {
            let why = why
                .lines()
                .find(|line| line.contains("error"))
                .unwrap_or_default();
            println!("the module took no part: {why}");
        }
        for ((target, kind, status), count) in &tally.answers {
            println!(
                "{target:18} {:14} {status:3} {count:>9}",
                format!("{kind:?}")
            );
        }
        println!(
            "{} rotations of keys; {} policies taken up, {} refused; {} outages of the ledger, over after {:?}",
            self.rotations,
            self.reloads,
            self.refused,
            self.recoveries.len(),
            self.recoveries
        );
        println!("{} answers of 503 while the ledger was away", tally.excused);
        let is_flat = [
            flat("claimbound", samples.iter().map(|sample| sample.0)),
            flat("Envoy", samples.iter().map(|sample| sample.1)),
        ];
        for wrong in &tally.told {
            println!("wrong: {wrong}");
        }
        for log in &self.logs {
            println!("{log}");
        }
        println!("{} wrong", tally.wrong);
        if tally.wrong == 0 && is_flat == [true, true] {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Says how a program's memory went, and whether it stayed.
fn flat(name: &str, samples: impl Iterator<Item = u64>) -> bool {
    let samples: Vec<_> = samples.collect();
    let median = |from: usize, to: usize| {
        let mut part = samples.get(from..to).unwrap_or_default().to_vec();
        part.sort_unstable();
        part.get(part.len() / 2).copied().unwrap_or(0)
    };
    let count = samples.len();
    let (warm, end) = (
        median(count / 4, count / 2),
        median(count - count / 8, count),
    );
    let most = samples.iter().max().copied().unwrap_or(0);
    let (percent, besides) = GROWTH;
    let bound = warm + warm * percent / 100 + besides;
    let is_flat = end <= bound;
    println!(
        "{name}: resident {} MiB once warm, {} at the end, {} at most; {} (the bound is {})",
        warm >> 10,
        end >> 10,
        most >> 10,
        if is_flat { "flat" } else { "GROWN" },
        bound >> 10,
    );
    is_flat
}
