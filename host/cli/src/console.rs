//! The one place that writes to the terminal.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use claimbound::ledger::StoreError;
use claimbound::outcome::HostError;
use claimbound::policy::PolicyError;
use claimbound::reason::HostCode;
use claimbound_server::store::Transfer;
use clap::ValueEnum;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::{Value, json};

use crate::arguments;
use crate::escape::visible_json;
use crate::page::{Ink, Page};
use crate::redact::redacted;
use crate::{findings, outcome};

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text for a person.
    Human,
    /// One JSON value.
    Json,
}

/// How an answer can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Written {
    // Text for a person.
    #[default]
    Human,
    // One JSON value.
    Json,
    // SARIF 2.1.0, for code scanning.
    Sarif,
    // JUnit's XML, for what collects results of tests.
    Junit,
    // Annotations of a run of GitHub Actions.
    Github,
    // Markdown, for a comment.
    Markdown,
}

impl Written {
    /// What every command writes; none for what only reviews are written as.
    pub(crate) const fn format(self) -> Option<Format> {
        match self {
            Self::Human => Some(Format::Human),
            Self::Json => Some(Format::Json),
            Self::Sarif | Self::Junit | Self::Github | Self::Markdown => None,
        }
    }
}

/// What a command came to, as its exit status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Allowed, clean, passed.
    Yes,
    /// Denied, failed.
    No,
    /// No answer could be given.
    Unanswered,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Yes => Self::SUCCESS,
            Status::No => Self::from(1),
            Status::Unanswered => Self::from(2),
        }
    }
}

/// Writes answers to standard output, whole, and asides to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    written: Written,
}

impl Console {
    /// A console that writes answers so.
    pub(crate) const fn new(written: Written) -> Self {
        Self { written }
    }

    /// How a review is written.
    pub(crate) const fn written(self) -> Written {
        self.written
    }

    /// The format of answers.
    pub(crate) fn format(self) -> Format {
        // INVARIANT: commands that write nothing else are not run otherwise.
        self.written.format().unwrap_or(Format::Human)
    }

    /// Writes an answer that both formats can show.
    pub(crate) fn answer(
        self,
        page: impl FnOnce() -> Page,
        json: impl FnOnce() -> Value,
    ) -> anyhow::Result<()> {
        match self.format() {
            Format::Human => write_page(&page()),
            Format::Json => write_json(&format!("{:#}", json())),
        }
    }
}

/// Writes a page to standard output.
pub(crate) fn write_page(page: &Page) -> anyhow::Result<()> {
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    written(
        out.write_all(redacted(page.styled()).as_bytes())
            .and_then(|()| out.flush()),
    )
}

/// Writes JSON text to standard output, as a line.
pub(crate) fn write_json(json: &str) -> anyhow::Result<()> {
    write_made(&redacted(json))
}

/// Writes JSON text that holds a token which was made here.
pub(crate) fn write_made(json: &str) -> anyhow::Result<()> {
    write_raw(format!("{}\n", visible_json(json)).as_bytes())
}

/// Writes bytes to standard output as they are: a token, a script, a manual page.
pub(crate) fn write_raw(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Writes to standard output piece by piece, as it is.
pub(crate) fn write_by(
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = write(&mut out).and_then(|()| Ok(out.flush()?));
    let closed = |error: &anyhow::Error| {
        let mut causes = error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<io::Error>());
        causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    };
    match done {
        Err(error) if closed(&error) => Err(error.context(Closed)),
        other => other,
    }
}

/// One line on a terminal's standard error that says how far long work is; the
/// next one takes its place, and dropping it takes it away. Nothing is written
/// where nobody watches.
pub(crate) struct Progress {
    watched: bool,
    total: usize,
}

impl Progress {
    /// Of `total` pieces of work.
    pub(crate) fn of(total: usize) -> Self {
        let watched = total > 1 && io::stderr().is_terminal();
        Self { watched, total }
    }

    /// The piece of this number, from one, is `what`.
    pub(crate) fn at(&self, number: usize, what: &str) {
        if self.watched {
            let what = crate::escape::visible(what);
            // Who can't be shown it loses nothing.
            let _ = write!(io::stderr(), "\r\x1b[2K{number} of {}: {what}", self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.watched {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// As [`Progress`], of bytes that are moved.
pub(crate) struct Moving {
    watched: bool,
}

impl Moving {
    pub(crate) fn new() -> Self {
        Self {
            watched: io::stderr().is_terminal(),
        }
    }

    /// So much of it is moved.
    pub(crate) fn at(&self, transfer: &Transfer<'_>) {
        if self.watched {
            let what = crate::escape::visible(transfer.what);
            let (done, total) = (transfer.done >> 10, transfer.total >> 10);
            let _ = write!(io::stderr(), "\r\x1b[2K{what}: {done} of {total} KiB");
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        if self.watched {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Standard output that nobody reads any more.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("standard output is closed")
    }
}

fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context(Closed))
        }
        other => other.context("the answer can't be written to standard output"),
    }
}

/// Says something beside the answer, on standard error.
pub(crate) fn aside(page: &Page) {
    let mut out = anstream::AutoStream::auto(io::stderr().lock());
    // Nothing is left to say it to.
    let _ = out.write_all(redacted(page.styled()).as_bytes());
}

/// Says what is worth knowing beside the answer.
pub(crate) fn note(text: &str) {
    let mut page = Page::default();
    page.put(Ink::Warn, "note").text(": ").text(text).end();
    aside(&page);
}

/// The shape of a command's answer, which its errors have as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An outcome, as `check` gives it.
    Outcome,
    /// An outcome with statements, as `explain` gives it.
    Explanation,
    /// Anything else.
    Own,
}

impl Console {
    /// Reports why no answer could be given: in words on standard error and,
    /// where answers are JSON, as one value of the usual shape.
    pub(crate) fn report(self, error: &anyhow::Error, shape: Shape) -> Status {
        if error.is::<Closed>() {
            return Status::Unanswered;
        }
        let mut page = Page::default();
        let findings = error.downcast_ref::<claimbound_language::Diagnostics>();
        if let Some(findings) = findings {
            page.lines(findings::shown(findings)).end();
        }
        let message = findings.map_or_else(|| sentence(error), findings::summary);
        page.put(Ink::Bad, "error").text(": ").text(message).end();
        aside(&page);
        if self.format() == Format::Json {
            // The words are said; a full disk has no room for more.
            let _ = write_json(&format!("{:#}", to_json(error, shape)));
        }
        Status::Unanswered
    }
}

fn to_json(error: &anyhow::Error, shape: Shape) -> Value {
    let findings = error.downcast_ref::<claimbound_language::Diagnostics>();
    let message = findings.map_or_else(|| sentence(error), findings::sentence);
    match shape {
        Shape::Outcome => outcome::unanswered(code(error), &message),
        Shape::Explanation => {
            let mut json = outcome::unanswered(code(error), &message);
            if let Some(members) = json.as_object_mut() {
                members.insert("statements".into(), json!([]));
            }
            json
        }
        Shape::Own => {
            let findings = findings.map_or_else(|| json!([]), findings::to_json);
            json!({ "error": { "message": message, "findings": findings } })
        }
    }
}

/// What kind of failure it is: what the host says, else what it was given.
fn code(error: &anyhow::Error) -> HostCode {
    let host = |cause: &(dyn std::error::Error + 'static)| {
        let described = match cause.downcast_ref::<PolicyError>() {
            Some(PolicyError::Describe(host)) => Some(host.code),
            Some(_) | None => None,
        };
        let store = || cause.is::<StoreError>().then_some(HostCode::Store);
        described
            .or_else(|| Some(cause.downcast_ref::<HostError>()?.code))
            .or_else(store)
    };
    let found = error.chain().find_map(host);
    found.unwrap_or(HostCode::Configuration)
}

/// An error and its causes; a cause that its effect repeats is left out.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.contains(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence
}

/// Reports arguments that can't be used, or shows the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> Status {
    if !error.use_stderr() {
        // A closed pipe is no reason to complain about help.
        let _ = error.print();
        return Status::Yes;
    }
    let mut page = Page::default();
    page.lines(error.render().to_string());
    if let Some(hint) = hint(error) {
        page.end().text(format!("hint: {hint}")).end();
    }
    aside(&page);
    Status::Unanswered
}

/// What is meant by files that stand where only flags do, or by a command that
/// stands under another one.
fn hint(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::StyledStr(text)) => Some(text.to_string()),
        Some(_) | None => None,
    };
    if let Some(name) = text(ContextKind::InvalidSubcommand) {
        let found = arguments::called(&name);
        return (!found.is_empty()).then(|| format!("there is {}", found.join(", ")));
    }
    let usage = text(ContextKind::Usage)?;
    let decides = ["claimbound check", "claimbound explain"];
    let is_theirs = decides.iter().any(|command| usage.contains(command));
    let given = text(ContextKind::InvalidArg)?;
    (error.kind() == ErrorKind::UnknownArgument && is_theirs && !given.starts_with('-'))
        .then(|| "name the files by `--policy FILE --token FILE --jwks FILE`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_host_keeps_its_code() {
        let host = HostError::new(HostCode::Deadline, "late");
        let error = anyhow::Error::new(host).context("`p.wasm`");
        let json = to_json(&error, Shape::Outcome);
        assert_eq!(json["error"]["code"], "host.deadline");
        let json = to_json(&anyhow::anyhow!("no file"), Shape::Outcome);
        assert_eq!(json["error"]["code"], "host.configuration");
        assert_eq!(json["error"]["message"], "no file");
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("byte 3")
            .context("no key: byte 3")
            .context("`k.json`");
        assert_eq!(sentence(&error), "`k.json`: no key: byte 3");
    }
}
