/*
 * query.h - the query of a GET, typed: "node=a&limit=10".
 *
 * The caller says which names the route knows; every other name, and a name
 * that comes twice, is refused (invalid_query, `field` is the name). A getter
 * of a name that was not sent leaves its default. Any thread: pure.
 */
#ifndef ONHAND_CODEC_QUERY_H
#define ONHAND_CODEC_QUERY_H

#include "codec/fault.h"
#include "onhand/error.h"
#include "onhand/ledger.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_PARAM_PAIRS_MAX     16
#define OH_PARAM_TEXT_SIZE_MAX 2048 /* decoded bytes of all names and values */

struct oh_param_pair {
    struct oh_bytes name;
    struct oh_bytes value;
};

/* Not to be copied: the pairs point into text[]. */
struct oh_param_list {
    uint32_t count;
    uint32_t initials; /* bit c % 32: a name begins with c. Most that are asked for are not there */
    struct oh_param_pair pairs[OH_PARAM_PAIRS_MAX];
    char text[OH_PARAM_TEXT_SIZE_MAX];
};

/*
 * oh_params_parse - split and decode ("%XX", '+' is a space), keep what is known.
 *
 * Shapes: raw is the query without '?', or empty. known: names ended by NULL, a constant.
 * Errors: OH_E_SYNTAX with *fault: invalid_query (unknown name, twice, bad escape, NUL byte),
 *         invalid_encoding (not UTF-8), too_many, too_long. An empty value ("node=") counts as not sent.
 */
OH_MUST_CHECK enum oh_err oh_params_parse(struct oh_bytes raw, const char *const *known,
                                          struct oh_param_list *out, struct oh_fault *fault);

/* The value, or no bytes when not sent. Lends until the list is parsed again. */
struct oh_bytes oh_params_find(const struct oh_param_list *params, const char *name);

static inline struct oh_bytes oh_params_text(const struct oh_param_list *params, const char *name)
{
    bool is_likely = (params->initials >> (name[0] % 32) & 1) != 0;
    return is_likely ? oh_params_find(params, name) : OH_BYTES_NONE;
}

static inline bool oh_params_has(const struct oh_param_list *params, const char *name)
{
    return !oh_bytes_is_empty(oh_params_text(params, name));
}

/* As oh_params_text, at most OH_ID_SIZE_MAX bytes (too_long). */
OH_MUST_CHECK enum oh_err oh_params_id(const struct oh_param_list *params, const char *name,
                                       struct oh_bytes *out, struct oh_fault *fault);

/*
 * Not sent: *out keeps its value. Faults: wrong_type, out_of_range (names min and max), number_not_exact,
 * invalid_value.
 */
OH_MUST_CHECK enum oh_err oh_params_integer(const struct oh_param_list *params, const char *name, int64_t min,
                                            int64_t max, int64_t *out, struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_params_milli(const struct oh_param_list *params, const char *name,
                                          int64_t min_milli, int64_t max_milli, int64_t *out_milli,
                                          struct oh_fault *fault);
/* true, false, 1 or 0. */
OH_MUST_CHECK enum oh_err oh_params_bool(const struct oh_param_list *params, const char *name, bool *out,
                                         struct oh_fault *fault);
/* RFC 3339, as oh_time_parse. Faults: invalid_time. */
OH_MUST_CHECK enum oh_err oh_params_time(const struct oh_param_list *params, const char *name, int64_t *out_us,
                                         struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_params_kind(const struct oh_param_list *params, const char *name,
                                         enum oh_kind *out, struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_params_status(const struct oh_param_list *params, const char *name,
                                           bool *out_is_set, enum oh_status *out, struct oh_fault *fault);

/*
 * oh_params_near - "near=48.85,2.35" or "near=FR:75011", with "radius_km=".
 *
 * Not sent: out->is_set is false; a radius_km alone is invalid_query. Faults: as above, unknown_postal_code
 * (422); a NULL ledger knows none.
 */
OH_MUST_CHECK enum oh_err oh_params_near(const struct oh_param_list *params, const struct oh_ledger *ledger,
                                         struct oh_near *out, struct oh_fault *fault);

#endif
