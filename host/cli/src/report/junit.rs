//! `JUnit`'s XML: what became of tests, as CI systems show it.

use anyhow::Context as _;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::escape::{visible, visible_lines};

/// Tests that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suite {
    /// What they are tests of.
    pub(crate) name: String,
    /// The tests.
    pub(crate) cases: Vec<Case>,
}

/// One test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Case {
    /// Its name.
    pub(crate) name: String,
    /// Why it failed; empty where it passed.
    pub(crate) faults: Vec<String>,
}

/// The tests as one XML document. Nothing in it is a character that XML 1.0 can't hold
/// (§2.2), or that a terminal would obey: such are escaped as people see them.
///
/// # Errors
/// It can't be written.
pub(crate) fn xml(name: &str, suites: &[Suite]) -> anyhow::Result<String> {
    let mut report = Report::new(on_one_line(name));
    report.add_test_suites(suites.iter().map(Suite::made));
    let xml = report.to_string();
    xml.context("the report can't be written")
}

impl Suite {
    fn made(&self) -> TestSuite {
        let mut suite = TestSuite::new(on_one_line(&self.name));
        let cases = self.cases.iter().map(|case| case.made(&self.name));
        suite.add_test_cases(cases);
        suite
    }
}

impl Case {
    fn made(&self, suite: &str) -> TestCase {
        let mut case = TestCase::new(on_one_line(&self.name), self.status());
        case.set_classname(on_one_line(suite));
        case
    }

    /// The first fault is the message, as lists of failures show it.
    fn status(&self) -> TestCaseStatus {
        let Some(first) = self.faults.first() else {
            return TestCaseStatus::success();
        };
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let all = visible_lines(&self.faults.join("\n"));
        status
            .set_message(on_one_line(first))
            .set_description(held_by_xml(&all));
        status
    }
}

fn on_one_line(text: &str) -> String {
    held_by_xml(&visible(text))
}

/// The two characters that XML 1.0 can't hold and that no terminal cares for.
fn held_by_xml(text: &str) -> String {
    let mut held = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\u{fffe}' | '\u{ffff}') {
            held.extend(character.escape_unicode());
        } else {
            held.push(character);
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use quick_xml::events::{BytesStart, Event};
    use quick_xml::{Reader, XmlVersion};

    use super::*;

    fn suites() -> Vec<Suite> {
        let case = |name: &str, faults: &[&str]| Case {
            name: name.to_owned(),
            faults: faults.iter().map(ToString::to_string).collect(),
        };
        vec![
            Suite {
                name: "a/policy.toml".to_owned(),
                cases: vec![
                    case("passes", &[]),
                    case(
                        "<\"fails\"> & \u{1b}[2J\u{0}\u{202e}\u{ffff}",
                        &["one ]]> \u{8}", "two\nlines \u{fffe}"],
                    ),
                ],
            },
            Suite {
                name: "b".to_owned(),
                cases: vec![case("passes", &[])],
            },
        ]
    }

    fn attribute(element: &BytesStart<'_>, name: &str) -> String {
        let found = element.try_get_attribute(name).unwrap().unwrap();
        let text = found.normalized_value(XmlVersion::Implicit1_0).unwrap();
        text.into_owned()
    }

    /// Whether XML 1.0 §2.2 has this character, and a terminal is not misled by it.
    fn is_held(character: char) -> bool {
        match character {
            '\n' => true,
            '\u{fffe}' | '\u{ffff}' | '\u{202e}' => false,
            other => !other.is_control(),
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let text = xml("claimbound test", &suites()).unwrap();
        assert!(text.chars().all(is_held), "{text:?}");
        let (mut reader, mut elements) = (Reader::from_str(&text), Vec::new());
        loop {
            let event = reader.read_event().unwrap();
            if matches!(event, Event::Eof) {
                break;
            }
            let (Event::Start(element) | Event::Empty(element)) = event else {
                continue;
            };
            let kind = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
            let words = match kind.as_str() {
                "testsuites" | "testsuite" => {
                    let counts = ["tests", "failures"].map(|one| attribute(&element, one));
                    counts.join(" ")
                }
                "failure" => attribute(&element, "message"),
                _ => attribute(&element, "classname"),
            };
            let name = element.try_get_attribute("name").unwrap();
            let name = name.map(|_| attribute(&element, "name"));
            elements.push((kind, name.unwrap_or_default(), words));
        }
        let fails = r#"<"fails"> & \u{1b}[2J\u{0}\u{202e}\u{ffff}"#;
        let expected = [
            ("testsuites", "claimbound test", "3 1"),
            ("testsuite", "a/policy.toml", "2 1"),
            ("testcase", "passes", "a/policy.toml"),
            ("testcase", fails, "a/policy.toml"),
            ("failure", "", r"one ]]> \u{8}"),
            ("testsuite", "b", "1 0"),
            ("testcase", "passes", "b"),
        ];
        let expected = expected.map(|(kind, name, words)| {
            let own = |text: &str| text.to_owned();
            (own(kind), own(name), own(words))
        });
        assert_eq!(elements, expected);
        assert!(text.contains("two\nlines \\u{fffe}"), "{text}");
    }
}
