//! `token fetch`, in environments that are made up, against servers of our own.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use super::program::{Program, Ran};

const AUDIENCE: &str = "https://deploy.acme.example";

/// A server on loopback that answers one request for each answer, and keeps them.
struct Server {
    url: String,
    asked: Receiver<String>,
}

impl Server {
    fn of(answers: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (send, asked) = channel();
        let answers: Vec<_> = answers.into_iter().collect();
        thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = String::new();
                let mut buffer = [0; 4096];
                loop {
                    let read = stream.read(&mut buffer).unwrap();
                    request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                    let Some((head, body)) = request.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let length = head.lines().find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        name.eq_ignore_ascii_case("content-length")
                            .then(|| value.parse::<usize>().unwrap())
                    });
                    if body.len() >= length.unwrap_or(0) {
                        break;
                    }
                }
                let length = body.len();
                // Whoever has read enough hangs up.
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = send.send(request);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> String {
        self.asked.recv().unwrap()
    }
}

/// Runs it where nothing but this is in the environment.
fn fetch(program: &Program, more: &[&str], variables: &[(&str, &str)]) -> Ran {
    let output = program
        .command(&[&["token", "fetch"], more].concat())
        .env_clear()
        .env("COLUMNS", "100")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn with_token() -> (Program, String) {
    let program = Program::with_token();
    let token = String::from_utf8(program.read("token.jwt")).unwrap();
    let token = token.trim().to_owned();
    (program, token)
}

fn got(ran: &Ran, token: &str) {
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, format!("{token}\n").as_str(), ""),
        "{ran:?}"
    );
}

fn refused(ran: &Ran, words: &str) {
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains(words), "{ran:?}");
}

#[test]
fn a_service_is_asked_for_a_token_for_an_audience() {
    let (program, token) = with_token();
    let server = Server::of([("200 OK", json!({ "value": token }).to_string())]);
    let url = format!("{}/token?api-version=2", server.url);
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret"),
        // The runner is a pod.
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        // Nothing on this machine is asked through a proxy.
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "http://127.0.0.1:1"),
    ];
    got(
        &fetch(&program, &["--audience", AUDIENCE], &variables),
        &token,
    );
    let asked = server.asked();
    assert!(
        asked.starts_with(
            "GET /token?api-version=2&audience=https%3A%2F%2Fdeploy.acme.example HTTP/1.1"
        ),
        "{asked}"
    );
    assert!(
        asked
            .to_lowercase()
            .contains("authorization: bearer runner-secret")
    );
    refused(&fetch(&program, &[], &variables), "give `--audience`");
}

#[test]
fn a_service_may_want_a_post_and_more_from_the_environment() {
    let (program, token) = with_token();
    let server = Server::of([("200 OK", json!({ "oidcToken": token }).to_string())]);
    let url = format!("{}/oidc", server.url);
    let variables = [
        ("SYSTEM_OIDCREQUESTURI", url.as_str()),
        ("SYSTEM_ACCESSTOKEN", "job-secret"),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "a b"),
    ];
    got(&fetch(&program, &[], &variables), &token);
    let asked = server.asked();
    assert!(
        asked.starts_with("POST /oidc?api-version=7.1&serviceConnectionId=a+b HTTP/1.1"),
        "{asked}"
    );
    assert!(
        asked
            .to_lowercase()
            .contains("x-tfs-fedauthredirect: suppress")
    );
    refused(
        &fetch(&program, &[], &variables[..1]),
        "SYSTEM_ACCESSTOKEN` is not set",
    );
}

#[test]
fn a_variable_or_a_file_holds_the_token() {
    let (program, token) = with_token();
    let file = program.path("token.jwt");
    let file = file.to_str().unwrap();
    for variables in [
        &[
            ("CIRCLECI", "true"),
            ("CIRCLE_OIDC_TOKEN_V2", token.as_str()),
        ][..],
        &[("BITBUCKET_STEP_OIDC_TOKEN", &token)],
        &[("TFC_WORKLOAD_IDENTITY_TOKEN", &token)],
        &[("GITLAB_CI", "true"), ("CLAIMBOUND_ID_TOKEN", &token)],
        &[("AZURE_FEDERATED_TOKEN_FILE", file)],
    ] {
        got(&fetch(&program, &[], variables), &token);
        got(
            &fetch(&program, &["--audience", AUDIENCE], variables),
            &token,
        );
        let ran = fetch(&program, &["--audience", "other"], variables);
        refused(
            &ran,
            "the token is for \"https://deploy.acme.example\", not for `other`",
        );
    }
    let pod = [("KUBERNETES_SERVICE_HOST", "10.0.0.1")];
    got(&fetch(&program, &["--file", "token.jwt"], &pod), &token);
    got(
        &fetch(&program, &["--variable", "MINE"], &[("MINE", &token)]),
        &token,
    );
    refused(
        &fetch(&program, &[], &[("CIRCLECI", "true")]),
        "`CIRCLE_OIDC_TOKEN_V2` is not set",
    );
    refused(&fetch(&program, &[], &pod), "projected");
    let both = [pod[0], ("AZURE_FEDERATED_TOKEN_FILE", file)];
    refused(
        &fetch(&program, &[], &both),
        "kubernetes, azure-workload-identity",
    );
    let named = ["--from", "azure-workload-identity"];
    got(&fetch(&program, &named, &both), &token);
}

#[test]
fn a_program_is_asked_without_a_shell() {
    let (program, token) = with_token();
    let agent = |script: &str| {
        program.write("buildkite-agent", format!("#!/bin/sh\n{script}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(program.path("buildkite-agent"), mode).unwrap();
    };
    let path = format!("{}:/usr/bin:/bin", program.path("").display());
    let variables = [("BUILDKITE_JOB_ID", "1"), ("PATH", path.as_str())];
    agent("printf '%s|' \"$@\" > asked; cat token.jwt");
    let ran = fetch(&program, &["--audience", AUDIENCE], &variables);
    got(&ran, &token);
    let asked = String::from_utf8(program.read("asked")).unwrap();
    assert_eq!(asked, format!("oidc|request-token|--audience|{AUDIENCE}|"));
    agent("exit 3");
    refused(
        &fetch(&program, &["--audience", "$(id)"], &variables),
        "exit status: 3",
    );
}

#[test]
fn a_metadata_service_is_asked_where_it_is_named() {
    let (program, token) = with_token();
    let server = Server::of([("200 OK", token.clone())]);
    let host = server.url.trim_start_matches("http://");
    let variables = [("GCE_METADATA_HOST", host)];
    let ran = fetch(
        &program,
        &["--from", "google", "--audience", AUDIENCE],
        &variables,
    );
    got(&ran, &token);
    let asked = server.asked();
    assert!(
        asked.starts_with(
            "GET /computeMetadata/v1/instance/service-accounts/default/identity?format=full&\
             audience=https%3A%2F%2Fdeploy.acme.example HTTP/1.1"
        ),
        "{asked}"
    );
    assert!(asked.to_lowercase().contains("metadata-flavor: google"));
}

#[test]
fn an_exchange_gives_the_access_token_alone() {
    let (program, token) = with_token();
    let server = Server::of([("200 OK", json!({ "access_token": "a.b.c" }).to_string())]);
    let endpoint = format!("{}/token", server.url);
    let variables = [("BITBUCKET_STEP_OIDC_TOKEN", token.as_str())];
    let more = [
        "--exchange",
        &endpoint,
        "--target",
        "https://api.acme.example",
        "--scope",
        "read write",
        "--out",
        "access",
    ];
    let ran = fetch(&program, &more, &variables);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(program.read("access"), b"a.b.c\n");
    let readers = std::fs::metadata(program.path("access"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(readers & 0o777, 0o600);
    let asked = server.asked();
    let (head, form) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /token HTTP/1.1"));
    assert!(
        head.to_lowercase()
            .contains("content-type: application/x-www-form-urlencoded")
    );
    assert_eq!(
        form,
        format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&\
             subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&\
             subject_token={token}&audience=https%3A%2F%2Fapi.acme.example&scope=read+write"
        )
    );
}

#[test]
fn what_is_no_answer_is_said_and_no_token_with_it() {
    let (program, token) = with_token();
    let variables = [("BITBUCKET_STEP_OIDC_TOKEN", token.as_str())];
    let refusal =
        json!({ "error": "invalid_request", "error_description": "not \u{1b}[2J acceptable" });
    for ((status, body), words) in [
        (
            ("400 Bad Request", refusal.to_string()),
            "`invalid_request`, not",
        ),
        (("503 Service Unavailable", String::new()), "503"),
        (("200 OK", "no json".into()), "no JSON"),
        (("200 OK", "{}".into()), "no token as `access_token`"),
        (("200 OK", "x".repeat(300_000)), "longer than"),
        // No redirect takes a token anywhere.
        (
            ("302 Found\r\nlocation: http://127.0.0.1:1/", String::new()),
            "302",
        ),
    ] {
        let server = Server::of([(status, body)]);
        let ran = fetch(&program, &["--exchange", &server.url], &variables);
        refused(&ran, words);
        let signature = token.rsplit('.').next().unwrap();
        assert!(
            !ran.err.contains(signature) && !ran.err.contains('\u{1b}'),
            "{ran:?}"
        );
    }
    refused(
        &fetch(
            &program,
            &["--exchange", "http://id.acme.example/token"],
            &variables,
        ),
        "tokens go nowhere else",
    );
    refused(
        &fetch(
            &program,
            &["--exchange", "http://127.0.0.1:1/token"],
            &variables,
        ),
        "`http://127.0.0.1:1/token`",
    );
    refused(
        &fetch(&program, &[], &[("BITBUCKET_STEP_OIDC_TOKEN", "no token")]),
        "no token",
    );
    refused(&fetch(&program, &[], &[]), "`--from`");
    refused(&fetch(&program, &["--from", "buildkit"], &[]), "buildkite");
    let unsafe_url = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://evil.example/"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret"),
    ];
    let ran = fetch(&program, &["--audience", AUDIENCE], &unsafe_url);
    refused(&ran, "tokens go nowhere else");
}

#[test]
fn the_ways_are_listed_with_what_they_need() {
    let ran = fetch(&Program::new(), &["--from", "list"], &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    for name in ["github-actions", "gitlab", "kubernetes", "google"] {
        assert!(ran.out.contains(name), "{ran:?}");
    }
    // What each needs begins in one column, past the longest name.
    let column = |line: &str| {
        let name = line.trim_start().split(' ').next().unwrap().len();
        let rest = &line[2 + name..];
        2 + name + rest.len() - rest.trim_start().len()
    };
    let columns: Vec<_> = ran.out.lines().map(column).collect();
    assert!(columns.iter().all(|one| *one == columns[0]), "{}", ran.out);

    let ran = fetch(
        &Program::new(),
        &["--from", "list", "--format", "json"],
        &[],
    );
    let listed: Value = serde_json::from_str(&ran.out).unwrap();
    let ways = listed["ways"].as_array().unwrap();
    assert_eq!(ways.len(), columns.len());
    let gitlab = ways.iter().find(|one| one["name"] == "gitlab").unwrap();
    assert_eq!(gitlab["takes_audience"], false);
    assert!(
        gitlab["documentation"]
            .as_str()
            .unwrap()
            .contains("id_tokens")
    );
}

#[test]
fn a_token_is_a_member_of_an_object_where_that_is_asked_for() {
    let (program, token) = with_token();
    let variables = [("BITBUCKET_STEP_OIDC_TOKEN", token.as_str())];
    let ran = fetch(&program, &["--format", "json"], &variables);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json, json!({ "token": token }));
}

#[test]
fn no_two_ways_have_one_name() {
    let mut names = std::collections::BTreeSet::new();
    for model in claimbound_issuers::Registry::standard().iter() {
        for fetch in model.fetches() {
            assert!(names.insert(fetch.name()), "{}", fetch.name());
        }
    }
    assert!(names.len() >= 9);
}
