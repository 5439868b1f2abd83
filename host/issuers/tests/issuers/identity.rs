//! What a token must agree with itself on, model by model.

use serde_json::{Value, json};

use crate::claims::{Json, identify, model, names};

fn github(changes: &[(&str, Value)]) -> Value {
    let mut claims = json!({
        "repository": "acme/infra", "repository_id": "2",
        "repository_owner": "acme", "repository_owner_id": "1",
        "environment": "prod", "ref": "refs/heads/main",
    });
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims
}

const PLAIN: &str = "repo:acme/infra:environment:prod";
const IMMUTABLE: &str = "repo:acme@1/infra@2:environment:prod";

#[test]
fn both_shapes_give_the_same_identity() {
    let plain = identify("github-actions", PLAIN, github(&[])).unwrap();
    let immutable = identify("github-actions", IMMUTABLE, github(&[])).unwrap();
    assert_eq!(plain.names, immutable.names);
    assert_eq!(&*plain.model, "github-actions");
    assert_eq!(plain.part("environment"), Some("prod"));
    assert_eq!(plain.name("repository").unwrap().id.as_deref(), Some("2"));
}

#[test]
fn a_claim_that_disagrees_is_drift_and_says_which() {
    for (subject, name, value, claim) in [
        (PLAIN, "environment", json!("staging"), "environment"),
        (PLAIN, "environment", json!(null), "environment"),
        (PLAIN, "environment", json!(["prod"]), "environment"),
        (PLAIN, "environment", json!(""), "environment"),
        (PLAIN, "repository", json!("acme/other"), "repository"),
        (PLAIN, "repository", json!("Acme/infra"), "repository"),
        (PLAIN, "repository", json!("acme/infra/x"), "repository"),
        (PLAIN, "repository", json!(7), "repository"),
        (PLAIN, "repository_owner", json!("acm"), "repository_owner"),
        (PLAIN, "repository_id", json!(2), "repository_id"),
        (IMMUTABLE, "repository_id", json!("3"), "repository_id"),
        (IMMUTABLE, "repository_id", json!(""), "repository_id"),
        (
            IMMUTABLE,
            "repository_owner_id",
            json!("3"),
            "repository_owner_id",
        ),
    ] {
        let claims = github(&[(name, value.clone())]);
        let refusal = identify("github-actions", subject, claims).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.claim.join(".")),
            ("subject.drift", claim.to_owned())
        );
        assert!(
            refusal.found.is_some() && !refusal.message.is_empty(),
            "{value}"
        );
    }
}

#[test]
fn a_promised_id_that_is_missing_is_never_name_only() {
    for id in ["repository_id", "repository_owner_id"] {
        let mut claims = github(&[]);
        claims.as_object_mut().unwrap().remove(id);
        let refusal = identify("github-actions", PLAIN, claims.clone()).unwrap_err();
        assert_eq!(
            (refusal.code, &*refusal.claim),
            ("identity.absent", &[id.to_owned()][..])
        );
        assert!(
            identify("github-actions", IMMUTABLE, claims).is_ok(),
            "the subject has it"
        );
        let empty = github(&[(id, json!(""))]);
        assert_eq!(
            identify("github-actions", PLAIN, empty).unwrap_err().code,
            "identity.absent"
        );
    }
}

#[test]
fn names_alone_in_a_chosen_subject_are_not_enough() {
    let refusal = identify("github-actions", "actor:somebody", json!({})).unwrap_err();
    assert_eq!(refusal.code, "identity.absent");
}

#[test]
fn an_absent_claim_is_no_drift_unless_it_is_required() {
    let mut claims = github(&[]);
    for name in ["environment", "repository", "repository_owner"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    let workload = identify("github-actions", PLAIN, claims).unwrap();
    assert_eq!(workload.name("repository").unwrap().name, "acme/infra");
    let refusal = identify("kubernetes", "system:serviceaccount:ns:name", json!({})).unwrap_err();
    assert_eq!((refusal.code, refusal.found), ("subject.drift", None));
}

#[test]
fn a_legacy_service_account_token_is_refused() {
    let claims = json!({
        "kubernetes.io/serviceaccount/namespace": "ns",
        "kubernetes.io/serviceaccount/service-account.name": "name",
        "kubernetes.io/serviceaccount/service-account.uid": "u",
    });
    assert!(identify("kubernetes", "system:serviceaccount:ns:name", claims).is_err());
    let nested = |uid: Value| {
        json!({ "kubernetes.io": {
            "namespace": "ns", "serviceaccount": { "name": "name", "uid": uid }
        }})
    };
    let subject = "system:serviceaccount:ns:name";
    assert!(identify("kubernetes", subject, nested(json!("u"))).is_ok());
    let refusal = identify("kubernetes", subject, nested(json!(""))).unwrap_err();
    assert_eq!(refusal.code, "identity.absent");
    let other = identify(
        "kubernetes",
        "system:serviceaccount:ns:other",
        nested(json!("u")),
    );
    assert_eq!(
        other.unwrap_err().claim,
        ["kubernetes.io", "serviceaccount", "name"]
    );
}

#[test]
fn the_issuers_url_repeats_the_tenant() {
    let uuid = |digit: u8| format!("{digit}a1b2c3d-0000-4000-8000-00112233aabb");
    let run = format!("org/{}/project/{}/user/{}", uuid(0), uuid(1), uuid(2));
    let issuer = |digit| format!("https://oidc.circleci.com/org/{}", uuid(digit));
    let circle = model("circleci");
    let claims = Json(json!({}));
    let workload = circle.identify(&issuer(0), &run, &claims).unwrap();
    let (organization, project) = (uuid(0), uuid(1));
    assert_eq!(
        names(&workload),
        [
            ("organization", &*organization, Some(&*organization), None),
            ("project", &*project, Some(&*project), Some(&*organization)),
        ]
    );
    assert_eq!(
        circle.identify(&issuer(3), &run, &claims).unwrap_err().code,
        "subject.drift"
    );
    assert!(
        circle
            .identify("https://oidc.circleci.com", &run, &claims)
            .is_ok()
    );

    let entra = model("entra");
    let issuer = format!("https://login.microsoftonline.com/{}/v2.0", uuid(0));
    let tid = |digit| Json(json!({ "tid": uuid(digit) }));
    assert!(entra.identify(&issuer, "pairwise", &tid(0)).is_ok());
    assert_eq!(
        entra
            .identify(&issuer, "pairwise", &tid(1))
            .unwrap_err()
            .code,
        "subject.drift"
    );
    assert_eq!(
        entra
            .identify(&issuer, "pairwise", &claims)
            .unwrap_err()
            .code,
        "subject.drift"
    );
}

#[test]
fn a_connection_belongs_to_the_organisation_of_the_url() {
    let devops = model("azure-devops");
    let uuid = "0a1b2c3d-0000-4000-8000-00112233aabb";
    let issuer = format!("https://vstoken.dev.azure.com/{uuid}");
    let workload = devops
        .identify(&issuer, "sc://acme/My Project/deploy", &Json(json!({})))
        .unwrap();
    assert_eq!(
        names(&workload),
        [
            ("organization", "acme", Some(uuid), None),
            ("project", "acme/My Project", None, Some(uuid)),
            (
                "connection",
                "acme/My Project/deploy",
                None,
                Some("acme/My Project")
            ),
        ]
    );
    let entra = format!("https://login.microsoftonline.com/{uuid}/v2.0");
    let subject = format!("/eid1/c/pub/t/dGVuYW50/a/YXBw/sc/{uuid}/{uuid}");
    let workload = devops.identify(&entra, &subject, &Json(json!({}))).unwrap();
    assert_eq!(names(&workload).len(), 1);
    let other = "https://issuer.example";
    let refusal = devops
        .identify(other, "sc://acme/p/c", &Json(json!({})))
        .unwrap_err();
    assert_eq!(refusal.code, "identity.absent", "no URL, no id");
}

#[test]
fn a_bitbucket_step_names_its_repository_and_workspace() {
    let uuid = |digit: u8| format!("{{{digit}a1b2c3d-0000-4000-8000-00112233aabb}}");
    let issuer = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
    let claims = Json(json!({
        "workspaceUuid": uuid(0), "repositoryUuid": uuid(1), "stepUuid": uuid(2),
    }));
    let bitbucket = model("bitbucket");
    let workload = bitbucket
        .identify(issuer, &format!("{}:{}", uuid(1), uuid(2)), &claims)
        .unwrap();
    assert_eq!(workload.name("workspace").unwrap().name, "acme");
    assert_eq!(workload.name("repository").unwrap().parent, Some(uuid(0)));
    let deploys = format!("{}:{}:{}", uuid(1), uuid(3), uuid(2));
    let workload = bitbucket.identify(issuer, &deploys, &claims).unwrap();
    assert_eq!(&*workload.form, "environment");
}

#[test]
fn a_module_test_has_an_organisation_and_no_workspace() {
    let claims = json!({
        "terraform_organization_id": "org-1", "terraform_organization_name": "acme",
    });
    let subject = "organization:acme:module:vpc:operation:test_run";
    let workload = identify("hcp-terraform", subject, claims.clone()).unwrap();
    assert_eq!(
        names(&workload),
        [("organization", "acme", Some("org-1"), None)]
    );
    assert_eq!(workload.part("operation"), Some("test_run"));
    let run = "organization:acme:project:p:workspace:w:run_phase:plan";
    assert_eq!(
        identify("hcp-terraform", run, claims).unwrap_err().code,
        "identity.absent"
    );
}

#[test]
fn an_opaque_subject_is_its_own_id() {
    let workload = identify("google", "1234567890", json!({ "hd": "acme.example" })).unwrap();
    assert_eq!(
        names(&workload),
        [
            ("domain", "acme.example", None, None),
            ("account", "1234567890", Some("1234567890"), None),
        ]
    );
    assert_eq!(
        names(&identify("google", "12", json!({})).unwrap()).len(),
        1
    );
    assert!(identify("oidc", "auth0|some one@x", json!({})).is_ok());
}

#[test]
fn a_value_that_looks_like_an_encoded_one_reads_in_two_ways() {
    // A colon is written `%3A` in a subject; an environment may be called that.
    let subject = "repo:acme/infra:environment:prod%3Ax";
    let colon = github(&[("environment", json!("prod:x"))]);
    assert!(identify("github-actions", subject, colon).is_ok());
    let percent = github(&[("environment", json!("prod%3Ax"))]);
    let refusal = identify("github-actions", subject, percent).unwrap_err();
    assert_eq!(refusal.code, "subject.ambiguous");
    assert_eq!(refusal.claim, ["environment"]);
}
