//! The real program with a configuration of the page on proxies.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::program::{POLICY, Program};
use crate::forge::{Signer, job, with};

use super::place::{Answer, exchange, free_port, get, wait};

/// What a proxy says, as the page has it.
pub(super) const SECRET: &str = "the-secret-of-the-proxy";

/// The issuer of the tokens, unless a test has one of its own.
pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The file that a block of the page on proxies shows.
pub(super) fn shown(file: &str) -> String {
    let page = fs::read_to_string(crate::tree::root().join("docs/proxies.md")).unwrap();
    let fence = format!(" file={file}\n");
    let (_, rest) = page.split_once(&fence).expect(file);
    let (block, _) = rest.split_once("\n```\n").expect(file);
    format!("{block}\n")
}

/// A folder with a configuration, and the program that serves it.
pub(super) struct Server {
    pub(super) program: Program,
    pub(super) port: u16,
    pub(super) monitor: u16,
    pub(super) signer: Signer,
    issuer: String,
    tokens: AtomicUsize,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Server {
    /// One that serves the page's configuration.
    pub(super) fn start() -> Self {
        let mut server = Self::prepared();
        server.begin();
        server
    }

    /// The same before it runs.
    pub(super) fn prepared() -> Self {
        Self::new(ISSUER, "{ from = \"file\", path = \"keys.json\" }")
    }

    /// One that does not run yet, whose issuer has its keys there.
    pub(super) fn new(issuer: &str, keys: &str) -> Self {
        let server = Self {
            program: Program::new(),
            port: free_port(),
            monitor: free_port(),
            signer: Signer::new("key"),
            issuer: issuer.to_owned(),
            tokens: AtomicUsize::new(0),
            child: None,
        };
        server.policy("1.4.0", "deploy");
        server.program.write("keys.json", server.signer.key_set());
        let config = shown("claimbound.toml")
            .replace(
                "model = \"github-actions\"",
                &format!("model = \"github-actions\"\nurl = \"{issuer}\"\nkeys = {keys}"),
            )
            .replace("127.0.0.1:9000", &format!("127.0.0.1:{}", server.port))
            .replace("127.0.0.1:9001", &format!("127.0.0.1:{}", server.monitor));
        server.program.write("claimbound.toml", config);
        let made = server
            .program
            .run(&["subject", "init", "--ledger", "sqlite:ledger.db"]);
        assert_eq!(made.status, 0, "{made:?}");
        server
    }

    /// Changes the configuration.
    pub(super) fn configure(&self, change: impl FnOnce(String) -> String) {
        let config = String::from_utf8(self.program.read("claimbound.toml")).unwrap();
        self.program.write("claimbound.new", change(config));
        fs::rename(self.path("claimbound.new"), self.path("claimbound.toml")).unwrap();
    }

    /// Puts a policy in place that grants this role.
    pub(super) fn policy(&self, version: &str, role: &str) {
        let policy = POLICY
            .replace("single_use = true\n", "")
            .replace("1.4.0", version)
            .replace(
                "model = \"github-actions\"",
                &format!("model = \"github-actions\"\nurl = \"{}\"", self.issuer),
            )
            .replace(
                "roles = [\"deploy\"]",
                &format!("roles = [\"{role}\"]\nscopes = [\"write\", \"read\"]"),
            );
        self.program.write("policy.toml", policy);
        self.build();
    }

    /// Puts a policy in place whose tokens are used once.
    pub(super) fn use_once(&self) {
        let policy = String::from_utf8(self.program.read("policy.toml")).unwrap();
        let lifetime = "token_lifetime = \"15m\"\n";
        let policy = policy.replace(lifetime, &format!("{lifetime}single_use = true\n"));
        self.program.write("policy.toml", policy);
        self.build();
    }

    fn build(&self) {
        let built = self
            .program
            .run(&["build", "policy.toml", "-o", "policy.new"]);
        assert_eq!(built.status, 0, "{built:?}");
        fs::rename(self.path("policy.new"), self.path("policy.wasm")).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.program.path(name)
    }

    /// Starts the program, and waits until it listens.
    pub(super) fn begin(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("server.log"))
            .unwrap();
        let child = self
            .program
            .command(&[
                "serve",
                "--config",
                "claimbound.toml",
                "--log-format",
                "json",
            ])
            .env("CLAIMBOUND_PROXY", SECRET)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        wait(
            "it lives",
            || self.log(),
            || get(self.monitor, "/live", "").status == 200,
        );
    }

    /// Waits until it is ready.
    pub(super) fn wait_ready(&self) {
        wait("it is ready", || self.log(), || self.is_ready());
    }

    pub(super) fn is_ready(&self) -> bool {
        get(self.monitor, "/ready", "").status == 200
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }

    pub(super) fn metrics(&self) -> String {
        get(self.monitor, "/metrics", "").text
    }

    /// Sends the program a signal.
    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the program's end, and says whether it was in order.
    pub(super) fn ends(&mut self) -> bool {
        self.child.take().unwrap().wait().unwrap().success()
    }

    /// Kills the program.
    pub(super) fn kill(&mut self) {
        self.signal("-KILL");
        assert!(!self.ends());
    }

    /// What operators are told.
    pub(super) fn admin(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(
            UnixStream::connect(self.path("admin.sock")).unwrap(),
            &request,
        )
    }

    /// Revokes a token by its id.
    pub(super) fn revoke(&self, id: &str) -> Answer {
        let what = json!({ "kind": "token-id", "issuer": self.issuer, "value": id,
            "by": "alice", "reason": "it leaked" });
        self.admin("/revoke", &what)
    }

    /// Asks as a proxy does.
    pub(super) fn ask(&self, headers: &str) -> Answer {
        let headers = format!("X-Claimbound-Proxy: {SECRET}\r\n{headers}");
        get(self.port, "/authorize/deploy", &headers)
    }

    /// A token that the policy accepts.
    pub(super) fn token(&self) -> String {
        self.token_with(&json!({}))
    }

    /// The same with other claims.
    pub(super) fn token_with(&self, changes: &Value) -> String {
        self.token_by(&self.signer, changes)
    }

    /// The same signed by another key.
    pub(super) fn token_by(&self, signer: &Signer, changes: &Value) -> String {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        let now = now();
        let fresh = json!({ "iss": self.issuer, "iat": now - 5, "nbf": now - 5,
            "exp": now + 300, "jti": format!("job-{number}") });
        signer.sign(&with(with(job(), &fresh), changes))
    }
}

/// The clock that the program goes by.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}
