//! The one place that writes to the terminal.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::escape::{visible_json, without_signatures};
use crate::page::{Ink, Page};

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // Text for a person.
    #[default]
    Human,
    // One JSON value.
    Json,
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
    format: Format,
}

impl Console {
    /// A console that writes answers in this format.
    pub(crate) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// The format of answers.
    pub(crate) const fn format(self) -> Format {
        self.format
    }

    /// Writes an answer that both formats can show.
    pub(crate) fn answer(
        self,
        page: impl FnOnce() -> Page,
        json: impl FnOnce() -> serde_json::Value,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Human => write_page(&page()),
            Format::Json => write_json(&format!("{:#}", json())),
        }
    }
}

/// Writes a page to standard output.
pub(crate) fn write_page(page: &Page) -> anyhow::Result<()> {
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    written(
        out.write_all(page.styled().as_bytes())
            .and_then(|()| out.flush()),
    )
}

/// Writes JSON text to standard output, as a line.
pub(crate) fn write_json(json: &str) -> anyhow::Result<()> {
    write_raw(format!("{}\n", visible_json(json)).as_bytes())
}

/// Writes bytes to standard output as they are: a token, a script, a manual page.
pub(crate) fn write_raw(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()))
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
    let _ = out.write_all(page.styled().as_bytes());
}

/// Reports why no answer could be given.
pub(crate) fn report(error: &anyhow::Error) -> Status {
    if error.is::<Closed>() {
        return Status::Unanswered;
    }
    let mut page = Page::default();
    if let Some(findings) = error.downcast_ref::<claimbound_language::Diagnostics>() {
        page.lines(findings.to_string()).end();
        page.put(Ink::Bad, "error").text(": ");
        page.text(crate::findings::summary(findings)).end();
    } else {
        page.put(Ink::Bad, "error")
            .text(": ")
            .text(without_signatures(&sentence(error)))
            .end();
    }
    aside(&page);
    Status::Unanswered
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
    page.lines(without_signatures(&error.render().to_string()));
    aside(&page);
    Status::Unanswered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("byte 3")
            .context("no key: byte 3")
            .context("`k.json`");
        assert_eq!(sentence(&error), "`k.json`: no key: byte 3");
    }
}
