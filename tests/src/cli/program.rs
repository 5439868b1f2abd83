//! The program in a folder of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A policy with what most policies have.
pub(crate) const POLICY: &str = r#"# production only
claimbound = 1
policy = { name = "acme-deploy", version = "1.4.0" }

[issuer.github]
model = "github-actions"

[trust.production]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
single_use = true

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"

[trust.production.claims]
ref = "refs/heads/main"

[trust.production.grant]
roles = ["deploy"]
claims = { tier = "gold" }
max_ttl = "10m"

[forbid.self-hosted]
issuer = "github"
claims = { runner_environment = "self-hosted" }
"#;

/// Claims that it accepts at [`AT`].
pub(crate) const CLAIMS: &str = r#"{
  "iss": "https://token.actions.githubusercontent.com",
  "sub": "repo:acme/infra:environment:production",
  "aud": "https://deploy.acme.example",
  "iat": 1795428000,
  "exp": 1795428300,
  "repository": "acme/infra",
  "repository_id": "456789",
  "repository_owner": "acme",
  "repository_owner_id": "123456",
  "environment": "production",
  "ref": "refs/heads/main",
  "runner_environment": "github-hosted"
}"#;

/// A minute after they were issued.
pub(crate) const AT: &str = "2026-11-23T10:01:00Z";

/// What became of one call.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Both streams and the status, what differs from run to run replaced.
    pub(crate) fn shown(&self) -> String {
        format!(
            "{}--- stderr\n{}--- status {}\n",
            self.out, self.err, self.status
        )
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A folder with a policy, claims, a token and its keys.
pub(crate) struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        let program = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        program.write("policy.toml", POLICY);
        program.write("claims.json", CLAIMS);
        program
    }

    /// The same with `token.jwt`, signed by a key of `keys.json`.
    pub(crate) fn with_token() -> Self {
        let program = Self::new();
        let ran = program.run(&[
            "token",
            "mint",
            "--claims",
            "claims.json",
            "--algorithm",
            "ES256",
            "--jwks-out",
            "keys.json",
        ]);
        assert_eq!(ran.status, 0, "{ran:?}");
        program.write("token.jwt", &ran.out);
        program
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Claims with some members replaced or, where they are null, left out.
    pub(crate) fn claims(&self, name: &str, with: &Value) {
        let mut claims: Value = serde_json::from_str(CLAIMS).unwrap();
        for (member, value) in with.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(member);
            } else {
                claims[member] = value.clone();
            }
        }
        self.write(name, claims.to_string());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, b"", &[])
    }

    pub(crate) fn run_with(
        &self,
        arguments: &[&str],
        input: &[u8],
        variables: &[(&str, &str)],
    ) -> Ran {
        let mut child = self
            .command(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that fails early reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
        Ran {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err,
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::program::program());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("COLUMNS", "100")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("CLAIMBOUND_LEDGER")
            .env_remove("LOGNAME")
            .env_remove("USER")
            .env_remove("RUST_BACKTRACE");
        command
    }
}

/// Replaces what differs from run to run or from release to release.
pub(crate) fn settled(run: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"sha256:[0-9a-f]{64}", "sha256:[digest]");
    settings.add_filter(r"\d+ µs", "[time] µs");
    settings.add_filter(r"\d+ ms", "[time] ms");
    settings.add_filter(r"\d+ KiB \(\d+ bytes\)", "[size]");
    settings.add_filter(r"\[version\]|claimbound 0\.\d+\.\d+", "[version]");
    settings.bind(run);
}
