//! Many swaps under load: every request is answered, and each by one version.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use claimbound::record::{Body, Entry, Reader, Text, Verdict};
use serde_json::json;

use super::super::component;
use super::super::http::Question;
use super::place_with;
use crate::forge::{job, with};
use crate::gate::{DOCUMENT, SIGNER};

/// How many versions follow each other.
const SWAPS: u32 = 100;
/// How many ask at once.
const ASKING: usize = 4;

/// A version whose statement and role are named after it.
fn named(number: u32) -> Vec<u8> {
    let document = DOCUMENT
        .replace("1.4.0", &format!("1.{number}.0"))
        .replace("roles = [\"deploy\"]", &format!("roles = [\"r{number}\"]"))
        .replace("single_use = true\n", "")
        .replace("trust.production", &format!("trust.v{number}"));
    component(&document)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_swaps_lose_no_request_and_mix_no_decision() {
    let roles: Vec<_> = (0..=SWAPS).map(|number| format!("\"r{number}\"")).collect();
    let ceiling = format!("ceiling = {{ roles = [{}],", roles.join(", "));
    let record = "[record]\nfolder = \"record\"\ndurability = \"never\"\n\n[ledger]";
    let (place, mut shelf) = place_with(&[
        ("ceiling = { roles = [\"deploy\"],", &ceiling),
        ("[ledger]", record),
    ]);
    shelf.publish("1.0.0", &named(0));
    let serving = place.serve().await;
    let address = serving.address("proxy");
    let (stop, asked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let asking: Vec<_> = (0..ASKING)
        .map(|number| {
            let (stop, asked, address) = (Arc::clone(&stop), Arc::clone(&asked), address.clone());
            tokio::spawn(async move {
                let claims = with(job(), &json!({ "jti": format!("of-{number}") }));
                let token = format!("Bearer {}", SIGNER.sign(&claims));
                while !stop.load(Ordering::Relaxed) {
                    let question = Question::get("/authorize/deploy").with("authorization", &token);
                    let answer = question.ask(&address).await.unwrap();
                    assert_eq!(answer.status, 200, "{answer:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                    // Versions are made on threads that let these come first.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    for number in 1..=SWAPS {
        let version = format!("1.{number}.0");
        shelf.publish(&version, &named(number));
        serving.until_version(&version).await;
    }
    stop.store(true, Ordering::Relaxed);
    for one in asking {
        one.await.unwrap();
    }
    let taken_up = "claimbound_modules_taken_up_total{route=\"deploy\"}";
    assert_eq!(serving.metric(taken_up).await, i64::from(SWAPS));
    serving.server.drain().await;

    let mut by_version: BTreeMap<String, u64> = BTreeMap::new();
    let mut reader = Reader::open(&place.path("record")).unwrap();
    while let Some(line) = reader.read().unwrap() {
        let Text::Whole(bytes) = line.text else {
            panic!("{line:?}");
        };
        let Body::Decision(decision) = Entry::parse(bytes).unwrap().body else {
            continue;
        };
        assert_eq!(decision.outcome, Verdict::Allow, "{decision:?}");
        let number = decision.policy.version.split('.').nth(1).unwrap();
        assert_eq!(decision.statement.as_deref(), Some(&*format!("v{number}")));
        *by_version.entry(decision.policy.version).or_default() += 1;
    }
    let decided: u64 = by_version.values().sum();
    assert_eq!(decided, asked.load(Ordering::Relaxed), "each has one line");
    assert!(
        by_version.len() > 10,
        "the load went on meanwhile: {by_version:?}"
    );
}
