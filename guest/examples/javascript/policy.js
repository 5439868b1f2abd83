// A release train: a branch `refs/heads/release/2026-11-23` may deploy on the
// day that it names (UTC) and on no other.
//
// Names of the contract are in camelCase here (`max-lifetime` is `maxLifetime`),
// a case of a variant is `{ tag, val }`, what is none is `undefined`, and an
// integer of 64 bits is a BigInt. Whatever is thrown is an error, and no error
// allows.

/** The repository that the train belongs to, by its immutable id. */
const REPOSITORY = "456789";
/** The owner of that repository, by its immutable id. */
const OWNER = "123456";
/** Where the branches of the train stand. */
const BRANCHES = "refs/heads/release/";

export const decide = {
  describe() {
    return {
      name: "release-train",
      version: "1.0.0",
      claims: [["ref"]],
      parts: [],
      names: ["owner", "repository"],
      attributes: [],
      publishedKeys: false,
      obligations: ["bind"],
    };
  },

  evaluate({ token, request }) {
    // In the order of the manifest, as are the claims.
    const [owner, repository] = token.workload.names;
    return (
      mismatch("owner", OWNER, owner) ??
      mismatch("repository", REPOSITORY, repository) ??
      board(token.claims[0], today(request.now))
    );
  },
};

function mismatch(kind, expected, found) {
  if (found?.id === expected) return undefined;
  return deny("subject.mismatch", [kind, "id"], expected, found?.id);
}

function board(ref, day) {
  const branch = ref.tag === "text" ? ref.val : undefined;
  const expected = BRANCHES + day;
  if (branch === expected) return allow();
  const code = branch?.startsWith(BRANCHES) ? "window.closed" : "claim.mismatch";
  return deny(code, ["ref"], expected, branch);
}

function allow() {
  const bind = { tag: "bind", val: { firstUse: "enrol" } };
  const grant = { roles: ["deploy"], scopes: [], maxLifetime: 600, obligations: [bind] };
  return { tag: "allow", val: { statement: "today's train", grant } };
}

function deny(code, claim, expected, found) {
  const message = `${claim.join(".")} expects ${expected}`;
  const reason = { code, claim, expected, found, message };
  return { tag: "deny", val: { reasons: [reason], truncated: false } };
}

/** The day of a time in seconds, a BigInt. */
function today(now) {
  return new Date(Number(now) * 1000).toISOString().slice(0, 10);
}
