//! Which index may take another's place.

use claimbound::modules::{Index, Signed};

use super::error::StoreError;

/// Refuses an index that is no later edition than the one that is there; the same
/// one may bring signatures. Neither is verified: this keeps a mistake from
/// taking versions away, and hosts keep the highest serial that they saw.
pub(super) fn follows(
    index: &Index,
    given: &Signed,
    there: Option<&Signed>,
) -> Result<(), StoreError> {
    let Some(there) = there.filter(|there| there.document != given.document) else {
        return Ok(());
    };
    let read = Index::parse(&there.document);
    let read = read.map_err(|error| StoreError::malformed("the index that is there", error))?;
    if read.serial() < index.serial() {
        return Ok(());
    }
    let cause = format!(
        "its serial is {}, and that of this one {}; make the next edition from it",
        read.serial(),
        index.serial()
    );
    Err(StoreError::conflict(
        format!("an index of `{}`", index.name()),
        cause,
    ))
}
