//! What a registry answers with: of a bounded size, and no slower than is waited
//! for.

use std::time::Duration;

use claimbound::modules::Digest;
use reqwest::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::bounds::Bounds;
use super::super::error::StoreError;
use super::super::transfer::Watched;
use crate::told::{cause, shown};

/// Largest manifest or list, in bytes; ours have some 2 KiB, registries take
/// 4 MiB.
pub(super) const MANIFEST: u64 = 1 << 20;
/// Largest answer that says why something is refused, in bytes.
const REASON: u64 = 16 << 10;
/// Longest code of such a reason, in bytes.
const LONGEST_CODE: usize = 64;

/// What is read, and the most that is taken of it.
pub(super) struct Wanted<'a> {
    pub(super) what: &'a str,
    pub(super) limit: u64,
}

/// A whole body.
///
/// # Errors
/// [`StoreError::TooLarge`] before more than `limit` bytes are held;
/// [`StoreError::Unreachable`] where it is cut, or nothing comes for too long.
pub(super) async fn read(
    mut response: Response,
    wanted: &Wanted<'_>,
    bounds: &Bounds,
    watched: &Watched<'_>,
) -> Result<Vec<u8>, StoreError> {
    let too_large = || StoreError::TooLarge {
        what: wanted.what.to_owned(),
        limit: wanted.limit,
    };
    if response
        .content_length()
        .is_some_and(|length| length > wanted.limit)
    {
        return Err(too_large());
    }
    let place = shown(response.url());
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(chunk) = chunk(&mut response, &place, bounds.idle()).await? {
        let length = bytes.len() as u64 + chunk.len() as u64;
        if length > wanted.limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
        watched.has(length);
    }
    Ok(bytes)
}

async fn chunk(
    response: &mut Response,
    place: &str,
    idle: Duration,
) -> Result<Option<bytes::Bytes>, StoreError> {
    match tokio::time::timeout(idle, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(error)) => Err(StoreError::unreachable(place, cause(error))),
        Err(_) => Err(StoreError::unreachable(
            place,
            format!("it said nothing for {idle:?}"),
        )),
    }
}

/// A whole body that has to be of this digest and length.
pub(super) async fn held(
    response: Response,
    what: &str,
    (promised, size): (Digest, u64),
    bounds: &Bounds,
    watched: &Watched<'_>,
) -> Result<Vec<u8>, StoreError> {
    let wanted = Wanted { what, limit: size };
    let bytes = read(response, &wanted, bounds, watched).await?;
    let found = Digest::of(&bytes);
    if found == promised {
        return Ok(bytes);
    }
    Err(StoreError::WrongDigest {
        what: what.to_owned(),
        promised,
        found,
    })
}

/// A body that is JSON.
pub(super) async fn json<T: DeserializeOwned>(
    response: Response,
    what: &str,
    bounds: &Bounds,
) -> Result<T, StoreError> {
    let wanted = Wanted {
        what,
        limit: MANIFEST,
    };
    let bytes = read(response, &wanted, bounds, &Watched::NOBODY).await?;
    parse(&bytes, what)
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The words of a parser may hold what it found.
        let place = format!("line {} column {}", error.line(), error.column());
        let cause = match error.classify() {
            serde_json::error::Category::Data => {
                format!("it lacks what it should hold, at {place}")
            }
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => format!("it is no JSON, at {place}"),
        };
        StoreError::malformed(what, cause)
    })
}

/// The code of the first reason that an answer gives (distribution
/// specification 1.1, "Error Codes").
pub(super) async fn code(response: Response, bounds: &Bounds) -> Option<String> {
    #[derive(Deserialize)]
    struct Reasons {
        errors: Vec<Reason>,
    }
    #[derive(Deserialize)]
    struct Reason {
        code: String,
    }
    let wanted = Wanted {
        what: "",
        limit: REASON,
    };
    let bytes = read(response, &wanted, bounds, &Watched::NOBODY)
        .await
        .ok()?;
    let reasons: Reasons = serde_json::from_slice(&bytes).ok()?;
    let code = reasons.errors.into_iter().next()?.code;
    let is_plain = code
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    (is_plain && code.len() <= LONGEST_CODE).then_some(code)
}
