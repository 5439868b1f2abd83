//! What claimbound promises, asserted from outside: one test binary.

#[cfg(test)]
mod vectors;
