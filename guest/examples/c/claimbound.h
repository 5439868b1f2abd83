/* The contract of wit/policy.wit in C: one struct for each record, laid out as
 * the component model's canonical ABI lays it out in memory. wasm32 gives C's
 * structs the same layout, which is why nothing here is converted.
 *
 * Names are those of the contract, with `_` for `-`. What each field means is
 * said there. */

#ifndef CLAIMBOUND_H
#define CLAIMBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-8, not ended by a zero. */
typedef struct {
  const char *bytes;
  size_t length;
} string;

/* A text of the source, as the value of a `string`. */
#define TEXT(literal) {literal, sizeof(literal) - 1}

/* The values of a list of `T`: `LIST_OF(string, TEXT("a"), TEXT("b"))`. */
#define LIST_OF(T, ...) {(const T[]){__VA_ARGS__}, sizeof((const T[]){__VA_ARGS__}) / sizeof(T)}

/* `list<T>`: items and how many. */
#define LIST(T)     \
  struct {          \
    const T *items; \
    size_t length;  \
  }

/* `option<T>`: the value is there if `some` says so. */
#define OPTION(T) \
  struct {        \
    bool some;    \
    T value;      \
  }

typedef OPTION(string) option_string;
typedef LIST(string) strings;

typedef struct {
  enum : uint8_t {
    VALUE_ABSENT,
    VALUE_NULL,
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_TEXTS,
    VALUE_JSON,
  } is;
  union {
    bool boolean;
    int64_t integer;
    string number, text, json;
    strings texts;
  };
} value;

typedef struct {
  string name, value;
} pair;

typedef struct {
  string name;
  option_string id, parent;
} bound_name;

typedef OPTION(bound_name) option_bound_name;

typedef struct {
  string model, form;
  LIST(option_string) parts;
  LIST(option_bound_name) names;
} workload;

typedef struct {
  string issuer, subject;
  strings audience;
  option_string token_type;
  string algorithm;
  option_string token_id;
  OPTION(uint64_t) issued_at, not_before;
  uint64_t expires_at;
  workload workload;
  LIST(value) claims;
  option_string payload;
} token;

typedef struct {
  option_string id;
  string key_type, algorithm;
  uint32_t bits;
  string thumbprint;
} key;

typedef struct {
  uint64_t now;
  string audience;
  LIST(pair) attributes;
} request;

typedef struct {
  token token;
  key verified_by;
  LIST(key) published;
  request request;
} input;

typedef struct {
  enum : uint8_t { OBLIGATION_BIND, OBLIGATION_USE_ONCE, OBLIGATION_PROVE, OBLIGATION_OTHER } is;
  union {
    enum : uint8_t { FIRST_USE_REFUSE, FIRST_USE_ENROL } bind;
    string prove;
    struct {
      string kind, json;
    } other;
  };
} obligation;

typedef struct {
  strings roles, scopes;
  option_string claims;
  OPTION(uint32_t) max_lifetime;
  LIST(obligation) obligations;
} grant;

typedef struct {
  string code;
  option_string statement;
  strings claim;
  string expected;
  option_string found;
  string message;
} reason;

typedef struct {
  string code, message;
} failure;

typedef struct {
  string name, version;
  option_string document;
  OPTION(LIST(strings)) claims;
  strings parts, names, attributes;
  bool published_keys;
  strings obligations;
} manifest;

/* `result<manifest, failure>`. */
typedef struct {
  enum : uint8_t { DESCRIBED, NOT_DESCRIBED } is;
  union {
    manifest manifest;
    failure failure;
  };
} description;

/* `result<decision, failure>`: a denial is an answer, a failure is none. Neither
 * allows. */
typedef struct {
  enum : uint8_t { DECIDED, FAILED } is;
  union {
    struct {
      enum : uint8_t { DENY, ALLOW } is;
      union {
        struct {
          LIST(reason) reasons;
          bool truncated;
        } deny;
        struct {
          string statement;
          grant grant;
        } allow;
      };
    } decision;
    failure failure;
  };
} answer;

/* What a policy writes. */
__attribute__((export_name("claimbound:policy/decide@0.1.0#describe")))
const description *describe(void);

__attribute__((export_name("claimbound:policy/decide@0.1.0#evaluate")))
const answer *evaluate(const input *asked);

/* Memory for `size` bytes. Nothing gives it back: an instance decides once, and
 * all of it goes. Traps where there is no more. */
void *allocate(size_t size);

#endif
