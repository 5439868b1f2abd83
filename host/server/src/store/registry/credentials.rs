//! Who one is at a registry: what the usual configuration of Docker says.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
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
/// How often it is looked whether it has ended.
const STEP: Duration = Duration::from_millis(10);
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
    let mut command = Command::new(&program);
    command.arg("get");
    let asked = host.to_owned();
    let answer = tokio::task::spawn_blocking(move || answer(command, &asked, patience)).await;
    let answer = answer.map_err(|error| failed(error.to_string()))?;
    let (succeeded, answer) = answer.map_err(failed)?;
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

/// Asks a program for a host; whether it succeeded, and what it answered. It is
/// stopped where it takes longer than `patience`, and so is all that it started:
/// whatever holds its output would be waited for.
fn answer(
    mut command: Command,
    host: &str,
    patience: Duration,
) -> Result<(bool, Zeroizing<Vec<u8>>), String> {
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let child = command.spawn();
    let mut child = child.map_err(|error| format!("it can't be run: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // One that reads nothing may be gone already.
        let _ = input.write_all(host.as_bytes());
    }
    let answer = child
        .stdout
        .take()
        .and_then(|output| said(output, patience));
    let ended = answer.is_some().then(|| ended(&mut child, patience));
    if let (Some(answer), Some(succeeded)) = (answer, ended.flatten()) {
        return Ok((succeeded, answer));
    }
    stop(&mut child);
    Err(format!("it took longer than {patience:?}"))
}

/// Stops a program that has not been waited for, and its process group.
fn stop(child: &mut Child) {
    // INVARIANT: until it is waited for, its number is nobody else's.
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // A group that is gone can't be stopped.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

/// All that a program says, up to more than is taken; none where it takes too
/// long.
fn said(output: ChildStdout, patience: Duration) -> Option<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = Zeroizing::new(Vec::new());
        // What can't be read is no answer.
        let _ = output.take(LARGEST_ANSWER + 1).read_to_end(&mut answer);
        // Nobody may be waiting any more.
        let _ = sender.send(answer);
    });
    receiver.recv_timeout(patience).ok()
}

/// Whether a program succeeded; none where it does not end.
fn ended(child: &mut Child, patience: Duration) -> Option<bool> {
    let tries = patience.as_millis() / STEP.as_millis();
    for _ in 0..=tries {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.success());
        }
        std::thread::sleep(STEP);
    }
    None
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

    #[test]
    fn a_program_has_its_time_and_its_answer_a_length() {
        let run = |program: &str, patience: u64| {
            let mut command = Command::new("sh");
            command.args(["-c", program]);
            let (succeeded, said) =
                answer(command, "registry.example", Duration::from_millis(patience))?;
            Ok::<_, String>((succeeded, said.len() as u64))
        };
        assert_eq!(run("cat", 10_000), Ok((true, 16)));
        assert_eq!(run("cat; exit 1", 10_000), Ok((false, 16)));
        assert_eq!(
            run("yes | head -c 65537", 10_000),
            Ok((true, LARGEST_ANSWER + 1))
        );
        for slow in ["exec sleep 60", "exec >&-; exec sleep 60"] {
            let error = run(slow, 50).unwrap_err();
            assert!(error.contains("took longer"), "{slow}: {error}");
        }
    }

    #[test]
    fn what_a_program_started_is_stopped_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let (sender, receiver) = mpsc::channel();
        let held = pipe.clone();
        // It ends when nobody holds the other end any more.
        std::thread::spawn(move || sender.send(std::fs::read(held).unwrap()).unwrap());
        let mut command = Command::new("sh");
        let script = r#"exec 3>"$0"; echo held >&3; sleep 600 & exit 0"#;
        command.arg("-c").arg(script).arg(&pipe);
        let error = answer(command, "registry.example", Duration::from_secs(1));
        assert!(error.unwrap_err().contains("took longer"));
        assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), b"held\n");
    }
}
