//! Which contract a module was made for.

use std::fmt;
use std::str::FromStr;

use crate::reason::clip;

/// The contract that this host serves.
const SERVED: &str = "claimbound:policy@0.1.0";
/// Longest name of one, in bytes.
const LONGEST: usize = 128;

/// The name of a contract, a WIT package with its version: 1 to 128 bytes of
/// visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract(String);

impl Contract {
    /// The one that this host serves, `claimbound:policy@0.1.0`.
    pub fn served() -> Self {
        Self(SERVED.to_owned())
    }

    /// Whether this host serves it.
    pub fn is_served(&self) -> bool {
        self.0 == SERVED
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Contract {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = (1..=LONGEST).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{}` names no contract such as `{SERVED}`",
                clip(text)
            ))
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
