//! Issuers whose tokens carry ids or don't, as their settings say.

use claimbound::ledger::{Identity, Parent};
use claimbound::models::Registry;
use serde_json::{Value, json};

use super::world::{World, approve, decide, on_each_store, refusal};
use crate::forge::{job, with};
use crate::gate::answer;

const BUILDKITE: (&str, &str) = ("https://agent.buildkite.com", "buildkite");
const ENROL: &str = "identity = { first_use = \"enrol\" }";

fn build(ids: Option<(&str, &str)>) -> Value {
    let (organization, pipeline) = ids.unzip();
    with(
        json!({}),
        &json!({
            "iss": BUILDKITE.0, "aud": job()["aud"], "iat": job()["iat"], "exp": job()["exp"],
            "sub": "organization:acme:pipeline:app:ref:refs/heads/main:commit:abc:step:deploy",
            "organization_slug": "acme", "pipeline_slug": "app", "build_commit": "abc",
            "step_key": "deploy", "organization_id": organization, "pipeline_id": pipeline,
        }),
    )
}

fn approve_all(world: &World, ids: Option<(&str, &str)>) {
    let model = Registry::standard().get(BUILDKITE.1).unwrap();
    let (organization, pipeline) = ids.unzip();
    let identity =
        |kind, name, id, parent| Identity::new(BUILDKITE.0, model, kind, name, id, parent).unwrap();
    world
        .order(approve(identity(
            "organization",
            "acme",
            organization,
            None,
        )))
        .unwrap();
    let parent = Parent {
        kind: "organization".to_owned(),
        name: "acme".to_owned(),
        id: organization.map(str::to_owned),
    };
    world
        .order(approve(identity(
            "pipeline",
            "acme/app",
            pipeline,
            Some(parent),
        )))
        .unwrap();
}

on_each_store! {
fn a_name_that_is_known_by_its_id_is_not_trusted_without(world: &World) {
    let gate = world.gate_at("builds", BUILDKITE, ENROL);
    assert_eq!(answer(&decide(&gate, &build(Some(("a", "b"))))), "allow");
    let (code, message) = refusal(&gate, &build(None));
    assert_eq!(code, "identity.absent");
    assert!(message.contains("this token carries no id: a name alone is not trusted"), "{message}");
    assert_eq!(refusal(&gate, &build(Some(("a", "c")))).0, "identity.reassigned");
}

fn a_name_that_is_known_without_an_id_takes_one_from_an_operator_alone(world: &World) {
    let gate = world.gate_at("builds", BUILDKITE, ENROL);
    approve_all(world, None);
    assert_eq!(answer(&decide(&gate, &build(None))), "allow");
    let with_ids = build(Some(("a", "b")));
    let (code, message) = refusal(&gate, &with_ids);
    assert_eq!(code, "identity.unknown");
    assert!(message.contains("known by its name alone"), "{message}");
    approve_all_with_ids(world);
    assert_eq!(answer(&decide(&gate, &with_ids)), "allow");
    assert_eq!(refusal(&gate, &build(None)).0, "identity.absent");
}

fn what_the_ledger_could_not_read_back_is_not_written(world: &World) {
    let gate = world.gate_at("builds", BUILDKITE, ENROL);
    for id in ["a\nb", &"9".repeat(5_000)] {
        assert_eq!(
            answer(&decide(&gate, &build(Some((id, "b"))))),
            "host.obligation"
        );
    }
    let nameless = world.gate_at("", BUILDKITE, ENROL);
    assert_eq!(
        answer(&decide(&nameless, &build(None))),
        "host.configuration"
    );
    let mut entries = 0;
    world.ledger.entries(|_| entries += 1).unwrap();
    assert_eq!(entries, 0);
}
}

fn approve_all_with_ids(world: &World) {
    approve_all(world, Some(("a", "b")));
}
