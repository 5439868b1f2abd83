//! The claimbound policy document: read, checked, compiled to a program; and
//! the case files that stand beside it.
//!
//! Do not use this crate in the host that decides tokens: a running host never
//! reads a policy document. It takes components, which `claimbound build` makes
//! of what [`compile`] returns.
//!
//! - [`compile`] turns a document into a program ([`Compiled`]), or says all
//!   that is wrong with it as [`Diagnostics`];
//! - [`Compiled::decide`] and [`Compiled::explain`] decide a claim set natively;
//! - [`Compiled::example`] derives a token that a statement accepts;
//! - [`parse_cases`] reads a case file, and [`Cases`] derives and runs its cases;
//! - [`schema`] and [`reference()`] describe the document's format.

mod automaton;
mod bounds;
mod cases;
mod compile;
mod condition;
mod contradiction;
mod diagnostic;
mod document;
mod duration;
mod encoded;
mod example;
mod excerpt;
mod fields;
mod floor;
mod forms;
mod grant;
mod lower;
mod names;
mod native;
mod operator;
mod partition;
mod pattern;
mod places;
mod reasons;
mod reprint;
mod rule;
mod sample;
mod schema;
mod subject;
mod suppression;
mod tenant;
mod time;
mod tree;
mod unknown;
mod window;

/// What evaluates a program, and what a program is.
pub use claimbound_engine as engine;

pub use cases::{
    Case, CaseOutcome, Cases, Change, DerivedToken, Expected, ExpectedGrant, KeyChange,
    SubjectChange, TokenIssuer, TokenRecipe, parse_cases,
};
pub use compile::{
    Compiled, IssuerSummary, RELEASE, StatementSummary, compile, compile_with, digest,
};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use document::{
    ClaimCondition, Document, Effect, Issuer, KeyCondition, Statement, Subject, SubjectField,
    SubjectTable, Trust,
};
pub use example::Example;
pub use excerpt::{Excerpt, position};
pub use fields::Placed;
pub use grant::{Grant, NEVER_GRANTED};
pub use native::{DecodedClaims, NativeFacts, NativeKey, NativeRequest, Verdict, claim_at};
pub use operator::Operator;
pub use pattern::{At, Pattern};
pub use reasons::{ReasonCode, reason_codes};
pub use rule::Rule;
pub use schema::{reference, schema};
pub use suppression::Suppression;
pub use time::words as date;
pub use tree::LARGEST;
pub use window::{HORIZON, Window, time_zone_data};
