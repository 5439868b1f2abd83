//! What claimbound promises, asserted from outside: one test binary.

#[cfg(test)]
mod budgets;
#[cfg(test)]
mod cli;
#[cfg(test)]
#[cfg(unix)]
mod code_cache;
#[cfg(test)]
mod docs;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod envoy;
#[cfg(test)]
#[cfg(unix)]
mod exchange;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod guests;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_tokens;
#[cfg(test)]
mod idp;
#[cfg(test)]
mod keys;
#[cfg(test)]
#[cfg(unix)]
mod layer;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod policies;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod power;
#[cfg(test)]
mod program;
#[cfg(test)]
mod properties;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod proxies;
#[cfg(test)]
mod record;
#[cfg(test)]
mod scripts;
#[cfg(test)]
#[cfg(unix)]
mod serve;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod skipped;
#[cfg(test)]
mod standard;
#[cfg(test)]
#[cfg(unix)]
mod stores;
#[cfg(test)]
mod supply_chain;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod vectors;
