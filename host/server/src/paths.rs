//! What a listener of operators has, and what is answered to whoever asks it for
//! something else.

use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::json;

/// A router of these paths, each with its method as the answers name it. Another
/// path and another method are told what there is.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(
    paths: impl IntoIterator<Item = (&'static str, &'static str, MethodRouter<S>)>,
) -> Router<S> {
    let mut router = Router::new();
    let mut there = Vec::new();
    for (method, path, handler) in paths {
        there.push(format!("`{method} {path}`"));
        router = router.route(path, handler);
    }
    let there = there.join(", ");
    let absent = format!("there is nothing at this path; there are {there}");
    let other = format!("this path takes another method; there are {there}");
    router
        .fallback(async move || refused(StatusCode::NOT_FOUND, &absent))
        .method_not_allowed_fallback(async move || refused(StatusCode::METHOD_NOT_ALLOWED, &other))
}

/// An error, as operators are told one.
pub(crate) fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}
