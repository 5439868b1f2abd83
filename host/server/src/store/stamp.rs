//! What tells two states of a name in a store apart, cheaply.

use claimbound::modules::Digest;

use crate::files::Mark;

/// A state in which a name was seen. Two that are equal hold the same index;
/// a change of one version alone shows in a folder only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(State);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Of the folder of the name, and all that is in it.
    Folder(Vec<(String, Mark)>),
    /// The manifest at the index's tag.
    Manifest(Option<Digest>),
}

impl Stamp {
    pub(super) fn of_folder(marks: Vec<(String, Mark)>) -> Self {
        Self(State::Folder(marks))
    }

    pub(super) fn of_manifest(digest: Option<Digest>) -> Self {
        Self(State::Manifest(digest))
    }
}
