//! A candidate beside the version in use.

use claimbound::ledger::Change;
use claimbound::modules::Form;
use claimbound::record::{Body, Entry, Reader, Text, Verdict};

use super::shelf::{NAME, statement};
use super::{order, place_with, strict, version};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_says_the_same_is_taken_up_in_its_time() {
    let (place, mut shelf) = place_with(&[("version = \"*\"", "version = \"*\", shadow = \"2s\"")]);
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    let candidate = |module: &serde_json::Value| !module["rollout"]["candidate"].is_null();
    let module = serving.until_module(candidate).await;
    assert_eq!(module["rollout"]["candidate"]["version"], "1.5.0");
    assert_eq!(module["version"], "1.4.0");
    assert!(serving.allows("one").await);
    let agreed =
        |module: &serde_json::Value| module["rollout"]["candidate"]["decided"]["agreed"] == 1;
    serving.until_module(agreed).await;
    serving.until_version("1.5.0").await;
    // What the candidate said had no effect: the token was spent once, by the
    // version in use.
    assert!(!serving.allows("one").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_disagrees_is_on_record_and_waits_for_an_operator() {
    let record = "[record]\nfolder = \"record\"\n\n[ledger]";
    let (place, mut shelf) = place_with(&[
        ("version = \"*\"", "version = \"*\", shadow = \"1s\""),
        ("[ledger]", record),
    ]);
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &strict("1.5.0"));
    serving
        .until_module(|module| !module["rollout"]["candidate"].is_null())
        .await;
    assert!(serving.allows("one").await, "the version in use decides");
    let disagreed =
        |module: &serde_json::Value| module["rollout"]["candidate"]["decided"]["disagreed"] == 1;
    let module = serving.until_module(disagreed).await;
    let told = &module["rollout"]["candidate"]["disagreements"][0];
    assert_eq!(
        (&told["active"]["outcome"], &told["candidate"]["outcome"]),
        (&"allow".into(), &"deny".into())
    );
    let why = told["candidate"]["why"][0].as_str().unwrap();
    assert!(
        why.starts_with("claim.mismatch") && why.contains("refs/heads/other"),
        "{why}"
    );
    assert!(
        serving
            .metric("claimbound_shadow_decisions{route=\"deploy\",result=\"disagreed\"}")
            .await
            == 1
    );
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(
        serving.module().await["version"],
        "1.4.0",
        "its time is over"
    );
    order(
        &place,
        Change::Promote {
            route: "deploy".to_owned(),
            module: format!("{NAME}@1.5.0").parse().unwrap(),
            unseen: false,
        },
    );
    serving.until_version("1.5.0").await;
    assert!(!serving.allows("two").await);
    serving.server.drain().await;

    let mut reader = Reader::open(&place.path("record")).unwrap();
    let mut found = Vec::new();
    while let Some(line) = reader.read().unwrap() {
        let Text::Whole(bytes) = line.text else {
            panic!("{line:?}");
        };
        if let Body::Divergence(one) = Entry::parse(bytes).unwrap().body {
            found.push((
                one.active.policy.version,
                one.candidate.policy.version,
                one.candidate.outcome,
            ));
        }
    }
    assert_eq!(
        found,
        [("1.4.0".to_owned(), "1.5.0".to_owned(), Verdict::Deny)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_is_rejected_is_gone_and_a_higher_version_takes_its_place() {
    let (place, mut shelf) = place_with(&[(
        "version = \"*\"",
        "version = \"*\", promote = \"by-command\"",
    )]);
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.4.5", &version("1.4.5"));
    shelf.publish("1.5.0", &version("1.5.0"));
    let candidate = |version: &'static str| {
        move |module: &serde_json::Value| module["rollout"]["candidate"]["version"] == version
    };
    serving.until_module(candidate("1.5.0")).await;
    let of_1_5_0 = |change: fn(String, claimbound::modules::ModuleId) -> Change| {
        change(
            "deploy".to_owned(),
            format!("{NAME}@1.5.0").parse().unwrap(),
        )
    };
    order(
        &place,
        of_1_5_0(|route, module| Change::Reject {
            route,
            module,
            unseen: false,
        }),
    );
    // No lower one takes its place either, which is withheld by the same word.
    let module = serving
        .until_module(|module| module["rollout"]["candidate"].is_null())
        .await;
    assert_eq!(module["version"], "1.4.0");
    for version in ["1.5.0", "1.4.5"] {
        let (step, why) = serving.until_refused(version).await;
        let told = "version 1.5.0 was rejected by alice (it was tried)";
        assert!(step == "version" && why.contains(told), "{step}: {why}");
    }
    // Another edition, and a restart, change nothing of it.
    shelf.index();
    serving
        .until_module(|module| module["rollout"]["index"]["serial"] == 4)
        .await;
    serving.until_refused("1.5.0").await;
    assert!(serving.module().await["rollout"]["candidate"].is_null());
    serving.server.drain().await;
    let serving = place.serve().await;
    serving.until_refused("1.5.0").await;
    let module = serving.module().await;
    assert_eq!(module["version"], "1.4.0");
    assert!(module["rollout"]["candidate"].is_null(), "{module}");
    shelf.publish("1.6.0", &version("1.6.0"));
    serving.until_module(candidate("1.6.0")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_nobody_signed_is_rejected_by_its_number() {
    let (place, mut shelf) = place_with(&[
        (
            "version = \"*\"",
            "version = \"*\", promote = \"by-command\"",
        ),
        ("module = {", "danger_unsigned = true\nmodule = {"),
    ]);
    shelf.publish("1.4.0", &version("1.4.0"));
    std::fs::remove_file(shelf.place("").join("index.json")).unwrap();
    let serving = place.serve().await;
    let component = version("1.5.0");
    let signed = shelf
        .key()
        .sign(&statement("1.5.0", &component), Form::Detached);
    shelf.put("1.5.0", &component, "sig", signed.unwrap().as_bytes());
    let candidate =
        |module: &serde_json::Value| module["rollout"]["candidate"]["version"] == "1.5.0";
    serving.until_module(candidate).await;
    order(
        &place,
        Change::Reject {
            route: "deploy".to_owned(),
            module: format!("{NAME}@1.5.0").parse().unwrap(),
            unseen: false,
        },
    );
    let (step, why) = serving.until_refused("1.5.0").await;
    assert!(
        step == "version" && why.contains("rejected by"),
        "{step}: {why}"
    );
    let module = serving.module().await;
    assert!(module["rollout"]["candidate"].is_null(), "{module}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_waits_for_a_command_where_that_is_asked() {
    let (place, mut shelf) = place_with(&[(
        "version = \"*\"",
        "version = \"*\", promote = \"by-command\"",
    )]);
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    let candidate = |version: &'static str| {
        move |module: &serde_json::Value| module["rollout"]["candidate"]["version"] == version
    };
    serving.until_module(candidate("1.5.0")).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    // A newer one takes its place, and what was promoted is not it.
    order(
        &place,
        Change::Promote {
            route: "deploy".to_owned(),
            module: format!("{NAME}@1.6.0").parse().unwrap(),
            unseen: true,
        },
    );
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(serving.module().await["version"], "1.4.0");
    shelf.publish("1.6.0", &version("1.6.0"));
    serving.until_version("1.6.0").await;
}
