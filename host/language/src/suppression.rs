//! Suppressions: findings of a review that the document's author has answered.

use crate::diagnostic::{Sink, did_you_mean};
use crate::document::Statement;
use crate::fields::{Fields, Placed, check_name, list, listed, table};
use crate::rule::Rule;
use crate::tree::{Node, Place};

/// The most suppressions of a document.
const MOST: usize = 10_000;

/// The keys of a suppression.
pub(crate) const KEYS: [&str; 3] = ["rule", "statement", "reason"];

/// A rule of `claimbound lint` that is not to speak, and why. It changes nothing
/// that the policy decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The name of the rule.
    pub rule: Placed<String>,
    /// The statement of which it is not to speak; none means the whole document.
    pub statement: Option<Placed<String>>,
    /// Why; never blank.
    pub reason: Placed<String>,
    /// The place of its table.
    pub place: Place,
}

impl Suppression {
    /// Whether it keeps this rule from speaking of this statement, or of the document
    /// where that is none.
    pub fn is_about(&self, rule: &str, statement: Option<&str>) -> bool {
        let own = self.statement.as_ref().map(|name| name.value.as_str());
        self.rule.value == rule && own.is_none_or(|own| statement == Some(own))
    }
}

/// Reads a list of suppressions.
pub(crate) fn read(node: &Node, sink: &mut Sink) -> Vec<Suppression> {
    let nodes = list(node, sink).unwrap_or_default();
    if nodes.len() > MOST {
        let message = format!("the document has {} suppressions", nodes.len());
        sink.error(Rule::Size, &node.place, message)
            .expected(format!("at most {MOST}"));
        return Vec::new();
    }
    nodes.iter().filter_map(|node| one(node, sink)).collect()
}

fn one(node: &Node, sink: &mut Sink) -> Option<Suppression> {
    let table = table(node, sink)?;
    let fields = Fields::new(table, &node.place, "a suppression", &KEYS, sink);
    let mut required = |key| {
        let entry = fields.required(key, sink)?;
        crate::fields::text(&entry.node, sink)
    };
    let (rule, reason) = (required("rule"), required("reason"));
    let (rule, reason) = (rule?, reason?);
    check_name(&rule.value, &rule.place, "the rule's name", sink).then_some(())?;
    if reason.value.trim().is_empty() {
        sink.error(Rule::Value, &reason.place, "a suppression needs a reason")
            .expected("a sentence that a reviewer will read");
        return None;
    }
    Some(Suppression {
        rule,
        statement: fields.text("statement", sink),
        reason,
        place: node.place.clone(),
    })
}

/// Refuses suppressions of statements that are not there.
pub(crate) fn check(suppressions: &[Suppression], statements: &[Statement], sink: &mut Sink) {
    let names: Vec<&str> = statements
        .iter()
        .map(|one| one.name.value.as_str())
        .collect();
    for named in suppressions.iter().filter_map(|one| one.statement.as_ref()) {
        if names.contains(&named.value.as_str()) {
            continue;
        }
        let message = format!("there is no statement `{}`", named.value);
        let finding = sink.error(Rule::Value, &named.place, message);
        finding.expected(format!("one of {}", listed(&names)));
        finding.hint = did_you_mean(&named.value, names.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use crate::{compile, compile::Compiled};

    const POLICY: &str = "\
claimbound = 1
policy = { name = \"p\", version = \"1.0.0\" }
[issuer.mesh]
model = \"spiffe\"
url = \"https://mesh.acme.example\"
[trust.agent]
issuer = \"mesh\"
audience = \"https://deploy.acme.example\"
token_lifetime = \"1h\"
subject = \"spiffe://acme.example/ci/agent\"
";

    fn with(suppression: &str) -> Result<Compiled, String> {
        compile("p.toml", &format!("{POLICY}{suppression}")).map_err(|findings| {
            let messages = findings.iter().map(|one| one.message.clone());
            messages.collect::<Vec<_>>().join("; ")
        })
    }

    #[test]
    fn a_suppression_is_read_and_decides_nothing() {
        let text = "[[suppress]]\nrule = \"generic-audience\"\nreason = \"fixed by the vendor\"\n";
        let compiled = with(text).unwrap();
        let suppression = &compiled.document.suppressions[0];
        assert_eq!(suppression.rule.value, "generic-audience");
        assert_eq!(suppression.statement, None);
        let without = with("").unwrap();
        assert_eq!(compiled.program.statements, without.program.statements);
    }

    #[test]
    fn a_suppression_needs_a_reason_and_a_statement_that_is_there() {
        for (text, message) in [
            ("rule = \"x\"", "a suppression needs `reason`"),
            (
                "rule = \"x\"\nreason = \" \"",
                "a suppression needs a reason",
            ),
            (
                "rule = \"x\"\nreason = \"y\"\nstatement = \"agnet\"",
                "there is no statement `agnet`",
            ),
            ("reason = \"y\"", "a suppression needs `rule`"),
        ] {
            let found = with(&format!("[[suppress]]\n{text}\n")).unwrap_err();
            assert_eq!(found, message);
        }
        let many = "[[suppress]]\nrule = \"x\"\nreason = \"y\"\n".repeat(super::MOST + 1);
        assert!(with(&many).is_err());
    }
}
