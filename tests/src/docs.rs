//! The pages: what they show is run, what is generated in them is current, and
//! what they point to is there.

mod issuers;
mod rules;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use claimbound_language::{CaseOutcome, ReasonCode, compile, parse_cases, reason_codes};
use claimbound_server::config::Config;

use crate::policies::shipped;
use crate::program::program;
use crate::tree::root;

/// Pages whose commands are run, in order, in a folder of their own.
const RUN: [&str; 7] = [
    "ledger.md",
    "modules.md",
    "record.md",
    "reviewing-a-policy.md",
    "serving.md",
    "token-exchange.md",
    "writing-a-policy.md",
];

/// Pages whose documents, cases, codes and links are checked.
const CHECKED: [&str; 16] = [
    "ci.md",
    "contract.md",
    "envoy-module.md",
    "issuers.md",
    "ledger.md",
    "modules.md",
    "policies-in-c.md",
    "policies-in-javascript.md",
    "policies-in-python.md",
    "policies-in-rust.md",
    "reason-codes.md",
    "record.md",
    "reviewing-a-policy.md",
    "security-model.md",
    "supply-chain.md",
    "writing-a-policy.md",
];

/// What stands for text that differs from run to run.
const ANYTHING: char = '…';

fn docs(name: &str) -> PathBuf {
    root().join("docs").join(name)
}

fn page(name: &str) -> String {
    fs::read_to_string(docs(name)).unwrap()
}

/// Whether generated text is to be written instead of compared.
fn updates() -> bool {
    std::env::var_os("CLAIMBOUND_UPDATE").is_some()
}

/// Compares a page with what it has to be, or writes it if asked to.
pub(crate) fn assert_current(name: &str, wanted: &str) {
    if updates() {
        fs::write(docs(name), wanted).unwrap();
    }
    let found = fs::read_to_string(docs(name)).unwrap_or_default();
    let first = wanted
        .lines()
        .zip(found.lines())
        .find(|(wanted, found)| wanted != found);
    assert!(
        found == wanted,
        "docs/{name} is out of date, first at {first:?}: run with CLAIMBOUND_UPDATE=1"
    );
}

/// A fenced block: what stands behind its fence, and its text.
struct Block {
    language: String,
    /// The file that the block shows, where its fence names one.
    file: Option<String>,
    text: String,
    /// The line of its fence, from one.
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let mut words = fence.split_whitespace();
        let language = words.next().unwrap_or_default().to_owned();
        let file = words.find_map(|word| Some(word.strip_prefix("file=")?.to_owned()));
        let text: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        blocks.push(Block {
            language,
            file,
            text: text.join("\n") + "\n",
            line: number + 1,
        });
    }
    blocks
}

fn reference() -> String {
    let mut page = String::from(
        "# Reason codes\n\n<!-- generated from wit/reasons.toml: run the tests with CLAIMBOUND_UPDATE=1 -->\n\n\
         Every decision that is no allow says why, in codes that are never renamed and never change what \
         they mean. A policy's author asks for them in cases (`deny = \"claim.mismatch\"`), an operator \
         finds them in `claimbound check` and `explain`, and a host keeps them with its decisions. The \
         caller is told none of them.\n",
    );
    let sections = [
        (
            "reason",
            "Denials",
            "The token, or who presents it, is refused: an answer.",
        ),
        (
            "host",
            "Errors",
            "No answer could be given, and nothing is allowed. An error is told apart from a denial \
             everywhere: by type in the library, by exit status 2 on the command line.",
        ),
    ];
    for (kind, title, introduction) in sections {
        write!(page, "\n## {title}\n\n{introduction}\n").unwrap();
        for code in reason_codes().iter().filter(|code| code.kind == kind) {
            let ReasonCode {
                code,
                meaning,
                action,
                ..
            } = code;
            write!(page, "\n### `{code}`\n\n{meaning} *What to do:* {action}\n").unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_reason_codes_is_current() {
    assert_current("reason-codes.md", &reference());
}

#[test]
fn the_page_of_issuers_is_current() {
    assert_current("issuers.md", &issuers::page());
}

#[test]
fn every_rule_has_a_page_that_is_current_and_no_other_page_stands_there() {
    fs::create_dir_all(docs("rules")).unwrap();
    let pages = rules::pages();
    for (name, page) in &pages {
        assert_current(name, page);
    }
    let known: BTreeSet<PathBuf> = pages.iter().map(|(name, _)| docs(name)).collect();
    for entry in fs::read_dir(docs("rules")).unwrap() {
        let path = entry.unwrap().path();
        assert!(known.contains(&path), "{} is of no rule", path.display());
    }
}

#[test]
fn every_document_compiles_and_every_case_passes() {
    for name in CHECKED {
        let page = page(name);
        let mut policy = None;
        for block in blocks(&page)
            .into_iter()
            .filter(|block| block.language == "toml")
        {
            let place = format!("docs/{name}:{}", block.line);
            if block.text.starts_with("claimbound = 1") {
                let compiled =
                    compile(&place, &block.text).unwrap_or_else(|found| panic!("{found}"));
                policy = Some(compiled);
            } else if block.text.contains("[[case]]") {
                let cases =
                    parse_cases(&place, &block.text).unwrap_or_else(|found| panic!("{found}"));
                let policy = policy
                    .as_ref()
                    .unwrap_or_else(|| panic!("{place}: of which policy?"));
                cases
                    .check(policy)
                    .unwrap_or_else(|found| panic!("{found}"));
                for case in &cases.cases {
                    let outcome = cases.run(policy, case);
                    assert_eq!(
                        outcome,
                        Ok(CaseOutcome::Passed),
                        "{place}: {}",
                        case.name.value
                    );
                }
            } else if block.text.contains("[route.") {
                let file = tempfile::NamedTempFile::new().unwrap();
                fs::write(&file, format!("claimbound = 1\n{}", block.text)).unwrap();
                Config::read(file.path()).unwrap_or_else(|error| panic!("{place}: {error}"));
            } else {
                panic!("{place}: neither a document nor cases, so nothing checks it");
            }
        }
    }
}

/// Runs a line of shell in `folder` and gives all that it prints.
fn run(line: &str, folder: &Path) -> String {
    let program = program();
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {line}\n}} 2>&1")])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a line is what the page shows, where [`ANYTHING`] is any text.
fn fits(shown: &str, printed: &str) -> bool {
    let mut pieces = shown.trim_end().split(ANYTHING);
    let Some(mut rest) = printed
        .trim_end()
        .strip_prefix(pieces.next().unwrap_or_default())
    else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    for (index, piece) in pieces.iter().enumerate() {
        let found = if index + 1 == pieces.len() && !piece.is_empty() {
            rest.ends_with(piece).then_some(rest.len() - piece.len())
        } else {
            rest.find(piece)
        };
        match found {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.is_empty() || pieces.last().is_some_and(|last| last.is_empty())
}

fn all_fit(shown: &str, printed: &str) -> bool {
    let (shown, printed): (Vec<_>, Vec<_>) = (shown.lines().collect(), printed.lines().collect());
    shown.len() == printed.len()
        && shown
            .iter()
            .zip(&printed)
            .all(|(shown, line)| fits(shown, line))
}

/// A printed line as a page shows it: digests, sizes, times and throwaway keys
/// differ from run to run and from release to release.
fn left_open(line: &str) -> String {
    const DIGEST: &str = "sha256:";
    for label in ["size ", "time ", "kid "] {
        if let Some(value) = line.trim_start().strip_prefix(label) {
            let kept = line.len() - value.trim_start().len();
            return format!("{}{ANYTHING}", &line[..kept]);
        }
    }
    match line.split_once(DIGEST) {
        None => line.to_owned(),
        Some((before, after)) => {
            let rest = after.trim_start_matches(|one: char| one.is_ascii_hexdigit());
            format!("{before}{DIGEST}{ANYTHING}{rest}")
        }
    }
}

/// What a block of commands has to show: each command, and what it prints.
fn transcript(block: &Block, folder: &Path) -> String {
    let mut transcript = String::new();
    let mut lines = block.text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut command = line
            .strip_prefix("$ ")
            .unwrap_or_else(|| panic!("`{line}` is no command"))
            .to_owned();
        while command.ends_with('\\') {
            command = format!("{command}\n{}", lines.next().unwrap());
        }
        let mut shown = String::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            writeln!(shown, "{line}").unwrap();
        }
        let printed = run(&command, folder);
        if command.contains(ASIDE) {
            listens(folder);
        }
        writeln!(transcript, "$ {command}").unwrap();
        if all_fit(&shown, &printed) {
            transcript.push_str(&shown);
        } else {
            transcript.extend(printed.lines().map(|line| format!("{}\n", left_open(line))));
        }
    }
    transcript
}

/// How a page starts what serves while the commands after it run.
const ASIDE: &str = " & echo $! > serve.pid";

/// Waits until what was started aside has a socket: whoever types is slower.
fn listens(folder: &Path) {
    let is_socket = |entry: fs::DirEntry| entry.path().extension().is_some_and(|end| end == "sock");
    for _ in 0..600 {
        if fs::read_dir(folder).unwrap().flatten().any(is_socket) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let log = fs::read_to_string(folder.join("serve.log"));
    panic!("nothing listens: {log:?}");
}

/// A page's folder. What still runs in it when a command has failed is ended.
struct Folder(tempfile::TempDir);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.0.path().join("serve.pid")) {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

#[cfg(unix)]
#[test]
fn every_command_prints_what_its_page_shows() {
    for name in RUN {
        let held = Folder(tempfile::tempdir().unwrap());
        let folder = held.0.path();
        let mut wanted = page(name);
        let mut commands = 0;
        for block in blocks(&page(name)) {
            if let Some(file) = &block.file {
                let path = folder.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &block.text).unwrap();
            } else if block.language == "console" {
                let transcript = transcript(&block, folder);
                commands += transcript
                    .lines()
                    .filter(|line| line.starts_with("$ "))
                    .count();
                wanted = wanted.replacen(&block.text, &transcript, 1);
            }
        }
        assert!(commands > 5, "docs/{name} shows {commands} commands");
        assert_current(name, &wanted);
    }
}

/// A text without its comments, and with single spaces.
fn plain(text: &str) -> String {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ")
}

/// What pages quote: in which language, and from where.
const QUOTED: [(&str, &str, &str); 6] = [
    ("contract.md", "wit", "wit/policy.wit"),
    ("contract.md", "rust", "guest/sdk/examples/release-train.rs"),
    (
        "policies-in-rust.md",
        "rust",
        "guest/sdk/examples/release-train.rs",
    ),
    (
        "policies-in-javascript.md",
        "js",
        "guest/examples/javascript/policy.js",
    ),
    (
        "policies-in-python.md",
        "python",
        "guest/examples/python/policy.py",
    ),
    ("policies-in-c.md", "c", "guest/examples/c/policy.c"),
];

#[test]
fn what_a_page_quotes_stands_in_the_contract_and_in_the_examples() {
    for (name, language, file) in QUOTED {
        let source = plain(&fs::read_to_string(root().join(file)).unwrap());
        let page = page(name);
        let blocks = blocks(&page);
        let quotes: Vec<_> = blocks
            .iter()
            .filter(|block| block.language == language)
            .collect();
        assert!(!quotes.is_empty(), "{file} is quoted");
        for quote in quotes {
            let place = format!("docs/{name}:{}", quote.line);
            assert!(
                source.contains(&plain(&quote.text)),
                "{place} is not in {file}"
            );
        }
    }
}

/// The commands of each of a page's blocks of shell.
pub(crate) fn commands(name: &str) -> Vec<String> {
    let page = page(name);
    let blocks = blocks(&page).into_iter();
    let blocks = blocks.filter(|block| block.language == "sh");
    blocks.map(|block| block.text).collect()
}

/// Texts between backticks.
fn words_of_code(page: &str) -> Vec<&str> {
    let prose = page.lines().filter(|line| !line.starts_with("```"));
    prose
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn every_code_that_a_page_names_is_in_the_registry() {
    let codes: BTreeSet<&str> = reason_codes().iter().map(|one| one.code.as_str()).collect();
    let families: BTreeSet<&str> = codes
        .iter()
        .filter_map(|code| Some(code.split_once('.')?.0))
        .collect();
    for name in CHECKED {
        let page = page(name);
        for word in words_of_code(&page) {
            let spelt = |text: &str| {
                text.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            };
            if let Some((family, rest)) = word.split_once('.')
                && families.contains(family)
                && spelt(rest)
                && !rest.is_empty()
            {
                assert!(codes.contains(word), "docs/{name} names `{word}`");
            }
        }
    }
}

/// The anchor that a heading gets: lower case, words joined by hyphens.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
    kept.collect::<String>()
        .trim()
        .to_lowercase()
        .replace(' ', "-")
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    for name in CHECKED {
        for target in page(name)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.starts_with("https://") {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                docs(name)
            } else {
                root().join("docs").join(file)
            };
            assert!(file.exists(), "docs/{name} points to {target}");
            if !section.is_empty() {
                let text = fs::read_to_string(&file).unwrap();
                let mut headings = text.lines().filter_map(|line| line.strip_prefix('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == section);
                assert!(found, "docs/{name} points to {target}");
            }
        }
    }
}

#[test]
fn every_shipped_policy_is_in_the_table_of_policies_to_begin_with() {
    let page = page("writing-a-policy.md");
    for policy in shipped() {
        let link = format!("(../policies/{}/policy.toml)", policy.name);
        assert!(page.contains(&link), "{} is not in the table", policy.name);
    }
}

#[test]
fn text_that_differs_fits_where_the_page_leaves_it_open() {
    assert!(fits("size … bytes", "size 12 bytes"));
    assert!(fits("time  …", "time  91 ms"));
    assert!(!fits("size … bytes", "size 12 octets"));
    assert!(!fits("allow", "allowed"));
    assert!(!fits("deny …", "allow"));
    for line in [
        "  time        91 ms",
        "    \"digest\": \"sha256:00ff\",",
        "  kid  \"abc\"",
        "plain",
    ] {
        assert!(fits(&left_open(line), line), "{line}");
    }
    assert_eq!(left_open("  size        9 KiB"), "  size        …");
    assert_eq!(left_open("\"sha256:00ff\","), "\"sha256:…\",");
}

/// The time of the decisions in the README.
const README_TIME: &str = "2026-11-23T10:00:00Z";

#[test]
fn the_readme_shows_what_its_policy_decides() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = blocks(&readme);
    let document = blocks
        .iter()
        .find(|block| block.language == "toml")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.toml"), &document.text).unwrap();
    let mint = |more: &str, keys: &str, token: &str| {
        let like = "--like policy.toml:trust.production";
        let printed = run(
            &format!(
                "claimbound token mint {like} --at {README_TIME} {more} --jwks-out {keys} > {token}"
            ),
            folder.path(),
        );
        assert!(
            printed.starts_with("note: this token is for tests"),
            "{printed}"
        );
    };
    // Each token is signed by a throwaway key of its own.
    mint("", "keys.json", "token.jwt");
    let stranger = r#"--set 'repository_owner_id="999999"' --set 'repository_id="888888"'"#;
    mint(stranger, "stranger.json", "stranger.jwt");
    let shown: Vec<_> = blocks
        .iter()
        .filter(|block| block.language == "console")
        .collect();
    assert_eq!(shown.len(), 2);
    for (block, keys) in shown.into_iter().zip(["keys.json", "stranger.json"]) {
        let (command, expected) = block.text.split_once('\n').unwrap();
        let command = command
            .strip_prefix("$ ")
            .unwrap()
            .replace("keys.json", keys);
        let printed = run(&format!("{command} --at {README_TIME}"), folder.path());
        assert_eq!(
            printed.trim_end(),
            expected.trim_end(),
            "README.md:{}",
            block.line
        );
    }
}
