package trust

default allow := false

allow if {
	input.iss == "https://token.actions.githubusercontent.com"
	input.aud == "https://deploy.acme-platform.example"
	input.sub == "repo:acme-platform/payments-infrastructure:environment:production"
	input.repository_owner_id == "123456"
	input.repository_id == "456789"
	glob.match("refs/heads/release/*", null, input.ref)
	glob.match("Deploy *", null, input.workflow)
	regex.match(`^acme-platform/payments-infrastructure/\.github/workflows/(deploy|rollback)\.yml@refs/heads/release/[0-9.]+$`, input.workflow_ref)
	regex.match(`^(push|workflow_dispatch)$`, input.event_name)
	regex.match(`^acme-platform/shared-workflows/\.github/workflows/deploy\.yml@refs/tags/v[0-9]+\.[0-9]+\.[0-9]+$`, input.job_workflow_ref)
}

# The same with prefixes in place of globs, which is what the other languages do.

default allow_by_prefix := false

allow_by_prefix if {
	input.iss == "https://token.actions.githubusercontent.com"
	input.aud == "https://deploy.acme-platform.example"
	input.sub == "repo:acme-platform/payments-infrastructure:environment:production"
	input.repository_owner_id == "123456"
	input.repository_id == "456789"
	startswith(input.ref, "refs/heads/release/")
	startswith(input.workflow, "Deploy ")
	regex.match(`^acme-platform/payments-infrastructure/\.github/workflows/(deploy|rollback)\.yml@refs/heads/release/[0-9.]+$`, input.workflow_ref)
	regex.match(`^(push|workflow_dispatch)$`, input.event_name)
	regex.match(`^acme-platform/shared-workflows/\.github/workflows/deploy\.yml@refs/tags/v[0-9]+\.[0-9]+\.[0-9]+$`, input.job_workflow_ref)
}

# The same conditions, each with a name: a token without any reason is allowed.
# An input that is absent is undefined, and `not` of what is undefined holds.

reasons contains "iss" if not input.iss == "https://token.actions.githubusercontent.com"

reasons contains "aud" if not input.aud == "https://deploy.acme-platform.example"

reasons contains "sub" if not input.sub == "repo:acme-platform/payments-infrastructure:environment:production"

reasons contains "repository_owner_id" if not input.repository_owner_id == "123456"

reasons contains "repository_id" if not input.repository_id == "456789"

reasons contains "ref" if not glob.match("refs/heads/release/*", null, input.ref)

reasons contains "workflow" if not glob.match("Deploy *", null, input.workflow)

reasons contains "workflow_ref" if not regex.match(`^acme-platform/payments-infrastructure/\.github/workflows/(deploy|rollback)\.yml@refs/heads/release/[0-9.]+$`, input.workflow_ref)

reasons contains "event_name" if not regex.match(`^(push|workflow_dispatch)$`, input.event_name)

reasons contains "job_workflow_ref" if not regex.match(`^acme-platform/shared-workflows/\.github/workflows/deploy\.yml@refs/tags/v[0-9]+\.[0-9]+\.[0-9]+$`, input.job_workflow_ref)
