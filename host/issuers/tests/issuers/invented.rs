//! An issuer that nobody ever heard of, added by its TOML alone.

use claimbound_issuers::{Chooser, ClaimType, Model, Registry, SubjectError, TenantPin};
use serde_json::json;

use crate::claims::{Json, names};

const DEPOT: &str = r#"
name = "depot"
title = "Depot"
documentation = "An invented forge."
[tokens]
algorithms = ["ES256"]
types = ["depot+jwt"]
longest_lifetime = 600
unique_id = true
[encode]
"/" = "~1"
[[issuer]]
url = "https://id.depot.example"
shared = true
default = true
[[issuer]]
url = "https://id.depot.example/t/{team}"
shared = false
[[part]]
name = "team"
documentation = "The team."
class = "slug"
excludes = "."
chooser = "issuer"
[[part]]
name = "team_id"
documentation = "Its id."
class = "hex"
chooser = "issuer"
[[part]]
name = "lane"
documentation = "The lane."
excludes = "/"
claim = ["job", "lane"]
claim_required = true
chooser = "outsider"
predictable = false
[[part]]
name = "note"
documentation = "What the job says."
chooser = "outsider"
[[form]]
name = "lane"
documentation = "Ordinary jobs."
subject = "{team}/{lane}"
[[form]]
name = "with-id"
documentation = "Jobs of numbered teams."
subject = "{team}.{team_id}/{lane}"
[[form]]
name = "noted"
documentation = "Jobs that say something."
subject = "note:{note}//{lane}"
ambiguous = true
[[kind]]
name = "team"
documentation = "The team."
templates = ["{team}"]
claim = ["team"]
id = { need = "promised", claim = ["team_id"], parts = ["team_id"] }
tenant = true
fold_case = true
not_in = ["noted"]
[[claim]]
path = ["team"]
type = "text"
chooser = "issuer"
documentation = "The team."
[[claim]]
path = ["team_id"]
type = "text"
immutable = true
chooser = "issuer"
documentation = "Its id."
[[claim]]
path = ["job", "lane"]
type = "text"
chooser = "outsider"
documentation = "The lane."
"#;

const ISSUER: &str = "https://id.depot.example";

fn depot() -> Model {
    Model::parse(DEPOT).unwrap()
}

#[test]
fn it_is_as_good_as_those_that_come_along() {
    let registry = Registry::standard().clone().with_toml(DEPOT).unwrap();
    let model = registry.get("depot").unwrap();
    assert_eq!(model.default_issuer(), Some(ISSUER));
    assert_eq!(
        (model.algorithms(), model.token_types()),
        (&["ES256".into()][..], &["depot+jwt".into()][..])
    );
    assert_eq!(
        (model.longest_lifetime(), model.has_unique_token_id()),
        (Some(600), true)
    );
    assert!(!model.absent_type());
    assert_eq!(registry.of_issuer(ISSUER).len(), 1);
    let lane = model.part("lane").unwrap();
    assert_eq!(
        (lane.chooser(), lane.is_predictable()),
        (Chooser::Outsider, false)
    );
    let rule = model.claim(&["job", "lane"]).unwrap();
    assert_eq!(
        (rule.json_type(), rule.is_immutable()),
        (ClaimType::Text, false)
    );
    assert_eq!(model.claim(&["job"]), None);
    assert!(
        model.claim(&["exp"]).is_some(),
        "registered claims are known to all"
    );
}

#[test]
fn its_tokens_are_identified() {
    let claims = Json(json!({ "team": "Red", "team_id": "a1", "job": { "lane": "x/y" } }));
    let workload = depot().identify(ISSUER, "Red/x~1y", &claims).unwrap();
    assert_eq!(names(&workload), [("team", "Red", Some("a1"), None)]);
    assert_eq!(workload.part("lane"), Some("x~1y"));
    assert_eq!(depot().kind("team").unwrap().fold("Red"), "red");
    let workload = depot().identify(ISSUER, "Red.a1/x~1y", &claims).unwrap();
    assert_eq!(&*workload.form, "with-id");
}

#[test]
fn its_drift_is_found() {
    let identify = |issuer: &str, subject: &str, claims| {
        depot()
            .identify(issuer, subject, &Json(claims))
            .map_err(|refusal| refusal.code)
    };
    let claims = json!({ "team": "red", "team_id": "a1", "job": { "lane": "x" } });
    assert!(identify(ISSUER, "red/x", claims.clone()).is_ok());
    assert_eq!(
        identify(ISSUER, "blue/x", claims.clone()),
        Err("subject.drift")
    );
    assert_eq!(
        identify(ISSUER, "red/y", claims.clone()),
        Err("subject.drift")
    );
    assert_eq!(
        identify(ISSUER, "red.a2/x", claims.clone()),
        Err("subject.drift")
    );
    let own = "https://id.depot.example/t/blue";
    assert_eq!(identify(own, "red/x", claims.clone()), Err("subject.drift"));
    assert_eq!(identify(ISSUER, "nothing", claims), Err("subject.mismatch"));
    assert_eq!(
        identify(ISSUER, "red/x", json!({ "team_id": "a1" })),
        Err("subject.drift")
    );
    let no_id = json!({ "job": { "lane": "x" } });
    assert_eq!(
        identify(ISSUER, "red/x", no_id.clone()),
        Err("identity.absent")
    );
    assert!(
        identify(ISSUER, "note:anything//x", no_id).is_ok(),
        "no team, no id"
    );
}

#[test]
fn its_ambiguity_is_found() {
    let model = depot();
    assert_eq!(
        model.parse_subject("note:a//b").unwrap().part("note"),
        Some("a")
    );
    let read = model.parse_subject("note:a//b//c").unwrap();
    assert_eq!(read.part("note"), Some("a//b"), "a lane holds no slash");
    let open = DEPOT.replace("excludes = \"/\"\n", "");
    let model = Model::parse(&open).unwrap();
    let overlap = model.parse_subject("note:a///b");
    assert!(
        matches!(overlap, Err(SubjectError::Ambiguous { .. })),
        "{overlap:?}"
    );
    let read = model.parse_subject("note:a//b//c");
    assert!(matches!(read, Err(SubjectError::Ambiguous { forms }) if *forms[0] == *"noted"));
}

#[test]
fn two_forms_that_read_differently_are_ambiguous() {
    let twice = DEPOT.replace(
        "[[kind]]",
        "[[part]]\nname = \"path\"\ndocumentation = \"x\"\nchooser = \"issuer\"\n\
         [[form]]\nname = \"path\"\ndocumentation = \"x\"\nsubject = \"red/{path}\"\n[[kind]]",
    );
    let model = Model::parse(&twice).unwrap();
    let read = model.parse_subject("red/x");
    assert!(matches!(read, Err(SubjectError::Ambiguous { forms }) if forms.len() == 2));
    assert!(model.parse_subject("blue/x").is_ok());
    assert!(model.print_subject("path", &[("path", "x")]).is_err());
}

#[test]
fn its_tenant_is_pinned_by_the_teams_id() {
    let model = depot();
    assert!(matches!(model.tenant_pin(&["team"]), TenantPin::Direct(_)));
    assert_eq!(model.tenant_pin(&[]), TenantPin::None);
    assert!(model.parse_subject("red.a1/x").unwrap().is_immutable());
    assert!(!model.parse_subject("red/x").unwrap().is_immutable());
}

#[test]
fn two_segments_that_fit_are_ambiguous() {
    let custom = DEPOT.replace(
        "[[kind]]",
        "[[part]]\nname = \"mark\"\ndocumentation = \"x\"\nexcludes = \";\"\nchooser = \"insider\"\n\
         [[part]]\nname = \"word\"\ndocumentation = \"x\"\nclass = \"slug\"\nchooser = \"insider\"\n\
         [[form]]\nname = \"custom\"\ndocumentation = \"x\"\nseparator = \";\"\n\
         segments = [{ subject = \"m={mark}\" }, { subject = \"m={word}\" }]\n[[kind]]",
    );
    let model = Model::parse(&custom).unwrap();
    let read = model.parse_subject("m=x");
    assert!(matches!(read, Err(SubjectError::Ambiguous { forms }) if *forms[0] == *"custom"));
    assert_eq!(
        model.parse_subject("m=x y").unwrap().part("mark"),
        Some("x y")
    );
}
