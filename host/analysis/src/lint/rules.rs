//! The rules, one a file.

use crate::lint::rule::Rule;

mod ambiguous_subject;
mod caller_chosen_claim;
mod contradicting_ids;
mod crossing_wildcard;
mod foreign_trigger;
mod fork_code;
mod generic_audience;
mod hidden_branch;
mod hyphen_form;
mod immutable_migration;
mod issuer_boundary;
mod long_lifetime;
mod loose_alternation;
mod missing_tenant;
mod name_case;
mod never_matches;
mod open_branch;
mod overlap;
mod predictable_subject;
mod prefix_wildcard;
mod reusable_name;
mod self_hosted_runner;
mod shadowed;
mod shared_audience;
mod takeover;
pub(super) mod undecided;
mod unprotected_production;
mod untested;
mod unused_suppression;
mod wide_pattern;
mod wildcard_in_id;

/// Every rule, by name.
pub const ALL: &[&Rule] = &[
    &ambiguous_subject::RULE,
    &caller_chosen_claim::RULE,
    &contradicting_ids::RULE,
    &crossing_wildcard::RULE,
    &foreign_trigger::RULE,
    &fork_code::RULE,
    &generic_audience::RULE,
    &hidden_branch::RULE,
    &hyphen_form::RULE,
    &immutable_migration::RULE,
    &issuer_boundary::RULE,
    &long_lifetime::RULE,
    &loose_alternation::RULE,
    &missing_tenant::RULE,
    &name_case::RULE,
    &never_matches::RULE,
    &open_branch::RULE,
    &overlap::RULE,
    &predictable_subject::RULE,
    &prefix_wildcard::RULE,
    &reusable_name::RULE,
    &self_hosted_runner::RULE,
    &shadowed::RULE,
    &shared_audience::RULE,
    &takeover::RULE,
    &undecided::RULE,
    &unprotected_production::RULE,
    &untested::RULE,
    &unused_suppression::RULE,
    &wide_pattern::RULE,
    &wildcard_in_id::RULE,
];
