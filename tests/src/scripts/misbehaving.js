// A policy that does what the claim `ref` tells it to.

const DEEDS = {
  "refs/heads/loop": () => {
    for (;;);
  },
  "refs/heads/throw": () => {
    throw new Error("on purpose");
  },
  "refs/heads/fail": () => {
    throw { code: "policy.on-purpose", message: "it was told to" };
  },
  "refs/heads/grow": () => {
    const kept = [];
    for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
  },
  "refs/heads/recurse": function deeper() {
    return deeper() + 1;
  },
  "refs/heads/nothing": () => undefined,
  "refs/heads/perhaps": () => ({ tag: "perhaps", val: {} }),
  "refs/heads/main": () => ({
    tag: "allow",
    val: { statement: "main", grant: { roles: ["deploy"], scopes: [], obligations: [] } },
  }),
};

export const decide = {
  describe: () => ({
    name: "misbehaving",
    version: "1.0.0",
    claims: [["ref"]],
    parts: [],
    names: [],
    attributes: [],
    publishedKeys: false,
    obligations: [],
  }),
  evaluate: ({ token }) => DEEDS[token.claims[0].val](),
};
