//! A ledger, the operator who looks after it, and tokens that meet it.

use serde_json::{Value, json};

use super::program::{Program, Ran};

/// A policy that binds whichever repository of `acme` comes first.
pub(super) const POLICY: &str = r#"claimbound = 1
policy = { name = "acme-deploy", version = "1.0.0" }

[issuer.github]
model = "github-actions"

[trust.production]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { glob = "acme/*" }
environment = "production"

[trust.production.identity]
first_use = "enrol"

[trust.production.grant]
roles = ["deploy"]
"#;

pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A folder with a policy and a ledger.
pub(super) struct Operator {
    pub(super) program: Program,
}

impl Operator {
    /// With an empty ledger.
    pub(super) fn new() -> Self {
        let program = Program::new();
        program.write("policy.toml", POLICY);
        let operator = Self { program };
        operator.done("subject init");
        operator
    }

    /// With `acme` and `acme/infra` approved.
    pub(super) fn with_names() -> Self {
        let operator = Self::new();
        operator.changed(&format!("approve owner acme --id 123456 --issuer {ISSUER}"));
        operator.changed("approve repository acme/infra --id 456789 --parent acme");
        operator
    }

    /// Runs words on the ledger.
    pub(super) fn run(&self, call: &str) -> Ran {
        let words: Vec<_> = words(call);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let variables = [("CLAIMBOUND_LEDGER", "ledger.db")];
        self.program.run_with(&words, b"", &variables)
    }

    /// Changes something as alice, who says why.
    pub(super) fn change(&self, call: &str) -> Ran {
        self.run(&format!("{call} --by alice --reason 'a test'"))
    }

    /// The same by `subject`, where it has to succeed.
    pub(super) fn changed(&self, call: &str) -> Ran {
        let ran = self.change(&format!("subject {call}"));
        assert_eq!(ran.status, 0, "{call}: {ran:?}");
        ran
    }

    /// Runs words that have to succeed.
    pub(super) fn done(&self, call: &str) -> Ran {
        let ran = self.run(call);
        assert_eq!(ran.status, 0, "{call}: {ran:?}");
        ran
    }

    /// The whole ledger.
    pub(super) fn export(&self) -> String {
        self.done("subject export").out
    }

    /// A token of now for a repository, in `token.jwt` with `keys.json`.
    pub(super) fn token(&self, repository: &str, id: &str) {
        self.program.claims(
            "now.json",
            &json!({
                "sub": format!("repo:{repository}:environment:production"),
                "repository": repository,
                "repository_id": id,
                "jti": format!("token-of-{id}"),
                "iat": null,
                "exp": null,
            }),
        );
        let minted = self.done("token mint --claims now.json --lifetime 5m --jwks-out keys.json");
        self.program.write("token.jwt", minted.out);
    }

    /// Decides the token that was made last.
    pub(super) fn check(&self, more: &str) -> Ran {
        self.run(&format!(
            "check --policy policy.toml --token token.jwt --jwks keys.json --ledger ledger.db {more}"
        ))
    }

    /// Decides a fresh token: `allow`, or the first reason's code.
    pub(super) fn decide(&self, repository: &str, id: &str) -> String {
        self.token(repository, id);
        outcome(&self.check("--format json"))
    }
}

/// `allow`, or the first reason's code.
pub(super) fn outcome(ran: &Ran) -> String {
    let json = ran.json();
    let code = &json["reasons"][0]["code"];
    let shown = if *code == Value::Null {
        &json["outcome"]
    } else {
        code
    };
    shown.as_str().unwrap().to_owned()
}

/// Words as a shell splits them, where quotes hold some together.
fn words(call: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, piece) in call.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(piece.to_owned());
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Replaces times, which differ from run to run.
pub(super) fn timeless(run: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]");
    settings.add_filter(r"\(in [0-9a-z ]+\)", "(in [time])");
    settings.add_filter(r#""(at|since|until)": \d+"#, "\"$1\": [time]");
    settings.bind(run);
}
