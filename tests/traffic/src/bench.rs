//! Requests in a second and their latency, of everything that may decide, in
//! rounds that take turns: what disturbs the machine disturbs them all.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use crate::envoy::{Filter, bootstrap};
use crate::stage::{Running, Stage, free_port};
use crate::table::{self, Row};
use crate::tokens::{AUDIENCE, ISSUER, Signer, job, key_set, with};
use crate::wrk::{self, Round};

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    pub(crate) seconds: u64,
    pub(crate) tokens: u64,
    pub(crate) is_json: bool,
    /// The only algorithm, where there is but one.
    pub(crate) algorithm: Option<String>,
    /// A part of the name of each way that is measured beside the yardstick;
    /// all of them without it.
    pub(crate) only: Option<String>,
}

/// What a row is held against.
const YARDSTICK: &str = "jwt_authn + RBAC";

/// How records are kept, as a table says it and as a configuration does.
const DURABILITIES: [(&str, &str); 2] = [
    ("record every 100 ms", r#"{ interval = "100ms" }"#),
    ("record always", r#""always""#),
];

/// One way to decide.
struct Way {
    name: String,
    filter: Filter,
    port: u16,
}

pub(crate) fn run(plan: &Plan) -> ExitCode {
    let stage = Stage::new();
    let document = include_str!("../policy.toml");
    stage.build(document, "policy.wasm");
    stage.write("wrk.lua", include_str!("../wrk.lua"));
    let signers = [Signer::rs256("rs"), Signer::es256("es")];
    let keys = key_set(&[&signers[0], &signers[1]]);
    stage.write("keys.json", &keys);
    let mut ways = own();
    let mut servers = Vec::new();
    for (number, (name, durability)) in DURABILITIES.iter().enumerate() {
        let (grpc, http) = (free_port(), free_port());
        // A ledger and a record are of one process.
        configure(
            &stage,
            &format!("serve-{number}"),
            durability,
            Some((grpc, http)),
        );
        servers.push(stage.serve(&format!("serve-{number}.toml"), http));
        let module = format!("module-{number}");
        configure(&stage, &module, durability, None);
        let config = stage.path(&format!("{module}.toml"));
        let config = config.to_str().expect("a path of text").to_owned();
        for (protocol, filter) in [
            ("gRPC", Filter::Grpc(grpc)),
            ("HTTP", Filter::Http(http)),
            ("in process", Filter::Module(config)),
        ] {
            ways.push(Way::new(&format!("claimbound, {protocol}, {name}"), filter));
        }
    }
    leave_out_modules(&stage, &mut ways);
    if let Some(part) = &plan.only {
        ways.retain(|way| way.name == YARDSTICK || way.name.contains(part));
    }
    let listeners: Vec<_> = ways
        .iter()
        .map(|way| (way.port, way.filter.clone()))
        .collect();
    stage.write("envoy.json", bootstrap(&listeners, &keys).to_string());
    let envoy = stage.envoy("envoy.json", ways[0].port);
    let before = table::load();
    let mut rows = Vec::new();
    for (signer, algorithm) in signers.iter().zip(["RS256", "ES256"]) {
        if plan
            .algorithm
            .as_deref()
            .is_some_and(|only| only != algorithm)
        {
            continue;
        }
        let measured = Measured {
            stage: &stage,
            envoy: &envoy,
            servers: &servers,
            ways: &ways,
            plan,
        };
        sign(&stage, signer, plan.tokens);
        rows.extend(measured.rows(&format!("{algorithm}, unique"), "unique"));
        rows.extend(measured.rows(&format!("{algorithm}, one again and again"), "repeated"));
    }
    let text = if plan.is_json {
        table::json(&rows, YARDSTICK)
    } else {
        table::text(&rows, YARDSTICK, &before)
    };
    println!("{text}");
    if rows.iter().all(Row::is_valid) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Way {
    fn new(name: &str, filter: Filter) -> Self {
        Self {
            name: name.to_owned(),
            filter,
            port: free_port(),
        }
    }
}

/// Leaves the module out where Envoy refuses it, and says so.
fn leave_out_modules(stage: &Stage, ways: &mut Vec<Way>) {
    let is_module = |way: &&Way| matches!(way.filter, Filter::Module(_));
    let Some(way) = ways.iter().find(is_module) else {
        return;
    };
    let alone = bootstrap(&[(way.port, way.filter.clone())], "");
    stage.write("module.json", alone.to_string());
    if let Some(why) = stage.refuses("module.json") {
        eprintln!("the module is left out: {why}");
        ways.retain(|way| !is_module(&way));
    }
}

/// Envoy alone.
fn own() -> Vec<Way> {
    let jwt = |caches, has_rbac| Filter::Jwt { caches, has_rbac };
    vec![
        Way::new("no authentication", Filter::Nothing),
        Way::new("jwt_authn", jwt(false, false)),
        Way::new(YARDSTICK, jwt(false, true)),
        Way::new("jwt_authn with its cache + RBAC", jwt(true, true)),
    ]
}

/// Writes a configuration, and makes its ledger.
fn configure(stage: &Stage, name: &str, durability: &str, ports: Option<(u16, u16)>) {
    let listen = ports.map_or_else(String::new, |(grpc, http)| {
        format!(
            r#"
[listen.grpc]
address = "127.0.0.1:{grpc}"
serves = ["ext-authz-grpc"]

[listen.http]
address = "127.0.0.1:{http}"
serves = ["ext-authz-http"]
"#
        )
    });
    let config = format!(
        r#"claimbound = 1

[issuer.github]
model = "github-actions"
url = "{ISSUER}"
algorithms = ["RS256", "ES256"]
keys = {{ from = "file", path = "keys.json" }}

[route.deploy]
audience = "{AUDIENCE}"
issuers = ["github"]
policy = "policy.wasm"
danger_unsigned = true
ceiling = {{ roles = ["deploy"], enrolment = true }}

[ledger]
sqlite = "{name}.db"

[record]
folder = "{name}-record"
durability = {durability}
{listen}"#
    );
    stage.write(&format!("{name}.toml"), config);
    let ledger = format!("sqlite:{name}.db");
    Stage::run(&mut stage.command(&["subject", "init", "--ledger", &ledger]));
}

/// Writes tokens, one a line: as many as are asked for, and one.
fn sign(stage: &Stage, signer: &Signer, count: u64) {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let lines: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let claims = job("");
                    let numbers = (thread..count).step_by(usize::try_from(threads).unwrap_or(1));
                    let sign = |number| {
                        let id = json!({ "jti": format!("7c3a9f8e-51d2-4b0e-9a64-{number:012}") });
                        signer.sign(&with(claims.clone(), &id))
                    };
                    numbers.map(sign).collect::<Vec<_>>()
                })
            })
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().expect("tokens"))
            .collect()
    });
    fs::write(stage.path("unique"), lines.join("\n") + "\n").expect("a file");
    fs::write(stage.path("repeated"), lines[0].clone() + "\n").expect("a file");
}

/// What takes part in each measurement.
struct Measured<'a> {
    stage: &'a Stage,
    envoy: &'a Running,
    servers: &'a [Running],
    ways: &'a [Way],
    plan: &'a Plan,
}

impl Measured<'_> {
    fn rows(&self, tokens: &str, file: &str) -> Vec<Row> {
        for way in self.ways {
            // Names become known, files and memory warm.
            self.round(way, file, 1, 0);
        }
        let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); self.ways.len()];
        for number in 0..self.plan.rounds {
            for (way, rounds) in self.ways.iter().zip(&mut rounds) {
                rounds.push(self.round(way, file, self.plan.seconds, number * 7_919));
            }
        }
        let rows = self.ways.iter().zip(rounds);
        rows.map(|(way, rounds)| {
            let row = Row {
                tokens: tokens.to_owned(),
                way: way.name.clone(),
                rounds,
            };
            eprintln!("{}", table::line(&row));
            row
        })
        .collect()
    }

    fn round(&self, way: &Way, file: &str, seconds: u64, from: u64) -> Round {
        let times = || {
            let servers = self.servers.iter().map(Running::time);
            (self.envoy.time(), servers.sum::<Duration>())
        };
        let (envoy, servers) = times();
        let (script, tokens) = (self.stage.path("wrk.lua"), self.stage.path(file));
        let mut round = wrk::run(&script, &tokens, way.port, seconds, from);
        let (envoy_after, servers_after) = times();
        let answered = round.per_second * Duration::from_secs(seconds).as_secs_f64();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / answered.max(1.0);
        round.envoy = each(envoy_after.saturating_sub(envoy));
        round.servers = each(servers_after.saturating_sub(servers));
        round
    }
}
