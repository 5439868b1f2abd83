//! The seeded bugs of `tests/seeded-bugs`: each still fits the product that it
//! would break. That the tests then fail is shown by `tests/seeded-bugs/run`.

use std::collections::BTreeMap;
use std::fs;

use crate::tree::root;

/// A change of one file: what a hunk expects, and what it makes of it.
struct Hunk {
    file: String,
    before: String,
    after: String,
}

/// The hunks of a unified diff whose files are named `a/…` and `b/…`.
fn hunks(patch: &str) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut file = "";
    for line in patch.lines().skip(1) {
        if let Some(name) = line.strip_prefix("--- a/") {
            file = name;
        } else if line.starts_with("+++ ") {
            // It is the file that was named before it.
        } else if line.starts_with("@@") {
            hunks.push(Hunk {
                file: file.to_owned(),
                before: String::new(),
                after: String::new(),
            });
        } else {
            let hunk = hunks.last_mut().expect("a hunk begins with @@");
            let (mark, text) = line.split_at_checked(1).unwrap_or((" ", ""));
            let (is_before, is_after) = match mark {
                " " => (true, true),
                "-" => (true, false),
                "+" => (false, true),
                other => panic!("a line of a hunk begins with `{other}`"),
            };
            for (side, is_on) in [(&mut hunk.before, is_before), (&mut hunk.after, is_after)] {
                if is_on {
                    side.push_str(text);
                    side.push('\n');
                }
            }
        }
    }
    hunks
}

#[test]
fn every_seeded_bug_still_fits_the_tree() {
    let mut said = BTreeMap::new();
    for entry in fs::read_dir(root().join("tests/seeded-bugs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "patch") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let bug = fs::read_to_string(&path).unwrap();
        let promise = bug.lines().next().unwrap();
        assert!(
            promise.starts_with("# "),
            "{name}: which promise does it break?"
        );
        let hunks = hunks(&bug);
        assert!(!hunks.is_empty(), "{name} changes nothing");
        for hunk in hunks {
            assert!(hunk.file.starts_with("host/"), "{name}: {}", hunk.file);
            let text = fs::read_to_string(root().join(&hunk.file)).unwrap();
            let fits = text.matches(&hunk.before).count();
            assert_eq!(
                fits, 1,
                "{name} does not fit {}:\n{}",
                hunk.file, hunk.before
            );
            assert_ne!(hunk.before, hunk.after, "{name}");
        }
        let other = said.insert(promise.to_owned(), name.clone());
        assert_eq!(other, None, "{name} breaks the same promise");
    }
    assert!(said.len() >= 20, "{said:?}");
}
