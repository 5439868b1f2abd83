//! `serve`: its configuration and its operations, over real sockets.

mod admin;
mod bad;
mod exchanges;
mod fit;
mod grpc;
mod http;
mod page;
mod process;
mod recorded;
mod reload;
mod rollout;
mod scripts;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claimbound::bake;
use claimbound::clock::{Clock, FixedClock};
use claimbound::ledger::{Ledger, Sqlite};
use claimbound_server::OwnedEnvironment;
use claimbound_server::config::Address;
use claimbound_server::server::Server;
use serde_json::Value;

use self::http::{Answer, Question};
use crate::forge::{NOW, job};
use crate::gate::{DOCUMENT, SIGNER};
use crate::standard::standard;

/// A configuration with a listener of each kind.
const CONFIG: &str = r#"
claimbound = 1
drain = "5s"

[issuer.forge]
model = "github-actions"
keys = { from = "file", path = "keys.json" }

[route.deploy]
audience = "https://deploy.acme.example"
issuers = ["forge"]
policy = "policy.wasm"
danger_unsigned = true
ceiling = { roles = ["deploy"], longest_lifetime = "10m", enrolment = true }

[listen.proxy]
address = "127.0.0.1:0"
serves = ["forward-auth"]

[monitor]
address = "127.0.0.1:0"

[admin]
address = "127.0.0.1:0"
token = "env:ADMIN"

[ledger]
sqlite = "ledger.db"

[sandbox]
shards = 1
threads = 2
deadline = "10s"
"#;

/// An exchange for the callers of the route of [`CONFIG`].
const EXCHANGE: &str = r#"
[exchange]
issuer = "https://id.acme.example"
keys = "signing"

[exchange.target.api]
audience = "https://api.acme.example"
route = "deploy"
"#;

/// A folder with a configuration and all that it names.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("claimbound.toml", CONFIG);
        place.write("policy.wasm", component(DOCUMENT));
        place.write("keys.json", SIGNER.key_set());
        Ledger::sqlite(&Sqlite::at(place.path("ledger.db")).or_new()).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file beside its place and puts it there, as an editor does.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let beside = self.path("beside");
        std::fs::write(&beside, contents).unwrap();
        std::fs::rename(beside, self.path(name)).unwrap();
    }

    /// The configuration with some text replaced.
    fn configure(&self, changes: &[(&str, &str)]) {
        self.write("claimbound.toml", changed(changes));
    }

    async fn serve(&self) -> Serving {
        let server = start(&self.path("claimbound.toml")).await;
        Serving { server }
    }
}

/// [`CONFIG`] with some text replaced.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = CONFIG.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

/// The component of a document.
fn component(document: &str) -> Vec<u8> {
    let compiled = claimbound_language::compile("policy.toml", document)
        .unwrap_or_else(|findings| panic!("{findings}"));
    bake::bake(&standard(), &compiled.bytes, &[]).unwrap()
}

fn environment() -> OwnedEnvironment {
    Arc::new(|name| match name {
        "ADMIN" => Some("of-operators".to_owned()),
        "PROXY" => Some("of-the-proxy".to_owned()),
        _ => None,
    })
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock(NOW))
}

async fn start(path: &Path) -> Server {
    Server::start(path, environment(), clock()).await.unwrap()
}

struct Serving {
    server: Server,
}

impl Serving {
    fn address(&self, name: &str) -> Address {
        let mut listening = self.server.listening().iter();
        listening.find(|(one, _)| one == name).unwrap().1.clone()
    }

    async fn ask(&self, listener: &str, question: Question<'_>) -> Answer {
        question.ask(&self.address(listener)).await.unwrap()
    }

    /// The answer of the route to a token of these claims.
    async fn present(&self, claims: &Value) -> Answer {
        let token = format!("Bearer {}", SIGNER.sign(claims));
        let question = Question::get("/authorize/deploy").with("authorization", &token);
        self.ask("proxy", question).await
    }

    async fn metrics(&self) -> String {
        self.ask("monitor", Question::get("/metrics")).await.body
    }

    /// The value of a line of the metrics; zero where there is none.
    async fn metric(&self, line: &str) -> i64 {
        value(&self.metrics().await, line)
    }

    async fn operate(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let question = Question::post(path, &body).with("authorization", "Bearer of-operators");
        self.ask("admin", question).await
    }

    /// Waits until a line of the metrics has this value.
    async fn until(&self, line: &str, expected: i64) {
        for _ in 0..400 {
            if self.metric(line).await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{line} is never {expected}: {}", self.metrics().await);
    }
}

fn value(metrics: &str, line: &str) -> i64 {
    let mut values = metrics.lines().filter_map(|one| one.strip_prefix(line));
    values.next().map_or(0, |rest| rest.trim().parse().unwrap())
}

/// A job's claims with another id of the token.
fn job_with(id: &str) -> Value {
    crate::forge::with(job(), &serde_json::json!({ "jti": id }))
}
