//! A service of axum's that lets nobody in but who a policy accepts.
//!
//! ```text
//! claimbound build policies/ci-cloud-environment/policy.toml -o policy.wasm
//! claimbound token mint --like policies/ci-cloud-environment/policy.toml:trust.production \
//!     --jwks-out keys.json > token.jwt
//! claimbound subject init --ledger sqlite:ledger.db
//! cat > claimbound.toml <<'END'
//! claimbound = 1
//!
//! [issuer.ci]
//! model = "github-actions"
//! keys = { from = "file", path = "keys.json" }
//!
//! [route.cloud]
//! audience = "https://cloud.acme.example/production"
//! issuers = ["ci"]
//! policy = "policy.wasm"
//! danger_unsigned = true
//! ceiling = { roles = ["production-deployer"], enrolment = true }
//!
//! [ledger]
//! sqlite = "ledger.db"
//! END
//! cargo run -p claimbound-server --example layer -- claimbound.toml cloud 127.0.0.1:8080
//! curl -H "Authorization: Bearer $(cat token.jwt)" http://127.0.0.1:8080/
//! ```
//!
//! The arguments are the configuration, the route of it that requests come to, and
//! the address to listen at. A file of the configuration that changes is taken up
//! while the service runs.

#![expect(clippy::print_stdout, reason = "this service's log is its output")]

use std::error::Error;
use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};
use claimbound::clock::SystemClock;
use claimbound::outcome::Allowed;
use claimbound_server::{ClaimLayer, Embedded};
use tokio::net::TcpListener;

/// Says who asks, and what it may do.
async fn whoami(Extension(allowed): Extension<Arc<Allowed>>) -> String {
    let roles = allowed.grant.roles.join(", ");
    format!("{} may: {roles}\n", allowed.subject)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [config, route, address] = arguments.as_slice() else {
        return Err("usage: layer CONFIG ROUTE ADDRESS".into());
    };
    let environment = Arc::new(|name: &str| std::env::var(name).ok());
    let embedded = Embedded::start(config.as_ref(), environment, Arc::new(SystemClock))?;
    let host = embedded.host().clone();
    if host.route(route).is_none() {
        return Err(format!("`{config}` has no route `{route}`").into());
    }
    let service = Router::new()
        .route("/", get(whoami))
        .layer(ClaimLayer::new(host, route.as_str()));
    let listener = TcpListener::bind(address).await?;
    println!("listening at {}", listener.local_addr()?);
    axum::serve(listener, service)
        .with_graceful_shutdown(async {
            // Where there is no such signal, it is stopped another way.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    // Decisions that have begun are finished, and the record is closed.
    drop(embedded);
    Ok(())
}
