//! A program as data: what a compiler builds and [`encode`](crate::encode)
//! writes.

use crate::automaton::Automaton;
use crate::code::Code;
use crate::decision::Grant;
use crate::window::Weekly;

/// A whole policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The policy's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and the digest of its document, in hexadecimal.
    pub document: Option<String>,
    /// The paths of the claims that it reads, for [`Source::Claim`].
    pub claims: Vec<Vec<String>>,
    /// The parts of the subject that it reads, for [`Source::Part`].
    pub parts: Vec<String>,
    /// The kinds of names that it reads, for [`Source::Name`] and its fellows.
    pub names: Vec<String>,
    /// The attributes of the request that it reads, for [`Test::Attribute`].
    pub attributes: Vec<String>,
    /// The statements, in the order of the document.
    pub statements: Vec<Statement>,
}

/// One statement about the tokens of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub name: String,
    /// `iss` of the tokens that it speaks of, byte for byte.
    pub issuer: String,
    /// What it does with a token that meets its conditions.
    pub effect: Effect,
    /// All must hold; in a forbid, none may be known not to hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It accepts the token and grants this, if all conditions hold.
    Trust(Grant),
    /// It refuses the token, unless a condition is known not to hold.
    Forbid,
}

/// One test of one fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// How its author would name it, for example `claims.ref`.
    pub label: String,
    /// The path of the claim that reasons speak of.
    pub claim: Vec<String>,
    /// What is tested.
    pub source: Source,
    /// The test.
    pub test: Test,
    /// Whether texts are compared without ASCII case.
    pub fold: bool,
    /// The code of its failure.
    pub code: Code,
    /// What it asks for, in words or as the value itself.
    pub expected: String,
}

/// Where a tested value comes from. Numbers are places in the program's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// No value: the test looks at the time alone.
    Time,
    /// `iss`.
    Issuer,
    /// `sub`.
    Subject,
    /// The subject's form under the naming model.
    Form,
    /// `aud`.
    Audience,
    /// A claim.
    Claim(u16),
    /// A part of the subject.
    Part(u16),
    /// The name of a kind.
    Name(u16),
    /// The id behind the name of a kind.
    NameId(u16),
    /// The parent of the name of a kind.
    NameParent(u16),
    /// The `kty` of the key that verified.
    KeyType,
    /// The algorithm that it verified.
    KeyAlgorithm,
    /// Its size in bits.
    KeyBits,
    /// Its thumbprint.
    KeyThumbprint,
}

/// A JSON scalar that a claim is compared with. Equality is of the same JSON
/// type; numbers are equal by value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number, as its text.
    Number(String),
    /// A string.
    Text(String),
}

/// A test. Unknown where the value is absent or of a type that it can't test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Equal to this.
    Equals(Literal),
    /// Equal to one of these.
    AnyOf(Vec<Literal>),
    /// Equal to none of these.
    NoneOf(Vec<Literal>),
    /// A text that the automaton accepts as a whole.
    Matches(Automaton),
    /// A number at least this, a JSON number's text.
    AtLeast(String),
    /// A number at most this, a JSON number's text.
    AtMost(String),
    /// A list of texts with this among them.
    Contains(String),
    /// A list of texts with each of these among them.
    AllOf(Vec<String>),
    /// There, whatever it is; never unknown.
    Present,
    /// Not there; never unknown.
    Absent,
    /// Equal to the value of another source.
    SameAs(Source),
    /// A text equal to the request's attribute at this place.
    Attribute(u16),
    /// `aud` names this, and it is the audience of the route.
    AudienceIs(String),
    /// `aud` has one element only.
    SoleAudience,
    /// Inside weekly hours.
    Weekly(Weekly),
    /// From the first (inclusive) until the second (exclusive), in seconds
    /// since 1970.
    Between(u64, u64),
    /// `exp` − `iat` at most this many seconds; without `iat` it does not hold.
    LifetimeAtMost(u64),
    /// now − `iat` at most this many seconds; without `iat` it does not hold.
    AgeAtMost(u64),
}
