//! How requests ask, and how they are answered: one file a protocol.

pub(crate) mod answer;
mod ask;
pub(crate) mod attributes;
pub(crate) mod body;
pub(crate) mod credential;
pub(crate) mod ext_authz_grpc;
pub(crate) mod ext_authz_http;
pub(crate) mod forward_auth;
pub mod identity;
mod metadata;
pub(crate) mod router;
pub(crate) mod token_exchange;
