//! The token of a job, in the shapes in which the forges write it, signed.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::forge::{Flavour, Forge};
use super::random::Random;

pub(super) const AUDIENCE: &str = "https://simulation.example";

/// Two keys of each forge, the same ones in each process.
static KEYS: LazyLock<[[Ed25519KeyPair; 2]; 2]> = LazyLock::new(|| {
    [[1, 2], [3, 4]]
        .map(|seeds| seeds.map(|seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()))
});

pub(super) const fn issuer(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::GitHub => "https://token.actions.githubusercontent.com",
        Flavour::GitLab => "https://gitlab.com",
    }
}

fn key(flavour: Flavour, index: usize) -> &'static Ed25519KeyPair {
    &KEYS[flavour as usize][index]
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn x(flavour: Flavour, index: usize) -> String {
    encode(key(flavour, index).public_key().as_ref())
}

/// The forge's keys, as a key set.
pub(super) fn key_set(flavour: Flavour) -> String {
    let jwk = |index: usize| {
        json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "kid": format!("key-{index}"), "x": x(flavour, index),
        })
    };
    json!({ "keys": [jwk(0), jwk(1)] }).to_string()
}

/// RFC 7638 §3 and RFC 8037 §2: the required members in their order.
pub(super) fn thumbprint(flavour: Flavour, index: usize) -> String {
    let jwk = format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
        x(flavour, index)
    );
    encode(digest(&SHA256, jwk.as_bytes()))
}

/// What a job runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Branch(&'static str),
    /// On the branch `main`, or on another.
    Environment {
        main: bool,
    },
    /// From a branch whose name somebody outside has chosen.
    PullRequest,
}

/// A job's token, and who it really is of.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) flavour: Flavour,
    /// The account's id and name, as the forge has them when the job runs.
    pub(super) account: (u64, String),
    /// The repository's id and path.
    pub(super) repository: (u64, String),
    pub(super) context: Context,
    pub(super) key: usize,
    /// The `jti`. The other forge counts from the same number.
    pub(super) serial: String,
    pub(super) subject: String,
    pub(super) issued: u64,
    pub(super) expires: u64,
    pub(super) token: String,
}

impl Job {
    /// A job of a repository.
    pub(super) fn run(
        forge: &Forge,
        repository: usize,
        serial: u64,
        now: u64,
        random: &mut Random,
    ) -> Self {
        let held = &forge.repositories[repository];
        let account = &forge.accounts[held.account];
        let mut job = Self {
            flavour: forge.flavour,
            account: (account.id, account.name.clone()),
            repository: (held.id, forge.path(repository)),
            context: context(held.has_environment, random),
            key: random.below(2),
            serial: format!("job-{serial}"),
            subject: String::new(),
            issued: now,
            expires: now + 60 + 60 * u64::try_from(random.below(10)).unwrap(),
            token: String::new(),
        };
        let claims = match job.flavour {
            Flavour::GitHub => job.github(held.immutable),
            Flavour::GitLab => {
                let target = held.fork_of.map(|one| &forge.repositories[one]);
                job.gitlab(held.protected, target.map(|target| target.id))
            }
        };
        claims["sub"].as_str().unwrap().clone_into(&mut job.subject);
        job.token = sign(key(job.flavour, job.key), job.key, &claims);
        job
    }

    /// The SHA-256 of what is signed, in hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        let (signed, _) = self.token.rsplit_once('.').unwrap();
        let digest = digest(&SHA256, signed.as_bytes());
        digest
            .as_ref()
            .iter()
            .fold(String::new(), |mut text, byte| {
                use std::fmt::Write as _;
                write!(text, "{byte:02x}").unwrap();
                text
            })
    }

    fn github(&self, immutable: bool) -> Value {
        let (owner_id, owner) = &self.account;
        let (id, path) = &self.repository;
        let (_, name) = path.split_once('/').unwrap();
        let names = if immutable {
            format!("repo:{owner}@{owner_id}/{name}@{id}")
        } else {
            format!("repo:{path}")
        };
        let (context, reference, event) = match self.context {
            Context::Branch(name) => (
                format!("ref:refs/heads/{name}"),
                format!("refs/heads/{name}"),
                "push",
            ),
            Context::Environment { main } => (
                "environment:production".to_owned(),
                format!("refs/heads/{}", if main { "main" } else { "feature" }),
                "push",
            ),
            Context::PullRequest => (
                "pull_request".to_owned(),
                "refs/pull/7/merge".to_owned(),
                "pull_request",
            ),
        };
        let mut claims = json!({
            "iss": issuer(self.flavour), "aud": AUDIENCE, "jti": self.serial,
            "iat": self.issued, "nbf": self.issued, "exp": self.expires,
            "sub": format!("{names}:{context}"),
            "repository": path, "repository_id": id.to_string(),
            "repository_owner": owner, "repository_owner_id": owner_id.to_string(),
            "repository_visibility": "private",
            "ref": reference, "ref_type": "branch", "event_name": event,
            "sha": "0123abcd", "run_id": self.serial, "run_attempt": "1",
            "actor": owner, "actor_id": owner_id.to_string(),
            "workflow_ref": format!("{path}/.github/workflows/ci.yml@{reference}"),
            "job_workflow_ref": format!("{path}/.github/workflows/ci.yml@{reference}"),
            "runner_environment": "github-hosted",
        });
        match self.context {
            Context::Environment { .. } => claims["environment"] = "production".into(),
            Context::PullRequest => {
                // Whoever opens it chooses this, and hopes.
                claims["head_ref"] = "acme/infra:environment:production".into();
                claims["base_ref"] = "main".into();
            }
            Context::Branch(_) => {}
        }
        claims
    }

    /// Since GitLab 18.2.2 a merge request's pipeline in a fork names the fork.
    fn gitlab(&self, protected: bool, target: Option<u64>) -> Value {
        let (namespace_id, namespace) = &self.account;
        let (id, path) = &self.repository;
        let (name, source) = match self.context {
            Context::Branch(name) => (name, "push"),
            Context::Environment { main } => (if main { "main" } else { "feature" }, "push"),
            Context::PullRequest => ("acme-infra", "merge_request_event"),
        };
        let mut claims = json!({
            "iss": issuer(self.flavour), "aud": AUDIENCE, "jti": self.serial,
            "iat": self.issued, "nbf": self.issued, "exp": self.expires,
            "sub": format!("project_path:{path}:ref_type:branch:ref:{name}"),
            "project_path": path, "project_id": id.to_string(),
            "namespace_path": namespace, "namespace_id": namespace_id.to_string(),
            "user_login": namespace, "user_id": namespace_id.to_string(),
            "ref": name, "ref_type": "branch", "ref_path": format!("refs/heads/{name}"),
            "ref_protected": protected.to_string(), "pipeline_source": source,
            "pipeline_id": self.serial, "runner_environment": "gitlab-hosted",
        });
        if let (Context::PullRequest, Some(target)) = (self.context, target) {
            claims["job_project_id"] = target.to_string().into();
        }
        if let Context::Environment { .. } = self.context {
            claims["environment"] = "production".into();
        }
        claims
    }
}

fn context(has_environment: bool, random: &mut Random) -> Context {
    match random.below(6) {
        0 => Context::Branch("main"),
        1 => Context::Branch("feature"),
        2 => Context::PullRequest,
        other if has_environment => Context::Environment { main: other < 5 },
        _ => Context::Branch("main"),
    }
}

fn sign(key: &Ed25519KeyPair, index: usize, claims: &Value) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": format!("key-{index}") });
    let signed = format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    );
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}
