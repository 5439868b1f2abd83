//! The controls that a finding can cite.

/// A requirement or a risk that others have published, and that a rule serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Control {
    /// OWASP: identities that stay active after their use has ended.
    Nhi1,
    /// OWASP: a compromised extension that abuses what it may do.
    Nhi3,
    /// OWASP: old or weak authentication.
    Nhi4,
    /// OWASP: more rights than the job needs.
    Nhi5,
    /// OWASP: trust by OIDC without tight checks of the token.
    Nhi6,
    /// OWASP: no expiry, or one too far away.
    Nhi7,
    /// OWASP: one identity for test and production.
    Nhi8,
    /// OWASP: one identity shared by several applications.
    Nhi9,
    /// NIST: identities and credentials are managed.
    PrAa01,
    /// NIST: identities are proofed and bound to credentials.
    PrAa02,
    /// NIST: users, services and hardware are authenticated.
    PrAa03,
    /// NIST: identity assertions are protected, conveyed and verified.
    PrAa04,
    /// NIST: permissions are defined by policy, with least privilege.
    PrAa05,
    /// NIST: weaknesses are identified and recorded.
    IdRa01,
    /// NIST: the risk of suppliers is tracked.
    GvSc07,
    /// NIST: access per session, with least privilege.
    Tenet3,
    /// NIST: dynamic policy that includes the identity of the client.
    Tenet4,
    /// NIST: authentication and authorisation strictly enforced before access.
    Tenet6,
    /// NIST: assertions of one audience, each accepted once.
    Fal,
    /// NIST: an identifier is issuer and subject, of one subscriber.
    FederatedIdentifier,
    /// NIST: the trust agreement says whose accounts are meant.
    TrustAgreement,
    /// OWASP: nothing keeps one person from shipping alone.
    CicdSec1,
    /// OWASP: poorly governed identities across the toolchain.
    CicdSec2,
    /// OWASP: editing what CI runs gains the pipeline's identity.
    CicdSec4,
    /// OWASP: a step reaches further than it needs.
    CicdSec5,
}

impl Control {
    /// Its identifier, as those who publish it write it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Nhi1 => "NHI1:2025",
            Self::Nhi3 => "NHI3:2025",
            Self::Nhi4 => "NHI4:2025",
            Self::Nhi5 => "NHI5:2025",
            Self::Nhi6 => "NHI6:2025",
            Self::Nhi7 => "NHI7:2025",
            Self::Nhi8 => "NHI8:2025",
            Self::Nhi9 => "NHI9:2025",
            Self::PrAa01 => "PR.AA-01",
            Self::PrAa02 => "PR.AA-02",
            Self::PrAa03 => "PR.AA-03",
            Self::PrAa04 => "PR.AA-04",
            Self::PrAa05 => "PR.AA-05",
            Self::IdRa01 => "ID.RA-01",
            Self::GvSc07 => "GV.SC-07",
            Self::Tenet3 => "SP 800-207 section 2.1, tenet 3",
            Self::Tenet4 => "SP 800-207 section 2.1, tenet 4",
            Self::Tenet6 => "SP 800-207 section 2.1, tenet 6",
            Self::Fal => "SP 800-63C-4 section 2",
            Self::FederatedIdentifier => "SP 800-63C-4 section 3.4",
            Self::TrustAgreement => "SP 800-63C-4 section 3.5",
            Self::CicdSec1 => "CICD-SEC-1",
            Self::CicdSec2 => "CICD-SEC-2",
            Self::CicdSec4 => "CICD-SEC-4",
            Self::CicdSec5 => "CICD-SEC-5",
        }
    }

    /// Where it is published.
    pub const fn publication(self) -> &'static str {
        match self {
            Self::Nhi1
            | Self::Nhi3
            | Self::Nhi4
            | Self::Nhi5
            | Self::Nhi6
            | Self::Nhi7
            | Self::Nhi8
            | Self::Nhi9 => "OWASP Non-Human Identities Top 10",
            Self::PrAa01
            | Self::PrAa02
            | Self::PrAa03
            | Self::PrAa04
            | Self::PrAa05
            | Self::IdRa01
            | Self::GvSc07 => "NIST CSF 2.0",
            Self::Tenet3 | Self::Tenet4 | Self::Tenet6 => "NIST SP 800-207",
            Self::Fal | Self::FederatedIdentifier | Self::TrustAgreement => "NIST SP 800-63-4",
            Self::CicdSec1 | Self::CicdSec2 | Self::CicdSec4 | Self::CicdSec5 => {
                "OWASP Top 10 CI/CD Security Risks"
            }
        }
    }

    /// Its title or, where it has none, what it says in short. The guidelines of
    /// SP 800-63 speak of people: they are cited by analogy.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Nhi1 => "Improper Offboarding",
            Self::Nhi3 => "Vulnerable Third-Party NHI",
            Self::Nhi4 => "Insecure Authentication",
            Self::Nhi5 => "Overprivileged NHI",
            Self::Nhi6 => "Insecure Cloud Deployment Configurations",
            Self::Nhi7 => "Long-Lived Secrets",
            Self::Nhi8 => "Environment Isolation",
            Self::Nhi9 => "NHI Reuse",
            Self::PrAa01 => "the organisation manages identities and credentials",
            Self::PrAa02 => "identities are proofed and bound to credentials by context",
            Self::PrAa03 => "users, services and hardware are authenticated",
            Self::PrAa04 => "identity assertions are protected, conveyed and verified",
            Self::PrAa05 => "permissions are defined by policy, enforced and reviewed",
            Self::IdRa01 => "weaknesses are identified and recorded",
            Self::GvSc07 => "the risk of a supplier is tracked over the relationship",
            Self::Tenet3 => "access per session, with least privilege",
            Self::Tenet4 => "dynamic policy that includes the client's identity",
            Self::Tenet6 => "authentication and authorisation are enforced before access",
            Self::Fal => "an assertion is for one audience and accepted once (by analogy)",
            Self::FederatedIdentifier => "an identifier is an issuer and a subject (by analogy)",
            Self::TrustAgreement => "an agreement says whose accounts are meant (by analogy)",
            Self::CicdSec1 => "Insufficient Flow Control Mechanisms",
            Self::CicdSec2 => "Inadequate Identity and Access Management",
            Self::CicdSec4 => "Poisoned Pipeline Execution (PPE)",
            Self::CicdSec5 => "Insufficient PBAC (Pipeline-Based Access Controls)",
        }
    }
}
