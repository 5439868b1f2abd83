//! What operators say of modules: `POST /modules/rollback`, `/modules/approve`,
//! `/modules/reject`, `/modules/promote`.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use claimbound::ledger::Change;
use claimbound::modules::{ModuleId, ModuleName, parse_version};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Said, Shared, carry_out, malformed, read};
use crate::paths::refused;

/// A route goes back to a lower version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    route: String,
    /// The module.
    name: String,
    /// The version.
    to: String,
    /// The operator's name.
    by: String,
    reason: String,
}

/// A route takes versions up to a major version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    route: String,
    name: String,
    /// The highest major version, inclusive.
    major: u64,
    by: String,
    reason: String,
}

/// A route never takes a version up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejection {
    route: String,
    /// `name@version`.
    module: String,
    /// Whether no host may have looked at it yet.
    #[serde(default)]
    unseen: bool,
    by: String,
    reason: String,
}

/// A route serves a version that waits for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promotion {
    route: String,
    /// `name@version`.
    module: String,
    /// Whether no host may have looked at it yet.
    #[serde(default)]
    unseen: bool,
    by: String,
    reason: String,
}

/// A body that asks for a change.
trait Asks: DeserializeOwned {
    fn said(self) -> Result<Said, String>;
}

impl Asks for Rollback {
    fn said(self) -> Result<Said, String> {
        let (name, to) = (self.name.parse(), parse_version(&self.to));
        let to = ModuleId::new(name.map_err(told)?, to.map_err(told)?).map_err(told)?;
        Ok(Said {
            words: format!("roll back to {to} on route {}", self.route),
            change: Change::RollBack {
                route: self.route,
                to,
            },
            by: self.by,
            reason: self.reason,
        })
    }
}

impl Asks for Approval {
    fn said(self) -> Result<Said, String> {
        let name: ModuleName = self.name.parse().map_err(told)?;
        let major = self.major;
        Ok(Said {
            words: format!(
                "approve {name} up to major version {major} on route {}",
                self.route
            ),
            change: Change::ApproveMajor {
                route: self.route,
                name,
                major,
            },
            by: self.by,
            reason: self.reason,
        })
    }
}

impl Asks for Rejection {
    fn said(self) -> Result<Said, String> {
        let module: ModuleId = self.module.parse().map_err(told)?;
        Ok(Said {
            words: format!("reject {module} on route {}", self.route),
            change: Change::Reject {
                route: self.route,
                module,
                unseen: self.unseen,
            },
            by: self.by,
            reason: self.reason,
        })
    }
}

impl Asks for Promotion {
    fn said(self) -> Result<Said, String> {
        let module: ModuleId = self.module.parse().map_err(told)?;
        Ok(Said {
            words: format!("promote {module} on route {}", self.route),
            change: Change::Promote {
                route: self.route,
                module,
                unseen: self.unseen,
            },
            by: self.by,
            reason: self.reason,
        })
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(super) async fn roll_back(State(shared): State<Shared>, body: Bytes) -> Response {
    order::<Rollback>(shared, &body).await
}

pub(super) async fn approve(State(shared): State<Shared>, body: Bytes) -> Response {
    order::<Approval>(shared, &body).await
}

pub(super) async fn reject(State(shared): State<Shared>, body: Bytes) -> Response {
    order::<Rejection>(shared, &body).await
}

pub(super) async fn promote(State(shared): State<Shared>, body: Bytes) -> Response {
    order::<Promotion>(shared, &body).await
}

async fn order<T: Asks>(shared: Shared, body: &[u8]) -> Response {
    match read::<T>(body).map(Asks::said) {
        Ok(Ok(said)) => {
            let host = shared.host.clone();
            let answer = carry_out(shared, said).await;
            host.look_at_stores();
            answer
        }
        Ok(Err(fault)) => refused(StatusCode::BAD_REQUEST, &fault),
        Err(error) => malformed(&error),
    }
}
