/*
 * effect_names.h - what the indexes in records are called: SKUs, nodes, groups
 * and channels, learned from the records and objects that name them.
 *
 * An index is never given twice, so a name learned from a snapshot is right
 * for older records too. One thread.
 */
#ifndef ONHAND_CODEC_EFFECT_NAMES_H
#define ONHAND_CODEC_EFFECT_NAMES_H

#include "base/strbuf.h"
#include "onhand/effect.h"
#include "onhand/error.h"
#include <stdint.h>

/* Where a name is in the text. */
struct oh_effect_name {
    uint64_t offset;
    uint32_t size; /* 0: not known */
};

struct oh_effect_name_list {
    struct oh_effect_name *names; /* by index */
    size_t count;
};

struct oh_effect_names {
    struct oh_strbuf text;
    struct oh_effect_name_list items;
    struct oh_effect_name_list nodes;
    struct oh_effect_name_list groups;
    struct oh_effect_name_list channels;
};

void oh_effect_names_init(struct oh_effect_names *names);
void oh_effect_names_fini(struct oh_effect_names *names);

/* Remembers the name in an effect that has one. Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_effect_names_learn(struct oh_effect_names *names, const struct oh_effect *effect);

/* Lends until the next learn; empty: not known. */
struct oh_bytes oh_effect_name(const struct oh_effect_names *names, const struct oh_effect_name_list *list,
                             uint32_t index);

#endif
