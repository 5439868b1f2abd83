//! `serve`: decides the tokens of real requests, beside a proxy.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use claimbound::clock::SystemClock;
use claimbound_server::config::Config;
use claimbound_server::server::{self, Checked, Server};
use claimbound_server::{Ended, OwnedEnvironment, Signals};
use clap::ValueEnum;
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::console::{self, Console, Status};
use crate::escape::{visible_json, visible_styled};
use crate::page::{Ink, Page};

/// Decide the tokens of requests, beside a proxy or in exchange for others.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound serve --config claimbound.toml --check
  claimbound serve --config claimbound.toml
  claimbound serve --schema > config.schema.json

SIGHUP, and a change of the configuration or of a policy's file, takes up what is
there now: whole, or not at all. SIGTERM and SIGINT finish what was begun, and
stop; a second one stops at once. Secrets are named in the configuration, as `env:NAME` or `file:PATH`.

Exit status: 0 stopped as told, or nothing to complain of; 1 `--check` refuses the
configuration; 2 no answer could be given, or stopped at once.")]
pub(crate) struct Arguments {
    /// The configuration, in TOML. Paths in it start at its folder.
    #[arg(long, value_name = "FILE", required_unless_present = "schema")]
    config: Option<PathBuf>,

    /// Look at everything that it names, load every policy, and serve nothing.
    #[arg(long)]
    check: bool,

    /// Write the JSON Schema of a configuration, and do nothing else.
    #[arg(long, conflicts_with_all = ["config", "check"])]
    schema: bool,

    /// What is logged: `error`, `warn`, `info`, `debug`, or a list such as
    /// `warn,claimbound_server=debug`.
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = levels)]
    log: String,

    /// How it is logged; by default as text on a terminal, else as JSON.
    #[arg(long, value_name = "FORM")]
    log_format: Option<LogFormat>,
}

/// How long what waits for files and the ledger may still take after the drain.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// The exit status where nothing was waited for: no answer could be given.
const STOPPED_AT_ONCE: i32 = 2;

/// How lines of the log look.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    if arguments.schema {
        let schema = serde_json::to_string_pretty(&Config::schema())?;
        console::write_json(&schema)?;
        return Ok(Status::Yes);
    }
    let path = arguments.config.as_ref();
    let path = path.context("`--config` is not given")?;
    let environment: OwnedEnvironment = Arc::new(|name| std::env::var(name).ok());
    if arguments.check {
        let checked = server::check(path, &environment, Arc::new(SystemClock));
        console.answer(|| page(&checked), || to_json(&checked))?;
        return Ok(if checked.is_ok() {
            Status::Yes
        } else {
            Status::No
        });
    }
    arguments.log()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(socket_threads())
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::catch().context("the system gives no signals")?;
        let start = Server::start(path, environment, Arc::new(SystemClock));
        let server = tokio::select! {
            server = start => server?,
            () = signals.stop() => return anyhow::Ok(Ended::AtOnce),
        };
        anyhow::Ok(server.run_until(signals).await)
    })?;
    // A thread that still waits for a disk is not waited for in its turn.
    runtime.shutdown_timeout(LAST_WAIT);
    match ended {
        Ended::Drained => Ok(Status::Yes),
        // Not even the threads that decide are waited for.
        Ended::AtOnce => std::process::exit(STOPPED_AT_ONCE),
    }
}

/// How many threads look after sockets, and decide what has nothing to wait for:
/// one for each processor but one, which is left to the proxy and to what waits.
fn socket_threads() -> usize {
    let processors = std::thread::available_parallelism();
    processors.map_or(1, |processors| processors.get().saturating_sub(1).max(1))
}

impl Arguments {
    /// Logs to the standard error, from now on.
    fn log(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::builder();
        let filter = filter.parse(&self.log).context("`--log`")?;
        let is_terminal = io::stderr().is_terminal();
        let usual = if is_terminal {
            LogFormat::Text
        } else {
            LogFormat::Json
        };
        let format = self.log_format.unwrap_or(usual);
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(move || Lines { format });
        match format {
            LogFormat::Json => lines.json().flatten_event(true).init(),
            LogFormat::Text => lines.with_ansi(is_terminal).init(),
        }
        Ok(())
    }
}

/// A list of directives, as it stands. What stands alone is a level: the library
/// takes another word for a module's name, and one that does not exist turns the
/// log off.
fn levels(text: &str) -> Result<String, String> {
    let directives = text.split(',').map(str::trim);
    let mut alone = directives.filter(|one| !one.is_empty() && !one.contains(['=', '[']));
    if let Some(word) = alone.find(|word| word.parse::<LevelFilter>().is_err()) {
        return Err(format!(
            "`{word}` is no level; there are off, error, warn, info, debug and trace, and \
             `MODULE=LEVEL` for a part of it"
        ));
    }
    let parsed = EnvFilter::builder().parse(text);
    parsed.map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// The standard error, on which every event stays one line: whatever a token, an
/// issuer or a proxy brought with it is escaped here, if nothing did before.
struct Lines {
    format: LogFormat,
}

impl Write for Lines {
    /// Writes an event, which comes whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = match self.format {
            LogFormat::Json => visible_json(&line.replace('\n', " ")),
            LogFormat::Text => visible_styled(line),
        };
        io::stderr().write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

type Answer = Result<Checked, claimbound_server::config::ConfigError>;

fn page(answer: &Answer) -> Page {
    let mut page = Page::default();
    match answer {
        Ok(checked) => {
            page.put(Ink::Good, "✓ the configuration can be used").end();
            for (route, policy) in &checked.routes {
                page.field("route", format!("{route}, decided by {policy}"));
            }
            for warning in &checked.warnings {
                page.field("warning:", warning);
            }
        }
        Err(error) => {
            page.put(Ink::Bad, "✗ the configuration can't be used")
                .end();
            page.field("error", error.to_string());
        }
    }
    page
}

fn to_json(answer: &Answer) -> serde_json::Value {
    match answer {
        Ok(checked) => {
            let routes = checked.routes.iter();
            let routes = routes.map(|(route, policy)| json!({ "route": route, "policy": policy }));
            json!({
                "valid": true,
                "error": null,
                "routes": routes.collect::<Vec<_>>(),
                "warnings": checked.warnings,
            })
        }
        Err(error) => json!({
            "valid": false,
            "error": error.to_string(),
            "routes": [],
            "warnings": [],
        }),
    }
}
