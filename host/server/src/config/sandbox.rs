//! What a decision may take, and how many run at once.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SecretSource, Span};

/// What a decision may take, and how many run at once.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxConfig {
    /// How many sandboxes there are, each with its own policies: one for each
    /// processor, unless it is said.
    pub shards: Option<usize>,
    /// How many threads decide what has to wait or takes long, of all sandboxes:
    /// 16 for each. Most wait for the ledger and the record; of the others, one
    /// for each processor computes.
    pub threads: Option<usize>,
    /// How many decisions may wait for a thread: 1024. One more is
    /// `host.busy`.
    pub queue: Option<usize>,
    /// How long a policy may take: 50 ms.
    pub deadline: Option<Span>,
    /// How much memory a policy may have, in bytes: 16 MiB.
    pub memory: Option<usize>,
    /// How large a policy's component may be to have these, in bytes: 1 MiB. A
    /// larger one is taken for a script's, and has those of `scripts`.
    pub component: Option<usize>,
    /// A folder for machine code, so that a restart does not compile again.
    pub code_cache: Option<CodeCacheConfig>,
    /// Sandboxes and threads of their own for large components.
    #[serde(default)]
    pub scripts: ScriptsConfig,
}

/// Sandboxes and threads for policies in languages that bring an engine, made
/// when the first one is loaded: no script takes an instance, memory or a thread
/// of other policies.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptsConfig {
    /// How many sandboxes there are: one.
    pub shards: Option<usize>,
    /// How many threads decide, of all sandboxes: 8 for each. Of those that wait
    /// for nothing, one for every two processors computes.
    pub threads: Option<usize>,
    /// How many decisions may wait for a thread: 256. One more is `host.busy`.
    pub queue: Option<usize>,
    /// How long a script may take: 100 ms.
    pub deadline: Option<Span>,
    /// How much memory a script may have, in bytes: 64 MiB.
    pub memory: Option<usize>,
    /// How large a script's component may be, in bytes: 32 MiB.
    pub component: Option<usize>,
}

/// Machine code on disk.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeCacheConfig {
    /// The folder, of this program alone.
    pub folder: PathBuf,
    /// The key that authenticates what stands in it, 64 hexadecimal digits.
    pub key: SecretSource,
}
