//! Stores of modules: folders, registries that are what they say, and others.

mod docker;
mod fake;
mod folder;
mod lying;
mod program;
mod raw;
mod registry;
mod served;
mod world;
