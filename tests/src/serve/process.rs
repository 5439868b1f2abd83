//! The program itself: signals, exit statuses, the log, and how it stops.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use claimbound::clock::{Clock as _, SystemClock};
use claimbound_server::config::Address;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::{Answer, Question};
use super::{EXCHANGE, Place, component, job_with, value};
use crate::forge::{job, with};
use crate::gate::{DOCUMENT, SIGNER};
use crate::program::program;

/// The program while it serves.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub(super) fn start(place: &Place, more: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["serve", "--config", "claimbound.toml"])
            .args(more)
            .current_dir(place.path(""))
            .env("ADMIN", "of-operators")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// The next line that holds this.
    pub(super) fn line(&mut self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_mins(1));
            let line = line.unwrap_or_else(|_| panic!("no {part}: {:?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Where a listener listens, as the log says it.
    fn address(&mut self, listener: &str) -> Address {
        let line = self.line(&format!("\"listener\":\"{listener}\""));
        let line: Value = serde_json::from_str(&line).unwrap();
        serde_json::from_value(line["address"].clone()).unwrap()
    }

    pub(super) fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
    }

    pub(super) fn exit(mut self) -> (i32, Vec<String>) {
        let status = self.child.wait().unwrap();
        self.seen.extend(self.lines.iter());
        (status.code().unwrap_or(-1), self.seen)
    }
}

/// A place whose policy lets in at any time.
fn always() -> Place {
    let place = Place::new();
    let (before, rest) = DOCUMENT.split_once("[trust.production.window]").unwrap();
    let (_, after) = rest.split_once("[trust.production.grant]").unwrap();
    let document = format!("{before}[trust.production.grant]{after}");
    let document = document.replace("expires = 2027-06-30T00:00:00Z\n", "");
    place.write("policy.wasm", component(&document));
    place
}

/// A token of now.
fn token(changes: &Value) -> String {
    let now = SystemClock.now();
    let times = json!({ "iat": now - 10, "nbf": now - 10, "exp": now + 290 });
    SIGNER.sign(&with(with(job(), &times), changes))
}

async fn present(address: &Address, token: &str) -> std::io::Result<Answer> {
    let said = format!("Bearer {token}");
    let question = Question::get("/authorize/deploy").with("authorization", &said);
    question.ask(address).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hangup_reloads_and_terminate_stops_with_a_closed_record() {
    let place = always();
    place.configure(&[("[ledger]", "[record]\nfolder = \"record\"\n[ledger]")]);
    let mut running = Running::start(&place, &["--log", "debug,hyper=info"]);
    let proxy = running.address("proxy");
    let good = token(&json!({}));
    assert_eq!(present(&proxy, &good).await.unwrap().status, 200);
    let hidden = "a\u{1b}[31m\nsecond line";
    let odd = token(&json!({ "ref": hidden, "jti": "odd" }));
    assert_eq!(present(&proxy, &odd).await.unwrap().status, 403);

    running.signal("-HUP");
    running.line("the configuration is taken up");
    std::fs::write(place.path("claimbound.toml"), "claimbound = 1\nnonsense").unwrap();
    running.signal("-HUP");
    running.line("the configuration is not taken up; the last one stays");
    place.configure(&[("token = \"env:ADMIN\"", "uids = \"hunter2\"")]);
    running.signal("-HUP");
    let told = running.line("`admin.uids`: text stands here, and a list is wanted");
    assert!(!told.contains("\\n"), "{told}");
    assert_eq!(present(&proxy, &good).await.unwrap().status, 401, "reused");

    running.signal("-TERM");
    let (status, log) = running.exit();
    assert_eq!(status, 0, "{log:?}");
    for line in &log {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["level"].is_string() && line["timestamp"].is_string(),
            "{line}"
        );
    }
    let log = log.join("\n");
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    assert!(!log.contains(&signature(&good)) && !log.contains(&signature(&odd)));
    assert!(!log.contains("of-operators") && !log.contains("hunter2"));
    assert!(log.contains("\"code\":\"token.reused\""), "{log}");

    let verified = Command::new(program())
        .args(["audit", "verify", "record", "--format", "json"])
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let found = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{found}");
    assert!(found.contains("checkpoint"), "{found}");
}

/// What somebody may have their subject hold, to end a line of the log, begin
/// another, close a field, or turn the text around.
const HOSTILE: &str =
    "repo:a\u{1b}[31m\r\n{\"level\":\"ERROR\"}\" code=\"forged\u{2028}\u{85}\u{202e}x";

/// Whether a line has a character that something would obey.
fn obeys(line: &str) -> bool {
    line.chars()
        .any(|one| one.is_control() || matches!(one, '\u{2028}' | '\u{202e}'))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_is_logged_with_its_subject_and_statement_once_they_are_verified() {
    let place = always();
    let mut running = Running::start(&place, &["--log", "debug,hyper=info"]);
    let proxy = running.address("proxy");
    let signed = [
        (
            json!({ "jti": "one", "ref": "refs/heads/x" }),
            403,
            "claim.mismatch",
        ),
        (
            json!({ "jti": "two", "aud": "somebody" }),
            401,
            "audience.mismatch",
        ),
    ];
    for (changes, status, code) in signed {
        let answer = present(&proxy, &token(&changes)).await.unwrap();
        assert_eq!(answer.status, status);
        let line: Value = serde_json::from_str(&running.line("\"denied\"")).unwrap();
        assert_eq!(
            (&line["level"], &line["code"]),
            (&json!("INFO"), &json!(code))
        );
        assert_eq!(line["subject"], job()["sub"], "{line}");
        let statement = (code == "claim.mismatch").then_some("production");
        assert_eq!(
            line.get("statement").and_then(Value::as_str),
            statement,
            "{line}"
        );
        let reason = line["reason"].as_str().unwrap();
        assert!(!reason.starts_with('"'), "{reason}");
    }
    // Spent by the first, which its statement had accepted both times.
    let good = token(&json!({}));
    for (status, word) in [(200, "\"allowed\""), (401, "\"denied\"")] {
        assert_eq!(present(&proxy, &good).await.unwrap().status, status);
        let line: Value = serde_json::from_str(&running.line(word)).unwrap();
        assert_eq!(line["subject"], job()["sub"], "{line}");
        assert_eq!(line["statement"], "production", "{line}");
    }
    // Nobody vouches for what another key has signed.
    let mut forged = good.into_bytes();
    let last = forged.len() - 20;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(present(&proxy, &forged).await.unwrap().status, 401);
    let line: Value = serde_json::from_str(&running.line("\"denied\"")).unwrap();
    assert_eq!(
        (&line["level"], &line["code"]),
        (&json!("DEBUG"), &json!("token.signature"))
    );
    assert!(
        line.get("subject").is_none() && line.get("statement").is_none(),
        "{line}"
    );
    running.signal("-TERM");
    assert_eq!(running.exit().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_claim_breaks_a_line_of_the_log() {
    let hostile = || token(&json!({ "sub": HOSTILE, "ref": HOSTILE, "jti": "odd" }));
    let place = always();
    let mut running = Running::start(&place, &["--log-format", "json"]);
    let proxy = running.address("proxy");
    assert_eq!(present(&proxy, &hostile()).await.unwrap().status, 403);
    let line = running.line("\"denied\"");
    assert!(!obeys(&line), "{line:?}");
    let json: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&json["subject"], &json["level"]),
        (&json!(HOSTILE), &json!("INFO"))
    );
    running.signal("-TERM");
    assert_eq!(running.exit().0, 0);

    place.configure(&[(
        "address = \"127.0.0.1:0\"\nserves",
        "address = \"unix:proxy.sock\"\nserves",
    )]);
    let mut running = Running::start(&place, &["--log-format", "text"]);
    running.line("listener=\"proxy\"");
    let proxy = Address::Unix(place.path("proxy.sock"));
    assert_eq!(present(&proxy, &hostile()).await.unwrap().status, 403);
    let line = running.line("denied");
    assert!(!obeys(&line), "{line:?}");
    // Its own quotes can't close the field's.
    assert!(
        line.contains(" subject=\"repo:a\\u{1b}[31m\\r\\n{\\\"level\\\":"),
        "{line}"
    );
    assert!(!line.contains(" code=\"forged"), "{line}");
    running.signal("-INT");
    let (status, log) = running.exit();
    assert_eq!(status, 0);
    assert!(!log.iter().any(|line| line.starts_with('{')), "{log:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_comes_to_nothing_is_counted_and_logged_by_what_was_answered() {
    let place = always();
    place.configure(&[
        ("serves = [\"forward-auth\"]", "serves = [\"exchange\"]"),
        ("\n[ledger]", &format!("{EXCHANGE}\n[ledger]")),
    ]);
    let mut running = Running::start(&place, &["--log", "debug,hyper=info"]);
    let proxy = running.address("proxy");
    let monitor = running.address("monitor");
    let denied = token(&json!({ "jti": "one", "ref": "refs/heads/x" }));
    let late = token(&json!({ "jti": "two" }));
    let wanted = json!({ "exchange_target": "api", "route": "deploy", "subject": job()["sub"] });
    let denial = json!({ "level": "INFO", "error": "invalid_request", "codes": "claim.mismatch" });
    let scope = json!({ "level": "INFO", "error": "invalid_scope", "statement": "production" });
    let malformed = json!({ "level": "DEBUG", "error": "invalid_request" });
    for (token, more, expected) in [
        (&*denied, "", with(wanted.clone(), &denial)),
        (&*late, "&scope=everything", with(wanted, &scope)),
        ("a.b.c%0A", "", malformed.clone()),
        ("", "", malformed),
    ] {
        let body = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&\
             subject_token_type=urn:ietf:params:oauth:token-type:jwt&subject_token={token}{more}"
        );
        let question = Question::post("/token", &body)
            .with("content-type", "application/x-www-form-urlencoded");
        let answer = question.ask(&proxy).await.unwrap();
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"], expected["error"]);
        let line = running.line("no token is given in exchange");
        let line: Value = serde_json::from_str(&line).unwrap();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&line[name], value, "{name} of {line}");
        }
        assert_eq!(line["description"], answer.json()["error_description"]);
    }
    let metrics = Question::get("/metrics").ask(&monitor).await.unwrap().body;
    let count = |result: &str| {
        value(
            &metrics,
            &format!("claimbound_exchanges_total{{result=\"{result}\"}}"),
        )
    };
    assert_eq!(
        (
            count("invalid_request"),
            count("invalid_scope"),
            count("denied")
        ),
        (3, 1, 0)
    );
    running.signal("-TERM");
    assert_eq!(running.exit().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_order_is_logged_in_words() {
    let place = Place::new();
    let mut running = Running::start(&place, &[]);
    let admin = running.address("admin");
    let body = json!({
        "kind": "issuer", "issuer": "https://id.example", "until": "2100-01-01T00:00:00Z",
        "by": "alice", "reason": "incident \"7\"",
    });
    let body = body.to_string();
    let question = Question::post("/revoke", &body).with("authorization", "Bearer of-operators");
    assert_eq!(question.ask(&admin).await.unwrap().status, 200);
    let line: Value = serde_json::from_str(&running.line("an operator's order")).unwrap();
    let words = "revoke issuer https://id.example until 2100-01-01T00:00:00Z";
    assert_eq!(line["order"], words, "{line}");
    assert_eq!(
        (&line["by"], &line["reason"]),
        (&json!("alice"), &json!("incident \"7\""))
    );
    running.signal("-TERM");
    assert_eq!(running.exit().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_at_once() {
    let place = always();
    place.configure(&[("drain = \"5s\"", "drain = \"1h\"")]);
    let mut running = Running::start(&place, &[]);
    let proxy = running.address("proxy");
    let locked = Connection::open(place.path("ledger.db")).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    let good = token(&json!({}));
    let waiting = tokio::spawn(async move { present(&proxy, &good).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.signal("-TERM");
    running.line("told to stop;");
    let since = Instant::now();
    running.signal("-TERM");
    let (status, log) = running.exit();
    assert_eq!(status, 2, "{log:?}");
    assert!(since.elapsed() < Duration::from_secs(2));
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_was_begun_is_finished_and_nothing_new_begins() {
    let place = Place::new();
    let serving = place.serve().await;
    let (proxy, monitor) = (serving.address("proxy"), serving.address("monitor"));
    // A connection that is kept, and one that has said nothing yet.
    let Address::Tcp(address) = &proxy else {
        panic!()
    };
    let mut kept = TcpStream::connect(address).await.unwrap();
    kept.write_all(b"GET /authorize/none HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut buffer = [0; 1024];
    assert!(kept.read(&mut buffer).await.unwrap() > 0);
    let mut silent = TcpStream::connect(address).await.unwrap();

    let locked = Connection::open(place.path("ledger.db")).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    let token = SIGNER.sign(&job_with("one"));
    let waiting = {
        let proxy = proxy.clone();
        tokio::spawn(async move { present(&proxy, &token).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let drained = tokio::spawn(serving.server.drain());
    for stream in [&mut kept, &mut silent] {
        let end = tokio::time::timeout(Duration::from_secs(3), stream.read(&mut buffer)).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "{end:?}");
    }
    assert!(
        present(&proxy, "a.b.c").await.is_err(),
        "nothing new begins"
    );
    locked.execute_batch("ROLLBACK").unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status, 200);
    drained.await.unwrap();
    assert!(Question::get("/live").ask(&monitor).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_monitor_says_that_it_stops() {
    let place = Place::new();
    let serving = place.serve().await;
    let (proxy, monitor) = (serving.address("proxy"), serving.address("monitor"));
    let locked = Connection::open(place.path("ledger.db")).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    let token = SIGNER.sign(&job_with("one"));
    let waiting = tokio::spawn(async move { present(&proxy, &token).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let drained = tokio::spawn(serving.server.drain());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ready = Question::get("/ready").ask(&monitor).await.unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("it is stopping"), "{ready:?}");
    assert_eq!(
        Question::get("/live").ask(&monitor).await.unwrap().status,
        200
    );
    locked.execute_batch("ROLLBACK").unwrap();
    let _ = waiting.await.unwrap();
    drained.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_and_says_nothing_is_not_waited_for() {
    let place = Place::new();
    place.configure(&[(
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nconnections = 1\nheader_timeout = \"300ms\"",
    )]);
    let serving = place.serve().await;
    let Address::Tcp(address) = serving.address("proxy") else {
        panic!()
    };
    for said in ["", "PRI * HTTP", "GET / HT"] {
        let mut silent = TcpStream::connect(address).await.unwrap();
        silent.write_all(said.as_bytes()).await.unwrap();
        // The only connection is free again soon.
        let claims = job_with("one");
        let answer = tokio::time::timeout(Duration::from_secs(5), serving.present(&claims));
        assert!(answer.await.is_ok(), "{said}");
    }
}

#[test]
fn a_configuration_is_checked_and_described() {
    let place = Place::new();
    let run = |arguments: &[&str]| {
        let output = Command::new(program())
            .arg("serve")
            .args(arguments)
            .current_dir(place.path(""))
            .env("ADMIN", "of-operators")
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), out)
    };
    let check = ["--config", "claimbound.toml", "--check", "--format", "json"];
    let (status, out) = run(&check);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (status, found),
        (
            0,
            json!({ "valid": true, "error": null, "warnings": [],
            "routes": [{ "route": "deploy", "policy": "acme-deploy@1.4.0" }] })
        )
    );
    for (log, is_one) in [
        ("infoo", false),
        ("warn,claimbond", false),
        ("warn,hyper=trace", true),
    ] {
        let (status, _) = run(&["--config", "claimbound.toml", "--check", "--log", log]);
        assert_eq!(status, if is_one { 0 } else { 2 }, "{log}");
    }
    place.configure(&[("issuers = [\"forge\"]", "issuers = [\"force\"]")]);
    let (status, out) = run(&check);
    let found: Value = serde_json::from_str(&out).unwrap();
    let error = "route.deploy.issuers[0]: there is no such `[issuer.NAME]` (did you mean `forge`?); \
                 there are `forge`";
    assert_eq!(
        (status, found),
        (
            1,
            json!({ "valid": false, "error": error, "warnings": [], "routes": [] })
        )
    );
    // What can't be served is told, by the exit status too.
    let (status, _) = run(&["--config", "claimbound.toml"]);
    assert_eq!(status, 2);
    let (status, out) = run(&["--schema"]);
    let shipped = std::fs::File::open(crate::tree::root().join("docs/config.schema.json"));
    let mut text = String::new();
    shipped.unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((status, out.trim_end()), (0, text.trim_end()));
}
