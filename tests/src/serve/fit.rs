//! What can never allow, or looks odd, is told before anything is served.

use claimbound::bake;
use claimbound_server::server::{Checked, Server, check};

use super::{CONFIG, EXCHANGE, Place, changed, clock, environment, job_with};
use crate::gate::DOCUMENT;
use crate::standard::standard;

/// The component of a document, with the text of one in it.
fn carrying(document: &str, text: &str) -> Vec<u8> {
    let compiled = claimbound_language::compile("policy.toml", document)
        .unwrap_or_else(|findings| panic!("{findings}"));
    let sections = [(bake::DOCUMENT, text.as_bytes())];
    bake::bake(&standard(), &compiled.bytes, &sections).unwrap()
}

fn look(place: &Place, text: &str) -> Result<Checked, String> {
    place.write("claimbound.toml", text);
    let checked = check(&place.path("claimbound.toml"), &environment(), clock());
    checked.map_err(|error| error.to_string())
}

/// The error; what is odd, where there is none.
fn told(place: &Place, text: &str) -> Result<Vec<String>, String> {
    look(place, text).map(|checked| checked.warnings)
}

/// The document with some text replaced.
fn document(changes: &[(&str, &str)]) -> String {
    let mut text = DOCUMENT.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

/// Changes of the document, changes of the configuration, and the error.
type Never = (
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
    &'static str,
);

const NEVER: &[Never] = &[
    (
        &[],
        &[(
            "model = \"github-actions\"",
            "model = \"github-actions\"\nurl = \"https://forge.acme.example\"",
        )],
        "route.deploy.issuers: the policy trusts none of them: nothing can be allowed here; it trusts \
         `https://token.actions.githubusercontent.com`",
    ),
    (
        &[],
        &[(
            "audience = \"https://deploy",
            "audience = \"https://hunter2",
        )],
        "route.deploy.audience: no statement of the policy takes it: nothing can be allowed here; they \
         take `https://deploy.acme.example`",
    ),
    (
        &[],
        &[("roles = [\"deploy\"]", "roles = [\"hunter2\"]")],
        "route.deploy.ceiling.roles: statement `production` grants role `deploy`, which this ceiling \
         does not list: nothing can be allowed here",
    ),
    (
        &[("roles = [\"deploy\"]", "scopes = [\"write\"]")],
        &[],
        "route.deploy.ceiling.scopes: statement `production` grants scope `write`, which this ceiling \
         does not list: nothing can be allowed here",
    ),
    (
        &[("max_ttl = \"10m\"", "claims = { team = \"infra\" }")],
        &[],
        "route.deploy.ceiling.claims: statement `production` grants claim `team`, which this ceiling \
         does not list: nothing can be allowed here",
    ),
    (
        &[("single_use = true", "identity = { first_use = \"enrol\" }")],
        &[("enrolment = true", "enrolment = false")],
        "route.deploy.ceiling.enrolment: statement `production` enrols names, which this ceiling does \
         not let it: nothing can be allowed here",
    ),
    (
        &[],
        &[(
            "enrolment = true",
            "enrolment = true, obligations = [\"prove\"]",
        )],
        "route.deploy.ceiling.obligations: it demands `prove` of every allow, which the policy never \
         asks for: nothing can be allowed here",
    ),
];

#[test]
fn what_can_never_allow_is_refused() {
    let place = Place::new();
    for (policy, config, expected) in NEVER {
        let document = document(policy);
        place.write("policy.wasm", carrying(&document, &document));
        assert_eq!(told(&place, &changed(config)).unwrap_err(), *expected);
    }
    let (before, rest) = DOCUMENT.split_once("[trust.production]").unwrap();
    assert!(!rest.is_empty());
    let forbids = format!("{before}[forbid.all]\nissuer = \"github\"\n");
    place.write("policy.wasm", carrying(&forbids, &forbids));
    // It asks for nothing either, so that it takes no ledger.
    let fault = told(&place, CONFIG).unwrap_err();
    assert_eq!(
        fault,
        "route.deploy.policy: it trusts nobody: nothing can be allowed here"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_it_start_or_is_taken_up() {
    let place = Place::new();
    place.write("policy.wasm", carrying(DOCUMENT, DOCUMENT));
    let serving = place.serve().await;
    let (audience, other) = ("audience = \"https://deploy", "audience = \"https://other");
    place.configure(&[(audience, other)]);
    let reloaded = serving.operate("/reload", &serde_json::json!({})).await;
    assert_eq!(reloaded.status, 409);
    assert!(
        reloaded
            .body
            .contains("no statement of the policy takes it"),
        "{reloaded:?}"
    );
    assert_eq!(serving.present(&job_with("one")).await.status, 200);
    let path = place.path("claimbound.toml");
    let started = Server::start(&path, environment(), clock()).await;
    let error = started.unwrap_err().to_string();
    assert!(error.starts_with("route.deploy.audience: "), "{error}");
}

#[test]
fn what_is_odd_is_a_warning() {
    let place = Place::new();
    place.write("policy.wasm", carrying(DOCUMENT, DOCUMENT));
    assert_eq!(told(&place, CONFIG), Ok(Vec::new()), "nothing is odd");
    let mesh = "[issuer.mesh]\nmodel = \"spiffe\"\nurl = \"https://mesh.acme.example\"\n\
                keys = { from = \"file\", path = \"keys.json\" }\n[route.deploy]";
    let both = changed(&[
        ("[route.deploy]", mesh),
        ("issuers = [\"forge\"]", "issuers = [\"forge\", \"mesh\"]"),
    ]);
    let expected = "route.deploy.issuers[1]: no statement of the policy trusts its tokens";
    assert_eq!(told(&place, &both), Ok(vec![expected.to_owned()]));

    let other_model = changed(&[(
        "model = \"github-actions\"",
        "model = \"oidc\"\nurl = \"https://token.actions.githubusercontent.com\"",
    )]);
    let expected = "route.deploy.issuers[0]: the policy reads its subjects by the model \
                    `github-actions`, and this configuration by `oidc`";
    assert_eq!(told(&place, &other_model), Ok(vec![expected.to_owned()]));

    let shorter = changed(&[("longest_lifetime = \"10m\"", "longest_lifetime = \"5m\"")]);
    let expected = "route.deploy.ceiling.longest_lifetime: statement `production` grants 600 s, and \
                    this ceiling 300 s";
    assert_eq!(told(&place, &shorter), Ok(vec![expected.to_owned()]));

    let second = document(&[])
        + &DOCUMENT[DOCUMENT.find("[trust.production]").unwrap()..]
            .replace("trust.production", "trust.staging")
            .replace("environment = \"production\"", "environment = \"staging\"")
            .replace("roles = [\"deploy\"]", "roles = [\"try\"]");
    place.write("policy.wasm", carrying(&second, &second));
    let expected = "route.deploy.ceiling.roles: statement `staging` grants role `try`, which this \
                    ceiling does not list: it never allows";
    assert_eq!(told(&place, CONFIG), Ok(vec![expected.to_owned()]));
}

#[test]
fn nothing_is_said_by_another_document_than_the_policys() {
    let place = Place::new();
    let other = document(&[("audience = \"https://deploy", "audience = \"https://other")]);
    place.write("policy.wasm", carrying(DOCUMENT, &other));
    assert_eq!(told(&place, CONFIG), Ok(Vec::new()));
    // A token may name the route's audience beside a shared one.
    let shared = other.replace(
        "single_use = true",
        "single_use = true\nshared_audience = true",
    );
    place.write("policy.wasm", carrying(&shared, &shared));
    assert_eq!(told(&place, CONFIG), Ok(Vec::new()));
}

#[test]
fn an_exchange_is_looked_at_as_a_start_would_and_nothing_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let serves = (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\", \"exchange\"]",
    );
    let granted = "scopes = [\"read\", \"write\"]\nroles = [\"deploy\", \"hunter2\"]\n";
    let config = changed(&[serves]) + EXCHANGE + granted;
    let expected = [("roles", 1), ("scopes", 2)].map(|(key, count)| {
        format!(
            "exchange.target.api.{key}: {count} of them can never be issued, for \
             `route.deploy.ceiling.{key}` does not list them"
        )
    });
    let mut warnings = told(&place, &config).unwrap();
    warnings.sort();
    assert_eq!(warnings, expected);
    assert!(!place.path("signing").exists(), "no key is made");

    let folder = place.path("signing");
    std::fs::create_dir(&folder).unwrap();
    let mode = |mode| std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o755);
    let error = told(&place, &config).unwrap_err();
    let expected = "signing` has mode 755, and is to be for its user alone (`chmod go-rwx`)";
    assert!(error.ends_with(expected), "{error}");
    mode(0o700);
    let key = folder.join("some.key");
    std::fs::write(&key, "hunter2").unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let error = told(&place, &config).unwrap_err();
    assert_eq!(error, "exchange.keys: the signing key `some` can't be read");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}
