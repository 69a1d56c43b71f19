/*
 * random_effects.h - records with any value in any field, to test what
 * carries them: they make no sense to a ledger (random_commands.h does that).
 */
#ifndef ONHAND_TESTS_SUPPORT_RANDOM_EFFECTS_H
#define ONHAND_TESTS_SUPPORT_RANDOM_EFFECTS_H

#include "base/prng.h"
#include "onhand/effect.h"
#include <stdbool.h>

#define RANDOM_RECORD_EFFECTS_MAX 24u
#define RANDOM_TEXT_SIZE          16384u
#define RANDOM_LIST_COUNT         4096u

/* Memory for one record; large, so static. */
struct random_record {
    struct oh_record record;
    struct oh_effect effects[RANDOM_RECORD_EFFECTS_MAX];
    char text[RANDOM_TEXT_SIZE];
    size_t text_size;
    uint16_t indexes[RANDOM_LIST_COUNT];
    int32_t priorities[RANDOM_LIST_COUNT];
    size_t index_count;
    size_t priority_count;
    struct oh_bytes last_id;
};

/* Fills *out with 1..RANDOM_RECORD_EFFECTS_MAX effects of all types. */
void random_record_make(struct oh_prng *prng, struct random_record *out);

/* One effect of the type, in the memory of `out`, which is emptied. */
void random_effect_make(struct oh_prng *prng, enum oh_effect_type type, struct random_record *out);

/* Whether every field that means something is the same. */
bool effects_are_equal(const struct oh_effect *a, const struct oh_effect *b);
bool records_are_equal(const struct oh_record *a, const struct oh_record *b);

#endif
