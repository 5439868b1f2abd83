//! The rules, one a file.

use crate::lint::rule::Rule;

mod caller_chosen_claim;
mod foreign_trigger;
mod fork_code;
mod hidden_branch;
mod hyphen_form;
mod immutable_migration;
mod long_lifetime;
mod missing_tenant;
mod open_branch;
mod predictable_subject;
mod reusable_name;
mod self_hosted_runner;
mod takeover;
mod undecided;
mod unprotected_production;
mod unused_suppression;

/// Every rule, by name.
pub const ALL: &[&Rule] = &[
    &caller_chosen_claim::RULE,
    &foreign_trigger::RULE,
    &fork_code::RULE,
    &hidden_branch::RULE,
    &hyphen_form::RULE,
    &immutable_migration::RULE,
    &long_lifetime::RULE,
    &missing_tenant::RULE,
    &open_branch::RULE,
    &predictable_subject::RULE,
    &reusable_name::RULE,
    &self_hosted_runner::RULE,
    &takeover::RULE,
    &undecided::RULE,
    &unprotected_production::RULE,
    &unused_suppression::RULE,
];
