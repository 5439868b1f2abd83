//! What does a policy really accept? Sets of tokens, computed exactly or not at
//! all.
//!
//! Nothing here decides a token: a host does, by the component that a document
//! was built to. This crate computes with documents, on whoever's behalf reviews
//! one, and gives examples that can be tried on the component.
//!
//! - [`compare`] says how a policy relates to another, with a token for each
//!   difference;
//! - [`takeovers`] says how an outsider gets a token that a policy accepts;
//! - [`lint::lint`] holds a policy to a list of rules, each with a page of its own;
//! - [`decided`] gives the tokens that each statement of a program decides, as
//!   [`Region`]s over what a condition can look at ([`Variable`]);
//! - [`example`] finds what a token of a region has that an issuer can sign, by its
//!   naming model, and [`token()`] makes the token of it;
//! - [`Values`] are what a condition accepts of a claim: [`Texts`], [`Numbers`],
//!   [`Lists`], and the rest of JSON.
//!
//! Every question takes a [`Budget`] of steps, and is [`Exceeded`] where that does
//! not reach, or where it speaks of something that is not followed: then the answer
//! is not known, and is not guessed.

mod block;
mod boundary;
mod budget;
mod case_file;
mod compare;
mod coverage;
mod edges;
mod encoding;
mod grants;
mod known;
pub mod lint;
mod lists;
mod meanings;
mod mention;
mod mutant;
mod mutation;
mod naming;
mod near;
mod numbers;
mod pairs;
#[cfg(test)]
mod random;
mod region;
mod run;
mod shape;
mod statement;
mod takeover;
mod texts;
mod times;
mod token;
mod tried;
mod values;
mod variable;

pub use boundary::{Boundary, LeftOut, boundary};
pub use budget::{Budget, Exceeded};
pub use compare::{Comparison, Difference, Relation, compare};
pub use coverage::{Coverage, Seen, SeenCondition, coverage};
pub use lists::Lists;
pub use mutant::{Change, Mutant};
pub use mutation::{Mutation, MutationLimits, Survivor, mutation};
pub use naming::{Found, example};
pub use numbers::{NotANumber, Numbers};
pub use region::Region;
pub use statement::decided;
pub use takeover::{Takeover, Way, takeovers};
pub use texts::{Size, Texts};
pub use token::token;
pub use tried::Tried;
pub use values::{Example, Held, Values};
pub use variable::Variable;
