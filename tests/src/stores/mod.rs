//! Stores of modules: folders, registries that are what they say, and others.

pub(crate) mod docker;
pub(crate) mod fake;
mod folder;
mod lying;
mod program;
pub(crate) mod raw;
mod registry;
mod served;
pub(crate) mod world;
