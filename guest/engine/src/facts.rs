//! What a program may ask about a token: the host's typed input.

/// The value of a claim, as the contract's `value` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The token has no such claim.
    Absent,
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Boolean(bool),
    /// A number without fraction or exponent that fits 64 bits.
    Integer(i64),
    /// Any other number, as its text.
    Number(&'a str),
    /// A string.
    Text(&'a str),
    /// An array of strings.
    Texts(&'a [String]),
    /// Any other array, or an object, as JSON text.
    Json(&'a str),
}

/// A name of the workload with the identity behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The name.
    pub name: &'a str,
    /// The immutable id.
    pub id: Option<&'a str>,
    /// The parent's id, or its name.
    pub parent: Option<&'a str>,
}

/// The key that verified the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// `RSA`, `EC` or `OKP`.
    pub key_type: &'a str,
    /// The algorithm that it verified.
    pub algorithm: &'a str,
    /// Its size in bits.
    pub bits: u32,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: &'a str,
}

/// A verified token and its request. Claims, parts, names and attributes are
/// asked for by their place in the program's [manifest](crate::Manifest); times
/// are seconds since 1970.
pub trait Facts {
    /// `iss`.
    fn issuer(&self) -> &str;
    /// `sub`.
    fn subject(&self) -> &str;
    /// The form of the subject under the issuer's naming model.
    fn form(&self) -> &str;
    /// `aud`.
    fn audience(&self) -> &[String];
    /// `iat`.
    fn issued_at(&self) -> Option<u64>;
    /// `exp`.
    fn expires_at(&self) -> u64;
    /// The claim at the manifest's `index`.
    fn claim(&self, index: usize) -> Value<'_>;
    /// The part of the subject at the manifest's `index`.
    fn part(&self, index: usize) -> Option<&str>;
    /// The name of the kind at the manifest's `index`.
    fn name(&self, index: usize) -> Option<Name<'_>>;
    /// The request's attribute of this name.
    fn attribute(&self, name: &str) -> Option<&str>;
    /// The key that verified.
    fn key(&self) -> Key<'_>;
    /// The time of the decision.
    fn now(&self) -> u64;
    /// The audience of the route.
    fn route_audience(&self) -> &str;
}
