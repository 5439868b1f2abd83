//! Printing and parsing undo each other, for every form of every model.

use claimbound_issuers::{Class, Form, Model, Part, Registry, SubjectError};
use proptest::prelude::*;

/// The parts that a template names.
fn parts_in(template: &str) -> Vec<&str> {
    template
        .split('{')
        .skip(1)
        .map(|tail| tail.split('}').next().unwrap())
        .collect()
}

/// Text of the part's class, then without what the part excludes.
fn value(part: &Part) -> BoxedStrategy<String> {
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let pattern = match part.class() {
        Class::Any | Class::Segment => "[ -~äß水]{1,24}".to_owned(),
        Class::Slug | Class::Base64url => "[A-Za-z0-9_-]{1,24}".to_owned(),
        Class::Digits | Class::Hex => "[0-9]{1,12}".to_owned(),
        Class::Uuid => uuid.to_owned(),
        Class::BracedUuid => format!("\\{{{uuid}\\}}"),
        Class::Path | Class::UrlPath => "[a-z0-9-]{1,6}(/[a-z0-9._-]{3,6}){0,3}".to_owned(),
        Class::Host => "[a-z0-9]{1,6}(\\.[a-z0-9]{1,6}){0,2}".to_owned(),
    };
    let part = part.clone();
    proptest::string::string_regex(&pattern)
        .unwrap()
        .prop_map({
            let part = part.clone();
            move |text| {
                text.chars()
                    .filter(|&character| part.allows(character))
                    .collect::<String>()
            }
        })
        .prop_filter("a value of the part", move |text| part.accepts(text))
        .boxed()
}

/// A template with its values filled in.
fn filled(model: &Model, template: &str) -> BoxedStrategy<(String, Vec<(String, String)>)> {
    let template = template.to_owned();
    let names: Vec<String> = parts_in(&template).into_iter().map(str::to_owned).collect();
    let values: Vec<_> = names
        .iter()
        .map(|name| value(model.part(name).unwrap()))
        .collect();
    values
        .prop_map(move |values| {
            // Parts are replaced one by one from the front: a value with braces
            // must not be taken for a part.
            let mut text = String::new();
            let mut rest = template.as_str();
            for value in &values {
                let (literal, tail) = rest.split_once('{').unwrap();
                text.push_str(literal);
                text.push_str(value);
                rest = tail.split_once('}').unwrap().1;
            }
            text.push_str(rest);
            (text, names.iter().cloned().zip(values).collect())
        })
        .boxed()
}

fn check(model: &Model, form: &Form, text: &str, values: &[(String, String)]) {
    let subject = match model.parse_subject(text) {
        Ok(subject) => subject,
        Err(SubjectError::Ambiguous { forms }) if model.name() == "circleci" => {
            assert_eq!(forms.len(), 1, "{text}");
            return;
        }
        Err(error) => panic!("{} {}: `{text}`: {error}", model.name(), form.name()),
    };
    if !form.is_custom() {
        assert_eq!(subject.form().name(), form.name(), "{text}");
    }
    for (part, value) in values {
        assert_eq!(subject.part(part), Some(value.as_str()), "{text}");
    }
    let parts: Vec<_> = subject.parts().collect();
    assert_eq!(
        model.print_subject(form.name(), &parts).as_deref(),
        Ok(text)
    );
    let again = model.parse_subject(text).unwrap();
    assert!(again.parts().eq(parts), "reading is a function of the text");
}

#[test]
fn every_form_prints_what_it_parses() {
    for model in Registry::standard().iter() {
        for form in model.forms() {
            let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
                cases: 64,
                failure_persistence: None,
                ..ProptestConfig::default()
            });
            let subjects = match form.template() {
                Some(template) => filled(model, template),
                None => chosen(model, form),
            };
            runner
                .run(&subjects, |(text, values)| {
                    check(model, form, &text, &values);
                    Ok(())
                })
                .unwrap();
        }
    }
}

/// A choice of a custom form's segments, in any order, no part twice.
fn chosen(model: &Model, form: &Form) -> BoxedStrategy<(String, Vec<(String, String)>)> {
    let segments: Vec<String> = form.segments().map(str::to_owned).collect();
    let filled: Vec<_> = segments
        .iter()
        .map(|template| filled(model, template))
        .collect();
    let count = segments.len();
    (
        filled,
        Just((0..count).collect::<Vec<_>>()).prop_shuffle(),
        1..6usize,
    )
        .prop_map(|(filled, order, length)| {
            let mut texts = Vec::new();
            let mut values: Vec<(String, String)> = Vec::new();
            for index in order {
                let (text, more) = &filled[index];
                let known = |(part, _): &(String, String)| values.iter().any(|(p, _)| p == part);
                if texts.len() < length && !more.iter().any(known) {
                    texts.push(text.clone());
                    values.extend(more.iter().cloned());
                }
            }
            (texts.join(":"), values)
        })
        .boxed()
}

proptest! {
    /// Whatever parses is written back byte for byte.
    #[test]
    fn what_parses_prints_back(subject in hostile_subject()) {
        for model in Registry::standard().iter() {
            if let Ok(read) = model.parse_subject(&subject) {
                let parts: Vec<_> = read.parts().collect();
                let printed = model.print_subject(read.form().name(), &parts);
                prop_assert_eq!(printed.as_deref(), Ok(subject.as_str()));
            }
        }
    }
}

/// Fragments of real subjects among anything at all.
fn hostile_subject() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        Just("repo:".to_owned()),
        Just("a/b".to_owned()),
        Just("a@1/b@2".to_owned()),
        Just(":ref:".to_owned()),
        Just(":environment:".to_owned()),
        Just(":".to_owned()),
        Just("pull_request".to_owned()),
        Just("project_path:".to_owned()),
        Just("%3A".to_owned()),
        Just("organization:".to_owned()),
        Just("/vcs-ref/".to_owned()),
        Just("sc://".to_owned()),
        Just("spiffe://".to_owned()),
        Just("system:".to_owned()),
        "\\PC{0,5}",
        any::<String>(),
    ];
    proptest::collection::vec(fragment, 0..8).prop_map(|fragments| fragments.concat())
}
