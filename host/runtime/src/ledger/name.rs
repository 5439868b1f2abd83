//! Names as the ledger keeps them, and as a token or an operator says them.

use claimbound_issuers::{BoundName, Kind, Model, Need, Workload};

/// Longest name, id or issuer that is kept, in bytes: no subject is longer.
pub const LONGEST: usize = claimbound_issuers::MAX_SUBJECT;

/// A name at an issuer: what an identity is looked up by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The issuer's URL, byte for byte.
    pub issuer: String,
    /// The kind of name, by the issuer's naming model.
    pub kind: String,
    /// The name, in lower case where the issuer compares without case.
    pub name: String,
}

impl Name {
    /// The name of that kind at that issuer, as the ledger compares it.
    pub fn of(issuer: &str, kind: &Kind, name: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            kind: kind.name().to_owned(),
            name: kind.fold(name).into_owned(),
        }
    }
}

/// What a name belongs to, as a repository belongs to an owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parent {
    /// The kind of the parent.
    pub kind: String,
    /// The parent's name, as the ledger compares it.
    pub name: String,
    /// Its id; none where it has none.
    pub id: Option<String>,
}

impl Parent {
    /// Whether the two are the same parent: by id where both have one, else by
    /// name. A parent that has an id in one of them alone is a name that has
    /// one alone as well, which its own entry tells.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match (&self.id, &other.id) {
                (Some(one), Some(other)) => one == other,
                (Some(_) | None, _) => self.name == other.name,
            }
    }

    /// The id, else the name.
    pub(super) fn shown(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

/// A name with the id and the parent that somebody says it has: a verified
/// token, or an operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub(super) name: Name,
    /// The name as it was said, before case was folded.
    pub(super) spelling: String,
    pub(super) id: Option<String>,
    pub(super) parent: Option<Parent>,
    /// The path of the claim that holds the id, or the name where none does.
    pub(super) claim: Vec<String>,
}

/// What can't be an identity of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The model has no such kind of name.
    #[error("naming model `{model}` has no names of kind `{kind}`; it has `{}`", .kinds.join("`, `"))]
    Kind {
        /// The model.
        model: String,
        /// The kind asked for.
        kind: String,
        /// The kinds there are.
        kinds: Vec<String>,
    },
    /// The issuer promises an id, and none is given.
    #[error("each {kind} of this issuer has an immutable id; give it")]
    IdNeeded {
        /// The kind of name.
        kind: String,
    },
    /// The issuer has no ids for this kind.
    #[error("no {kind} of this issuer has an immutable id")]
    NoIds {
        /// The kind of name.
        kind: String,
    },
    /// The model says that it belongs to something, and nothing is given.
    #[error("each {kind} belongs to some {parent}; say which")]
    ParentNeeded {
        /// The kind of name.
        kind: String,
        /// The kind that it belongs to.
        parent: String,
    },
    /// It belongs to nothing.
    #[error("no {kind} of this issuer belongs to anything")]
    NoParents {
        /// The kind of name.
        kind: String,
    },
    /// A text is empty, too long, or holds control characters.
    #[error("`{text}` has to be 1 to {LONGEST} bytes without control characters")]
    Text {
        /// The text, cut to a bounded length.
        text: String,
    },
}

impl Identity {
    /// An identity by an operator's word.
    ///
    /// # Errors
    /// What the issuer's naming model says can't be: see [`IdentityError`].
    pub fn new(
        issuer: &str,
        model: &Model,
        kind: &str,
        name: &str,
        id: Option<&str>,
        parent: Option<Parent>,
    ) -> Result<Self, IdentityError> {
        let kind = kind_of(model, kind)?;
        for text in [Some(issuer), Some(name), id].into_iter().flatten() {
            check_text(text)?;
        }
        let owned = || kind.name().to_owned();
        match (kind.id_need(), id) {
            (Need::Promised, None) => return Err(IdentityError::IdNeeded { kind: owned() }),
            (Need::None, Some(_)) => return Err(IdentityError::NoIds { kind: owned() }),
            (Need::Promised | Need::Optional | Need::None, _) => {}
        }
        match (model.parent(kind), &parent) {
            (Some(of), None) => {
                return Err(IdentityError::ParentNeeded {
                    kind: owned(),
                    parent: of.name().to_owned(),
                });
            }
            (None, Some(_)) => return Err(IdentityError::NoParents { kind: owned() }),
            (Some(of), Some(given)) if of.name() != given.kind => {
                return Err(IdentityError::ParentNeeded {
                    kind: owned(),
                    parent: of.name().to_owned(),
                });
            }
            (Some(_) | None, _) => {}
        }
        Ok(Self {
            name: Name::of(issuer, kind, name),
            spelling: name.to_owned(),
            id: id.map(str::to_owned),
            parent,
            claim: claim_of(kind),
        })
    }

    /// The identities of a verified token's workload, parents before children.
    pub fn of_workload(issuer: &str, model: &Model, workload: &Workload) -> Vec<Self> {
        let names = workload.names.iter();
        names
            .filter_map(|bound| {
                let kind = model.kind(&bound.kind)?;
                Some(Self {
                    name: Name::of(issuer, kind, &bound.name),
                    spelling: bound.name.clone(),
                    id: bound.id.clone(),
                    parent: parent_of(model, kind, &workload.names),
                    claim: claim_of(kind),
                })
            })
            .collect()
    }

    /// Refuses what the ledger could not read back: an issuer may write anything
    /// into a claim that names or numbers something.
    pub(super) fn check(&self) -> Result<(), IdentityError> {
        let parent = self.parent.as_ref();
        let texts = [
            Some(&self.name.issuer),
            Some(&self.name.name),
            Some(&self.spelling),
            self.id.as_ref(),
            parent.map(|parent| &parent.name),
            parent.and_then(|parent| parent.id.as_ref()),
        ];
        texts
            .into_iter()
            .flatten()
            .try_for_each(|text| check_text(text))
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its id, where it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What it belongs to.
    pub fn parent(&self) -> Option<&Parent> {
        self.parent.as_ref()
    }
}

/// The kind of that name.
pub(super) fn kind_of<'m>(model: &'m Model, kind: &str) -> Result<&'m Kind, IdentityError> {
    model.kind(kind).ok_or_else(|| IdentityError::Kind {
        model: model.name().to_owned(),
        kind: crate::reason::clip(kind),
        kinds: model
            .names()
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
    })
}

/// Refuses what no name, id or issuer can be.
pub(super) fn check_text(text: &str) -> Result<(), IdentityError> {
    if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(IdentityError::Text {
            text: crate::reason::clip(text),
        });
    }
    Ok(())
}

fn claim_of(kind: &Kind) -> Vec<String> {
    let path = kind.id_claim().or_else(|| kind.claim());
    path.map_or_else(
        || vec!["sub".to_owned()],
        |path| path.iter().map(ToString::to_string).collect(),
    )
}

fn parent_of(model: &Model, kind: &Kind, names: &[BoundName]) -> Option<Parent> {
    let parent = model.parent(kind)?;
    let bound = names.iter().find(|name| &*name.kind == parent.name())?;
    Some(Parent {
        kind: parent.name().to_owned(),
        name: parent.fold(&bound.name).into_owned(),
        id: bound.id.clone(),
    })
}
