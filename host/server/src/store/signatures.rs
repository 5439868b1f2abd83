//! Signatures as stores keep them: read, counted, and told apart.

use claimbound::modules::{Signature, Signed};

use super::bounds;
use super::error::StoreError;

/// Reads a signature that stands beside a document.
pub(super) fn parse(what: &str, bytes: &[u8]) -> Result<Signature, StoreError> {
    let read = Signature::parse(bytes);
    read.map_err(|error| StoreError::malformed(format!("a signature on {what}"), error))
}

/// Those that are not known yet, each once.
pub(super) fn fresh(given: &[Signature], known: &[Signature]) -> Vec<Signature> {
    let mut fresh: Vec<Signature> = Vec::new();
    for signature in given {
        if !known.contains(signature) && !fresh.contains(signature) {
            fresh.push(signature.clone());
        }
    }
    fresh
}

/// Refuses more signatures on a document than anybody reads.
pub(super) fn count(what: &str, found: usize) -> Result<(), StoreError> {
    if found <= bounds::SIGNATURES {
        return Ok(());
    }
    let cause = format!("it has more than {} signatures", bounds::SIGNATURES);
    Err(StoreError::malformed(what, cause))
}

/// Brings the signatures on equal documents together, each once: none is left out
/// for others that anybody can have attached.
pub(super) fn merge(all: Vec<Signed>) -> Vec<Signed> {
    let mut merged: Vec<Signed> = Vec::new();
    for signed in all {
        let same = merged
            .iter_mut()
            .find(|known| known.document == signed.document);
        match same {
            Some(known) => {
                let fresh = fresh(&signed.signatures, &known.signatures);
                known.signatures.extend(fresh);
            }
            None => merged.push(signed),
        }
    }
    merged
}

/// What is there of a document, beside others: in a registry anybody who may push
/// can have put those there.
pub(super) fn same<'s>(given: &Signed, there: &'s [Signed]) -> Option<&'s Signed> {
    there.iter().find(|one| one.document == given.document)
}

/// What is there of a document: nothing, or the same. Another one stays where it
/// is, as it was signed.
pub(super) fn only<'s>(
    what: &str,
    given: &Signed,
    there: &'s [Signed],
) -> Result<Option<&'s Signed>, StoreError> {
    match same(given, there) {
        Some(same) => Ok(Some(same)),
        None if there.is_empty() => Ok(None),
        None => {
            let cause = "push signatures on the one that is there, or another version";
            Err(StoreError::conflict(what, cause))
        }
    }
}
