//! Statements, checked and compiled one at a time.

use claimbound_engine::model::{self, Condition, Effect, Literal, Source, Test};
use claimbound_engine::{Code, FirstUse, Grant, Obligation};
use claimbound_issuers::{Field, Form, Kind, Model, Need};

use crate::compile::IssuerSummary;
use crate::condition::{self, Stance};
use crate::contradiction;
use crate::diagnostic::Sink;
use crate::document::{self, KeyCondition, Statement, Subject, Trust};
use crate::duration;
use crate::fields::{Placed, listed};
use crate::places::Places;
use crate::rule::Rule;
use crate::subject::{self, Lowered};
use crate::tenant;
use crate::time;

/// Checks a statement and compiles it; none where there were findings.
pub(crate) fn statement(
    statement: &Statement,
    issuer: Option<&IssuerSummary>,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<model::Statement> {
    let errors = sink.errors();
    check_claim_bound(statement, sink);
    let issuer = issuer?;
    let (mut subject, asked) = said(statement, &issuer.model, places, sink)?;
    if sink.errors() > errors {
        return None;
    }
    let (effect, bounds) = match &statement.effect {
        document::Effect::Forbid => (Effect::Forbid, Vec::new()),
        document::Effect::Trust(trust) => {
            tenant::check(statement, trust, issuer, &subject, sink);
            contradiction::check(&issuer.model, statement, sink);
            if sink.errors() > errors {
                return None;
            }
            warn_lifetime(trust, sink);
            subject.pinned.extend(pinned_by_url(issuer));
            let obligations = obligations(statement, trust, &issuer.model, &subject, sink);
            let effect = Effect::Trust(grant(trust, obligations));
            (effect, trust_conditions(trust))
        }
    };
    // The most selective first: a token is mostly somebody else's.
    let conditions = [subject.conditions, bounds, asked].concat();
    Some(model::Statement {
        name: statement.name.value.clone(),
        issuer: issuer.url.clone(),
        effect,
        conditions,
    })
}

/// What a statement says of the subject, and of claims and key; none where
/// there were findings.
fn said(
    statement: &Statement,
    model: &Model,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<(Lowered, Vec<Condition>)> {
    let errors = sink.errors();
    let stance = match &statement.effect {
        document::Effect::Trust(_) => Stance::Trust,
        document::Effect::Forbid => Stance::Forbid,
    };
    // Claims and key are looked at even where the subject is wrong, so that
    // every finding is told at once.
    let subject = match &statement.subject {
        Some(subject) => subject::lower(model, subject, stance, places, sink),
        None => Some(Lowered::default()),
    };
    let claims = statement.claims.iter();
    let mut asked: Vec<Condition> = claims
        .filter_map(|one| condition::claim(model, one, stance, places, sink))
        .collect();
    if let Some(key) = &statement.key {
        asked.extend(key_conditions(model, key, sink));
    }
    if sink.errors() > errors {
        return None;
    }
    let mut subject = subject?;
    subject.pinned.extend(pinned_by_claims(model, statement));
    Some((subject, asked))
}

/// Not claim-bound, not a policy.
fn check_claim_bound(statement: &Statement, sink: &mut Sink) {
    let (what, needed): (_, &[&str]) = match &statement.effect {
        document::Effect::Trust(_) => (
            "trust",
            &["issuer", "audience", "subject", "token_lifetime"],
        ),
        document::Effect::Forbid => ("forbid", &["issuer"]),
    };
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|key| !statement.says(key))
        .collect();
    if missing.is_empty() {
        return;
    }
    let message = format!(
        "{what} statement `{}` does not say {}",
        statement.name.value,
        listed(&missing)
    );
    let finding = sink.error(Rule::NotClaimBound, &statement.place, message);
    if what == "trust" {
        finding.hint("access is trusted by issuer, audience, subject and lifetime together");
    } else {
        finding.hint("a forbid is asked about the tokens of one issuer");
    }
}

/// The kinds whose ids the statement pins under `claims`.
fn pinned_by_claims(model: &Model, statement: &Statement) -> Vec<String> {
    statement
        .claims
        .iter()
        .filter(|one| one.operator.value.pinned().is_some())
        .filter_map(|one| model.kind_of_id(&one.path.value))
        .map(|kind| kind.name().to_owned())
        .collect()
}

/// The kinds whose ids the issuer's own URL pins.
fn pinned_by_url(issuer: &IssuerSummary) -> Vec<String> {
    let found = issuer.model.issuer(&issuer.url);
    found.map_or_else(
        |_| Vec::new(),
        |found| subject::ids_among(&issuer.model, found.parts().iter().copied()),
    )
}

/// The longest lifetime of tokens that hosts take by themselves: 24 hours, in
/// seconds.
const LONGEST_LIFETIME: u64 = 86_400;

fn warn_lifetime(trust: &Trust, sink: &mut Sink) {
    let lifetime = trust.token_lifetime.as_ref();
    if let Some(lifetime) = lifetime.filter(|one| one.value > LONGEST_LIFETIME) {
        let message = "no host takes tokens that live longer than 24 hours";
        sink.warning(Rule::Lifetime, &lifetime.place, message)
            .expected("at most `24h`")
            .hint("unless its configuration raises the issuer's limit");
    }
}

/// The conditions that every trust has, by what it says.
fn trust_conditions(trust: &Trust) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if let Some(audience) = &trust.audience {
        conditions.push(plain(
            ("audience", "aud", Source::Audience),
            Test::AudienceIs(audience.value.clone()),
            Code::AudienceMismatch,
            audience.value.clone(),
        ));
        if !trust.shared_audience {
            conditions.push(plain(
                ("shared_audience", "aud", Source::Audience),
                Test::SoleAudience,
                Code::AudienceShared,
                format!("{} alone", audience.value),
            ));
        }
    }
    if let Some(lifetime) = &trust.token_lifetime {
        conditions.push(plain(
            ("token_lifetime", "exp", Source::Time),
            Test::LifetimeAtMost(lifetime.value),
            Code::TokenLifetime,
            duration::words(lifetime.value),
        ));
    }
    if let Some(age) = &trust.max_age {
        conditions.push(plain(
            ("max_age", "iat", Source::Time),
            Test::AgeAtMost(age.value),
            Code::TokenAge,
            duration::words(age.value),
        ));
    }
    if let Some(expires) = &trust.expires {
        conditions.push(timed(
            "expires",
            Test::Between(0, expires.value),
            Code::StatementExpired,
            format!("before {}", time::words(expires.value)),
        ));
    }
    if let Some(window) = &trust.window {
        for test in window.tests() {
            conditions.push(timed(
                "window",
                test,
                Code::WindowClosed,
                window.words.clone(),
            ));
        }
    }
    conditions
}

fn plain(
    (label, claim, source): (&str, &str, Source),
    test: Test,
    code: Code,
    expected: String,
) -> Condition {
    Condition {
        label: label.to_owned(),
        claim: vec![claim.to_owned()],
        source,
        test,
        fold: false,
        code,
        expected,
    }
}

fn timed(label: &str, test: Test, code: Code, expected: String) -> Condition {
    Condition {
        label: label.to_owned(),
        claim: Vec::new(),
        source: Source::Time,
        test,
        fold: false,
        code,
        expected,
    }
}

fn key_conditions(model: &Model, key: &KeyCondition, sink: &mut Sink) -> Vec<Condition> {
    for algorithm in &key.algorithms {
        if !model.algorithms().contains(&algorithm.value) {
            let message = format!(
                "`{}` is no algorithm that `{}` signs with",
                algorithm.value,
                model.name()
            );
            sink.error(Rule::NeverMatches, &algorithm.place, message)
                .expected(format!("one of {}", listed(model.algorithms())));
        }
    }
    let one_of = |label: &str, source, values: &[Placed<String>]| {
        (!values.is_empty()).then(|| {
            let literals = values.iter().map(|one| Literal::Text(one.value.clone()));
            let all: Vec<&str> = values.iter().map(|one| one.value.as_str()).collect();
            Condition {
                label: format!("key.{label}"),
                claim: Vec::new(),
                source,
                test: Test::AnyOf(literals.collect()),
                fold: false,
                code: Code::KeyRefused,
                expected: all.join(", "),
            }
        })
    };
    let bits = key.at_least_bits.as_ref().map(|bits| Condition {
        label: "key.at_least_bits".to_owned(),
        claim: Vec::new(),
        source: Source::KeyBits,
        test: Test::AtLeast(bits.value.clone()),
        fold: false,
        code: Code::KeyRefused,
        expected: bits.value.clone(),
    });
    one_of("thumbprints", Source::KeyThumbprint, &key.thumbprints)
        .into_iter()
        .chain(one_of("algorithms", Source::KeyAlgorithm, &key.algorithms))
        .chain(bits)
        .collect()
}

fn obligations(
    statement: &Statement,
    trust: &Trust,
    model: &Model,
    subject: &Lowered,
    sink: &mut Sink,
) -> Vec<Obligation> {
    let mut obligations = Vec::new();
    if let Some(first_use) = first_use(statement, trust, model, subject, sink) {
        obligations.push(Obligation::Bind(first_use));
    }
    if trust.single_use {
        obligations.push(Obligation::UseOnce);
    }
    if let Some(method) = &trust.proof {
        obligations.push(Obligation::Prove(method.value.clone()));
    }
    for (kind, json) in &trust.grant.obligations {
        obligations.push(Obligation::Other {
            kind: kind.clone(),
            json: json.clone(),
        });
    }
    obligations
}

/// Binding is always on where the model has ids. It enrols by itself where the
/// statement pins the id of every kind that a host will bind.
fn first_use(
    statement: &Statement,
    trust: &Trust,
    model: &Model,
    subject: &Lowered,
    sink: &mut Sink,
) -> Option<FirstUse> {
    if let Some(chosen) = &trust.first_use {
        return Some(chosen.value);
    }
    if model
        .names()
        .iter()
        .all(|kind| kind.id_need() == Need::None)
    {
        return None;
    }
    let bound = bound(model, subject);
    let pinned = subject.pinned.iter().chain(&subject.carried);
    let missing: Vec<&str> = bound
        .iter()
        .copied()
        .filter(|kind| !pinned.clone().any(|one| one == kind))
        .collect();
    if missing.is_empty() && !bound.is_empty() {
        return Some(FirstUse::Enrol);
    }
    if !missing.is_empty() {
        warn_first_use(statement, &missing, sink);
    }
    Some(FirstUse::Refuse)
}

/// The kinds with ids that subjects of the accepted forms, or the claims beside
/// them, name.
fn bound<'m>(model: &'m Model, subject: &Lowered) -> Vec<&'m str> {
    let accepted = |form: &&Form| subject.forms.iter().any(|one| one == form.name());
    let in_subject = |kind: &Kind| {
        let mut forms = model.forms().iter().filter(accepted);
        forms.any(|form| !model.covered(form, Field::Name(kind)).is_empty())
    };
    // What stands in a claim alone is bound as well.
    let in_claim = |kind: &Kind| {
        let stands_there = kind.claim().is_some() || kind.templates().next().is_none();
        kind.id_need() == Need::Promised && stands_there
    };
    let kinds = model.names().iter();
    let with_id = kinds.filter(|kind| kind.id_need() != Need::None);
    with_id
        .filter(|kind| in_subject(kind) || in_claim(kind))
        .map(Kind::name)
        .collect()
}

/// An author who pins less than everything should know what a fresh host does.
fn warn_first_use(statement: &Statement, missing: &[&str], sink: &mut Sink) {
    // What can't be read pins nothing, and is told of already.
    let Some(place) = statement.subject.as_ref().map(|one| &one.place) else {
        return;
    };
    let message = format!(
        "hosts refuse the names of `{}` until an operator approves them, for nothing pins the id of {}",
        statement.name.value,
        listed(missing)
    );
    sink.warning(Rule::FirstUse, place, message)
        .hint("pin each id, or choose: `identity = { first_use = \"enrol\" }`, or \"refuse\"");
}

fn grant(trust: &Trust, obligations: Vec<Obligation>) -> Grant {
    let values = |list: &[Placed<String>]| list.iter().map(|one| one.value.clone()).collect();
    let claims = trust
        .grant
        .claims
        .clone()
        .filter(|claims| !claims.is_empty());
    Grant {
        roles: values(&trust.grant.roles),
        scopes: values(&trust.grant.scopes),
        claims: claims.map(|claims| serde_json::Value::Object(claims).to_string()),
        max_lifetime: trust
            .grant
            .max_ttl
            .as_ref()
            .and_then(|ttl| u32::try_from(ttl.value).ok()),
        obligations,
    }
}

/// The subjects of a statement, in one line.
pub(crate) fn subject_line(statement: &Statement) -> String {
    match statement.subject.as_ref().map(|subject| &subject.value) {
        None => "every subject".to_owned(),
        Some(Subject::Literal(text)) => text.clone(),
        Some(Subject::Whole(operator)) => format!("{} {}", operator.name(), operator.expected()),
        Some(Subject::Table(table)) => {
            let mut words: Vec<String> = Vec::new();
            for field in &table.fields {
                let name = &field.name.value;
                let value = field.value.as_ref().map(|one| one.value.expected());
                let id = field
                    .id
                    .as_ref()
                    .map(|one| format!("id {}", one.value.expected()));
                let both: Vec<String> = value.into_iter().chain(id).collect();
                words.push(format!("{name} {}", both.join(", ")));
            }
            words.extend(table.any.iter().map(|name| format!("any {}", name.value)));
            words.join("; ")
        }
    }
}
