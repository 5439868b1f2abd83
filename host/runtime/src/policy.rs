//! A loaded policy: a component that exports the contract and imports nothing.

mod answer;
mod expansion;
mod input;
mod manifest;
mod packed;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::Digest;
use serde::{Deserialize, Serialize};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, InstancePre, Lift, Linker,
    Lower, TypedFunc,
};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};

pub use answer::{Answer, Step};
pub use input::Request;
pub use manifest::{Manifest, ManifestError, is_name};

use crate::code::{Code, Origin};
use crate::contract::claimbound::policy::types as wire;
use crate::contract::exports::claimbound::policy::decide as wire_decide;
use crate::floor::Admissible;
use crate::hexadecimal;
use crate::outcome::HostError;
use crate::reason::HostCode;
use crate::sandbox::{Meter, Sandbox};
use crate::waiting;

/// The text of the contract that policies are written against, as
/// `wit/policy.wit` has it.
pub const CONTRACT: &str = include_str!("../wit/policy.wit");

/// The interface that every policy exports.
const DECIDE: &str = "claimbound:policy/decide@0.1.0";
/// The interface of a policy that takes its input packed.
const PACKED: &str = "claimbound:policy/packed@0.1.0";
/// The interface of a policy that explains itself.
const TRACE: &str = "claimbound:policy/trace@0.1.0";

/// Which policy decided: its name, its version, and the digest of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyId {
    /// The name, from its manifest.
    pub name: String,
    /// The version, from its manifest.
    pub version: String,
    /// `sha256:` and the digest of the component, in hexadecimal.
    pub digest: String,
}

impl fmt::Display for PolicyId {
    /// The name and the version, as `name@version`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

/// A policy, compiled and checked, ready to decide in its sandbox.
pub struct Policy {
    id: Arc<PolicyId>,
    manifest: Manifest,
    sandbox: Sandbox,
    component: InstancePre<Meter>,
    exports: Exports,
    origin: Origin,
}

/// A component that can't serve as a policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is larger than the sandbox's limit.
    #[error("the component has {bytes} bytes, where this sandbox takes at most {most}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit, inclusive.
        most: usize,
    },
    /// It is no component, or not a valid one.
    #[error("the bytes are not a valid WebAssembly component: {0}")]
    Invalid(String),
    /// It unfolds to more than any policy needs, or to what can't be told
    /// beforehand.
    #[error("{0}")]
    Unbounded(String),
    /// It asks for something from outside.
    #[error("the component imports `{import}`; a policy imports nothing")]
    Import {
        /// The first import that is not of types alone.
        import: String,
    },
    /// It does not export the contract.
    #[error("the component does not export `{DECIDE}`{}", exported(.exports))]
    Contract {
        /// What it exports.
        exports: Vec<String>,
    },
    /// An export has another type than the contract says.
    #[error("export `{export}` has not the contract's type: {detail}")]
    Type {
        /// The export.
        export: &'static str,
        /// What differs.
        detail: String,
    },
    /// It could not say what it is.
    #[error("the policy does not describe itself: {0}")]
    Describe(HostError),
    /// What it says it is can't be.
    #[error("the policy's manifest is not valid: {0}")]
    Manifest(#[from] ManifestError),
}

fn exported(exports: &[String]) -> String {
    match exports {
        [] => ", and exports nothing".to_owned(),
        exports => format!("; it exports `{}`", exports.join("`, `")),
    }
}

type Describe = TypedFunc<(), (Result<wire_decide::Manifest, wire::Failure>,)>;
/// An export that is asked about a token.
type Ask<P, T> = TypedFunc<P, (Result<T, wire::Failure>,)>;
/// What `evaluate` and `explain` are asked with.
type Typed<'a> = (wire::Input<'a>,);
/// What a packed `evaluate` is asked with: texts and marks.
type AskPacked<'a> = (&'a str, &'a [u32]);
type Explained = (wire::Decision, Vec<wire::Step>);

impl Policy {
    /// Compiles a component, checks that it is a policy, and asks what it is.
    ///
    /// Takes the time of compiling: tens of milliseconds for a component that
    /// `claimbound build` made, seconds for one with an engine of scripts. A
    /// sandbox with a [`CodeCache`](crate::code::CodeCache) compiles once;
    /// everything else is checked every time.
    ///
    /// # Errors
    /// [`PolicyError`] where it is none.
    pub fn load(sandbox: &Sandbox, component: &[u8]) -> Result<Self, PolicyError> {
        let most = sandbox.limits().component();
        if component.len() > most {
            let bytes = component.len();
            return Err(PolicyError::TooLarge { bytes, most });
        }
        let hash = hash(component);
        expansion::check(component)?;
        let invalid = |error: wasmtime::Error| PolicyError::Invalid(format!("{error:#}"));
        let code = Code::of(sandbox.engine(), sandbox.shelf(), component, hash).map_err(invalid)?;
        let compiled = code.component();
        check_imports(sandbox, compiled)?;
        let Some(exports) = Exports::of(compiled) else {
            return Err(PolicyError::Contract {
                exports: exported_names(sandbox, compiled),
            });
        };
        let component = Linker::new(sandbox.engine())
            .instantiate_pre(compiled)
            .map_err(invalid)?;
        let manifest = describe_once(sandbox, &component, &exports)?;
        Ok(Self {
            id: Arc::new(PolicyId {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                digest: prefixed(&hash),
            }),
            manifest,
            sandbox: sandbox.clone(),
            component,
            exports,
            origin: code.settle(),
        })
    }

    /// Which policy this is.
    pub fn id(&self) -> &Arc<PolicyId> {
        &self.id
    }

    /// What it says it is and needs.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether it can explain its decisions.
    pub const fn explains(&self) -> bool {
        self.exports.explain.is_some()
    }

    /// Where its machine code came from.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Asks the policy about one token, in an instance of its own.
    ///
    /// # Errors
    /// [`HostError`] where it gives no answer, or none that the contract knows.
    pub fn evaluate(&self, token: &Admissible, request: &Request) -> Result<Answer, HostError> {
        self.evaluate_at(token, request, token.now())
    }

    /// Asks as of another time than that of the token's admission.
    pub(crate) fn evaluate_at(
        &self,
        token: &Admissible,
        request: &Request,
        now: u64,
    ) -> Result<Answer, HostError> {
        answer::decision(self.decide(token, request, now)?, &self.manifest)
    }

    /// Asks the policy how it decides one token.
    ///
    /// # Errors
    /// As [`Self::evaluate`]; [`HostCode::Contract`] where the policy can't
    /// explain itself, or explains another decision than it gives.
    pub fn explain(
        &self,
        token: &Admissible,
        request: &Request,
    ) -> Result<(Answer, Vec<Step>), HostError> {
        let Some(explain) = &self.exports.explain else {
            return Err(HostError::new(
                HostCode::Contract,
                format!("policy `{}` does not explain itself", self.id.name),
            ));
        };
        let lists = input::Lists::new(&self.manifest, token);
        let parts = input::Parts::new(&self.manifest, token, request, token.now(), &lists);
        let decision = self.decide(token, request, token.now())?;
        let decided = answer::decision(decision, &self.manifest)?;
        let (explained, steps): Explained = self.ask(explain, (parts.input(),))?;
        if answer::decision(explained, &self.manifest)? != decided {
            return Err(HostError::new(
                HostCode::Contract,
                format!(
                    "policy `{}` explains another decision than it gives",
                    self.id.name
                ),
            ));
        }
        Ok((decided, steps.into_iter().map(Step::from).collect()))
    }

    /// Asks the packed export, which costs less, or the one that every policy
    /// has.
    fn decide(
        &self,
        token: &Admissible,
        request: &Request,
        now: u64,
    ) -> Result<wire::Decision, HostError> {
        if let Some(export) = &self.exports.packed {
            let packed = packed::Packed::new(&self.manifest, token, request, now);
            return self.ask::<AskPacked<'_>, _>(export, (&packed.texts, &packed.marks));
        }
        let lists = input::Lists::new(&self.manifest, token);
        let parts = input::Parts::new(&self.manifest, token, request, now, &lists);
        self.ask(&self.exports.evaluate, (parts.input(),))
    }

    /// Calls an export in an instance of its own.
    fn ask<P, T>(&self, export: &ComponentExportIndex, input: P) -> Result<T, HostError>
    where
        P: ComponentNamedList + Lower,
        T: ComponentType + Lift + 'static,
    {
        let mut store = self.sandbox.store();
        let instance = self.component.instantiate(&mut store);
        let instance = instance.map_err(|error| failed(&store, &error))?;
        let function: Ask<P, T> = instance
            .get_typed_func(&mut store, export)
            .map_err(|error| failed(&store, &error))?;
        let answer = function.call(&mut store, input);
        let (answer,) = answer.map_err(|error| failed(&store, &error))?;
        answer.map_err(|failure| refused(&failure))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The digest of a component as its [`PolicyId`] has it.
pub fn digest(component: &[u8]) -> String {
    prefixed(&hash(component))
}

fn hash(component: &[u8]) -> Digest {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, component)
}

fn prefixed(digest: &Digest) -> String {
    hexadecimal::encode("sha256:", digest.as_ref())
}

/// Refuses every import but an interface of types alone, which toolchains leave
/// behind and which gives nothing.
fn check_imports(sandbox: &Sandbox, component: &Component) -> Result<(), PolicyError> {
    use wasmtime::component::types::ComponentItem;
    let engine = sandbox.engine();
    let types = component.component_type();
    for (name, import) in types.imports(engine) {
        let harmless = match import.ty {
            ComponentItem::ComponentInstance(instance) => instance
                .exports(engine)
                .all(|(_, export)| matches!(export.ty, ComponentItem::Type(_))),
            ComponentItem::Type(_) => true,
            ComponentItem::ComponentFunc(_)
            | ComponentItem::CoreFunc(_)
            | ComponentItem::Module(_)
            | ComponentItem::Component(_)
            | ComponentItem::Resource(_) => false,
        };
        if !harmless {
            return Err(PolicyError::Import {
                import: name.to_owned(),
            });
        }
    }
    Ok(())
}

fn exported_names(sandbox: &Sandbox, component: &Component) -> Vec<String> {
    component
        .component_type()
        .exports(sandbox.engine())
        .map(|(name, _)| name.to_owned())
        .take(16)
        .collect()
}

/// Where a component's exports are.
struct Exports {
    describe: ComponentExportIndex,
    evaluate: ComponentExportIndex,
    /// Asked in place of `evaluate` where it is there.
    packed: Option<ComponentExportIndex>,
    explain: Option<ComponentExportIndex>,
}

impl Exports {
    /// Those of a component; none where it does not export the contract.
    fn of(component: &Component) -> Option<Self> {
        let find = |interface: &str, function: &str| {
            let (_, interface) = component.get_export(None, interface)?;
            component.get_export_index(Some(&interface), function)
        };
        Some(Self {
            describe: find(DECIDE, "describe")?,
            evaluate: find(DECIDE, "evaluate")?,
            packed: find(PACKED, "evaluate"),
            explain: find(TRACE, "explain"),
        })
    }
}

/// Makes an instance, checks the types of its exports, and calls `describe`.
fn describe_once(
    sandbox: &Sandbox,
    component: &InstancePre<Meter>,
    exports: &Exports,
) -> Result<Manifest, PolicyError> {
    let mut store = sandbox.store();
    let instance = component
        .instantiate(&mut store)
        .map_err(|error| PolicyError::Describe(failed(&store, &error)))?;
    let mistyped = |export| {
        move |error: wasmtime::Error| PolicyError::Type {
            export,
            detail: format!("{error:#}"),
        }
    };
    let _: Ask<Typed<'_>, wire::Decision> =
        instance
            .get_typed_func(&mut store, exports.evaluate)
            .map_err(mistyped("claimbound:policy/decide#evaluate"))?;
    if let Some(packed) = exports.packed {
        let _: Ask<AskPacked<'_>, wire::Decision> = instance
            .get_typed_func(&mut store, packed)
            .map_err(mistyped("claimbound:policy/packed#evaluate"))?;
    }
    if let Some(explain) = exports.explain {
        let _: Ask<Typed<'_>, Explained> = instance
            .get_typed_func(&mut store, explain)
            .map_err(mistyped("claimbound:policy/trace#explain"))?;
    }
    let describe: Describe = instance
        .get_typed_func(&mut store, exports.describe)
        .map_err(mistyped("claimbound:policy/decide#describe"))?;
    let manifest = describe.call(&mut store, ());
    let (manifest,) = manifest.map_err(|error| PolicyError::Describe(failed(&store, &error)))?;
    let manifest = manifest.map_err(|failure| PolicyError::Describe(refused(&failure)))?;
    Ok(Manifest::check(manifest)?)
}

/// What went wrong inside the sandbox.
fn failed(store: &Store<Meter>, error: &wasmtime::Error) -> HostError {
    if error.is::<PoolConcurrencyLimitError>() {
        // Whoever decides on a thread that is not counted here leaves it to one
        // that is.
        let _ = waiting::ask();
        return HostError::new(HostCode::Busy, "every instance of the pool is in use");
    }
    if store.data().refused() {
        return memory();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => {
            HostError::new(HostCode::Deadline, "the policy did not answer in time")
        }
        Some(Trap::AllocationTooLarge) => memory(),
        Some(trap) => HostError::new(HostCode::Trap, format!("the policy trapped: {trap}")),
        None => {
            let text = format!("{error:#}");
            // The engine keeps the type of this failure to itself: an answer
            // larger than the allowance for lifting it.
            if text.contains("fuel allocated for hostcalls") {
                memory()
            } else {
                HostError::new(
                    HostCode::Contract,
                    format!(
                        "the policy broke the contract: {}",
                        crate::reason::clip(&text)
                    ),
                )
            }
        }
    }
}

fn memory() -> HostError {
    HostError::new(
        HostCode::Memory,
        "the policy asked for more memory than it may have",
    )
}

fn refused(failure: &wire::Failure) -> HostError {
    HostError::new(
        HostCode::Policy,
        format!(
            "the policy gave no answer: {} ({})",
            crate::reason::clip(&failure.message),
            crate::reason::clip(&failure.code)
        ),
    )
}
