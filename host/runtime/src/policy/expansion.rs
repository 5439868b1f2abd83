//! How much a component unfolds to: one of a kilobyte can hold a component that
//! instantiates another twice, which instantiates another twice, and so on, and
//! the engine unfolds all of it before it counts.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what makes nothing costs nothing, whatever it is"
)]

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentTypeRef,
    Encoding, Payload,
};

use super::PolicyError;
use crate::bake::{BakeError, pieces};

/// Most instances, aliases, imports, exports and functions of a component,
/// those of its inner components once for each of their instances. Toolchains make hundreds.
const MOST_PIECES: u64 = 20_000;

/// Most functions of all core modules: an engine of scripts has some 20,000.
/// The compiler takes 6 KiB for each, however small.
const MOST_FUNCTIONS: u64 = 50_000;

/// A component that can't be unfolded within bounds.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExpansionError {
    /// It is not well formed.
    #[error(transparent)]
    Unreadable(#[from] BakeError),
    /// It unfolds to too much.
    #[error(
        "the component unfolds to more than {MOST_PIECES} instances, aliases, imports, exports and functions"
    )]
    Pieces,
    /// Its modules have too many functions.
    #[error("the component has more than {MOST_FUNCTIONS} functions")]
    Functions,
    /// A component inside it is imported, or taken out of an instance, so that
    /// what it unfolds to is not known here.
    #[error(
        "the component imports a component or takes one out of an instance, which no policy needs"
    )]
    Passed,
}

impl From<ExpansionError> for PolicyError {
    fn from(error: ExpansionError) -> Self {
        match error {
            ExpansionError::Unreadable(error) => Self::Invalid(error.to_string()),
            ExpansionError::Pieces | ExpansionError::Functions | ExpansionError::Passed => {
                Self::Unbounded(error.to_string())
            }
        }
    }
}

impl From<BinaryReaderError> for ExpansionError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Refuses what nests, unfolds or holds too much, in one pass over sections
/// and without looking at code.
pub(super) fn check(component: &[u8]) -> Result<(), ExpansionError> {
    let mut expansion = Expansion::default();
    for piece in pieces(component) {
        let (_, payload) = piece?;
        expansion.add(payload)?;
        if expansion.functions > MOST_FUNCTIONS {
            return Err(ExpansionError::Functions);
        }
        if expansion.open.iter().any(|pieces| *pieces > MOST_PIECES) {
            return Err(ExpansionError::Pieces);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Expansion {
    /// What each component or module that is still open has unfolded to.
    open: Vec<u64>,
    /// The most that a component which ended unfolds to. INVARIANT: none is
    /// passed around, so that whatever is instantiated has ended before.
    largest: u64,
    functions: u64,
}

impl Expansion {
    fn add(&mut self, payload: Payload<'_>) -> Result<(), ExpansionError> {
        match payload {
            Payload::Version { encoding, .. } => {
                // What instantiates a module counts at least one for it.
                self.open.push(u64::from(encoding == Encoding::Module));
            }
            Payload::End(_) => {
                let ended = self.open.pop().unwrap_or_default();
                self.largest = self.largest.max(ended);
            }
            Payload::FunctionSection(functions) => {
                self.functions += u64::from(functions.count());
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances {
                    self.count(match instance? {
                        ComponentInstance::Instantiate { .. } => self.largest.saturating_add(1),
                        ComponentInstance::FromExports(exports) => exports.len() as u64,
                    });
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases {
                    if let ComponentAlias::InstanceExport {
                        kind: ComponentExternalKind::Component,
                        ..
                    } = alias?
                    {
                        return Err(ExpansionError::Passed);
                    }
                    self.count(1);
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    if let ComponentTypeRef::Component(_) = import?.ty {
                        return Err(ExpansionError::Passed);
                    }
                    self.count(1);
                }
            }
            Payload::InstanceSection(instances) => self.count(u64::from(instances.count())),
            Payload::ComponentCanonicalSection(functions) => {
                self.count(u64::from(functions.count()));
            }
            Payload::ComponentExportSection(exports) => self.count(u64::from(exports.count())),
            _ => {}
        }
        Ok(())
    }

    /// Adds pieces to the innermost open component.
    fn count(&mut self, pieces: u64) {
        if let Some(open) = self.open.last_mut() {
            *open = open.saturating_add(pieces);
        }
    }
}
