//! Naming models: what an issuer's URLs, subjects and claims say, and which
//! names and immutable ids a token carries.
//!
//! This crate checks no signature, no time and no audience. Give it tokens that
//! something else has verified; on others its answers mean nothing.
//!
//! A [`Model`] is data, one TOML file for each kind of issuer; adding an issuer takes
//! a file and no Rust. Those that come along are in [`Registry::standard`]. A model
//! - splits a subject into its parts, raw and in exactly one way
//!   ([`Model::parse_subject`]), and writes it back ([`Model::print_subject`]);
//! - compares the parts with the claims, the issuer's URL and the ids that repeat
//!   them, and derives the names of the workload ([`Model::identify`]);
//! - answers what a policy needs to know before any token is there: which fields a
//!   subject has ([`Model::fields`]), which forms have exactly some of them
//!   ([`Model::forms_with`]), what names the tenant by an immutable id
//!   ([`Model::tenant_pin`], [`Subject::is_immutable`]), who can choose a claim
//!   ([`ClaimRule::chooser`]).
//!
//! ```
//! use claimbound_issuers::{Claims, Found, Registry};
//!
//! struct Nothing;
//! impl Claims for Nothing {
//!     fn claim(&self, _path: &[Box<str>]) -> Found<'_> {
//!         Found::Absent
//!     }
//! }
//!
//! for model in Registry::standard().iter() {
//!     let refusal = model.identify("https://issuer.example", "no\nsubject", &Nothing);
//!     assert_eq!(refusal.unwrap_err().code, "subject.mismatch");
//! }
//! ```
//!
//! # The format of a model
//!
//! Unknown keys are errors, and every reference must resolve. Names are 1 to 64
//! lower-case letters, digits, `_` and `-`. A file has at most 128 KiB and 256 entries
//! in each list.
//!
//! | key | holds |
//! |---|---|
//! | `name`, `title`, `documentation` | what a policy calls the model; what people call the issuer; what an author should know |
//! | `tokens.algorithms` | the asymmetric algorithms its tokens are signed with |
//! | `tokens.types`, `tokens.absent_type` | the values of `typ`; whether a token may have none |
//! | `tokens.longest_lifetime` | the longest usual lifetime in seconds, if one is published |
//! | `tokens.usual_lifetime` | how long they are seen to live, where nothing is promised; reviews go by it |
//! | `tokens.unique_id` | whether no two tokens share a `jti` |
//! | `[encode]` | how one character is written inside a subject, such as `":" = "%3A"` |
//!
//! `[[issuer]]`: `url`, in full or with parts in braces; `shared`, whether it signs
//! for everyone; `default`, for the one URL meant when none is given. URLs are
//! `https`, match byte for byte, and a URL listed in full comes before any template.
//!
//! `[[part]]`: one variable piece of a subject or a URL. `name`, `documentation`;
//! `class`, the shape of its values ([`Class`], `any` by default); `excludes`, ASCII
//! characters that they never hold; `empty`, whether they may be empty; `claim`, the
//! path of the claim that repeats them, and `claim_required`; `encode`, where it is
//! not the model's; `chooser` ([`Chooser`]) and `predictable` (true by default);
//! `role`, where no claim that repeats them has one. A part that stands in the subject
//! and in the URL must have one value.
//!
//! `[[form]]`: one published shape of the subject. Either `subject`, a template, with
//! `fixed`, parts that it gives by being there, and `ambiguous`; or `separator` with
//! `segments` (each `{ subject, fixed }`) and `claims` for subjects that an
//! organisation composes: every key of `claims` stands for `key:{key}`, a part of that
//! name that the claim repeats, and segments come in any order, each part once. A part
//! ends where a character is not among its own; a part that may hold the character
//! behind it makes the model invalid, unless the form is `ambiguous = true`: then
//! every split is tried, and a subject with two is refused. Of two forms that read the
//! same parts the first counts; two that read different parts are ambiguous.
//!
//! `[[kind]]`: a kind of name, parents first. `name`, `documentation`; `templates`,
//! how names are made of parts; all that a subject covers must agree, also with
//! `claim`, which holds the whole name. Make names unique among all of the issuer
//! (`{organization}/{pipeline}`): they are what ids are bound to. `id` has `need`
//! ([`Need`]) and the `claim` or `parts` that hold it. `parent`, the kind that these
//! belong to; `tenant`, for the one kind that separates customers; `fold_case`, where
//! the issuer compares without case; `not_in`, forms whose tokens have no such name.
//! A policy calls a name by its kind: a part of the same name must belong to it.
//!
//! `[[claim]]`: `path`, a list of names; `type` ([`ClaimType`]); `immutable`, whether
//! the value is never given to anything else; `chooser`; `role`, what it says of the
//! run ([`Role`]), and `risky`, its values that let in more than most authors mean,
//! of a trigger or a runner; `documentation`. The registered claims of RFC 7519 §4.1
//! are known without being listed.
//!
//! `[[fetch]]`: how a workload gets its own token where it runs ([`Fetch`]). `name`,
//! unique among all models, and `documentation`; `detect`, variables of the
//! environment that are all set there; `beneath`, where other platforms run on top of
//! it; and `way` ([`Way`]) with what it needs: `request`, `variable`, `file`,
//! `command` or `metadata`. No decision depends on it.

mod charset;
mod check;
mod claim;
mod compile;
mod document;
mod error;
mod fetch;
mod field;
mod form;
mod identify;
mod issuer;
mod kind;
mod model;
mod part;
mod registry;
mod subject;
mod template;

pub use charset::Class;
pub use claim::{Chooser, ClaimRule, ClaimType, Claims, Found, Role};
pub use error::{IssuerError, ModelError, PrintError, SubjectError};
pub use fetch::{Fetch, Metadata, Service, Way};
pub use field::{Field, TenantPin};
pub use form::Form;
pub use identify::{BoundName, Refusal, Workload};
pub use issuer::{IssuerForm, IssuerMatch};
pub use kind::{Kind, Need};
pub use model::Model;
pub use part::Part;
pub use registry::Registry;
pub use subject::{MAX_SUBJECT, Subject};
