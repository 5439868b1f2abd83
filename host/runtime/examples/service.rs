//! A service that asks a policy before it answers, and a ledger who the workload
//! is.
//!
//! ```text
//! claimbound build policies/ci-cloud-environment/policy.toml -o policy.wasm
//! claimbound token mint --like policies/ci-cloud-environment/policy.toml:trust.production \
//!     --jwks-out keys.json > token.jwt
//! cargo run -p claimbound --example service -- policy.wasm keys.json \
//!     https://token.actions.githubusercontent.com github-actions \
//!     https://cloud.acme.example/production production-deployer ledger.db
//! curl -H "Authorization: Bearer $(cat token.jwt)" http://127.0.0.1:8080/
//! ```
//!
//! The arguments after the model are the route's audience, the role that it may
//! grant, and the ledger, which is made where it is absent: `claimbound subject
//! list --ledger sqlite:ledger.db` shows what it knows. Requests carry no proof of
//! possession here, so that a token which needs one is answered with 503, never let
//! in.

#![expect(clippy::print_stdout, reason = "this service's log is its output")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use claimbound::clock::SystemClock;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::ledger::{Keeper, Ledger, Sqlite};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::sandbox::{Limits, Sandbox};
use claimbound::token::Token;
use claimbound_issuers::Registry;

/// More than a token and its headers need.
const LONGEST_REQUEST: u64 = 32 * 1024;

fn gate(arguments: &[String]) -> Result<Gate, Box<dyn Error>> {
    let [policy, keys, issuer, model, audience, role, ledger] = arguments else {
        return Err(
            "usage: service POLICY.wasm KEYS.json ISSUER MODEL AUDIENCE ROLE LEDGER".into(),
        );
    };
    let model = Registry::standard()
        .get(model)
        .ok_or("no such naming model")?;
    let keys = KeySet::parse(std::fs::read(keys)?, &SetLimits::default())?;
    let issuer = Issuer::new(
        issuer.as_str(),
        Arc::clone(model),
        keys,
        Settings::default(),
    )?;
    let sandbox = Sandbox::new(Limits::default())?;
    let policy = Policy::load(&sandbox, &std::fs::read(policy)?)?;
    let ceiling = Ceiling {
        roles: [role.clone()].into(),
        enrolment: true,
        ..Ceiling::default()
    };
    let issuers = Issuers::new([Arc::new(issuer)])?;
    let floor = Floor::new(audience.as_str())?;
    let ledger = Ledger::sqlite(&Sqlite::at(ledger).or_new())?;
    let gate = Gate::new(issuers, floor, Arc::new(policy), ceiling);
    Ok(gate.with_commit(Keeper::new(Arc::new(ledger), "service").without_proofs()))
}

/// The status for a request: the caller learns no more than that, and the
/// operator reads why.
fn answer(gate: &Gate, authorization: &str) -> &'static str {
    // RFC 6750 §2.1; the scheme is compared without case (RFC 9110 §11.1).
    let token = match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => return "401 Unauthorized",
    };
    match gate.decide(Token::new(token), &Request::default(), &SystemClock) {
        Outcome::Allow(allowed) => {
            println!(
                "allowed {:?} by {}",
                allowed.workload.names, allowed.statement
            );
            "200 OK"
        }
        Outcome::Deny(denied) => {
            for reason in denied.reasons {
                println!("denied: {reason}");
            }
            "403 Forbidden"
        }
        Outcome::Error(error) => {
            println!("no answer: {error}");
            "503 Service Unavailable"
        }
    }
}

fn serve(gate: &Gate, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut credentials = Vec::new();
    for line in BufReader::new(stream.take(LONGEST_REQUEST)).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            credentials.push(value.trim().to_owned());
        }
    }
    // Exactly one credential: of two, nobody can say which one counts.
    let status = match credentials.as_slice() {
        [one] => answer(gate, one),
        _ => "401 Unauthorized",
    };
    write!(
        &mut &*stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let gate = gate(&arguments)?;
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    println!("listening on http://{}", listener.local_addr()?);
    std::thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            let gate = &gate;
            scope.spawn(move || {
                if let Err(error) = serve(gate, &stream) {
                    println!("the caller went away: {error}");
                }
            });
        }
    });
    Ok(())
}
