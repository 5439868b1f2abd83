//! `modules status`: which version decides on each route of a host that serves,
//! and what has become of those that may follow it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use claimbound_server::config::Address;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::console::{Console, Status};
use crate::input::Source;
use crate::page::{Cell, Ink, Page};
use crate::sent::sent;

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer, in bytes.
const LONGEST: usize = 16 << 20;
/// Most disagreements of one route that are told, the latest ones.
const MOST_TOLD: usize = 3;

/// Show which version decides on each route, and what becomes of newer ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules status --admin unix:/run/claimbound/admin.sock
  claimbound modules status --admin 127.0.0.1:9101 --admin-token env:ADMIN --route deploy

It asks a host that serves, at the address that its configuration has as `[admin]`. What a
candidate disagrees on is told once, however often it came, and once for routes on which it
is the same.

Exit status: 0 all is well, 1 a version is refused, yanked or disagreed with, or a store
can't be read, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// Where the host listens for operators: `unix:PATH`, or an address and port.
    #[arg(long, value_name = "ADDRESS", env = "CLAIMBOUND_ADMIN")]
    admin: String,

    /// The operators' token, where the host asks for one: a file, `-`, or `env:NAME`.
    #[arg(long, value_name = "FILE")]
    admin_token: Option<Source>,

    /// This route alone.
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let modules = arguments.ask()?;
    let modules = arguments.wanted(modules)?;
    let is_well = modules.iter().all(is_well);
    console.answer(|| page(&modules), || json!({ "modules": modules }))?;
    Ok(if is_well { Status::Yes } else { Status::No })
}

impl Arguments {
    /// What the host tells of its modules.
    fn ask(&self) -> anyhow::Result<Vec<Value>> {
        let mut request = self.request()?;
        if let Some(token) = &self.admin_token {
            let token = token.text()?;
            request = request.bearer_auth(token.trim());
        }
        let host = || format!("the host at `{}`", self.admin);
        let (status, text) = sent(request, LONGEST).with_context(host)?;
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => bail!("{} asks for its operators' token", host()),
            other => bail!("{} answers with status {other}", host()),
        }
        let answer: Value = serde_json::from_str(&text).with_context(host)?;
        let modules = answer.get("modules").and_then(Value::as_array);
        let modules = modules.with_context(|| format!("{} tells of no modules", host()))?;
        Ok(modules.clone())
    }

    fn request(&self) -> anyhow::Result<RequestBuilder> {
        let address: Address = serde_json::from_value(json!(self.admin)).with_context(|| {
            let admin = &self.admin;
            let hint = if Path::new(admin).exists() {
                format!(" (did you mean `unix:{admin}`?)")
            } else {
                String::new()
            };
            format!("`{admin}` is no address of a host{hint}")
        })?;
        let client = Client::builder().timeout(PATIENCE).no_proxy();
        let (client, host) = match &address {
            Address::Tcp(address) => (client, address.to_string()),
            Address::Unix(path) => (client.unix_socket(path.clone()), "localhost".to_owned()),
        };
        let client = client.build().context("no connection can be made")?;
        Ok(client.get(format!("http://{host}/modules")))
    }

    /// Those of the route that was asked for.
    fn wanted(&self, modules: Vec<Value>) -> anyhow::Result<Vec<Value>> {
        let Some(route) = &self.route else {
            return Ok(modules);
        };
        let of = modules
            .into_iter()
            .filter(|one| text(one, "route") == route);
        let of: Vec<_> = of.collect();
        if of.is_empty() {
            bail!("the host has no route `{route}`");
        }
        Ok(of)
    }
}

/// Whether there is nothing that somebody should look at.
fn is_well(module: &Value) -> bool {
    let rollout = member(module, "rollout");
    let refused = member(rollout, "refused").as_array();
    let disagreed = member(member(member(rollout, "candidate"), "decided"), "disagreed");
    member(rollout, "concern").is_null()
        && member(rollout, "unknown").is_null()
        && refused.is_none_or(Vec::is_empty)
        && disagreed.as_u64().unwrap_or_default() == 0
}

fn page(modules: &[Value]) -> Page {
    let mut page = Page::default();
    for (place, module) in modules.iter().enumerate() {
        let before = modules.get(..place).unwrap_or_default();
        tell(module, before, &mut page);
    }
    page
}

/// Tells of a route, after those before it.
fn tell(module: &Value, before: &[Value], page: &mut Page) {
    let rollout = member(module, "rollout");
    page.put(Ink::Strong, text(module, "route"))
        .text(format!(
            "  {}@{}",
            text(module, "name"),
            text(module, "version")
        ))
        .end();
    page.field("digest", text(module, "digest"));
    if rollout.is_null() {
        page.field("from", "a file that nobody signed");
        return;
    }
    let range = format!(
        "store {}, {}",
        text(rollout, "store"),
        text(rollout, "range")
    );
    page.field("from", range);
    page.field("signed by", or(&words(rollout, "keys"), "nobody"));
    let index = member(rollout, "index");
    if !index.is_null() {
        let (serial, expires) = (member(index, "serial"), text(index, "expires"));
        page.field("index", format!("edition {serial}, until {expires}"));
    }
    if let Some(why) = member(rollout, "concern").as_str() {
        page.field("replace it", why);
    }
    let unknown = member(rollout, "unknown");
    if !unknown.is_null() {
        page.field("store", text(unknown, "why"));
    }
    tell_candidate(module, page);
    tell_disagreements(module, before, page);
    tell_refused(member(rollout, "refused"), page);
    tell_comparison(module, page);
}

fn tell_candidate(module: &Value, page: &mut Page) {
    let candidate = member(member(module, "rollout"), "candidate");
    if candidate.is_null() {
        return;
    }
    let (version, since) = (text(candidate, "version"), text(candidate, "since"));
    page.field("candidate", format!("{version}, since {since}"));
    if member(candidate, "waits_for_promotion").as_bool() == Some(true) {
        let (name, route) = (text(module, "name"), text(module, "route"));
        let say = |word: &str| {
            format!("claimbound modules {word} {name}@{version} --route {route} --reason WHY")
        };
        page.field("waits for", format!("an operator: {}", say("promote")));
        page.field("", format!("or, to keep it out: {}", say("reject")));
    }
    let decided = member(candidate, "decided");
    if !decided.is_null() {
        let count = |what: &str| member(decided, what).as_u64().unwrap_or_default();
        let (agreed, disagreed) = (count("agreed"), count("disagreed"));
        let passed_over = count("passed_over");
        let told = format!("{agreed} agreed, {disagreed} disagreed, {passed_over} passed over");
        page.field("decided", told);
    }
}

/// A disagreement as it is shown.
#[derive(PartialEq, Eq)]
struct Disagreement {
    subject: String,
    active: String,
    candidate: String,
}

impl Disagreement {
    fn of(one: &Value) -> Self {
        let said = |who: &str| {
            let said = member(one, who);
            format!("{} ({})", text(said, "outcome"), words(said, "why"))
        };
        Self {
            subject: text(one, "subject").to_owned(),
            active: said("active"),
            candidate: said("candidate"),
        }
    }
}

/// What a route's candidate disagrees on, the latest first, and how often each.
fn disagreements(module: &Value) -> Vec<(Disagreement, u64)> {
    let candidate = member(member(module, "rollout"), "candidate");
    let all = member(candidate, "disagreements").as_array();
    let mut groups: Vec<(Disagreement, u64)> = Vec::new();
    for one in all.into_iter().flatten().rev() {
        let count = member(one, "count").as_u64().unwrap_or(1);
        let one = Disagreement::of(one);
        match groups.iter_mut().find(|(known, _)| *known == one) {
            Some((_, times)) => *times = times.saturating_add(count),
            None => groups.push((one, count)),
        }
    }
    groups
}

fn tell_disagreements(module: &Value, before: &[Value], page: &mut Page) {
    let groups = disagreements(module);
    let has_all = |other: &&Value| {
        let others = disagreements(other);
        let found = |(one, _): &(Disagreement, u64)| others.iter().any(|(other, _)| other == one);
        groups.iter().all(found)
    };
    let told = before.iter().find(has_all).filter(|_| !groups.is_empty());
    if let Some(other) = told {
        page.field("disagreed", format!("as on route {}", text(other, "route")));
        return;
    }
    for (one, count) in groups.iter().take(MOST_TOLD) {
        let times = match count {
            1 => String::new(),
            more => format!(" ({more} times)"),
        };
        page.field("disagreed", format!("{}{times}", one.subject));
        page.field("  in use", &one.active);
        page.field("  candidate", &one.candidate);
    }
}

fn tell_refused(refused: &Value, page: &mut Page) {
    let rows = refused.as_array().into_iter().flatten().map(|one| {
        vec![
            Cell::new(Ink::Bad, "refused"),
            Cell::new(Ink::Strong, text(one, "version")),
            Cell::plain(text(one, "step")),
            Cell::plain(text(one, "why")),
        ]
    });
    page.table(2, &rows.collect::<Vec<_>>());
}

/// How a comparison is made that a route asks for and a version lacks.
fn tell_comparison(module: &Value, page: &mut Page) {
    let refused = member(member(module, "rollout"), "refused").as_array();
    let mut refused = refused.into_iter().flatten();
    let Some(lacks) = refused.find(|one| text(one, "step") == "comparison") else {
        return;
    };
    let (name, version) = (text(module, "name"), text(module, "version"));
    let newer = text(lacks, "version");
    let compare = format!(
        "claimbound modules compare {name}@{version} {name}@{newer} --store STORE --trust PUB --key \
         KEY -o comparison.json"
    );
    page.field("compare it", compare);
    page.field(
        "",
        "where it is wider, a second key signs: claimbound sign comparison.json --key KEY",
    );
    let pull = format!("claimbound pull {name}@{newer} STORE --key PUB");
    page.field("", pull);
    let push = format!("claimbound push {name}.wasm STORE --comparison comparison.json");
    page.field("", push);
}

fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    member(value, name).as_str().unwrap_or_default()
}

/// A list of words, with commas between.
fn words(value: &Value, name: &str) -> String {
    let words = member(value, name).as_array().into_iter().flatten();
    let words: Vec<_> = words.filter_map(Value::as_str).collect();
    words.join(", ")
}

fn or<'t>(text: &'t str, other: &'t str) -> &'t str {
    if text.is_empty() { other } else { text }
}
