//! Metrics, liveness and readiness.

use serde_json::json;

use super::http::Question;
use super::{Place, job_with};
use crate::forge::with;
use crate::gate::SIGNER;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_counted_once() {
    let place = Place::new();
    let serving = place.serve().await;
    assert_eq!(serving.present(&job_with("one")).await.status, 200);
    assert_eq!(serving.present(&job_with("two")).await.status, 200);
    assert_eq!(serving.present(&job_with("two")).await.status, 401);
    let stranger = with(job_with("three"), &json!({ "repository_id": "1" }));
    assert_eq!(serving.present(&stranger).await.status, 403);
    let elsewhere = with(job_with("four"), &json!({ "aud": "https://other.example" }));
    assert_eq!(serving.present(&elsewhere).await.status, 401);
    assert_eq!(
        serving
            .ask("proxy", Question::get("/authorize/deploy"))
            .await
            .status,
        401
    );
    assert_eq!(
        serving
            .ask("proxy", Question::get("/authorize/none"))
            .await
            .status,
        404
    );
    let two = Question::get("/authorize/deploy")
        .with("authorization", "Bearer a")
        .with("authorization", "Bearer b");
    assert_eq!(serving.ask("proxy", two).await.status, 400);

    let metrics = serving.metrics().await;
    let decision = |outcome: &str, reason: &str| {
        let line = format!(
            "claimbound_decisions_total{{route=\"deploy\",outcome=\"{outcome}\",reason=\"{reason}\"}}"
        );
        super::value(&metrics, &line)
    };
    assert_eq!(decision("allow", ""), 2, "{metrics}");
    assert_eq!(decision("deny", "token.reused"), 1, "{metrics}");
    assert_eq!(decision("deny", "subject.mismatch"), 1, "{metrics}");
    assert_eq!(decision("deny", "audience.mismatch"), 1, "{metrics}");
    for (line, expected) in [
        ("claimbound_reused_tokens_total{route=\"deploy\"}", 1),
        (
            "claimbound_decision_duration_seconds_count{route=\"deploy\"}",
            5,
        ),
        ("claimbound_turned_away_total{why=\"no-credential\"}", 1),
        ("claimbound_turned_away_total{why=\"no-route\"}", 1),
        ("claimbound_turned_away_total{why=\"bad-credential\"}", 1),
        ("claimbound_key_set_keys{issuer=\"forge\"}", 1),
        ("claimbound_unknown_keys_total{issuer=\"forge\"}", 0),
        (
            "claimbound_key_fetches_total{issuer=\"forge\",result=\"fetched\"}",
            1,
        ),
        ("claimbound_reloads_total{result=\"refused\"}", 0),
        ("claimbound_ledger_up", 1),
        ("claimbound_record_up", 1),
        ("claimbound_decisions_waiting", 0),
        ("claimbound_panics_total", 0),
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
        assert_eq!(super::value(&metrics, line), expected, "{line}: {metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
    // Nothing of a token, and one series for each name however often it is asked.
    assert!(!metrics.contains("acme/infra"));
    assert_eq!(
        metrics.lines().count(),
        serving.metrics().await.lines().count()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_can_not_decide_lives_and_is_not_ready() {
    let place = Place::new();
    // Keys that are fetched from where nobody answers never come.
    let far = "[issuer.far]\nmodel = \"kubernetes\"\nurl = \"https://127.0.0.1:9\"\n";
    let with_far = format!(
        "{}{far}",
        super::CONFIG.replace("[\"forge\"]", "[\"forge\", \"far\"]")
    );
    place.write("claimbound.toml", with_far);
    let serving = place.serve().await;
    let ready = || async { serving.ask("monitor", Question::get("/ready")).await };
    let answer = ready().await;
    assert_eq!(answer.status, 503);
    let faults = answer.json()["faults"].to_string();
    assert!(faults.contains("issuer `far` has no keys"), "{faults}");

    place.configure(&[]);
    assert_eq!(serving.operate("/reload", &json!({})).await.status, 200);
    let answer = ready().await;
    assert_eq!(
        answer.json(),
        json!({ "ready": true, "faults": [], "notes": [] })
    );
    let metrics = serving.metrics().await;
    assert!(
        !metrics.contains("far"),
        "an issuer that is no more: {metrics}"
    );

    // One whose tokens no route takes keeps nobody waiting.
    place.write("claimbound.toml", format!("{}{far}", super::CONFIG));
    assert_eq!(serving.operate("/reload", &json!({})).await.status, 200);
    assert_eq!(ready().await.status, 200);
    // A set without a key is trusted, and nothing can be verified.
    place.write("keys.json", "{\"keys\":[]}");
    serving
        .until("claimbound_key_set_keys{issuer=\"forge\"}", 0)
        .await;
    let answer = ready().await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.contains("issuer `forge` has no keys"));
    place.write("keys.json", SIGNER.key_set());
    serving
        .until("claimbound_key_set_keys{issuer=\"forge\"}", 1)
        .await;
    assert_eq!(ready().await.status, 200);

    std::fs::remove_file(place.path("ledger.db")).unwrap();
    std::fs::write(place.path("ledger.db"), "no ledger").unwrap();
    let answer = serving.present(&job_with("one")).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "{\"error\":\"unavailable\"}\n")
    );
    let answer = ready().await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("the ledger does not answer"),
        "{answer:?}"
    );
    assert_eq!(serving.metric("claimbound_ledger_up").await, 0);
    assert_eq!(
        serving.ask("monitor", Question::get("/live")).await.body,
        "ok\n"
    );
}
