#include "codec/effect_names.h"
#include <stdlib.h>

/* 16 M SKUs and 64 Ki nodes, groups and channels of the longest ids. */
#define TEXT_SIZE_MAX  ((size_t)2 << 30)
#define LIST_COUNT_MIN 256u

void oh_effect_names_init(struct oh_effect_names *names)
{
    *names = (struct oh_effect_names){ .items = { NULL, 0 } };
    oh_strbuf_init(&names->text, TEXT_SIZE_MAX);
}

void oh_effect_names_fini(struct oh_effect_names *names)
{
    free(names->items.names);
    free(names->nodes.names);
    free(names->groups.names);
    free(names->channels.names);
    oh_strbuf_fini(&names->text);
}

static enum oh_err list_ensure(struct oh_effect_name_list *list, uint32_t index)
{
    if (index < list->count)
        return OH_OK;
    size_t count = list->count < LIST_COUNT_MIN ? LIST_COUNT_MIN : list->count * 2;
    if (count <= index)
        count = (size_t)index + 1;
    struct oh_effect_name *grown = realloc(list->names, count * sizeof(*grown));
    if (grown == NULL)
        return OH_E_NOMEM;
    memset(grown + list->count, 0, (count - list->count) * sizeof(*grown));
    list->names = grown;
    list->count = count;
    return OH_OK;
}

static enum oh_err list_learn(struct oh_effect_names *names, struct oh_effect_name_list *list, uint32_t index,
                              struct oh_bytes name)
{
    enum oh_err err = list_ensure(list, index);
    if (err != OH_OK || list->names[index].size > 0)
        return err;
    uint64_t offset = names->text.size;
    oh_strbuf_put_bytes(&names->text, name);
    if (names->text.is_overflowed)
        return OH_E_NOMEM;
    list->names[index] = (struct oh_effect_name){ offset, (uint32_t)name.size };
    return OH_OK;
}

/* Only these four types of effect introduce an index. */
enum oh_err oh_effect_names_learn(struct oh_effect_names *names, const struct oh_effect *effect)
{
    if (effect->type == OH_EFFECT_ITEM && effect->item.index < OH_ITEMS_MAX)
        return list_learn(names, &names->items, effect->item.index, effect->item.value.sku);
    if (effect->type == OH_EFFECT_NODE)
        return list_learn(names, &names->nodes, effect->node.index, effect->node.value.node);
    if (effect->type == OH_EFFECT_GROUP)
        return list_learn(names, &names->groups, effect->group.index, effect->group.group);
    if (effect->type == OH_EFFECT_CHANNEL)
        return list_learn(names, &names->channels, effect->channel.index, effect->channel.channel);
    return OH_OK;
}

struct oh_bytes oh_effect_name(const struct oh_effect_names *names, const struct oh_effect_name_list *list,
                             uint32_t index)
{
    if (index >= list->count || list->names[index].size == 0)
        return OH_BYTES_NONE;
    return (struct oh_bytes){ names->text.data + list->names[index].offset, list->names[index].size };
}
