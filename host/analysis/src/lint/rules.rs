//! The rules, one a file.

use crate::lint::rule::Rule;

mod foreign_trigger;
mod missing_tenant;
mod reusable_name;
mod takeover;
mod undecided;
mod unused_suppression;

/// Every rule, by name.
pub const ALL: &[&Rule] = &[
    &foreign_trigger::RULE,
    &missing_tenant::RULE,
    &reusable_name::RULE,
    &takeover::RULE,
    &undecided::RULE,
    &unused_suppression::RULE,
];
