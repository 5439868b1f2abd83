//! `token decode`: shows what a token says, believing none of it.

use claimbound::json::{Document, Limits, Members, Node, Value};
use claimbound::reason::Reason;
use claimbound::token::Token;
use serde_json::json;

use crate::console::{self, Console, Format, Status};
use crate::input::Source;
use crate::page::{Cell, Ink, Page};
use crate::time;

/// Show the header and the claims of a token, without verifying anything.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound token decode token.jwt
  some-command | claimbound token decode -
  claimbound token decode env:ID_TOKEN --format json

The signature is never shown.

Exit status: 0 it is a well-formed token, 1 it is not, 2 it can't be read.")]
pub(crate) struct Arguments {
    /// The token: a file, `-` for standard input, or `env:NAME`.
    #[arg(value_name = "FILE")]
    token: Source,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let bytes = arguments.token.token()?;
    let token = Token::new(&bytes);
    let jws = match token.decode_raw(&Limits::TOKEN) {
        Ok(jws) => jws,
        Err(refusal) => {
            let refusal = crate::malformed::refused(refusal, &bytes);
            return malformed(&refusal, console);
        }
    };
    let fault = token
        .decode(&Limits::TOKEN)
        .err()
        .map(claimbound::reason::Refusal::into_reason);
    let Ok(payload) = Document::parse(jws.unverified_payload(), &Limits::TOKEN) else {
        // INVARIANT: a payload that is no object of claims has its fault.
        return fault.map_or(Ok(Status::No), |fault| malformed(&fault, console));
    };
    let header = jws.header().json();
    match console.format() {
        Format::Human => console::write_page(&page(header, &payload, fault.as_ref()))?,
        Format::Json => {
            // Numbers keep their own text, which no JSON value type would.
            let refused = json!(fault);
            let claims = payload.text();
            console::write_json(&format!(
                r#"{{"verified":false,"header":{header},"claims":{claims},"refused":{refused}}}"#
            ))?;
        }
    }
    Ok(if fault.is_some() {
        Status::No
    } else {
        Status::Yes
    })
}

fn malformed(reason: &Reason, console: Console) -> anyhow::Result<Status> {
    console.answer(
        || {
            let mut page = Page::default();
            super::refused(&mut page, reason);
            page
        },
        || json!({ "verified": false, "header": null, "claims": null, "refused": reason }),
    )?;
    Ok(Status::No)
}

fn page(header: &str, payload: &Document, fault: Option<&Reason>) -> Page {
    let mut page = Page::default();
    page.put(Ink::Warn, "UNVERIFIED")
        .text("  anybody can write this")
        .end()
        .end();
    page.put(Ink::Strong, "header").end();
    if let Ok(header) = Document::parse(header, &Limits::TOKEN) {
        page.table(2, &rows(header.members()));
    }
    page.end().put(Ink::Strong, "claims").end();
    page.table(2, &rows(payload.members()));
    if let Some(fault) = fault {
        page.end();
        super::refused(&mut page, fault);
    }
    page
}

fn rows(members: Members<'_>) -> Vec<Vec<Cell>> {
    let row = |(name, node): (&str, Node<'_>)| {
        vec![
            Cell::new(Ink::Faint, name),
            Cell::plain(node.json()),
            Cell::new(Ink::Faint, date(name, node).unwrap_or_default()),
        ]
    };
    members.map(row).collect()
}

/// The claims of RFC 7519 §4.1 and OpenID Connect Core §2 that are dates.
fn date(name: &str, node: Node<'_>) -> Option<String> {
    if !matches!(name, "exp" | "nbf" | "iat" | "auth_time" | "updated_at") {
        return None;
    }
    match node.value() {
        Value::Integer(seconds) => u64::try_from(seconds).ok().map(time::date),
        Value::Absent
        | Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Object(_) => None,
    }
}
