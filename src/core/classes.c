/*
 * classes.c - how items are handled: a small dense number for each name that
 * an item's `class` ever had, and the traits of the items that have any.
 *
 * The numbers are the ledger's own and are not journaled: another order of items gives others.
 */
#include "core/state.h"

static uint32_t class_find(const struct oh_ledger *ledger, struct oh_bytes name)
{
    for (uint32_t i = 0; i < ledger->class_count; i++) {
        if (oh_bytes_equal(ledger_string(ledger, ledger->classes[i], 0), name))
            return i + 1;
    }
    return 0;
}

bool class_has_room(const struct oh_ledger *ledger, struct oh_bytes name)
{
    return name.size == 0 || ledger->class_count < OH_CLASSES_MAX || class_find(ledger, name) != 0;
}

/* 0: no name, or no memory for a new one. */
static uint32_t class_obtain(struct oh_ledger *ledger, struct oh_bytes name)
{
    uint32_t found = name.size == 0 ? 0 : class_find(ledger, name);
    if (name.size == 0 || found != 0 || ledger->class_count == OH_CLASSES_MAX)
        return found;
    uint32_t text = oh_text_put_strings(&ledger->text, &name, 1);
    if (text == 0)
        return 0;
    ledger->classes[ledger->class_count++] = text;
    ledger->documents_version++;
    return ledger->class_count;
}

enum oh_err traits_apply(struct oh_ledger *ledger, struct item *item, const struct oh_item_command *value)
{
    bool has_any = value->class.size > 0 || value->weight_grams > 0 || value->side_mm > 0 || value->volume_cm3 > 0;
    if (!has_any) {
        if (item->traits != 0)
            pool_give(&ledger->trait_pool, item->traits - 1);
        item->traits = 0;
        return OH_OK;
    }
    uint32_t class = class_obtain(ledger, value->class);
    if ((class == 0) != (value->class.size == 0))
        return OH_E_NOMEM;
    if (item->traits == 0)
        item->traits = link_of(pool_take(&ledger->trait_pool));
    ledger->traits[item->traits - 1] =
        (struct oh_item_traits){ class, value->weight_grams, value->side_mm, value->volume_cm3 };
    return OH_OK;
}

void oh_item_traits(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_item_traits *out_traits)
{
    OH_ASSERT(item.index < ledger->item_count);
    uint32_t traits = ledger->items[item.index].traits;
    *out_traits = traits == 0 ? (struct oh_item_traits){ 0, 0, 0, 0 } : ledger->traits[traits - 1];
}

uint32_t oh_class_count(const struct oh_ledger *ledger)
{
    return ledger->class_count;
}

struct oh_bytes oh_class_name(const struct oh_ledger *ledger, uint32_t class_index)
{
    OH_ASSERT(class_index <= ledger->class_count);
    return class_index == 0 ? OH_BYTES_NONE : ledger_string(ledger, ledger->classes[class_index - 1], 0);
}

bool oh_class_find(const struct oh_ledger *ledger, struct oh_bytes name, uint32_t *out_class_index)
{
    uint32_t found = class_find(ledger, name);
    if (found != 0)
        *out_class_index = found;
    return found != 0;
}
