//! Envoy's configuration: one listener for each way to decide.

use serde_json::{Value, json};

use crate::tokens::{AUDIENCE, ISSUER};

/// The name of the route in every configuration.
pub(crate) const ROUTE: &str = "deploy";

/// Who decides what comes to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Nobody.
    Nothing,
    /// Envoy's `jwt_authn`, with or without its cache of tokens, with or without
    /// RBAC on the claims after it.
    Jwt { caches: bool, has_rbac: bool },
    /// claimbound over gRPC, at this port.
    Grpc(u16),
    /// claimbound over HTTP, at this port.
    Http(u16),
    /// claimbound in Envoy's process, by this configuration.
    Module(String),
}

/// A whole configuration: these filters at these ports, all of which answer 200
/// to what is let through.
pub(crate) fn bootstrap(listeners: &[(u16, Filter)], keys: &str) -> Value {
    let clusters = listeners.iter().filter_map(|(_, filter)| match filter {
        Filter::Grpc(port) => Some(cluster(&format!("grpc-{port}"), *port, true)),
        Filter::Http(port) => Some(cluster(&format!("http-{port}"), *port, false)),
        Filter::Nothing | Filter::Jwt { .. } | Filter::Module(_) => None,
    });
    let clusters: Vec<_> = clusters.collect();
    let listeners: Vec<_> = listeners
        .iter()
        .map(|(port, filter)| listener(*port, filter, keys))
        .collect();
    json!({
        "node": { "id": "traffic", "cluster": "traffic" },
        "static_resources": { "listeners": listeners, "clusters": clusters },
    })
}

fn typed(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.filters.{name}")
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

fn cluster(name: &str, port: u16, is_http2: bool) -> Value {
    let mut cluster = json!({ "name": name, "connect_timeout": "5s", "load_assignment": {
        "cluster_name": name,
        "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(port) } }] }] } });
    if is_http2 {
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} } } });
    }
    cluster
}

fn listener(port: u16, filter: &Filter, keys: &str) -> Value {
    let mut filters = filters(filter, keys);
    filters.push(json!({ "name": "router", "typed_config": {
        "@type": typed("http.router.v3.Router") } }));
    let route = json!({ "match": { "prefix": "/" }, "direct_response": {
        "status": 200, "body": { "inline_string": "ok" } } });
    let mut host = json!({ "name": "all", "domains": ["*"], "routes": [route] });
    if matches!(filter, Filter::Grpc(_)) {
        host["typed_per_filter_config"] = json!({ "ext_authz": {
            "@type": typed("http.ext_authz.v3.ExtAuthzPerRoute"),
            "check_settings": { "context_extensions": { "claimbound.route": ROUTE } } } });
    }
    json!({
        "name": port.to_string(),
        "address": address(port),
        "filter_chains": [{ "filters": [{ "name": "http", "typed_config": {
            "@type": typed("network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": port.to_string(),
            "http_filters": filters,
            "route_config": { "virtual_hosts": [host] } } }] }],
    })
}

fn filters(filter: &Filter, keys: &str) -> Vec<Value> {
    match filter {
        Filter::Nothing => Vec::new(),
        Filter::Jwt { caches, has_rbac } => {
            let mut filters = vec![jwt_authn(keys, *caches)];
            filters.extend(has_rbac.then(rbac));
            filters
        }
        Filter::Grpc(port) => vec![ext_authz(&json!({
            "grpc_service": { "envoy_grpc": { "cluster_name": format!("grpc-{port}") },
                "timeout": "20s" },
            "encode_raw_headers": true }))],
        Filter::Http(port) => vec![ext_authz(&json!({
            "http_service": {
                "server_uri": { "uri": format!("http://127.0.0.1:{port}"),
                    "cluster": format!("http-{port}"), "timeout": "20s" },
                "path_prefix": format!("/ext-authz/{ROUTE}"),
                "authorization_response": { "allowed_upstream_headers": {
                    "patterns": [{ "prefix": "x-claimbound-" }] } } } }))],
        Filter::Module(config) => vec![json!({ "name": "claimbound", "typed_config": {
            "@type": typed("http.dynamic_modules.v3.DynamicModuleFilter"),
            "dynamic_module_config": { "name": "claimbound_envoy" },
            "filter_name": "claimbound",
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": json!({ "config": config, "route": ROUTE }).to_string() } } })],
    }
}

/// One that answers 503 where it can't ask.
fn ext_authz(how: &Value) -> Value {
    let mut config = json!({
        "@type": typed("http.ext_authz.v3.ExtAuthz"),
        "transport_api_version": "V3",
        "status_on_error": { "code": "ServiceUnavailable" },
    });
    for (name, value) in how.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    json!({ "name": "ext_authz", "typed_config": config })
}

fn jwt_authn(keys: &str, caches: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": keys },
        "payload_in_metadata": "jwt",
    });
    if caches {
        // The usual size, and room for these tokens.
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 100, "jwt_max_token_size": 8192 });
    }
    json!({ "name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": typed("http.jwt_authn.v3.JwtAuthentication"),
        "providers": { "github": provider },
        "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "github" } }] } })
}

/// The conditions of `policy.toml`, as far as RBAC can say them: of the subject's
/// grammar and its agreement with the claims, of lifetimes, ids and what a name
/// was bound to before it knows nothing.
fn rbac() -> Value {
    let exact = |value: &str| json!({ "exact": value });
    let regex = |value: &str| json!({ "safe_regex": { "regex": value } });
    let conditions = [
        ("repository_owner", exact("acme")),
        ("repository_owner_id", exact("123456")),
        ("repository", regex("acme/[^/]*")),
        ("environment", regex("prod(uction)?(-[a-z]{2,8})?")),
        ("event_name", exact("push")),
        ("ref_type", exact("branch")),
        ("runner_environment", exact("github-hosted")),
        ("ref", regex(r"refs/heads/(main|release/[0-9]+\.[0-9]+)")),
        ("sha", regex("[0-9a-f]{40}")),
        (
            "job_workflow_ref",
            regex(r"acme/infra/\.github/workflows/[^/]*\.yml@refs/heads/.*"),
        ),
    ];
    let all = conditions.map(|(claim, matches)| {
        json!({ "metadata": { "filter": "envoy.filters.http.jwt_authn",
            "path": [{ "key": "jwt" }, { "key": claim }],
            "value": { "string_match": matches } } })
    });
    json!({ "name": "rbac", "typed_config": {
        "@type": typed("http.rbac.v3.RBAC"),
        "rules": { "action": "ALLOW", "policies": { "deploy": {
            "permissions": [{ "any": true }],
            "principals": [{ "and_ids": { "ids": all } }] } } } } })
}
