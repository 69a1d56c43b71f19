/*
 * groups.c - named sets of nodes, in priority order and as a bitmap.
 */
#include "core/state.h"

uint32_t group_find(const struct oh_ledger *ledger, struct oh_bytes group)
{
    FIND_BY_NAME(group_index, groups, group);
}

static int32_t *group_priorities(const struct oh_ledger *ledger, const struct group *group)
{
    return oh_text_at(&ledger->text, group->list);
}

const uint16_t *group_nodes(const struct oh_ledger *ledger, const struct group *group)
{
    return (const uint16_t *)(group_priorities(ledger, group) + group->capacity);
}

bool group_has_node(const struct oh_ledger *ledger, uint32_t group, uint16_t node)
{
    const struct group *of = &ledger->groups[group];
    const uint64_t *words = oh_text_at(&ledger->text, of->bitmap);
    return node / 64u < of->bitmap_words && (words[node / 64] >> (node % 64) & 1) != 0;
}

static bool group_bitmap_grow(struct oh_ledger *ledger, struct group *group, uint16_t node)
{
    uint32_t words = group->bitmap_words == 0 ? 4 : group->bitmap_words;
    while (words <= node / 64u)
        words *= 2;
    if (words == group->bitmap_words)
        return true;
    uint32_t bitmap = oh_text_allocate(&ledger->text, words * sizeof(uint64_t));
    if (bitmap == 0)
        return false;
    memset(oh_text_at(&ledger->text, bitmap), 0, words * sizeof(uint64_t));
    if (group->bitmap != 0)
        memcpy(oh_text_at(&ledger->text, bitmap), oh_text_at(&ledger->text, group->bitmap),
               group->bitmap_words * sizeof(uint64_t));
    oh_text_free(&ledger->text, group->bitmap, group->bitmap_words * sizeof(uint64_t));
    group->bitmap = bitmap;
    group->bitmap_words = words;
    return true;
}

static size_t group_list_size(uint32_t capacity)
{
    return (size_t)capacity * (sizeof(int32_t) + sizeof(uint16_t));
}

static bool group_list_grow(struct oh_ledger *ledger, struct group *group)
{
    if (group->node_count < group->capacity)
        return true;
    uint32_t capacity = group->capacity == 0 ? 4 : group->capacity * 2;
    uint32_t list = oh_text_allocate(&ledger->text, group_list_size(capacity));
    if (list == 0)
        return false;
    int32_t *priorities = oh_text_at(&ledger->text, list);
    uint16_t *nodes = (uint16_t *)(priorities + capacity);
    if (group->list != 0) {
        memcpy(priorities, group_priorities(ledger, group), group->node_count * sizeof(*priorities));
        memcpy(nodes, group_nodes(ledger, group), group->node_count * sizeof(*nodes));
        oh_text_free(&ledger->text, group->list, group_list_size(group->capacity));
    }
    group->list = list;
    group->capacity = capacity;
    return true;
}

static void group_member_put(struct oh_ledger *ledger, struct group *group, uint16_t node, int32_t priority)
{
    int32_t *priorities = group_priorities(ledger, group);
    uint16_t *nodes = (uint16_t *)(priorities + group->capacity);
    uint32_t at = group->node_count;
    while (at > 0 && priorities[at - 1] > priority)
        at--;
    memmove(&priorities[at + 1], &priorities[at], (group->node_count - at) * sizeof(*priorities));
    memmove(&nodes[at + 1], &nodes[at], (group->node_count - at) * sizeof(*nodes));
    priorities[at] = priority;
    nodes[at] = node;
    group->node_count++;
    uint64_t *words = oh_text_at(&ledger->text, group->bitmap);
    words[node / 64] |= (uint64_t)1 << (node % 64);
}

static void group_member_take(struct oh_ledger *ledger, struct group *group, uint16_t node)
{
    int32_t *priorities = group_priorities(ledger, group);
    uint16_t *nodes = (uint16_t *)(priorities + group->capacity);
    uint32_t at = 0;
    while (nodes[at] != node)
        at++;
    group->node_count--;
    memmove(&priorities[at], &priorities[at + 1], (group->node_count - at) * sizeof(*priorities));
    memmove(&nodes[at], &nodes[at + 1], (group->node_count - at) * sizeof(*nodes));
}

static bool group_is_same(const struct oh_ledger *ledger, uint32_t slot, struct oh_bytes name, const uint16_t *nodes,
                          const int32_t *priorities, uint32_t count)
{
    const struct group *group = &ledger->groups[slot];
    return oh_bytes_equal(ledger_string(ledger, group->text, GROUP_TEXT_NAME), name) &&
           group->node_count == count &&
           (count == 0 || (memcmp(group_nodes(ledger, group), nodes, count * sizeof(*nodes)) == 0 &&
                           memcmp(group_priorities(ledger, group), priorities, count * sizeof(*priorities)) == 0));
}

void decide_group(struct oh_ledger *ledger, const struct oh_group_command *command, struct oh_answer *answer)
{
    answer->id = command->group;
    if (!id_is_valid(command->group)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_GROUP, OH_INDEX_NONE);
        return;
    }
    if (!text_is_valid(command->name, OH_TEXT_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_NAME, OH_INDEX_NONE);
        return;
    }
    if (command->node_count > OH_GROUP_NODES_MAX) {
        refuse(answer, OH_V_TOO_MANY, OH_FIELD_NODES, OH_INDEX_NONE);
        return;
    }
    uint16_t *nodes = nodes_resolve(ledger, command->nodes, command->node_count, answer);
    if (nodes == NULL)
        return;
    int32_t *priorities = scratch_take(ledger, (size_t)command->node_count * sizeof(*priorities));
    for (uint32_t i = 0; i < command->node_count; i++)
        priorities[i] = (int32_t)i + 1;
    uint32_t slot = group_find(ledger, command->group);
    answer->is_created = slot == NO_SLOT;
    if (slot != NO_SLOT && group_is_same(ledger, slot, command->name, nodes, priorities, command->node_count)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (slot == NO_SLOT && ledger->group_count == OH_GROUPS_MAX) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_GROUP, OH_INDEX_NONE);
        return;
    }
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_GROUP, NO_HINT);
    effect->group = (struct oh_effect_group){
        .index = (uint16_t)(slot == NO_SLOT ? ledger->group_count : slot),
        .group = command->group,
        .name = command->name,
        .nodes = nodes,
        .priorities = priorities,
        .node_count = command->node_count,
    };
}

enum oh_err apply_group(struct oh_ledger *ledger, const struct oh_effect_group *effect)
{
    ledger->documents_version++;
    struct group *group = &ledger->groups[effect->index];
    if (group->text != 0 && !oh_bytes_equal(ledger_string(ledger, group->text, GROUP_TEXT_ID), effect->group))
        return OH_E_CORRUPT;
    const struct oh_bytes strings[GROUP_TEXTS] = { effect->group, effect->name };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, GROUP_TEXTS);
    if (text == 0)
        return OH_E_NOMEM;
    snapshot_touch(ledger, SNAP_GROUP, effect->index);
    if (group->text == 0)
        oh_index_insert(&ledger->group_index, (uint32_t)name_hash(effect->group), effect->index);
    oh_text_free_strings(&ledger->text, group->text, GROUP_TEXTS);
    group->text = text;
    group->node_count = 0;
    memset(oh_text_at(&ledger->text, group->bitmap), 0, group->bitmap_words * sizeof(uint64_t));
    if (effect->index >= ledger->group_count)
        ledger->group_count = effect->index + 1u;
    for (uint32_t i = 0; i < effect->node_count; i++) {
        uint16_t node = effect->nodes[i];
        if (group_has_node(ledger, effect->index, node))
            return OH_E_CORRUPT;
        if (!group_bitmap_grow(ledger, group, node) || !group_list_grow(ledger, group))
            return OH_E_NOMEM;
        group_member_put(ledger, group, node, effect->priorities[i]);
    }
    return OH_OK;
}

static int32_t group_member_priority(const struct oh_ledger *ledger, const struct group *group, uint16_t node)
{
    const uint16_t *nodes = group_nodes(ledger, group);
    uint32_t at = 0;
    while (nodes[at] != node)
        at++;
    return group_priorities(ledger, group)[at];
}

void decide_group_member(struct oh_ledger *ledger, const struct oh_group_member_command *command,
                         struct oh_answer *answer)
{
    answer->id = command->group;
    if (!id_is_valid(command->group)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_GROUP, OH_INDEX_NONE);
        return;
    }
    uint32_t node = node_find(ledger, command->node);
    if (node == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = group_find(ledger, command->group);
    answer->is_created = slot == NO_SLOT;
    if (slot != NO_SLOT && group_has_node(ledger, slot, (uint16_t)node) &&
        group_member_priority(ledger, &ledger->groups[slot], (uint16_t)node) == command->priority) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (slot == NO_SLOT && ledger->group_count == OH_GROUPS_MAX) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_GROUP, OH_INDEX_NONE);
        return;
    }
    if (slot == NO_SLOT) {
        struct oh_effect *group = effect_add(ledger, OH_EFFECT_GROUP, NO_HINT);
        group->group = (struct oh_effect_group){ .index = (uint16_t)ledger->group_count, .group = command->group };
        slot = ledger->group_count;
    }
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_GROUP_MEMBER, NO_HINT);
    effect->group_member = (struct oh_effect_group_member){ (uint16_t)slot, (uint16_t)node, command->priority };
}

enum oh_err apply_group_member(struct oh_ledger *ledger, const struct oh_effect_group_member *effect)
{
    ledger->documents_version++;
    struct group *group = &ledger->groups[effect->group];
    snapshot_touch(ledger, SNAP_GROUP, effect->group);
    if (group_has_node(ledger, effect->group, effect->node))
        group_member_take(ledger, group, effect->node);
    if (!group_bitmap_grow(ledger, group, effect->node) || !group_list_grow(ledger, group))
        return OH_E_NOMEM;
    group_member_put(ledger, group, effect->node, effect->priority);
    return OH_OK;
}

bool oh_group_find(const struct oh_ledger *ledger, struct oh_bytes group, struct oh_group_id *out_group)
{
    uint32_t slot = group_find(ledger, group);
    if (slot != NO_SLOT)
        out_group->index = (uint16_t)slot;
    return slot != NO_SLOT;
}

uint32_t oh_group_count(const struct oh_ledger *ledger)
{
    return ledger->group_count;
}

struct oh_bytes oh_group_name(const struct oh_ledger *ledger, struct oh_group_id group)
{
    OH_ASSERT(group.index < ledger->group_count);
    return ledger_string(ledger, ledger->groups[group.index].text, GROUP_TEXT_ID);
}

void oh_group_get(const struct oh_ledger *ledger, struct oh_group_id group, struct oh_effect_group *out_value)
{
    OH_ASSERT(group.index < ledger->group_count);
    const struct group *of = &ledger->groups[group.index];
    *out_value = (struct oh_effect_group){
        .index = group.index,
        .group = ledger_string(ledger, of->text, GROUP_TEXT_ID),
        .name = ledger_string(ledger, of->text, GROUP_TEXT_NAME),
        .nodes = group_nodes(ledger, of),
        .priorities = group_priorities(ledger, of),
        .node_count = of->node_count,
    };
}
