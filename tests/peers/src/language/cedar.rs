//! Cedar: the claims are the request's context.

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet,
    Request, Schema, ValidationMode, Validator,
};

use super::{Answer, Language};
use crate::Fault;

const POLICY: &str = include_str!("../../policy.cedar");
const SCHEMA: &str = include_str!("../../policy.cedarschema");

/// A policy set that its schema has validated, an authoriser, and what every
/// request has in common.
pub(crate) struct Cedar {
    policies: PolicySet,
    authorizer: Authorizer,
    entities: Entities,
    workload: EntityTypeName,
    action: EntityUid,
    service: EntityUid,
    /// Where there is one, each request is validated by it.
    schema: Option<Schema>,
}

impl Cedar {
    /// Parses the policy and the schema, and validates the one by the other.
    ///
    /// # Errors
    /// Either is not valid.
    pub(crate) fn new(validate_requests: bool) -> Result<Self, Fault> {
        let policies: PolicySet = POLICY.parse()?;
        let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA)?;
        if let Some(warning) = { warnings }.next() {
            return Err(warning.to_string().into());
        }
        let validation = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if !validation.validation_passed() {
            return Err(validation.to_string().into());
        }
        Ok(Self {
            policies,
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            workload: "Workload".parse()?,
            action: r#"Action::"deploy""#.parse()?,
            service: r#"Service::"deploy""#.parse()?,
            schema: validate_requests.then_some(schema),
        })
    }

    fn request(&self, claims: serde_json::Value) -> Option<Request> {
        let subject = EntityId::new(claims.get("sub")?.as_str()?);
        let schema = self.schema.as_ref();
        let context = schema.map(|schema| (schema, &self.action));
        let context = Context::from_json_value(claims, context).ok()?;
        let principal = EntityUid::from_type_name_and_id(self.workload.clone(), subject);
        let (action, service) = (self.action.clone(), self.service.clone());
        Request::new(principal, action, service, context, schema).ok()
    }
}

impl Language for Cedar {
    type Parsed = Request;

    fn parse(&self, claims: &[u8]) -> Result<Request, Answer> {
        let claims = serde_json::from_slice(claims).map_err(|_| Answer::Error)?;
        self.request(claims).ok_or(Answer::Error)
    }

    fn decide(&mut self, request: &Request) -> Answer {
        let response = self
            .authorizer
            .is_authorized(request, &self.policies, &self.entities);
        match response.decision() {
            Decision::Allow => Answer::Allow,
            Decision::Deny if response.diagnostics().errors().next().is_some() => Answer::Error,
            Decision::Deny => Answer::Deny,
        }
    }
}
