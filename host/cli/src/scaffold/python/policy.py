"""A release train: a branch `refs/heads/release/2026-11-23` may deploy on the
day that it names (UTC) and on no other.

Names of the contract are in snake_case here (`max-lifetime` is `max_lifetime`), a
case of a variant is a class of its own (`Value_Text`), and what is none is
`None`. Whatever is raised is an error, and no error allows.
"""

from datetime import datetime, timezone

from wit_world import exports
from wit_world.exports.decide import Manifest
from wit_world.imports.types import (
    Allowed,
    Bind,
    Decision,
    Decision_Allow,
    Decision_Deny,
    Denied,
    FirstUse,
    Grant,
    Input,
    Obligation_Bind,
    Reason,
    Value_Text,
)

# The repository that the train belongs to and its owner, by their immutable ids.
IDS = {"owner": "123456", "repository": "456789"}
# Where the branches of the train stand.
BRANCHES = "refs/heads/release/"


class Decide(exports.Decide):
    def describe(self) -> Manifest:
        return Manifest(
            name="release-train",
            version="1.0.0",
            document=None,
            claims=[["ref"]],
            parts=[],
            names=list(IDS),
            attributes=[],
            published_keys=False,
            obligations=["bind"],
        )

    def evaluate(self, input: Input) -> Decision:
        # In the order of the manifest, as are the claims. Were one not there, this
        # raises: no id is left out.
        names = input.token.workload.names
        for (kind, expected), name in zip(IDS.items(), names, strict=True):
            found = name.id if name else None
            if found != expected:
                return deny("subject.mismatch", [kind, "id"], expected, found)
        day = datetime.fromtimestamp(input.request.now, timezone.utc).date()
        expected = f"{BRANCHES}{day}"
        match input.token.claims[0]:
            case Value_Text(found) if found == expected:
                return allow()
            case Value_Text(found) if found.startswith(BRANCHES):
                return deny("window.closed", ["ref"], expected, found)
            case Value_Text(found):
                return deny("claim.mismatch", ["ref"], expected, found)
            case _:
                return deny("claim.mismatch", ["ref"], expected, None)


def allow() -> Decision:
    grant = Grant(
        roles=["deploy"],
        scopes=[],
        claims=None,
        max_lifetime=600,
        obligations=[Obligation_Bind(Bind(FirstUse.ENROL))],
    )
    return Decision_Allow(Allowed("today's train", grant))


def deny(code: str, claim: list[str], expected: str, found: str | None) -> Decision:
    message = f"{'.'.join(claim)} expects {expected}"
    reason = Reason(code, None, claim, expected, found, message)
    return Decision_Deny(Denied([reason], truncated=False))
