//! How much a component unfolds to: one of a kilobyte can hold a component that
//! instantiates another twice, which instantiates another twice, and so on, and
//! the engine unfolds all of it before it counts. It also copies an instance,
//! with all that is in it, wherever one is named, and what a component takes
//! from around it wherever that component is.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what makes nothing costs nothing, whatever it is"
)]

mod scope;

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentType, ComponentTypeDeclaration, ComponentTypeRef, Encoding,
    Instance, InstanceTypeDeclaration, Payload,
};

use super::PolicyError;
use crate::bake::{BakeError, pieces};
use scope::{Scope, Size};

/// Most instances, aliases, imports, exports and functions of a component,
/// those of its inner components once for each of their instances. Toolchains
/// make hundreds.
const MOST_PIECES: u64 = 20_000;

/// Most items that are copied on the way. The engine takes up to 1.5 KiB for
/// each; a component with twenty interfaces that others fill in comes to half.
const MOST_COPIES: u64 = 200_000;

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
    /// What is in it is copied too often.
    #[error("the component unfolds to more than {MOST_COPIES} copies of what it passes around")]
    Copies,
    /// Its modules have too many functions.
    #[error("the component has more than {MOST_FUNCTIONS} functions")]
    Functions,
    /// A component inside it is imported, exported, or passed on, so that what it
    /// unfolds to is not known here.
    #[error("the component passes around a component inside it, which no policy needs")]
    Passed,
}

impl From<ExpansionError> for PolicyError {
    fn from(error: ExpansionError) -> Self {
        match error {
            ExpansionError::Unreadable(error) => Self::Invalid(error.to_string()),
            ExpansionError::Pieces
            | ExpansionError::Copies
            | ExpansionError::Functions
            | ExpansionError::Passed => Self::Unbounded(error.to_string()),
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
        for scope in &expansion.open {
            scope.check()?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Expansion {
    /// The components and the module that are still open, outermost first.
    open: Vec<Scope>,
    /// No smaller than any that ended. INVARIANT: none is passed around, so
    /// that whatever is instantiated has ended before.
    ended: Scope,
    /// The most imports of a module: each of its instances gets all of them.
    module_imports: u64,
    /// The largest type of an instance.
    instance_type: u64,
    functions: u64,
}

impl Expansion {
    fn add(&mut self, payload: Payload<'_>) -> Result<(), ExpansionError> {
        match payload {
            Payload::Version { encoding, .. } => {
                let mut scope = Scope::default();
                // What instantiates a module counts at least one for it.
                scope.count(u64::from(encoding == Encoding::Module));
                self.open.push(scope);
            }
            Payload::End(_) => self.end(),
            Payload::FunctionSection(functions) => {
                self.functions += u64::from(functions.count());
            }
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().count() as u64;
                self.module_imports = self.module_imports.max(imports);
            }
            Payload::InstanceSection(instances) => {
                for instance in instances {
                    self.core_instance(&instance?);
                }
            }
            Payload::ComponentTypeSection(types) => {
                for one in types {
                    self.declare(&one?);
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances {
                    self.instance(&instance?)?;
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases {
                    self.alias(&alias?)?;
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    self.import(import?.ty)?;
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    self.export(export?.kind)?;
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                if let Some(open) = self.open.last_mut() {
                    open.count(u64::from(functions.count()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) {
        let ended = self.open.pop().unwrap_or_default();
        self.ended = self.ended.or(ended);
        // What it takes passes through the component around it, which takes it
        // in its turn unless it is its own.
        if let Some(open) = self.open.last_mut() {
            open.take(ended.taken);
        }
    }

    fn core_instance(&mut self, instance: &Instance<'_>) {
        let imports = match instance {
            Instance::Instantiate { .. } => self.module_imports,
            Instance::FromExports(_) => 0,
        };
        if let Some(open) = self.open.last_mut() {
            open.count(1);
            open.copy(Size::plain(imports));
        }
    }

    fn instance(&mut self, instance: &ComponentInstance<'_>) -> Result<(), ExpansionError> {
        let ended = self.ended;
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        let (copies, made) = match instance {
            ComponentInstance::FromExports(exports) => {
                open.count(exports.len() as u64);
                let named = open.all_named(exports.iter().map(|export| export.kind))?;
                (named, named)
            }
            ComponentInstance::Instantiate { args, .. } => {
                let is_instance = |kind| kind == ComponentExternalKind::Instance;
                let passed = if args.iter().any(|arg| is_instance(arg.kind)) {
                    open.instance
                } else {
                    Size::default()
                };
                let named = open.all_named(args.iter().map(|arg| arg.kind))?;
                open.count(ended.pieces.saturating_add(1));
                let unfolded = ended.copies.given(passed).plus(named);
                let taken = Size::plain(ended.taken);
                (unfolded.plus(taken), ended.exports.given(passed))
            }
        };
        open.copy(copies);
        open.instance = open.instance.or(made);
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), ExpansionError> {
        let taken = self.ended.taken.saturating_add(1);
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.count(1);
        match alias {
            ComponentAlias::InstanceExport { kind, .. } => open.copy(open.named(*kind)?),
            ComponentAlias::Outer { kind, .. } => match kind {
                ComponentOuterAliasKind::Component => open.take(taken),
                ComponentOuterAliasKind::CoreModule => open.take(1),
                ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
            },
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
        Ok(())
    }

    fn import(&mut self, import: ComponentTypeRef) -> Result<(), ExpansionError> {
        let is_outermost = self.open.len() == 1;
        let instance_type = Size::plain(self.instance_type);
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        match import {
            ComponentTypeRef::Component(_) => return Err(ExpansionError::Passed),
            ComponentTypeRef::Instance(_) => {
                let passed = if is_outermost {
                    instance_type
                } else {
                    Size::PASSED
                };
                open.instance = open.instance.or(passed);
                open.copy(passed);
            }
            _ => {}
        }
        open.count(1);
        Ok(())
    }

    fn export(&mut self, kind: ComponentExternalKind) -> Result<(), ExpansionError> {
        if let Some(open) = self.open.last_mut() {
            let named = open.named(kind)?;
            open.count(1);
            open.copy(named);
            open.exports = open.exports.plus(named);
        }
        Ok(())
    }

    /// Takes note of how large the types of instances are.
    fn declare(&mut self, declared: &ComponentType<'_>) {
        let mut size = 0_u64;
        match declared {
            ComponentType::Instance(declarations) => {
                for declaration in declarations {
                    match declaration {
                        InstanceTypeDeclaration::Type(inner) => self.declare(inner),
                        InstanceTypeDeclaration::Export { ty, .. } => {
                            size = size.saturating_add(self.declared(*ty));
                        }
                        InstanceTypeDeclaration::CoreType(_)
                        | InstanceTypeDeclaration::Alias(_) => {}
                    }
                }
            }
            ComponentType::Component(declarations) => {
                for declaration in declarations {
                    if let ComponentTypeDeclaration::Type(inner) = declaration {
                        self.declare(inner);
                    }
                }
            }
            _ => {}
        }
        self.instance_type = self.instance_type.max(size);
    }

    const fn declared(&self, exported: ComponentTypeRef) -> u64 {
        match exported {
            ComponentTypeRef::Instance(_) => self.instance_type.saturating_add(1),
            _ => 1,
        }
    }
}
