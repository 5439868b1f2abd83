//! Write a claimbound policy in Rust.
//!
//! Most policies need no code: a document says whom to trust, and `claimbound
//! build` makes a component of it that analysis understands. Write one in code
//! when a condition has to be computed, and keep it small: nobody can say what
//! code accepts without running it.
//!
//! A policy is a type that implements [`Policy`] and is exported once:
//!
//! ```
//! use claimbound_sdk::{Answer, Grant, Manifest, Policy, Reason, Token};
//!
//! struct MainBranch;
//!
//! impl Policy for MainBranch {
//!     fn manifest() -> Manifest {
//!         Manifest::new("main-branch", "1.0.0").claim(["ref"]).name("repository")
//!     }
//!
//!     fn decide(token: &Token<'_>) -> Answer {
//!         if token.name("repository").and_then(|name| name.id) != Some("456789") {
//!             return Answer::deny(Reason::new("subject.mismatch").message("another repository"));
//!         }
//!         match token.claim(["ref"]).text() {
//!             Some("refs/heads/main") => Answer::allow("main", Grant::new().role("deploy")),
//!             found => Answer::deny(
//!                 Reason::new("claim.mismatch")
//!                     .claim(["ref"])
//!                     .expected("refs/heads/main")
//!                     .found(found),
//!             ),
//!         }
//!     }
//! }
//! ```
//!
//! In a crate of type `cdylib`, `claimbound_sdk::export!(MainBranch);` makes
//! the exports. Build it for `wasm32-unknown-unknown`, and turn the module into
//! a component with `claimbound build module.wasm -o policy.wasm`.
//!
//! The host has already checked signature, lifetime and the route's audience,
//! and it holds the grant to the route's ceiling afterwards. A policy that
//! panics answers nothing: the host sees a trap, and does not allow.

mod answer;
mod manifest;
mod token;

pub use answer::{Answer, FirstUse, Grant, Obligation, Reason};
pub use manifest::Manifest;
pub use token::{Key, Name, Token, Value};

/// The contract's own types and the glue of its exports, made from
/// `wit/policy.wit`. Policies use the types above; [`export!`] uses these.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction
)]
#[doc(hidden)]
pub mod contract {
    wit_bindgen::generate!({
        path: "wit",
        world: "policy",
        pub_export_macro: true,
        export_macro_name: "export_contract",
        default_bindings_module: "claimbound_sdk::contract",
    });
}

/// A policy.
pub trait Policy {
    /// What this policy is and what it reads. The same at every call.
    fn manifest() -> Manifest;

    /// Decides one token.
    fn decide(token: &Token<'_>) -> Answer;
}

/// Exports a type that implements [`Policy`] from this `cdylib`.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        #[doc(hidden)]
        struct ClaimboundExport;

        impl $crate::contract::exports::claimbound::policy::decide::Guest for ClaimboundExport {
            fn describe() -> ::core::result::Result<
                $crate::contract::exports::claimbound::policy::decide::Manifest,
                $crate::contract::claimbound::policy::types::Failure,
            > {
                ::core::result::Result::Ok($crate::glue::describe::<$policy>())
            }

            fn evaluate(
                input: $crate::contract::claimbound::policy::types::Input,
            ) -> ::core::result::Result<
                $crate::contract::claimbound::policy::types::Decision,
                $crate::contract::claimbound::policy::types::Failure,
            > {
                ::core::result::Result::Ok($crate::glue::evaluate::<$policy>(&input))
            }
        }

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "the component's exports are C functions")]
        mod claimbound_export {
            use super::ClaimboundExport;
            $crate::contract::export_contract!(ClaimboundExport with_types_in $crate::contract);
        }

        // The names of the contract's exports are no names for a native
        // linker: natively the policy is only checked.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::glue::checked::<ClaimboundExport>;
    };
}

/// What [`export!`] calls.
#[doc(hidden)]
pub mod glue {
    use super::{Policy, Token, contract};
    use contract::claimbound::policy::types::{Decision, Input};
    use contract::exports::claimbound::policy::decide;

    /// `describe` of the contract.
    pub fn describe<P: Policy>() -> decide::Manifest {
        P::manifest().into_contract()
    }

    /// `evaluate` of the contract.
    pub fn evaluate<P: Policy>(input: &Input) -> Decision {
        P::decide(&Token::new(input, &P::manifest())).into_contract()
    }

    /// Stands for the exports where there are none.
    pub fn checked<G: decide::Guest>() {
        let _ = (G::describe, G::evaluate);
    }
}
