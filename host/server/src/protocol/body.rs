//! The body of a request: of a bounded length, and there in a bounded time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt as _, Limited};

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is longer than it may be, or broke off.
    TooLong,
    /// It did not arrive in time.
    TooLate,
}

/// A body of at most so many bytes.
pub(crate) async fn read(body: Body, most: usize) -> Result<Bytes, Fault> {
    let collected = Limited::new(body, most).collect();
    match tokio::time::timeout(TIMEOUT, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(Fault::TooLong),
        Err(_) => Err(Fault::TooLate),
    }
}
