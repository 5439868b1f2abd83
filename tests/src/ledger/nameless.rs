//! Issuers whose names have no immutable id: what an operator says of a name
//! holds, and nobody can be told apart behind it.

use claimbound::ledger::{Change, Identity, IdentityError, Name, Parent};
use claimbound::models::{Model, Registry};
use serde_json::{Value, json};

use super::world::{World, approve, decide, on_each_store, refusal};
use crate::forge::{job, with};
use crate::gate::answer;

const SPIFFE: (&str, &str) = ("https://spire.example", "spiffe");
const CLUSTER: (&str, &str) = ("https://cluster.example", "kubernetes");
const REFUSE: &str = "identity = { first_use = \"refuse\" }";
const ENROL: &str = "identity = { first_use = \"enrol\" }";

fn model(name: &str) -> &'static Model {
    Registry::standard().get(name).unwrap()
}

fn svid(path: &str) -> Value {
    with(
        json!({}),
        &json!({
            "iss": SPIFFE.0, "sub": format!("spiffe://acme.example/{path}"),
            "aud": job()["aud"], "iat": job()["iat"], "exp": job()["exp"],
        }),
    )
}

fn workload(path: &str) -> Name {
    let kind = model("spiffe").kind("workload").unwrap();
    Name::of(SPIFFE.0, kind, &format!("spiffe://acme.example/{path}"))
}

fn account(uid: &str) -> Value {
    let mut claims = svid("");
    claims["iss"] = CLUSTER.0.into();
    claims["sub"] = "system:serviceaccount:prod:deployer".into();
    claims["jti"] = "1".into();
    claims["kubernetes.io"] = json!({
        "namespace": "prod", "serviceaccount": { "name": "deployer", "uid": uid },
    });
    claims
}

on_each_store! {
fn a_name_without_an_id_is_approved_and_barred_by_itself(world: &World) {
    let gate = world.gate_at("mesh", SPIFFE, REFUSE);
    let (code, message) = refusal(&gate, &svid("api"));
    assert_eq!(code, "identity.unknown");
    assert!(message.contains("`acme.example` with no id"), "{message}");
    let domain = Identity::new(
        SPIFFE.0, model("spiffe"), "trust-domain", "acme.example", None, None,
    );
    world.order(approve(domain.unwrap())).unwrap();
    let parent = || Some(Parent {
        kind: "trust-domain".to_owned(),
        name: "acme.example".to_owned(),
        id: None,
    });
    let api = |id| Identity::new(
        SPIFFE.0, model("spiffe"), "workload", &workload("api").name, id, parent(),
    );
    assert!(matches!(api(Some("1")), Err(IdentityError::NoIds { .. })));
    world.order(approve(api(None).unwrap())).unwrap();
    assert_eq!(answer(&decide(&gate, &svid("api"))), "allow");
    assert_eq!(refusal(&gate, &svid("other")).0, "identity.unknown");
    world.order(Change::Suspend { name: workload("api"), id: None }).unwrap();
    assert_eq!(refusal(&gate, &svid("api")).0, "identity.suspended");
    world.order(Change::Resume { name: workload("api") }).unwrap();
    assert_eq!(answer(&decide(&gate, &svid("api"))), "allow");
    world.order(Change::Retire { name: workload("api"), id: None }).unwrap();
    assert_eq!(refusal(&gate, &svid("api")).0, "identity.retired");
}

fn a_name_without_an_id_that_was_left_is_barred(world: &World) {
    let gate = world.gate_at("mesh", SPIFFE, ENROL);
    assert_eq!(answer(&decide(&gate, &svid("api"))), "allow");
    world.order(Change::Migrate {
        from: workload("api"),
        to: workload("service"),
        id: None,
        parent: None,
        children: false,
    }).unwrap();
    assert_eq!(answer(&decide(&gate, &svid("service"))), "allow");
    assert_eq!(refusal(&gate, &svid("api")).0, "identity.reassigned");
}

fn a_service_account_has_an_id_though_its_namespace_has_none(world: &World) {
    let gate = world.gate_at("cluster", CLUSTER, ENROL);
    assert_eq!(answer(&decide(&gate, &account("a"))), "allow");
    assert_eq!(answer(&decide(&gate, &account("a"))), "allow");
    assert_eq!(refusal(&gate, &account("b")).0, "identity.reassigned", "deleted and made again");
    let namespace = Name::of(CLUSTER.0, model("kubernetes").kind("namespace").unwrap(), "prod");
    world.order(Change::Retire { name: namespace, id: None }).unwrap();
    assert_eq!(refusal(&gate, &account("a")).0, "identity.retired");
}
}
