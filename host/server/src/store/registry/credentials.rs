//! Who one is at a registry: what the usual configuration of Docker says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::super::error::StoreError;
use super::hidden::Hidden;
use crate::config::{Environment, Secret};
use crate::files::{self, ReadError};

/// Largest configuration, in bytes.
const LARGEST_CONFIGURATION: u64 = 1 << 20;
/// Largest answer of a program that keeps credentials, in bytes.
const LARGEST_ANSWER: u64 = 64 << 10;
/// How long such a program may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What such a program says, on standard output, where it has nothing.
const NONE_FOUND: &[u8] = b"credentials not found in native keychain";
/// The user whose password is an identity token.
const IDENTITY: &str = "<token>";
/// Docker's own registry stands in its configuration under another name.
const DOCKER: (&str, &str) = ("registry-1.docker.io", "index.docker.io");

/// Where a registry's user and password are looked for, each time that they are
/// asked for.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    file: Option<PathBuf>,
}

/// Who one is at a registry.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    Password {
        user: String,
        password: Secret,
    },
    /// A token that gives others.
    Identity(Secret),
}

/// The part of Docker's configuration that says who one is.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Configuration {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<Hidden>,
    identitytoken: Option<Hidden>,
}

/// What a program that keeps credentials answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: Hidden,
}

impl Credentials {
    /// None: a registry that asks who one is refuses.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of `$DOCKER_CONFIG/config.json`, else of `~/.docker/config.json`:
    /// `auths`, and the programs that `credHelpers` and `credsStore` name.
    pub fn docker(environment: Environment<'_>) -> Self {
        let folder = |name: &str| {
            let value = environment(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from)
        };
        let home = || folder("HOME").map(|home| home.join(".docker"));
        let folder = folder("DOCKER_CONFIG").or_else(home);
        Self {
            file: folder.map(|folder| folder.join("config.json")),
        }
    }

    /// Those for a registry; none where nothing is said of it.
    pub(super) async fn of(&self, registry: &Url) -> Result<Option<Credential>, StoreError> {
        let Some(configuration) = self.configuration()? else {
            return Ok(None);
        };
        let host = host(registry);
        let kept = match configuration.keeper(&host) {
            Some(keeper) => kept(keeper, &host, PATIENCE).await?,
            None => None,
        };
        match kept {
            Some(credential) => Ok(Some(credential)),
            None => configuration.entry(&host).map_or(Ok(None), Entry::read),
        }
    }

    fn configuration(&self) -> Result<Option<Configuration>, StoreError> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        let text = match files::read(path, LARGEST_CONFIGURATION) {
            Ok(text) => Zeroizing::new(text),
            Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(StoreError::path(path.to_string_lossy(), error)),
        };
        read_configuration(path, &text).map(Some)
    }
}

/// Not a byte of it is shown: it may be a password.
fn read_configuration(path: &Path, text: &[u8]) -> Result<Configuration, StoreError> {
    serde_json::from_slice(text).map_err(|error| {
        let cause = format!(
            "it is no configuration of Docker, by line {} column {}",
            error.line(),
            error.column()
        );
        StoreError::path(path.to_string_lossy(), cause)
    })
}

impl Configuration {
    /// The program that keeps the credentials of a host.
    fn keeper(&self, host: &str) -> Option<&str> {
        let own = self.cred_helpers.iter().find(|(key, _)| is_of(key, host));
        let own = own.map(|(_, keeper)| keeper);
        own.or(self.creds_store.as_ref())
            .map(String::as_str)
            .filter(|keeper| !keeper.is_empty())
    }

    fn entry(&self, host: &str) -> Option<&Entry> {
        let found = self.auths.iter().find(|(key, _)| is_of(key, host));
        found.map(|(_, entry)| entry)
    }
}

impl Entry {
    fn read(&self) -> Result<Option<Credential>, StoreError> {
        let said = |text: &&Hidden| !text.expose().is_empty();
        if let Some(token) = self.identitytoken.as_ref().filter(said) {
            return Ok(Some(Credential::Identity(Secret::new(
                token.expose().to_owned(),
            ))));
        }
        let Some(auth) = self.auth.as_ref().filter(said) else {
            return Ok(None);
        };
        let wrong = || StoreError::path("auths", "its `auth` is no user and password in base64");
        let pair = Zeroizing::new(STANDARD.decode(auth.expose().trim()).map_err(|_| wrong())?);
        let pair = std::str::from_utf8(&pair).map_err(|_| wrong())?;
        let (user, password) = pair.split_once(':').ok_or_else(wrong)?;
        Ok(Some(Credential::of(user, password)))
    }
}

impl Credential {
    fn of(user: &str, password: &str) -> Self {
        // Docker pads some with zero bytes.
        let password = Secret::new(password.trim_end_matches('\0').to_owned());
        if user == IDENTITY {
            Self::Identity(password)
        } else {
            Self::Password {
                user: user.to_owned(),
                password,
            }
        }
    }
}

/// A registry as Docker's configuration names it.
fn host(registry: &Url) -> String {
    let host = registry.host_str().unwrap_or_default();
    match registry.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether a key of the configuration is of a host: some are URLs.
fn is_of(key: &str, host: &str) -> bool {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    let key = key.split('/').next().unwrap_or_default();
    key == host || (host, key) == DOCKER
}

/// What the program `docker-credential-KEEPER` keeps of a host.
async fn kept(
    keeper: &str,
    host: &str,
    patience: Duration,
) -> Result<Option<Credential>, StoreError> {
    let program = format!("docker-credential-{keeper}");
    let failed = |cause: String| StoreError::path(&program, cause);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !keeper.bytes().all(is_plain) {
        return Err(failed("it is no program's name".to_owned()));
    }
    let child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("it can't be run: {error}")))?;
    let answer = tokio::time::timeout(patience, answer(child, host)).await;
    let answer = answer.map_err(|_| failed(format!("it took longer than {patience:?}")))?;
    let (succeeded, answer) = answer.map_err(|error| failed(error.to_string()))?;
    if answer.len() as u64 > LARGEST_ANSWER {
        return Err(failed("it answers with more than 64 KiB".to_owned()));
    }
    if !succeeded && answer.starts_with(NONE_FOUND) {
        return Ok(None);
    }
    let kept: Result<Kept, _> = serde_json::from_slice(&answer);
    match kept {
        Ok(kept) if succeeded => Ok(Some(Credential::of(&kept.username, kept.secret.expose()))),
        Ok(_) | Err(_) => Err(failed("it gives no credentials".to_owned())),
    }
}

/// Asks a program for a host; whether it succeeded, and what it answered.
async fn answer(mut child: Child, host: &str) -> std::io::Result<(bool, Zeroizing<Vec<u8>>)> {
    if let Some(mut input) = child.stdin.take() {
        // One that reads nothing may be gone already.
        let _ = input.write_all(host.as_bytes()).await;
    }
    let mut answer = Zeroizing::new(Vec::new());
    if let Some(output) = child.stdout.take() {
        let mut output = output.take(LARGEST_ANSWER + 1);
        output.read_to_end(&mut answer).await?;
    }
    Ok((child.wait().await?.success(), answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(text: &str) -> Configuration {
        read_configuration(Path::new("config.json"), text.as_bytes()).unwrap()
    }

    fn shown(entry: Option<&Entry>) -> String {
        match entry.map(Entry::read) {
            Some(Ok(Some(Credential::Password { user, password }))) => {
                format!("{user} {}", password.expose())
            }
            Some(Ok(Some(Credential::Identity(token)))) => format!("token {}", token.expose()),
            Some(Ok(None)) => "empty".to_owned(),
            Some(Err(error)) => error.to_string(),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn a_host_has_the_entry_of_its_name_and_port_alone() {
        let read = configuration(
            r#"{"auths": {
                "registry.example": {"auth": "bWU6aHVudGVyMg=="},
                "https://other.example:5000/v1/": {"auth": "bWU6YTpi"},
                "index.docker.io": {"auth": "eDp5"},
                "id.example": {"auth": "PHRva2VuPjp0"},
                "identity.example": {"auth": "bWU6", "identitytoken": "t"},
                "kept.example": {},
                "bad.example": {"auth": "%%"}
            }, "HttpHeaders": {"x": "y"}}"#,
        );
        for (url, found) in [
            ("https://registry.example", "me hunter2"),
            ("https://registry.example:443", "me hunter2"),
            ("https://registry.example:5000", "none"),
            ("https://a.registry.example", "none"),
            ("https://other.example:5000", "me a:b"),
            ("https://registry-1.docker.io", "x y"),
            ("https://id.example", "token t"),
            ("https://identity.example", "token t"),
            ("https://kept.example", "empty"),
        ] {
            let host = host(&url.parse().unwrap());
            assert_eq!(shown(read.entry(&host)), found, "{url}");
        }
        let bad = shown(read.entry("bad.example"));
        assert!(bad.contains("no user and password in base64"), "{bad}");
    }

    #[test]
    fn nothing_of_a_configuration_that_is_wrong_is_shown() {
        for text in [
            r#"{"auths": "hunter2"}"#,
            "hunter2",
            r#"{"auths": {"x": "hunter2"}}"#,
        ] {
            let read = read_configuration(Path::new("config.json"), text.as_bytes());
            let error = read.err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("no configuration of Docker"), "{error}");
        }
    }

    #[test]
    fn the_environment_says_where_the_configuration_is() {
        let file = |set: &[(&str, &str)]| {
            let value = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Credentials::docker(&value).file
        };
        let both = [("DOCKER_CONFIG", "/d"), ("HOME", "/h")];
        assert_eq!(file(&both), Some("/d/config.json".into()));
        let empty = [("DOCKER_CONFIG", ""), ("HOME", "/h")];
        assert_eq!(file(&empty), Some("/h/.docker/config.json".into()));
        assert_eq!(file(&[]), None);
    }

    #[tokio::test]
    async fn a_program_is_asked_by_a_plain_name_and_its_absence_is_told() {
        for keeper in ["../x", "a b", "x;y", "a/b"] {
            let error = kept(keeper, "registry.example", PATIENCE).await;
            let error = error.unwrap_err().to_string();
            assert!(error.contains("no program's name"), "{error}");
        }
        let error = kept("no-such-keeper", "registry.example", PATIENCE).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("can't be run"), "{error}");
    }

    #[tokio::test]
    async fn a_program_has_its_time_and_its_answer_a_length() {
        let run = |program: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", program]).kill_on_drop(true);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().unwrap()
        };
        let (succeeded, said) = answer(run("cat"), "registry.example").await.unwrap();
        assert!(succeeded);
        assert_eq!(**said, *b"registry.example");
        let (_, said) = answer(run("yes | head -c 1000000"), "h").await.unwrap();
        assert_eq!(said.len() as u64, LARGEST_ANSWER + 1);
        let slow = answer(run("exec sleep 60"), "h");
        let slow = tokio::time::timeout(Duration::from_millis(50), slow).await;
        assert!(slow.is_err());
    }
}
