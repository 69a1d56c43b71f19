/*
 * fuzz_query.c - the query of a GET.
 *
 * Laws: what is taken is text, has known names, each once, and typed values stay in their bounds; what is
 * refused has a fault that can be answered.
 */
#include "base/assert.h"
#include "base/utf8.h"
#include "codec/query.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"

#define INTEGER_MAX 1000

static const char *const known[] = { "node",    "group",    "channel", "near",         "radius_km",
                                     "limit",   "after",    "status",  "min_quantity", "kind",
                                     "explain", "customer", NULL };

static struct fuzz_world world; /* only asked, never changed */

static void list_check(const struct oh_param_list *params)
{
    size_t text_size = 0;
    OH_ASSERT(params->count <= OH_PARAM_PAIRS_MAX);
    for (uint32_t i = 0; i < params->count; i++) {
        const struct oh_param_pair *pair = &params->pairs[i];
        uint32_t places = 0;
        for (size_t k = 0; known[k] != NULL; k++)
            places += oh_bytes_equal(pair->name, oh_bytes_of(known[k])) ? 1 : 0;
        OH_ASSERT(places == 1);
        OH_ASSERT(oh_utf8_is_valid(pair->value));
        OH_ASSERT(pair->value.size == 0 || memchr(pair->value.data, '\0', pair->value.size) == NULL);
        for (uint32_t other = 0; other < i; other++)
            OH_ASSERT(!oh_bytes_equal(pair->name, params->pairs[other].name));
        text_size += pair->value.size;
    }
    OH_ASSERT(text_size <= OH_PARAM_TEXT_SIZE_MAX);
}

static void near_check(const struct oh_param_list *params, const struct oh_ledger *ledger)
{
    struct oh_fault fault;
    struct oh_near near = { .is_set = false };
    if (oh_params_near(params, ledger, &near, &fault) != OH_OK) {
        fuzz_fault_check(&fault);
        return;
    }
    OH_ASSERT(near.is_set == oh_params_has(params, "near"));
    OH_ASSERT(near.point.latitude >= -90 && near.point.latitude <= 90);
    OH_ASSERT(near.point.longitude >= -180 && near.point.longitude <= 180);
    OH_ASSERT(near.radius_km >= 0 && near.radius_km < 1e9);
}

static void words_check(const struct oh_param_list *params)
{
    struct oh_fault fault;
    enum oh_kind kind = OH_KIND_ANY;
    enum oh_status status = OH_STATUS_HELD;
    bool is_set = false;
    bool is_true = false;
    if (oh_params_kind(params, "kind", &kind, &fault) != OH_OK)
        fuzz_fault_check(&fault);
    if (oh_params_status(params, "status", &is_set, &status, &fault) != OH_OK)
        fuzz_fault_check(&fault);
    if (oh_params_bool(params, "explain", &is_true, &fault) != OH_OK)
        fuzz_fault_check(&fault);
    OH_ASSERT(oh_kind_text(kind) != NULL && oh_status_text(status) != NULL);
}

static void values_check(const struct oh_param_list *params)
{
    struct oh_fault fault;
    struct oh_bytes id = OH_BYTES_NONE;
    int64_t value = 1;
    int64_t milli = 0;
    if (oh_params_id(params, "node", &id, &fault) != OH_OK)
        fuzz_fault_check(&fault);
    OH_ASSERT(id.size <= OH_ID_SIZE_MAX);
    if (oh_params_integer(params, "limit", 1, INTEGER_MAX, &value, &fault) != OH_OK)
        fuzz_fault_check(&fault);
    OH_ASSERT(value >= 1 && value <= INTEGER_MAX);
    if (oh_params_milli(params, "min_quantity", 0, OH_QUANTITY_MILLI_MAX, &milli, &fault) != OH_OK)
        fuzz_fault_check(&fault);
    OH_ASSERT(milli >= 0 && milli <= OH_QUANTITY_MILLI_MAX);
    int64_t by_us = OH_TIME_US_NONE;
    if (oh_params_time(params, "by", &by_us, &fault) != OH_OK)
        fuzz_fault_check(&fault);
    OH_ASSERT(by_us == OH_TIME_US_NONE || (by_us >= 0 && by_us < OH_TIME_US_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oh_param_list params;
    struct oh_fault fault;
    if (world.ledger == NULL)
        fuzz_world_init(&world, false);
    if (oh_params_parse((struct oh_bytes){ (const char *)data, size }, known, &params, &fault) != OH_OK) {
        fuzz_fault_check(&fault);
        return 0;
    }
    list_check(&params);
    values_check(&params);
    words_check(&params);
    near_check(&params, world.ledger);
    near_check(&params, NULL);
    return 0;
}
