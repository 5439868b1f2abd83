//! `token fetch`: the token of the CI or pod that this runs in.

mod web;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use claimbound::json::Limits;
use claimbound::models::{Fetch, Metadata, Registry, Service, Way};
use claimbound::token::Token;
use serde_json::json;

use crate::console::{self, Console, Format, Status};
use crate::input::{self, Source};
use crate::nearest::did_you_mean;
use crate::output::{self, Readers};
use crate::page::{Cell, Ink, Page};
use web::{Exchange, Question};

/// How long a program may take to give a token, in tenths of a second.
const PATIENCE: u32 = 300;

/// Get the token of the CI or pod that this runs in, and exchange it if asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound token fetch --audience https://deploy.acme.example
  claimbound token fetch --audience https://id.acme.example --exchange https://id.acme.example/token
  claimbound token fetch --from kubernetes --file /var/run/secrets/tokens/deploy

Where it runs is told by the environment; `--from` says it where that is not enough.
`--from list` shows what is known and what each needs. Without a way to ask for an
audience, the token must have been set up with it, and `--audience` checks that.

The token goes to standard output, and nothing else does; with `--format json`, as
the member `token` of an object. `--exchange` sends it to a
token endpoint (RFC 8693), and what goes out is the access token. No redirect is
followed, and plain HTTP goes to this machine alone; SSL_CERT_FILE names authorities
in place of the system's.

Exit status: 0 got, 2 it could not be got.")]
pub(crate) struct Arguments {
    /// Where this runs, by name; `list` shows the names.
    #[arg(long, value_name = "NAME")]
    from: Option<String>,

    /// Whom the token is for.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,

    /// The variable that holds the token, where it has another name than usual.
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    variable: Option<String>,

    /// The file that holds the token, where it is at another place than usual.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Exchange the token at this token endpoint for an access token.
    #[arg(long, value_name = "URL")]
    exchange: Option<String>,

    /// Whom the access token is for; needed where the endpoint serves several.
    #[arg(long, value_name = "AUDIENCE", requires = "exchange")]
    target: Option<String>,

    /// The scopes of the access token, between spaces; by default all that are
    /// granted.
    #[arg(long, value_name = "SCOPES", requires = "exchange")]
    scope: Option<String>,

    /// Write the token to this file, for this user alone.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    if arguments.from.as_deref() == Some("list") {
        list(console)?;
        return Ok(Status::Yes);
    }
    let exchange = arguments.exchange()?;
    let mut token = arguments.token()?;
    arguments.check(&token)?;
    if let Some(exchange) = exchange {
        token = exchange.access_token(&token)?;
    }
    let line = format!("{token}\n");
    match &arguments.out {
        Some(path) => output::replace_by(path, Readers::Owner, |out| {
            Ok(out.write_all(line.as_bytes())?)
        })?,
        None => match console.format() {
            Format::Human => console::write_raw(line.as_bytes())?,
            Format::Json => console::write_made(&format!("{:#}", json!({ "token": token })))?,
        },
    }
    Ok(Status::Yes)
}

/// Every way that is known.
fn fetches() -> impl Iterator<Item = &'static Fetch> {
    Registry::standard()
        .iter()
        .flat_map(|model| model.fetches())
}

fn list(console: Console) -> anyhow::Result<()> {
    let page = || {
        let row = |fetch: &Fetch| {
            let name = Cell::new(Ink::Strong, fetch.name());
            vec![name, Cell::plain(fetch.documentation())]
        };
        let mut page = Page::default();
        page.table(2, &fetches().map(row).collect::<Vec<_>>());
        page
    };
    let object = |fetch: &Fetch| {
        json!({
            "name": fetch.name(),
            "takes_audience": fetch.takes_audience(),
            "documentation": fetch.documentation(),
        })
    };
    console.answer(
        page,
        || json!({ "ways": fetches().map(object).collect::<Vec<_>>() }),
    )
}

impl Arguments {
    fn exchange(&self) -> anyhow::Result<Option<Exchange<'_>>> {
        let exchange =
            |url: &String| Exchange::new(url, self.target.as_deref(), self.scope.as_deref());
        self.exchange
            .as_ref()
            .map(exchange)
            .transpose()
            .context("`--exchange`")
    }

    fn token(&self) -> anyhow::Result<String> {
        if let Some(name) = &self.variable {
            return text(&Source::Environment(name.clone()));
        }
        if let Some(path) = &self.file {
            return text(&Source::File(path.clone()));
        }
        let fetch = self.fetch()?;
        let name = fetch.name();
        let audience = match &self.audience {
            Some(audience) => audience.as_str(),
            None if fetch.takes_audience() => {
                bail!("`{name}` gives a token for whom one asks: give `--audience`")
            }
            None => "",
        };
        let token = match fetch.way() {
            Way::Request(service) => by_request(service, audience),
            Way::Variable { variable } => text(&Source::Environment(variable.clone())),
            Way::File { path, variable } => by_file(path.as_deref(), variable.as_deref()),
            Way::Command { command } => by_command(command, audience),
            Way::Metadata(metadata) => by_metadata(metadata, audience),
        };
        token.with_context(|| {
            let documentation = fetch.documentation();
            format!("`{name}` gives no token ({documentation})")
        })
    }

    /// The way that is asked for, or that fits where this runs.
    fn fetch(&self) -> anyhow::Result<&'static Fetch> {
        let names: Vec<_> = fetches().map(Fetch::name).collect();
        if let Some(name) = &self.from {
            return fetches().find(|fetch| fetch.name() == name).ok_or_else(|| {
                let hint = did_you_mean(name, &names);
                anyhow!(
                    "`--from {name}` is not known{hint}; there is {}",
                    names.join(", ")
                )
            });
        }
        let detected = |fetch: &&Fetch| {
            let mut all = fetch.detect().iter();
            !fetch.detect().is_empty() && all.all(|name| variable(name).is_ok())
        };
        let mut found: Vec<_> = fetches().filter(detected).collect();
        // A runner may be a pod: its job is what runs here.
        if found.iter().any(|fetch| !fetch.is_beneath()) {
            found.retain(|fetch| !fetch.is_beneath());
        }
        match found.as_slice() {
            [fetch] => Ok(fetch),
            [] => bail!(
                "the environment says of no CI or pod that this runs in, with a token; name one \
                 by `--from`: {}",
                names.join(", ")
            ),
            several => {
                let names: Vec<_> = several.iter().map(|fetch| fetch.name()).collect();
                bail!(
                    "this runs in several: name one by `--from`: {}",
                    names.join(", ")
                )
            }
        }
    }

    /// Refuses a token that is for somebody else, before anybody is shown it.
    fn check(&self, token: &str) -> anyhow::Result<()> {
        let decoded = Token::new(token.as_bytes()).decode(&Limits::TOKEN);
        let decoded = decoded
            .map_err(|refusal| anyhow!("what was found is no token: {}", refusal.message))?;
        let Some(audience) = &self.audience else {
            return Ok(());
        };
        let claims = decoded.unverified_claims();
        let aud = claims.get(&["aud"]);
        let names = |text: &str| text == audience;
        let fits = aud.is_some_and(|aud| {
            aud.text().is_some_and(names) || aud.texts().is_some_and(|mut all| all.any(names))
        });
        if !fits {
            let found = aud.map_or("nobody", claimbound::json::Node::json);
            bail!("the token is for {found}, not for `{audience}`");
        }
        Ok(())
    }
}

/// A variable that has a value.
fn variable(name: &str) -> anyhow::Result<String> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(std::env::VarError::NotPresent) => {
            bail!("environment variable `{name}` is not set")
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            bail!("environment variable `{name}` is not UTF-8")
        }
    }
}

fn text(source: &Source) -> anyhow::Result<String> {
    input::text(source.token()?, source)
}

fn by_request(service: &Service, audience: &str) -> anyhow::Result<String> {
    let mut question = Question::new(&variable(&service.url_variable)?)
        .with_context(|| format!("`{}`", service.url_variable))?;
    question.bearer = Some(variable(&service.bearer_variable)?);
    question.post = service.post;
    question.query(service.query.iter());
    for (parameter, name) in &service.query_variables {
        question.query([(parameter, &variable(name)?)]);
    }
    if let Some(parameter) = &service.audience_parameter {
        question.query([(parameter, audience)]);
    }
    question.headers(&service.headers);
    web::member(&question.ask()?, &service.member)
}

fn by_metadata(metadata: &Metadata, audience: &str) -> anyhow::Result<String> {
    let other = metadata.host_variable.as_deref();
    let host = other.and_then(|name| variable(name).ok());
    let host = host.unwrap_or_else(|| metadata.host.clone());
    let mut question = Question::of_machine(&format!("http://{host}{}", metadata.path))?;
    question.query(metadata.query.iter());
    question.query([(&metadata.audience_parameter, audience)]);
    question.headers(&metadata.headers);
    Ok(question.ask()?.trim().to_owned())
}

fn by_file(path: Option<&str>, holder: Option<&str>) -> anyhow::Result<String> {
    let path = match (path, holder) {
        (_, Some(name)) => variable(name)?,
        (Some(path), None) => path.to_owned(),
        (None, None) => bail!("it says of no file"),
    };
    text(&Source::File(path.into()))
}

fn by_command(command: &[String], audience: &str) -> anyhow::Result<String> {
    let (program, arguments) = command.split_first().context("it names no program")?;
    let arguments = arguments.iter().map(|word| match word.as_str() {
        "{audience}" => audience,
        word => word,
    });
    // No shell reads any of it.
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{program}` can't be run"))?;
    // A token fits into a pipe, so that nobody has to read meanwhile.
    let status = ended(&mut child, program)?;
    if !status.success() {
        bail!("`{program}` failed: {status}");
    }
    let out = child.stdout.take().context("it has no output")?;
    let bytes = input::bounded(out, input::TEXT, &Source::Standard)?;
    input::text(bytes.trim_ascii().to_vec(), &Source::Standard)
}

fn ended(child: &mut Child, program: &str) -> anyhow::Result<std::process::ExitStatus> {
    for _ in 0..PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        sleep(Duration::from_millis(100));
    }
    child.kill()?;
    bail!("`{program}` took too long")
}
