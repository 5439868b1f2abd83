//! The page of a rule, in Markdown.

use std::fmt::Write as _;

use crate::lint::rule::{Rule, Sample};

impl Rule {
    /// The rule's page: what it finds, why, how it is mended, samples, controls.
    pub fn page(&self) -> String {
        let mut page = String::new();
        // Writing to a string can't fail.
        let _ = write!(page, "# `{}`\n\n", self.name);
        let _ = write!(page, "*{}*. {}\n\n", self.severity, self.summary);
        let _ = write!(page, "## Why\n\n{}\n\n", self.why.trim());
        let _ = write!(page, "## What to do\n\n{}\n\n", self.fix.trim());
        samples(&mut page, "## Found here", self.refused);
        samples(&mut page, "## Nothing to find", self.accepted);
        page.push_str("## Controls\n\n");
        for control in self.controls {
            let (publication, id, title) = (control.publication(), control.id(), control.title());
            let _ = writeln!(page, "- {publication}, {id}: {title}");
        }
        for (number, reference) in self.references.iter().enumerate() {
            let heading = if number == 0 {
                "\n## References\n\n"
            } else {
                ""
            };
            let _ = writeln!(page, "{heading}- {reference}");
        }
        page
    }
}

fn samples(page: &mut String, heading: &str, samples: &[Sample]) {
    for (number, sample) in samples.iter().enumerate() {
        if number == 0 {
            let _ = write!(page, "{heading}\n\n");
        }
        let _ = write!(page, "```toml\n{}\n```\n\n", sample.document.trim());
        if let Some(cases) = sample.cases {
            let _ = write!(page, "and beside it:\n\n```toml\n{}\n```\n\n", cases.trim());
        }
    }
}
