/* A release train: a branch `refs/heads/release/2026-11-23` may deploy on the
 * day that it names (UTC) and on no other. */

#include "claimbound.h"

/* Where the branches of the train stand. */
#define BRANCHES "refs/heads/release/"

/* The owner and the repository that the train belongs to, by their immutable
 * ids; the kinds are those of the manifest, in its order. */
static const struct {
  string kind, id;
} PINNED[] = {
    {TEXT("owner"), TEXT("123456")},
    {TEXT("repository"), TEXT("456789")},
};

/* How many those are. */
#define PINS (sizeof PINNED / sizeof *PINNED)

/* The path of the one claim that it reads. */
static const strings REF = LIST_OF(string, TEXT("ref"));

static const description TRAIN = {
    .is = DESCRIBED,
    .manifest = {
        .name = TEXT("release-train"),
        .version = TEXT("1.0.0"),
        .claims = {true, LIST_OF(strings, LIST_OF(string, TEXT("ref")))},
        .names = LIST_OF(string, TEXT("owner"), TEXT("repository")),
        .obligations = LIST_OF(string, TEXT("bind")),
    },
};

static const answer TODAYS_TRAIN = {
    .is = DECIDED,
    .decision = {
        .is = ALLOW,
        .allow = {
            .statement = TEXT("today's train"),
            .grant = {
                .roles = LIST_OF(string, TEXT("deploy")),
                .max_lifetime = {true, 600},
                .obligations = LIST_OF(obligation, {OBLIGATION_BIND, {.bind = FIRST_USE_ENROL}}),
            },
        },
    },
};

static bool starts_with(string text, string start) {
  if (text.length < start.length) return false;
  for (size_t i = 0; i < start.length; i++)
    if (text.bytes[i] != start.bytes[i]) return false;
  return true;
}

static bool equal(string one, string other) {
  return one.length == other.length && starts_with(one, other);
}

static string joined(string one, string other) {
  char *bytes = allocate(one.length + other.length);
  __builtin_memcpy(bytes, one.bytes, one.length);
  __builtin_memcpy(bytes + one.length, other.bytes, other.length);
  return (string){bytes, one.length + other.length};
}

/* Writes a number in so many decimal digits. */
static void put(char *to, int digits, uint64_t number) {
  for (; digits > 0; number /= 10) to[--digits] = '0' + number % 10;
}

/* The day of a time, in UTC, as `2026-11-23`.
 *
 * Counts days from 0000-03-01, so that a leap day ends its year, and cuts them
 * into eras of 400 years, which are all alike. */
static string day_of(uint64_t seconds) {
  uint64_t days = seconds / 86400 + 719468;
  uint64_t era = days / 146097, day = days % 146097;
  uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  uint64_t day_of_year = day - (365 * year + year / 4 - year / 100);
  uint64_t month = (5 * day_of_year + 2) / 153;
  uint64_t month_of_year = month < 10 ? month + 3 : month - 9;
  char *bytes = allocate(10);
  put(bytes, 4, era * 400 + year + (month_of_year <= 2));
  bytes[4] = bytes[7] = '-';
  put(bytes + 5, 2, month_of_year);
  put(bytes + 8, 2, day_of_year - (153 * month + 2) / 5 + 1);
  return (string){bytes, 10};
}

static const answer *deny(string code, strings claim, string expected, option_string found) {
  reason *why = allocate(sizeof *why);
  *why = (reason){
      .code = code,
      .claim = claim,
      .expected = expected,
      .found = found,
      .message = joined((string)TEXT("it expects "), expected),
  };
  answer *denied = allocate(sizeof *denied);
  *denied = (answer){.is = DECIDED, .decision = {.is = DENY, .deny = {.reasons = {why, 1}}}};
  return denied;
}

static const answer *mismatch(string kind, string expected, option_string found) {
  string *path = allocate(2 * sizeof *path);
  path[0] = kind;
  path[1] = (string)TEXT("id");
  return deny((string)TEXT("subject.mismatch"), (strings){path, 2}, expected, found);
}

const description *describe(void) { return &TRAIN; }

const answer *evaluate(const input *asked) {
  /* One for each that the manifest names. A trap is an error, and no error allows. */
  if (asked->token.workload.names.length != PINS || asked->token.claims.length != 1)
    __builtin_trap();
  for (size_t i = 0; i < PINS; i++) {
    option_bound_name name = asked->token.workload.names.items[i];
    option_string found = name.some ? name.value.id : (option_string){};
    if (!found.some || !equal(found.value, PINNED[i].id))
      return mismatch(PINNED[i].kind, PINNED[i].id, found);
  }
  string today = joined((string)TEXT(BRANCHES), day_of(asked->request.now));
  value claim = asked->token.claims.items[0];
  if (claim.is != VALUE_TEXT)
    return deny((string)TEXT("claim.mismatch"), REF, today, (option_string){});
  option_string found = {true, claim.text};
  if (equal(claim.text, today)) return &TODAYS_TRAIN;
  if (starts_with(claim.text, (string)TEXT(BRANCHES)))
    return deny((string)TEXT("window.closed"), REF, today, found);
  return deny((string)TEXT("claim.mismatch"), REF, today, found);
}
