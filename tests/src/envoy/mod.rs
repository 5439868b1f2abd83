//! The module inside a real Envoy: what callers get, what upstreams see, and
//! what becomes of requests that are gone before they are decided.

mod process;

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use process::{Deployment, bearer, now, receive};

use crate::idp::{Idp, KEYS};
use crate::ledger::prover::Holder;

#[test]
fn an_accepted_request_goes_on_with_the_workload_and_its_own_body() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(1);
    assert!(
        envoy.log().contains("ABI version v0.2.0 matched"),
        "{}",
        envoy.log()
    );
    let answer = envoy.good();
    assert_eq!(answer.status, 200, "{answer:?} {}", envoy.log());
    for header in [
        "x-claimbound-issuer: https://token.actions.githubusercontent.com",
        "x-claimbound-subject: repo:acme/infra:environment:production",
        "x-claimbound-statement: production",
        "x-claimbound-roles: deploy",
        "x-claimbound-route: deploy",
        "x-claimbound-policy: acme-deploy@1.4.0",
        "x-claimbound-workload: owner=acme;id=123456, repository=acme/infra;id=456789",
        "6 bytes",
    ] {
        assert!(answer.body.contains(header), "{header}: {answer:?}");
    }
    // Envoy sets no empty one.
    assert!(!answer.body.contains("x-claimbound-scope"), "{answer:?}");
    // More than Envoy buffers for one stream, held back while it is decided.
    let large = "x".repeat(4 << 20);
    let answer = receive(&envoy.send("/x", &bearer(&deployment.token()), &large));
    assert!(answer.body.contains("4194304 bytes"), "{answer:?}");
    assert!(envoy.ends());
}

#[test]
fn what_a_caller_says_of_its_identity_is_taken_off() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(1);
    let token = bearer(&deployment.token());
    // The first of them would choose another route.
    let spoofed = "X-Claimbound-Roles: admin\r\n\
        x-claimbound-roles: other\r\n\
        X_CLAIMBOUND_ROLES: admin\r\n\
        x-claimbound_roles: admin\r\n\
        X-claimbound-anything: admin\r\n\
        x-claimbounded: kept\r\n";
    let answer = envoy.call(&format!("{spoofed}{token}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains("admin"), "{answer:?}");
    assert!(!answer.body.contains("other"), "{answer:?}");
    assert!(answer.body.contains("x-claimbounded: kept"), "{answer:?}");
    let roles = answer.body.matches("claimbound-roles").count();
    assert_eq!(roles, 1, "{answer:?}");
}

#[test]
fn what_is_refused_is_answered_in_envoy_with_one_body_a_status() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(1);
    let good = deployment.token();
    let other = deployment.token_with(&json!({ "environment": "staging",
        "sub": "repo:acme/infra:environment:staging" }));
    let malformed = "Bearer error=\"invalid_request\"";
    let invalid = "Bearer error=\"invalid_token\"";
    let insufficient = "Bearer error=\"insufficient_scope\"";
    for (headers, status, challenge) in [
        (String::new(), 401, "Bearer"),
        ("Authorization: Basic YTpi\r\n".to_owned(), 401, "Bearer"),
        ("Authorization: Bearer\r\n".to_owned(), 401, "Bearer"),
        (bearer(&good) + &bearer(&good), 400, malformed),
        (bearer(&format!("{good},Bearer {good}")), 400, malformed),
        (
            bearer(&good) + "authorization: Basic YTpi\r\n",
            400,
            malformed,
        ),
        (bearer("a.b.c"), 401, invalid),
        (bearer(&good[..good.len() - 8]), 401, invalid),
        (bearer(&other), 403, insufficient),
    ] {
        let answer = envoy.call(&headers);
        assert_eq!(answer.status, status, "{headers}: {answer:?}");
        let challenge = format!("www-authenticate: {challenge}\n");
        assert!(answer.head.contains(&challenge), "{headers}: {answer:?}");
        let body = match status {
            400 => "{\"error\":\"bad request\"}\n",
            401 => "{\"error\":\"unauthorized\"}\n",
            _ => "{\"error\":\"forbidden\"}\n",
        };
        assert_eq!(answer.body, body);
        assert!(answer.head.contains("cache-control: no-store"));
    }
    assert_eq!(deployment.let_through(), 0);
    // The token is good, once.
    assert_eq!(envoy.call(&bearer(&good)).status, 200);
    let again = envoy.call(&bearer(&good));
    assert_eq!((again.status, deployment.let_through()), (401, 1));
    for code in ["token.malformed", "subject.mismatch", "token.reused"] {
        assert!(envoy.log().contains(code), "{code}: {}", envoy.log());
    }
    assert!(!envoy.log().contains(&good), "no token is logged");
}

#[test]
fn while_the_ledger_is_waited_for_envoys_worker_goes_on() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(1);
    assert_eq!(envoy.good().status, 200);
    let blocker = Connection::open(deployment.path("ledger.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = envoy.send("/x", &bearer(&deployment.token()), "");
    thread::sleep(Duration::from_millis(200));
    // The only worker answers whom it can.
    let started = Instant::now();
    assert_eq!(envoy.call("").status, 401);
    assert_eq!(envoy.call(&bearer("a.b.c")).status, 401);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(deployment.let_through(), 1);
    blocker.execute_batch("ROLLBACK").unwrap();
    let answer = receive(&waiting);
    assert_eq!(answer.status, 200, "{answer:?} {}", envoy.log());
    assert!(envoy.ends());
}

#[test]
fn callers_that_go_away_before_the_decision_harm_nobody() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(2);
    assert_eq!(envoy.good().status, 200);
    for round in 0..5 {
        let blocker = Connection::open(deployment.path("ledger.db")).unwrap();
        blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
        let waiting: Vec<_> = (0..40)
            .map(|_| envoy.send("/x", &bearer(&deployment.token()), "a body"))
            .collect();
        // In some rounds they go before the answer, in others with it.
        thread::sleep(Duration::from_millis(50));
        if round % 2 == 0 {
            drop(waiting);
            thread::sleep(Duration::from_millis(50));
            blocker.execute_batch("ROLLBACK").unwrap();
        } else {
            blocker.execute_batch("ROLLBACK").unwrap();
            for stream in waiting {
                thread::sleep(Duration::from_millis(1));
                drop(stream);
            }
        }
        let answer = envoy.good();
        assert_eq!(answer.status, 200, "{answer:?} {}", envoy.log());
    }
    envoy.wait("every request is over", || {
        let stats = envoy
            .admin("/stats?filter=http.downstream_rq_active")
            .unwrap();
        stats
            .lines()
            .all(|line| line.ends_with(": 0") || line.contains("admin"))
    });
    assert!(envoy.ends());
}

#[test]
fn listeners_come_and_go_while_requests_are_decided() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(2);
    let mark = || receive(&envoy.send("/mark", &bearer(&deployment.token()), "")).body;
    assert_eq!(mark(), "first");
    let blocker = Connection::open(deployment.path("ledger.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting: Vec<_> = (0..10)
        .map(|_| envoy.send("/x", &bearer(&deployment.token()), ""))
        .collect();
    thread::sleep(Duration::from_millis(100));
    envoy.replace("second");
    envoy.wait("the listener is replaced", || {
        let stats = envoy.admin("/stats?filter=listener_modified").unwrap();
        stats.contains("listener_modified: 1")
    });
    blocker.execute_batch("ROLLBACK").unwrap();
    for stream in waiting {
        // Those of the old listener are decided as well.
        assert_eq!(receive(&stream).status, 200, "{}", envoy.log());
    }
    assert_eq!(mark(), "second");
    // With the last of them Envoy lets go of the module; threads go on.
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = envoy.send("/x", &bearer(&deployment.token()), "");
    envoy.close();
    envoy.wait("there is no listener", || envoy.port().is_none());
    blocker.execute_batch("ROLLBACK").unwrap();
    drop(waiting);
    envoy.replace("third");
    envoy.wait("there is a listener", || envoy.port().is_some());
    assert_eq!(mark(), "third");
    assert!(envoy.ends());
}

#[test]
fn many_at_once_are_each_answered_as_they_deserve() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(2);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..40 {
                    let token = deployment.token();
                    let (headers, expected) = match number % 4 {
                        0 => (String::new(), 401),
                        1 => (bearer(&token[..token.len() - 8]), 401),
                        _ => (bearer(&token), 200),
                    };
                    let answer = envoy.call(&headers);
                    assert_eq!(answer.status, expected, "{answer:?} {}", envoy.log());
                }
            });
        }
    });
    assert_eq!(deployment.let_through(), 8 * 20);
    assert!(envoy.ends());
}

#[test]
fn a_configuration_that_can_not_be_used_is_refused_before_it_serves() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let config = deployment.path("claimbound.toml");
    let settings = |config: &std::path::Path, route: &str| {
        json!({ "config": config, "route": route }).to_string()
    };
    let validated = deployment.validate(&settings(&config, "deploy"));
    let told = String::from_utf8_lossy(&validated.stderr).into_owned();
    assert!(validated.status.success(), "{told}");
    for (settings, why) in [
        (settings(&config, "other"), "has no route `other`"),
        (
            settings(&deployment.path("absent"), "deploy"),
            "can't be read",
        ),
        (
            r#"{"config":"a","rout":"b"}"#.to_owned(),
            "unknown field `rout`",
        ),
        (String::new(), "`filter_config` is no"),
    ] {
        let validated = deployment.validate(&settings);
        let told = String::from_utf8_lossy(&validated.stderr).into_owned();
        assert!(!validated.status.success(), "{settings}: {told}");
        assert!(told.contains(why), "{settings}: {told}");
    }
}

#[test]
fn keys_are_fetched_and_rotated_while_it_serves() {
    let idp = Idp::start("{\"keys\":[]}");
    let Some(mut deployment) = Deployment::with_keys_of(&idp) else {
        return;
    };
    idp.publish(&deployment.rotate("first"));
    let envoy = deployment.start(1);
    envoy.wait("the keys are there", || {
        deployment.monitor("/ready").starts_with("HTTP/1.1 200")
    });
    assert_eq!(envoy.good().status, 200, "{}", envoy.log());
    drop(envoy);
    // The next token names a key that nobody knows yet, and waits for it.
    idp.publish(&deployment.rotate("second"));
    let token = deployment.token();
    idp.publish(&deployment.rotate("third"));
    let envoy = deployment.start(1);
    envoy.wait("the keys are there", || {
        deployment.monitor("/ready").starts_with("HTTP/1.1 200")
    });
    let fetches = idp.count(KEYS);
    assert_eq!(envoy.call(&bearer(&token)).status, 401);
    assert_eq!(idp.count(KEYS), fetches + 1, "one was asked for");
    assert_eq!(envoy.good().status, 200, "{}", envoy.log());
    assert!(envoy.ends());
}

#[test]
fn a_policy_that_changes_is_taken_up_and_a_broken_one_is_not() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(2);
    let staging = || {
        deployment.token_with(&json!({ "environment": "staging",
            "sub": "repo:acme/infra:environment:staging" }))
    };
    assert_eq!(envoy.call(&bearer(&staging())).status, 403);
    deployment.change_policy("environment = \"production\"", "environment = \"staging\"");
    envoy.wait("the policy is taken up", || {
        envoy.call(&bearer(&staging())).status == 200
    });
    assert_eq!(envoy.good().status, 403);
    std::fs::write(deployment.path("policy.wasm"), "no component").unwrap();
    envoy.wait("the policy is refused", || {
        envoy.log().contains("the configuration is not taken up")
    });
    assert_eq!(envoy.call(&bearer(&staging())).status, 200);
    assert!(envoy.ends());
}

#[test]
fn decisions_are_recorded_and_counted_and_others_may_look_meanwhile() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    // A listener that goes is drained for ten minutes, unless it is said.
    let envoy = deployment.start_with(1, &["--drain-time-s", "1"]);
    assert_eq!(envoy.good().status, 200);
    let token = deployment.token_with(&json!({ "repository_id": "1" }));
    assert_eq!(envoy.call(&bearer(&token)).status, 403, "{}", envoy.log());
    assert_eq!(envoy.call("").status, 401);
    let metrics = deployment.monitor("/metrics");
    for line in [
        "outcome=\"allow\"",
        "why=\"no-credential\"",
        "reason=\"subject.mismatch\"",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    // The record is this process's alone, and validating takes none.
    let settings = json!({ "config": deployment.path("claimbound.toml"), "route": "deploy" });
    let validated = deployment.validate(&settings.to_string());
    let told = String::from_utf8_lossy(&validated.stderr).into_owned();
    assert!(validated.status.success(), "{told}");
    // With the last listener the record is closed, and the next one has it.
    envoy.close();
    envoy.wait("the record is closed", || {
        !deployment.path("monitor").exists()
    });
    let shown = deployment.run(&["audit", "show", "record"]);
    assert!(shown.contains("subject.mismatch"), "{shown}");
    deployment.run(&["audit", "verify", "record"]);
    envoy.replace("second");
    envoy.wait("there is a listener", || envoy.port().is_some());
    assert_eq!(envoy.good().status, 200, "{}", envoy.log());
    assert!(envoy.ends());
}

#[test]
fn a_token_that_is_bound_to_a_key_needs_a_proof_for_this_very_request() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let envoy = deployment.start(1);
    let holder = Holder::new();
    let bound = || deployment.token_with(&json!({ "cnf": { "jkt": holder.thumbprint() } }));
    let call = |token: &str, proof: &str| {
        envoy.call(&format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n"))
    };
    let here = ("POST", "https://deploy.acme.example/x");
    let token = bound();
    for (elsewhere, id) in [
        (("GET", here.1), "method"),
        (("POST", "https://deploy.acme.example/y"), "path"),
        (("POST", "https://other.acme.example/x"), "origin"),
    ] {
        let proof = holder.proof_for(elsewhere, &token, id, now());
        let answer = call(&token, &proof);
        assert_eq!(answer.status, 401, "{id}: {answer:?}");
        let challenge = "www-authenticate: DPoP error=\"invalid_dpop_proof\"";
        assert!(answer.head.contains(challenge), "{answer:?}");
    }
    assert_eq!(
        envoy.call(&bearer(&token)).status,
        401,
        "it is no bearer token"
    );
    let proof = holder.proof_for(here, &token, "good", now());
    let answer = call(&token, &proof);
    assert_eq!(answer.status, 200, "{answer:?} {}", envoy.log());
    let again = call(&bound(), &proof);
    assert_eq!((again.status, deployment.let_through()), (401, 1));
}

/// The sandbox's traps are signals, which Envoy handles too.
#[test]
fn whatever_a_policy_does_instead_of_answering_envoy_goes_on() {
    for (deed, component, code) in crate::hostile::behaviour::components() {
        let Some(deployment) = Deployment::with_policy(&component) else {
            return;
        };
        let envoy = deployment.start(1);
        for _ in 0..3 {
            let answer = envoy.good();
            assert_eq!(answer.status, 503, "{deed}: {answer:?} {}", envoy.log());
            assert_eq!(answer.body, "{\"error\":\"unavailable\"}\n");
            assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
        }
        assert!(envoy.log().contains(code), "{deed}: {}", envoy.log());
        assert_eq!((envoy.call("").status, deployment.let_through()), (401, 0));
        assert!(envoy.ends(), "{deed}");
    }
}

#[test]
fn the_configuration_that_the_page_shows_is_one() {
    let Some(deployment) = Deployment::new() else {
        return;
    };
    let page = std::fs::read_to_string(crate::tree::root().join("docs/envoy-module.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let config = deployment.path("claimbound.toml");
    let example = example.replace("/etc/claimbound/claimbound.toml", config.to_str().unwrap());
    let validated = deployment.validate_page(&example);
    let told = String::from_utf8_lossy(&validated.stderr).into_owned();
    assert!(validated.status.success(), "{told}");
}
