//! Where the ledger is, and who may make one.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use claimbound::clock::SystemClock;
use claimbound::ledger::{Installed, Ledger, Postgres, Run, Sqlite};

use crate::console;

/// The ledger that `subject` and `revoke` work on.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The ledger: `sqlite:PATH` or a path alone, `postgres://…`, or `env:NAME`
    /// for a variable that holds one of these.
    #[arg(
        long,
        value_name = "URL",
        env = "CLAIMBOUND_LEDGER",
        hide_env_values = true
    )]
    pub(crate) ledger: Location,
}

impl Arguments {
    /// Opens it for what is done, or tried. One that is not there is never made by
    /// the way: a mistyped path would be an empty ledger, which has forgotten whom
    /// it barred.
    pub(crate) fn open(&self, run: Run) -> anyhow::Result<Ledger> {
        self.ledger.open(run)
    }

    /// Opens it to be read.
    pub(crate) fn read(&self) -> anyhow::Result<Ledger> {
        self.open(Run::Dry)
    }
}

/// Where a ledger is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// In a file.
    Sqlite(PathBuf),
    /// In a database of a server; the URL may hold a password.
    Postgres(String),
    /// Where a variable of the environment says, written `env:NAME`.
    Environment(String),
    /// A connection string of another kind, which may hold a password.
    Other(String),
}

impl FromStr for Location {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Some(name) = text.strip_prefix("env:") {
            return Ok(Self::Environment(name.to_owned()));
        }
        let is_postgres = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        if is_postgres {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") || text.contains(PASSWORD) => {
                return Ok(Self::Other(text.to_owned()));
            }
            None => text,
        };
        if path.is_empty() {
            bail!("a ledger is `sqlite:PATH`, a path, or `postgres://…`");
        }
        Ok(Self::Sqlite(path.into()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) | Self::Other(url) => formatter.write_str(&without_secrets(url)),
            Self::Environment(name) => write!(formatter, "env:{name}"),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Location({self})")
    }
}

impl Location {
    /// The ledger that is there, of which nothing is written where something is
    /// only tried.
    pub(crate) fn open(&self, run: Run) -> anyhow::Result<Ledger> {
        match self {
            Self::Sqlite(path) => {
                refuse_absent(path)?;
                open_file(path, run)
            }
            Self::Postgres(url) => {
                let opened = Ledger::postgres(&postgres(url)?, SystemClock);
                opened.with_context(|| format!("`{self}`"))
            }
            Self::Environment(name) => variable(name)?.open(run),
            Self::Other(_) => Err(self.unknown()),
        }
    }

    /// Makes an empty ledger where there is none, and its folder; brings an older
    /// one up to this release's tables.
    pub(crate) fn make(&self) -> anyhow::Result<Installed> {
        match self {
            Self::Sqlite(path) => {
                if path.is_dir() {
                    bail!(
                        "`{0}` is a folder, not a ledger; name a file in it, such as `{1}`",
                        path.display(),
                        path.join("ledger.db").display()
                    );
                }
                make_folder(path)?;
                let found = found(path)?;
                Ledger::sqlite(&Sqlite::at(path).or_new())?;
                Ok(found)
            }
            Self::Postgres(url) => postgres(url)?
                .install()
                .with_context(|| format!("`{self}`")),
            Self::Environment(name) => variable(name)?.make(),
            Self::Other(_) => Err(self.unknown()),
        }
    }

    fn unknown(&self) -> anyhow::Error {
        anyhow!("`{self}` is no ledger: one is `sqlite:PATH`, a path, or `postgres://…`")
    }
}

fn open_file(path: &Path, run: Run) -> anyhow::Result<Ledger> {
    let settings = Sqlite::at(path);
    let ledger = Ledger::sqlite(&match run {
        Run::Real => settings,
        Run::Dry => settings.to_read(),
    })?;
    if let Some(older) = ledger.older() {
        console::note(&older.to_string());
    }
    Ok(ledger)
}

/// What making a ledger in a file comes to.
fn found(path: &Path) -> anyhow::Result<Installed> {
    if refuse_absent(path).is_err() {
        return Ok(Installed::New);
    }
    let there = Ledger::sqlite(&Sqlite::at(path).to_read())?;
    Ok(match there.older() {
        Some(_) => Installed::Renewed,
        None => Installed::Already,
    })
}

/// The parameter of a connection string that holds a password.
const PASSWORD: &str = "password=";

/// The connection string with neither password nor parameters. It is all secret
/// where it is no URL: nobody can tell where a password in it would end.
fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "…".to_owned();
    };
    let user = user_of(url);
    let shown = match user.split_once(':') {
        Some((name, _)) => format!("{name}:…"),
        None => user.to_owned(),
    };
    let host = rest.strip_prefix(user).unwrap_or_default();
    let host = match host.split_once('?') {
        Some((host, _)) => format!("{host}?…"),
        None => host.to_owned(),
    };
    format!("{scheme}://{shown}{host}")
}

/// The user of a URL, with their password. A password that is written as it is
/// may hold anything, so that the last `@` counts.
fn user_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.rsplit_once('@').map_or("", |(user, _)| user)
}

/// A database, with what libpq's own variables say of it: a password that the
/// URL leaves out, and the certificates that vouch for the server.
fn postgres(url: &str) -> anyhow::Result<Postgres> {
    let mut settings = Postgres::at(url)?;
    let has_password = user_of(url).contains(':') || url.contains(PASSWORD);
    if let (false, Ok(password)) = (has_password, std::env::var("PGPASSWORD")) {
        settings = settings.with_password(password);
    }
    if let Some(file) = std::env::var_os("PGSSLROOTCERT").filter(|file| !file.is_empty()) {
        settings = settings.with_ca(file);
    }
    Ok(settings)
}

fn variable(name: &str) -> anyhow::Result<Location> {
    // The variable's own error may repeat what it holds.
    let text = std::env::var(name).ok();
    let text = text.with_context(|| format!("environment variable `{name}` names no ledger"))?;
    match text.parse()? {
        Location::Environment(_) => bail!("environment variable `{name}` names another one"),
        location @ (Location::Sqlite(_) | Location::Postgres(_) | Location::Other(_)) => {
            Ok(location)
        }
    }
}

/// Refuses a path at which there is no ledger, with how one is made.
fn refuse_absent(path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    let what = match path.metadata() {
        Ok(found) if found.is_dir() => bail!("`{name}` is a folder, not a ledger"),
        Ok(found) if found.len() > 0 || !found.is_file() => return Ok(()),
        Ok(_) => "is empty, and no ledger",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "is not there",
        Err(_) => return Ok(()),
    };
    bail!("the ledger `{name}` {what}; `claimbound subject init --ledger '{name}'` makes one")
}

/// Makes the folder of a file, for this user alone: a ledger's needs one of its
/// own.
fn make_folder(file: &Path) -> anyhow::Result<()> {
    let Some(folder) = file.parent().filter(|one| !one.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(folder);
    made.with_context(|| format!("folder `{}` can't be made", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_told_by_its_spelling_and_hides_its_password() {
        let parse = |text: &str| text.parse::<Location>().unwrap();
        for (text, path) in [
            ("sqlite:a b.db", "a b.db"),
            ("sqlite:///var/a.db", "/var/a.db"),
            ("./a.db", "./a.db"),
            ("a:b", "a:b"),
        ] {
            assert_eq!(parse(text), Location::Sqlite(path.into()), "{text}");
        }
        for (text, expected) in [
            ("postgres://u:secret@h/db", "postgres://u:…@h/db"),
            ("postgresql://u:se'c`r@e/t@h/db", "postgresql://u:…@h/db"),
            (
                "postgres://u@h/db?a=b&password=secret",
                "postgres://u@h/db?…",
            ),
            ("postgres://h/db", "postgres://h/db"),
            ("mysql://u:secret@h/db", "mysql://u:…@h/db"),
            ("host=h password='secret'", "…"),
        ] {
            assert_eq!(parse(text).to_string(), expected);
            assert!(!format!("{:?}", parse(text)).contains("secret"), "{text}");
        }
        assert_eq!(parse("env:X"), Location::Environment("X".into()));
        for text in ["", "sqlite:", "sqlite://"] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
