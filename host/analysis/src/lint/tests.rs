//! Every rule against its own samples.

use std::collections::BTreeSet;

use claimbound_language::{Cases, Compiled, compile, parse_cases};

use super::{ALL, Finding, Rule, Sample, lint_by};

fn read(rule: &'static Rule, sample: &Sample) -> (Compiled, Option<Cases>) {
    let compiled = compile(rule.name, &sample.text()).unwrap_or_else(|error| panic!("{error}"));
    let cases = sample.cases.map(|text| {
        let cases = parse_cases(rule.name, text).unwrap_or_else(|error| panic!("{error}"));
        cases
            .check(&compiled)
            .unwrap_or_else(|error| panic!("{error}"));
        cases
    });
    (compiled, cases)
}

pub(crate) fn findings(rule: &'static Rule, sample: &Sample) -> Vec<Finding> {
    let (compiled, cases) = read(rule, sample);
    lint_by(rule, &compiled, cases.as_ref(), sample.steps)
}

#[test]
fn every_rule_finds_its_fault_in_what_it_refuses_and_nowhere_else() {
    for rule in ALL {
        assert!(
            !rule.refused.is_empty() && !rule.accepted.is_empty(),
            "{}",
            rule.name
        );
        for sample in rule.refused {
            let found = findings(rule, sample);
            let is_own = |finding: &Finding| finding.rule.name == rule.name;
            assert!(
                !found.is_empty() && found.iter().all(is_own),
                "{} in {}: {found:#?}",
                rule.name,
                sample.text()
            );
        }
        for sample in rule.accepted {
            let found = findings(rule, sample);
            assert!(
                found.is_empty(),
                "{} in {}: {found:#?}",
                rule.name,
                sample.text()
            );
        }
    }
}

#[test]
fn every_finding_speaks_of_a_place_in_words_of_one_sentence() {
    for rule in ALL {
        for sample in rule.refused {
            let text = sample.text();
            for finding in findings(rule, sample) {
                let spoken_of = text.get(finding.place.clone()).unwrap();
                assert!(!spoken_of.is_empty(), "{}", rule.name);
                let message = &finding.message;
                assert!(
                    !message.ends_with('.') && !message.contains('\n'),
                    "{message}"
                );
                let first = message.chars().next().unwrap();
                assert!(!first.is_uppercase(), "{message}");
            }
        }
    }
}

#[test]
fn every_example_is_decided_by_the_statement_that_it_is_of() {
    for rule in ALL {
        for sample in rule.refused {
            let (compiled, _) = read(rule, sample);
            for finding in findings(rule, sample) {
                let (Some(token), Some(statement)) = (finding.example, finding.statement) else {
                    continue;
                };
                let verdict = compiled.decide(&token.claims, &token.key, &token.request);
                let decision = verdict.unwrap().decision;
                assert!(
                    matches!(&decision, claimbound_language::engine::Decision::Allow { statement: by, .. } if *by == statement),
                    "{}: {decision:?}",
                    rule.name
                );
            }
        }
    }
}

#[test]
fn rules_are_told_apart_and_say_what_they_serve() {
    let names: Vec<&str> = ALL.iter().map(|rule| rule.name).collect();
    let mut sorted: Vec<&str> = names
        .iter()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    sorted.sort_unstable();
    assert_eq!(names, sorted, "once each, by name");
    for rule in ALL {
        let name = rule.name;
        assert!(!rule.controls.is_empty(), "{name}");
        for text in [rule.summary, rule.why, rule.fix] {
            assert!(text.trim_end().ends_with(['.', ')']), "{name}: {text}");
        }
        assert!(rule.page().starts_with(&format!("# `{name}`")));
    }
}
