//! `modules status`, asked of a host that serves.

use std::time::Duration;

use claimbound_server::config::Address;
use serde_json::{Value, json};

use super::super::http::Question;
use super::super::{Place, Serving, component, job_with};
use super::{place_with, version};
use crate::cli::program::{Program, Ran};
use crate::forge::with;
use crate::gate::{DOCUMENT, SIGNER};

fn status(serving: &Serving, more: &[&str]) -> Ran {
    let Address::Tcp(admin) = serving.address("admin") else {
        panic!("it listens on a socket of another kind");
    };
    let admin = admin.to_string();
    let asked = [
        "modules",
        "status",
        "--admin",
        &admin,
        "--admin-token",
        "env:ADMIN",
    ];
    tokio::task::block_in_place(|| {
        let variables = [("ADMIN", "of-operators")];
        Program::new().run_with(&[&asked[..], more].concat(), b"", &variables)
    })
}

/// What is told of one route, as lines.
fn of_route<'t>(told: &'t str, route: &str) -> Vec<&'t str> {
    let lines = told.lines().skip_while(|line| !line.starts_with(route));
    let rest = lines
        .clone()
        .skip(1)
        .take_while(|line| line.starts_with(' '));
    lines.take(1).chain(rest).collect()
}

/// The audience of the second route.
const SECOND: &str = "https://second.acme.example";

/// What forbids the tokens of these tests, whichever audience they are for.
const FORBID: &str =
    "\n[forbid.main]\nissuer = \"github\"\nclaims = { ref = \"refs/heads/main\" }\n";

/// A version that decides for both audiences by the same rules, and by these.
fn for_both(version: &str, more: &str) -> Vec<u8> {
    let (_, trust) = DOCUMENT.split_once("[trust.production]").unwrap();
    let second = format!("[trust.production]{trust}").replace("trust.production", "trust.second");
    let second = second.replace("https://deploy.acme.example", SECOND);
    let document = format!("{DOCUMENT}\n{second}{more}");
    component(&document.replace("1.4.0", version))
}

/// A second route of the same module, for another audience.
fn second_route(place: &Place) {
    let path = place.path("claimbound.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("[route.deploy]").unwrap();
    let (route, _) = rest.split_once("\n[").unwrap();
    let route = route.replace("https://deploy.acme.example", SECOND);
    let text = format!("{text}\n[route.second]{route}\n");
    place.write("claimbound.toml", text);
}

/// Waits until what operators are told of both routes is as expected.
async fn until_both(serving: &Serving, expected: impl Fn(&Value) -> bool) {
    for _ in 0..400 {
        let question = Question::get("/modules").with("authorization", "Bearer of-operators");
        let told = serving.ask("admin", question).await.json();
        let modules = told["modules"].as_array().unwrap();
        if modules.len() == 2 && modules.iter().all(&expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never comes to that");
}

async fn present(serving: &Serving, route: &str, claims: &Value) {
    let token = format!("Bearer {}", SIGNER.sign(claims));
    let path = format!("/authorize/{route}");
    let question = Question::get(&path).with("authorization", &token);
    serving.ask("proxy", question).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_says_what_serves_and_what_is_refused_and_how_to_compare_it() {
    let required = "version = \"*\", comparison = \"required\"";
    let (place, mut shelf) = place_with(&[("version = \"*\"", required)]);
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    serving.until_version("1.4.0").await;
    let ran = status(&serving, &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let told = of_route(&ran.out, "deploy");
    assert_eq!(told[0], "deploy  acme-deploy@1.4.0", "{ran:?}");
    let from = told.iter().find(|line| line.contains("from"));
    assert!(from.unwrap().ends_with("store main, *"), "{ran:?}");
    let signed = told.iter().find(|line| line.contains("signed by"));
    assert!(signed.unwrap().ends_with("release"), "{ran:?}");

    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_refused("1.5.0").await;
    let ran = status(&serving, &["--route", "deploy"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    for wanted in [
        "refused  1.5.0  comparison  no key vouches for a comparison",
        "claimbound modules compare acme-deploy@1.4.0 acme-deploy@1.5.0 --store STORE --trust PUB",
        "claimbound pull acme-deploy@1.5.0 STORE --key PUB",
        "claimbound push acme-deploy.wasm STORE --comparison comparison.json",
    ] {
        assert!(ran.out.contains(wanted), "{wanted}: {ran:?}");
    }
    let json = status(&serving, &["--format", "json"]).json();
    assert_eq!(
        json["modules"][0]["rollout"]["refused"][0]["version"],
        "1.5.0"
    );
    let none = status(&serving, &["--route", "other"]);
    assert_eq!(none.status, 2, "{none:?}");
    assert!(
        none.err.contains("the host has no route `other`"),
        "{none:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_waits_for_a_word_is_shown_with_both_that_may_be_said() {
    let waits = "version = \"*\", promote = \"by-command\"";
    let (place, mut shelf) = place_with(&[("version = \"*\"", waits)]);
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    let waiting = |module: &Value| module["rollout"]["candidate"]["waits_for_promotion"] == true;
    serving.until_module(waiting).await;
    let ran = status(&serving, &[]);
    for word in ["promote", "reject"] {
        let call =
            format!("claimbound modules {word} acme-deploy@1.5.0 --route deploy --reason WHY\n");
        assert!(ran.out.contains(&call), "{call}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_candidates_disagree_on_alike_is_told_once() {
    let shadow = "version = \"*\", shadow = \"10m\"";
    let (place, mut shelf) = place_with(&[("version = \"*\"", shadow)]);
    second_route(&place);
    shelf.publish("1.4.0", &for_both("1.4.0", ""));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &for_both("1.5.0", FORBID));
    let candidate = |module: &Value| !module["rollout"]["candidate"].is_null();
    until_both(&serving, candidate).await;
    for id in ["one", "two", "three"] {
        present(&serving, "deploy", &job_with(id)).await;
        let claims = with(job_with(id), &json!({ "aud": SECOND }));
        present(&serving, "second", &claims).await;
    }
    let all = |module: &Value| module["rollout"]["candidate"]["decided"]["disagreed"] == 3;
    until_both(&serving, all).await;
    let ran = status(&serving, &[]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let first = of_route(&ran.out, "deploy");
    let disagreed: Vec<_> = first
        .iter()
        .filter(|line| line.contains("disagreed  "))
        .collect();
    assert_eq!(disagreed.len(), 1, "{ran:?}");
    assert!(disagreed[0].ends_with("(3 times)"), "{ran:?}");
    let second = of_route(&ran.out, "second");
    assert!(
        second
            .iter()
            .any(|line| line.ends_with("as on route deploy")),
        "{ran:?}"
    );
    assert!(
        !second.iter().any(|line| line.contains("in use")),
        "{ran:?}"
    );
}
