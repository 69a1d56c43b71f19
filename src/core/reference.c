/*
 * reference.c - items, nodes, groups, channels, postal codes and imports:
 * what the ledger is told about the world. None of them is ever removed, so
 * their indexes are permanent numbers.
 */
#include "base/utf8.h"
#include "core/state.h"

/* ---- Validation ------------------------------------------------------------------------------- */

bool text_is_valid(struct oh_bytes text, size_t size_max)
{
    if (text.size > size_max || !oh_utf8_is_valid(text))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f)
            return false;
    }
    return true;
}

bool id_is_valid(struct oh_bytes id)
{
    return id.size > 0 && text_is_valid(id, OH_ID_SIZE_MAX);
}

/* The last digit of a GTIN or GLN makes the sum, weighted 3 1 3 1 from the right, a multiple of ten. */
static bool check_digit_is_right(struct oh_bytes digits)
{
    unsigned sum = 0;
    for (size_t i = 0; i < digits.size; i++) {
        char c = digits.data[digits.size - 1 - i];
        if (c < '0' || c > '9')
            return false;
        sum += (unsigned)(c - '0') * (i % 2 == 1 ? 3 : 1);
    }
    return sum % 10 == 0;
}

static bool gtin_is_valid(struct oh_bytes gtin)
{
    bool size_is_known = gtin.size == 8 || gtin.size == 12 || gtin.size == 13 || gtin.size == 14;
    return gtin.size == 0 || (size_is_known && check_digit_is_right(gtin));
}

static bool gln_is_valid(struct oh_bytes gln)
{
    return gln.size == 0 || (gln.size == 13 && check_digit_is_right(gln));
}

static bool country_is_valid(struct oh_bytes country)
{
    if (country.size == 0)
        return true;
    return country.size == 2 && country.data[0] >= 'A' && country.data[0] <= 'Z' && country.data[1] >= 'A' &&
           country.data[1] <= 'Z';
}

/* ---- Finding ---------------------------------------------------------------------------------- */

#define FIND_BY_TEXT(index_field, objects, name)                                                   \
    struct oh_index_cursor cursor;                                                                 \
    uint32_t slot;                                                                                 \
    oh_index_first(&ledger->index_field, (uint32_t)name_hash(name), &cursor);                      \
    while (oh_index_next(&ledger->index_field, &cursor, &slot)) {                                  \
        if (oh_bytes_equal(ledger_string(ledger, ledger->objects[slot].text, 0), (name)))          \
            return slot;                                                                           \
    }                                                                                              \
    return NO_SLOT

uint32_t item_find(const struct oh_ledger *ledger, struct oh_bytes sku)
{
    FIND_BY_TEXT(item_index, items, sku);
}

uint32_t node_find(const struct oh_ledger *ledger, struct oh_bytes node)
{
    FIND_BY_TEXT(node_index, nodes, node);
}

uint32_t group_find(const struct oh_ledger *ledger, struct oh_bytes group)
{
    FIND_BY_TEXT(group_index, groups, group);
}

uint32_t channel_find(const struct oh_ledger *ledger, struct oh_bytes channel)
{
    FIND_BY_TEXT(channel_index, channels, channel);
}

static uint32_t import_find(const struct oh_ledger *ledger, struct oh_bytes import)
{
    FIND_BY_TEXT(import_index, imports, import);
}

/* A postal code is filed as country + code, upper-cased, without spaces. */
static struct oh_bytes postal_code_normal(struct oh_bytes postal_code, char buffer[16])
{
    size_t size = 0;
    for (size_t i = 0; i < postal_code.size; i++) {
        char c = postal_code.data[i];
        if (c == ' ' || c == '-')
            continue;
        if (size == 16)
            return OH_BYTES_NONE;
        buffer[size++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return (struct oh_bytes){ buffer, size };
}

static uint32_t postal_code_hash(struct oh_bytes country, struct oh_bytes postal_code)
{
    return (uint32_t)(name_hash(country) * 31 + name_hash(postal_code));
}

static uint32_t postal_code_find(const struct oh_ledger *ledger, struct oh_bytes country, struct oh_bytes normal)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->postal_code_index, postal_code_hash(country, normal), &cursor);
    while (oh_index_next(&ledger->postal_code_index, &cursor, &slot)) {
        uint32_t text = ledger->postal_codes[slot].text;
        if (oh_bytes_equal(ledger_string(ledger, text, POSTAL_TEXT_COUNTRY), country) &&
            oh_bytes_equal(ledger_string(ledger, text, POSTAL_TEXT_CODE), normal))
            return slot;
    }
    return NO_SLOT;
}

/* ---- Nodes ------------------------------------------------------------------------------------ */

static enum oh_field node_fault(const struct oh_node_command *command)
{
    if (!text_is_valid(command->name, OH_TEXT_SIZE_MAX))
        return OH_FIELD_NAME;
    if (!gln_is_valid(command->gln))
        return OH_FIELD_GLN;
    if (!country_is_valid(command->country))
        return OH_FIELD_COUNTRY;
    if (!text_is_valid(command->time_zone, OH_ID_SIZE_MAX))
        return OH_FIELD_TIME_ZONE;
    if (!text_is_valid(command->city, OH_TEXT_SIZE_MAX))
        return OH_FIELD_CITY;
    if (!text_is_valid(command->region, OH_TEXT_SIZE_MAX))
        return OH_FIELD_REGION;
    if (!text_is_valid(command->postal_code, OH_ID_SIZE_MAX))
        return OH_FIELD_POSTAL_CODE;
    if (command->has_point && !point_is_valid(command->point))
        return OH_FIELD_LAT;
    return OH_FIELD_NONE;
}

static bool node_is_same(const struct oh_ledger *ledger, uint32_t slot, const struct oh_node_command *command)
{
    struct oh_node_command old;
    oh_node_get(ledger, (struct oh_node_id){ (uint16_t)slot }, &old);
    return oh_bytes_equal(old.name, command->name) && oh_bytes_equal(old.gln, command->gln) &&
           oh_bytes_equal(old.country, command->country) && oh_bytes_equal(old.time_zone, command->time_zone) &&
           oh_bytes_equal(old.city, command->city) && oh_bytes_equal(old.region, command->region) &&
           oh_bytes_equal(old.postal_code, command->postal_code) && old.type == command->type &&
           old.has_point == command->has_point &&
           (!old.has_point || memcmp(&old.point, &command->point, sizeof(old.point)) == 0) &&
           old.ships == command->ships && old.collects == command->collects && old.enabled == command->enabled;
}

void decide_node(struct oh_ledger *ledger, const struct oh_node_command *command, struct oh_answer *answer)
{
    answer->id = command->node;
    if (!id_is_valid(command->node)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_NODE, OH_INDEX_NONE);
        return;
    }
    enum oh_field fault = node_fault(command);
    if (fault != OH_FIELD_NONE) {
        refuse(answer, OH_V_INVALID_VALUE, fault, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = node_find(ledger, command->node);
    answer->is_created = slot == NO_SLOT;
    if (slot != NO_SLOT && node_is_same(ledger, slot, command)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (slot == NO_SLOT && ledger->node_count == OH_NODES_MAX) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_NODE, OH_INDEX_NONE);
        return;
    }
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_NODE, NO_HINT);
    effect->node.index = (uint16_t)(slot == NO_SLOT ? ledger->node_count : slot);
    effect->node.value = *command;
}

enum oh_err apply_node(struct oh_ledger *ledger, const struct oh_effect_node *effect)
{
    const struct oh_node_command *value = &effect->value;
    if (effect->index >= OH_NODES_MAX)
        return OH_E_CORRUPT;
    struct node *node = &ledger->nodes[effect->index];
    bool is_new = node->text == 0;
    if (!is_new && !oh_bytes_equal(ledger_string(ledger, node->text, NODE_TEXT_ID), value->node))
        return OH_E_CORRUPT;
    const struct oh_bytes strings[NODE_TEXTS] = {
        [NODE_TEXT_ID] = value->node,           [NODE_TEXT_NAME] = value->name,
        [NODE_TEXT_GLN] = value->gln,           [NODE_TEXT_COUNTRY] = value->country,
        [NODE_TEXT_TIME_ZONE] = value->time_zone, [NODE_TEXT_CITY] = value->city,
        [NODE_TEXT_REGION] = value->region,     [NODE_TEXT_POSTAL_CODE] = value->postal_code,
    };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, NODE_TEXTS);
    if (text == 0)
        return OH_E_NOMEM;
    snapshot_touch(ledger, SNAP_NODE, effect->index);
    if (!is_new && node->has_point)
        geo_index_remove(ledger, effect->index);
    oh_text_free_strings(&ledger->text, node->text, NODE_TEXTS);
    node->text = text;
    node->type = value->type;
    node->has_point = value->has_point;
    node->point = value->point;
    node->ships = value->ships;
    node->collects = value->collects;
    node->enabled = value->enabled;
    if (is_new)
        oh_index_insert(&ledger->node_index, (uint32_t)name_hash(value->node), effect->index);
    if (effect->index >= ledger->node_count)
        ledger->node_count = effect->index + 1u;
    if (node->has_point) {
        geo_place(node);
        geo_index_insert(ledger, effect->index);
    }
    return OH_OK;
}

/* ---- Items ------------------------------------------------------------------------------------ */

void decide_item(struct oh_ledger *ledger, const struct oh_item_command *command, struct oh_answer *answer)
{
    answer->id = command->sku;
    if (!id_is_valid(command->sku)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_SKU, OH_INDEX_NONE);
        return;
    }
    if (!text_is_valid(command->name, OH_TEXT_SIZE_MAX) || !gtin_is_valid(command->gtin)) {
        enum oh_field field = gtin_is_valid(command->gtin) ? OH_FIELD_NAME : OH_FIELD_GTIN;
        refuse(answer, OH_V_INVALID_VALUE, field, OH_INDEX_NONE);
        return;
    }
    uint32_t slot = item_find(ledger, command->sku);
    answer->is_created = slot == NO_SLOT;
    if (slot != NO_SLOT) {
        uint32_t text = ledger->items[slot].text;
        if (oh_bytes_equal(ledger_string(ledger, text, ITEM_TEXT_NAME), command->name) &&
            oh_bytes_equal(ledger_string(ledger, text, ITEM_TEXT_GTIN), command->gtin)) {
            answer->verdict = OH_V_UNCHANGED;
            return;
        }
    } else if (ledger->item_count == ledger->options.items_max) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_SKU, OH_INDEX_NONE);
        return;
    }
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_ITEM, NO_HINT);
    effect->item.index = slot == NO_SLOT ? ledger->item_count : slot;
    effect->item.value = *command;
}

enum oh_err apply_item(struct oh_ledger *ledger, const struct oh_effect_item *effect)
{
    const struct oh_item_command *value = &effect->value;
    if (effect->index >= ledger->options.items_max)
        return OH_E_CORRUPT;
    struct item *item = &ledger->items[effect->index];
    if (item->text != 0 && !oh_bytes_equal(ledger_string(ledger, item->text, ITEM_TEXT_SKU), value->sku))
        return OH_E_CORRUPT;
    const struct oh_bytes strings[ITEM_TEXTS] = { value->sku, value->name, value->gtin };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, ITEM_TEXTS);
    if (text == 0)
        return OH_E_NOMEM;
    snapshot_touch(ledger, SNAP_ITEM, effect->index);
    if (item->text == 0)
        oh_index_insert(&ledger->item_index, (uint32_t)name_hash(value->sku), effect->index);
    oh_text_free_strings(&ledger->text, item->text, ITEM_TEXTS);
    item->text = text;
    if (effect->index >= ledger->item_count)
        ledger->item_count = effect->index + 1;
    return OH_OK;
}

/* ---- Groups ----------------------------------------------------------------------------------- */

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

/* The nodes a command names, as indexes; refuses an unknown one and one named twice. */
static uint16_t *nodes_resolve(struct oh_ledger *ledger, const struct oh_bytes *names, uint32_t count,
                               struct oh_answer *answer)
{
    uint16_t *nodes = scratch_take(ledger, (size_t)count * sizeof(*nodes) + 1);
    memset(ledger->visited, 0, (OH_NODES_MAX / 64 + 1) * sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = node_find(ledger, names[i]);
        if (slot == NO_SLOT) {
            refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODES, i);
            return NULL;
        }
        uint64_t bit = (uint64_t)1 << (slot % 64);
        if ((ledger->visited[slot / 64] & bit) != 0) {
            refuse(answer, OH_V_DUPLICATE_MEMBER, OH_FIELD_NODES, i);
            return NULL;
        }
        ledger->visited[slot / 64] |= bit;
        nodes[i] = (uint16_t)slot;
    }
    return nodes;
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
    int32_t *priorities = scratch_take(ledger, (size_t)command->node_count * sizeof(*priorities) + 1);
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
    if (effect->index >= OH_GROUPS_MAX || effect->node_count > OH_GROUP_NODES_MAX)
        return OH_E_CORRUPT;
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
        if (node >= OH_NODES_MAX || group_has_node(ledger, effect->index, node))
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
    if (effect->group >= ledger->group_count || effect->node >= OH_NODES_MAX)
        return OH_E_CORRUPT;
    struct group *group = &ledger->groups[effect->group];
    snapshot_touch(ledger, SNAP_GROUP, effect->group);
    if (group_has_node(ledger, effect->group, effect->node))
        group_member_take(ledger, group, effect->node);
    if (!group_bitmap_grow(ledger, group, effect->node) || !group_list_grow(ledger, group))
        return OH_E_NOMEM;
    group_member_put(ledger, group, effect->node, effect->priority);
    return OH_OK;
}

/* ---- Channels --------------------------------------------------------------------------------- */

const uint16_t *channel_nodes(const struct oh_ledger *ledger, const struct channel *channel)
{
    return oh_text_at(&ledger->text, channel->list);
}

const uint16_t *channel_groups(const struct oh_ledger *ledger, const struct channel *channel)
{
    return channel_nodes(ledger, channel) + channel->node_count;
}

bool channel_has_node(const struct oh_ledger *ledger, uint16_t channel, uint16_t node)
{
    if (channel == OH_NODE_NONE)
        return true;
    const struct channel *of = &ledger->channels[channel];
    if (of->node_count + of->group_count == 0)
        return true;
    const uint16_t *groups = channel_groups(ledger, of);
    for (uint32_t i = 0; i < of->group_count; i++) {
        if (group_has_node(ledger, groups[i], node))
            return true;
    }
    const uint16_t *nodes = channel_nodes(ledger, of);
    for (uint32_t i = 0; i < of->node_count; i++) {
        if (nodes[i] == node)
            return true;
    }
    return false;
}

static uint16_t *groups_resolve(struct oh_ledger *ledger, const struct oh_bytes *names, uint32_t count,
                                struct oh_answer *answer)
{
    uint16_t *groups = scratch_take(ledger, (size_t)count * sizeof(*groups) + 1);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = group_find(ledger, names[i]);
        if (slot == NO_SLOT) {
            refuse(answer, OH_V_UNKNOWN_GROUP, OH_FIELD_GROUPS, i);
            return NULL;
        }
        groups[i] = (uint16_t)slot;
        for (uint32_t j = 0; j < i; j++) {
            if (groups[j] == groups[i]) {
                refuse(answer, OH_V_DUPLICATE_MEMBER, OH_FIELD_GROUPS, i);
                return NULL;
            }
        }
    }
    return groups;
}

static bool channel_is_same(const struct oh_ledger *ledger, uint32_t slot, const struct oh_effect_channel *value)
{
    struct oh_effect_channel old;
    oh_channel_get(ledger, (struct oh_channel_id){ (uint16_t)slot }, &old);
    return oh_bytes_equal(old.name, value->name) && old.policy == value->policy &&
           old.node_count == value->node_count && old.group_count == value->group_count &&
           memcmp(old.nodes, value->nodes, value->node_count * sizeof(*value->nodes)) == 0 &&
           memcmp(old.groups, value->groups, value->group_count * sizeof(*value->groups)) == 0;
}

void decide_channel(struct oh_ledger *ledger, const struct oh_channel_command *command, struct oh_answer *answer)
{
    answer->id = command->channel;
    if (!id_is_valid(command->channel)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        return;
    }
    if (!text_is_valid(command->name, OH_TEXT_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_NAME, OH_INDEX_NONE);
        return;
    }
    if (command->node_count > OH_CHANNEL_MEMBERS_MAX ||
        command->group_count > OH_CHANNEL_MEMBERS_MAX - command->node_count) {
        refuse(answer, OH_V_TOO_MANY, OH_FIELD_NODES, OH_INDEX_NONE);
        return;
    }
    struct oh_effect_channel value = {
        .channel = command->channel,
        .name = command->name,
        .policy = command->policy,
        .node_count = command->node_count,
        .group_count = command->group_count,
    };
    value.nodes = nodes_resolve(ledger, command->nodes, command->node_count, answer);
    if (value.nodes == NULL)
        return;
    value.groups = groups_resolve(ledger, command->groups, command->group_count, answer);
    if (value.groups == NULL)
        return;
    uint32_t slot = channel_find(ledger, command->channel);
    answer->is_created = slot == NO_SLOT;
    if (slot != NO_SLOT && channel_is_same(ledger, slot, &value)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (slot == NO_SLOT && ledger->channel_count == OH_CHANNELS_MAX) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        return;
    }
    value.index = (uint16_t)(slot == NO_SLOT ? ledger->channel_count : slot);
    effect_add(ledger, OH_EFFECT_CHANNEL, NO_HINT)->channel = value;
}

static size_t channel_list_size(uint32_t node_count, uint32_t group_count)
{
    return ((size_t)node_count + group_count) * sizeof(uint16_t) + 1;
}

enum oh_err apply_channel(struct oh_ledger *ledger, const struct oh_effect_channel *effect)
{
    if (effect->index >= OH_CHANNELS_MAX || effect->node_count > OH_CHANNEL_MEMBERS_MAX ||
        effect->group_count > OH_CHANNEL_MEMBERS_MAX)
        return OH_E_CORRUPT;
    struct channel *channel = &ledger->channels[effect->index];
    if (channel->text != 0 && !oh_bytes_equal(ledger_string(ledger, channel->text, 0), effect->channel))
        return OH_E_CORRUPT;
    for (uint32_t i = 0; i < effect->group_count; i++) {
        if (effect->groups[i] >= OH_GROUPS_MAX)
            return OH_E_CORRUPT;
    }
    const struct oh_bytes strings[2] = { effect->channel, effect->name };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, 2);
    uint32_t list = oh_text_allocate(&ledger->text, channel_list_size(effect->node_count, effect->group_count));
    if (text == 0 || list == 0)
        return OH_E_NOMEM;
    snapshot_touch(ledger, SNAP_CHANNEL, effect->index);
    if (channel->text == 0) {
        oh_index_insert(&ledger->channel_index, (uint32_t)name_hash(effect->channel), effect->index);
    } else {
        oh_text_free_strings(&ledger->text, channel->text, 2);
        oh_text_free(&ledger->text, channel->list, channel_list_size(channel->node_count, channel->group_count));
    }
    uint16_t *members = oh_text_at(&ledger->text, list);
    for (uint32_t i = 0; i < effect->node_count; i++)
        members[i] = effect->nodes[i];
    for (uint32_t i = 0; i < effect->group_count; i++)
        members[effect->node_count + i] = effect->groups[i];
    channel->text = text;
    channel->list = list;
    channel->policy = effect->policy;
    channel->node_count = effect->node_count;
    channel->group_count = effect->group_count;
    if (effect->index >= ledger->channel_count)
        ledger->channel_count = effect->index + 1u;
    return OH_OK;
}

/* ---- Postal codes and imports ----------------------------------------------------------------- */

void decide_postal_code(struct oh_ledger *ledger, const struct oh_postal_code_command *command,
                        struct oh_answer *answer)
{
    char *buffer = scratch_take(ledger, 16);
    struct oh_bytes normal = postal_code_normal(command->postal_code, buffer);
    answer->id = command->postal_code;
    if (normal.size == 0 || !text_is_valid(normal, 16)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_POSTAL_CODE, OH_INDEX_NONE);
        return;
    }
    if (command->country.size == 0 || !country_is_valid(command->country)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_COUNTRY, OH_INDEX_NONE);
        return;
    }
    if (!text_is_valid(command->place, OH_TEXT_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_PLACE, OH_INDEX_NONE);
        return;
    }
    if (!point_is_valid(command->point)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_LAT, OH_INDEX_NONE);
        return;
    }
    struct oh_postal_code_command old;
    answer->is_created = !oh_postal_code_find(ledger, command->country, normal, &old);
    if (!answer->is_created && memcmp(&old.point, &command->point, sizeof(old.point)) == 0 &&
        oh_bytes_equal(old.place, command->place)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (answer->is_created && ledger->postal_code_count == OH_POSTAL_CODES_MAX) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_POSTAL_CODE, OH_INDEX_NONE);
        return;
    }
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_POSTAL_CODE, NO_HINT);
    effect->postal_code = *command;
    effect->postal_code.postal_code = normal;
}

enum oh_err apply_postal_code(struct oh_ledger *ledger, const struct oh_postal_code_command *effect)
{
    uint32_t slot = postal_code_find(ledger, effect->country, effect->postal_code);
    if (slot == NO_SLOT && ledger->postal_code_count == OH_POSTAL_CODES_MAX)
        return OH_E_CORRUPT;
    const struct oh_bytes strings[POSTAL_TEXTS] = { effect->country, effect->postal_code, effect->place };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, POSTAL_TEXTS);
    if (text == 0)
        return OH_E_NOMEM;
    if (slot == NO_SLOT) {
        slot = ledger->postal_code_count++;
        oh_index_insert(&ledger->postal_code_index, postal_code_hash(effect->country, effect->postal_code), slot);
    } else {
        snapshot_touch(ledger, SNAP_POSTAL_CODE, slot);
        oh_text_free_strings(&ledger->text, ledger->postal_codes[slot].text, POSTAL_TEXTS);
    }
    ledger->postal_codes[slot] = (struct postal_code){ text, effect->point };
    return OH_OK;
}

void decide_import(struct oh_ledger *ledger, const struct oh_import_progress_command *command,
                   struct oh_answer *answer)
{
    answer->id = command->import;
    if (command->import.size == 0 || !text_is_valid(command->import, OH_TEXT_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_IMPORT, OH_INDEX_NONE);
        return;
    }
    effect_add(ledger, OH_EFFECT_IMPORT, NO_HINT)->import =
        (struct oh_effect_import){ command->import, command->row_count, command->rejected_count, 0 };
}

/* A new import takes the place of the one that was heard of least recently, once the table is full. */
static uint32_t import_slot_take(struct oh_ledger *ledger)
{
    if (ledger->import_count < OH_IMPORTS_MAX)
        return ledger->import_count++;
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < OH_IMPORTS_MAX; i++) {
        if (ledger->imports[i].used_number < ledger->imports[oldest].used_number)
            oldest = i;
    }
    snapshot_touch(ledger, SNAP_IMPORT, oldest);
    struct oh_bytes name = ledger_string(ledger, ledger->imports[oldest].text, 0);
    oh_index_remove(&ledger->import_index, (uint32_t)name_hash(name), oldest);
    oh_text_free_strings(&ledger->text, ledger->imports[oldest].text, 1);
    return oldest;
}

enum oh_err apply_import(struct oh_ledger *ledger, const struct oh_effect_import *effect)
{
    uint32_t slot = import_find(ledger, effect->import);
    if (slot == NO_SLOT) {
        uint32_t text = oh_text_put_strings(&ledger->text, &effect->import, 1);
        if (text == 0)
            return OH_E_NOMEM;
        slot = import_slot_take(ledger);
        ledger->imports[slot].text = text;
        oh_index_insert(&ledger->import_index, (uint32_t)name_hash(effect->import), slot);
    } else {
        snapshot_touch(ledger, SNAP_IMPORT, slot);
    }
    ledger->imports[slot].row_count = effect->row_count;
    ledger->imports[slot].rejected_count = effect->rejected_count;
    ledger->imports[slot].used_number = effect->number != 0 ? effect->number : ledger->import_number + 1;
    if (ledger->imports[slot].used_number > ledger->import_number)
        ledger->import_number = ledger->imports[slot].used_number;
    return OH_OK;
}

/* ---- Public questions ------------------------------------------------------------------------- */

bool oh_item_find(const struct oh_ledger *ledger, struct oh_bytes sku, struct oh_item_id *out_item)
{
    uint32_t slot = item_find(ledger, sku);
    if (slot != NO_SLOT)
        out_item->index = slot;
    return slot != NO_SLOT;
}

bool oh_node_find(const struct oh_ledger *ledger, struct oh_bytes node, struct oh_node_id *out_node)
{
    uint32_t slot = node_find(ledger, node);
    if (slot != NO_SLOT)
        out_node->index = (uint16_t)slot;
    return slot != NO_SLOT;
}

bool oh_group_find(const struct oh_ledger *ledger, struct oh_bytes group, struct oh_group_id *out_group)
{
    uint32_t slot = group_find(ledger, group);
    if (slot != NO_SLOT)
        out_group->index = (uint16_t)slot;
    return slot != NO_SLOT;
}

bool oh_channel_find(const struct oh_ledger *ledger, struct oh_bytes channel, struct oh_channel_id *out_channel)
{
    uint32_t slot = channel_find(ledger, channel);
    if (slot != NO_SLOT)
        out_channel->index = (uint16_t)slot;
    return slot != NO_SLOT;
}

bool oh_postal_code_find(const struct oh_ledger *ledger, struct oh_bytes country, struct oh_bytes postal_code,
                         struct oh_postal_code_command *out_value)
{
    char buffer[16];
    uint32_t slot = postal_code_find(ledger, country, postal_code_normal(postal_code, buffer));
    if (slot == NO_SLOT)
        return false;
    const struct postal_code *found = &ledger->postal_codes[slot];
    *out_value = (struct oh_postal_code_command){
        ledger_string(ledger, found->text, POSTAL_TEXT_COUNTRY),
        ledger_string(ledger, found->text, POSTAL_TEXT_CODE),
        ledger_string(ledger, found->text, POSTAL_TEXT_PLACE),
        found->point,
    };
    return true;
}

uint32_t oh_item_count(const struct oh_ledger *ledger)
{
    return ledger->item_count;
}

uint32_t oh_node_count(const struct oh_ledger *ledger)
{
    return ledger->node_count;
}

uint32_t oh_group_count(const struct oh_ledger *ledger)
{
    return ledger->group_count;
}

uint32_t oh_channel_count(const struct oh_ledger *ledger)
{
    return ledger->channel_count;
}

struct oh_bytes oh_item_sku(const struct oh_ledger *ledger, struct oh_item_id item)
{
    OH_ASSERT(item.index < ledger->item_count);
    return ledger_string(ledger, ledger->items[item.index].text, ITEM_TEXT_SKU);
}

struct oh_bytes oh_node_name(const struct oh_ledger *ledger, struct oh_node_id node)
{
    OH_ASSERT(node.index < ledger->node_count);
    return ledger_string(ledger, ledger->nodes[node.index].text, NODE_TEXT_ID);
}

struct oh_bytes oh_group_name(const struct oh_ledger *ledger, struct oh_group_id group)
{
    OH_ASSERT(group.index < ledger->group_count);
    return ledger_string(ledger, ledger->groups[group.index].text, GROUP_TEXT_ID);
}

struct oh_bytes oh_channel_name(const struct oh_ledger *ledger, struct oh_channel_id channel)
{
    OH_ASSERT(channel.index < ledger->channel_count);
    return ledger_string(ledger, ledger->channels[channel.index].text, 0);
}

void oh_item_get(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_item_command *out_value)
{
    OH_ASSERT(item.index < ledger->item_count);
    uint32_t text = ledger->items[item.index].text;
    *out_value = (struct oh_item_command){
        ledger_string(ledger, text, ITEM_TEXT_SKU),
        ledger_string(ledger, text, ITEM_TEXT_NAME),
        ledger_string(ledger, text, ITEM_TEXT_GTIN),
    };
}

void oh_node_get(const struct oh_ledger *ledger, struct oh_node_id node, struct oh_node_command *out_value)
{
    OH_ASSERT(node.index < ledger->node_count);
    const struct node *of = &ledger->nodes[node.index];
    *out_value = (struct oh_node_command){
        .node = ledger_string(ledger, of->text, NODE_TEXT_ID),
        .name = ledger_string(ledger, of->text, NODE_TEXT_NAME),
        .gln = ledger_string(ledger, of->text, NODE_TEXT_GLN),
        .country = ledger_string(ledger, of->text, NODE_TEXT_COUNTRY),
        .time_zone = ledger_string(ledger, of->text, NODE_TEXT_TIME_ZONE),
        .city = ledger_string(ledger, of->text, NODE_TEXT_CITY),
        .region = ledger_string(ledger, of->text, NODE_TEXT_REGION),
        .postal_code = ledger_string(ledger, of->text, NODE_TEXT_POSTAL_CODE),
        .type = of->type,
        .has_point = of->has_point,
        .point = of->point,
        .ships = of->ships,
        .collects = of->collects,
        .enabled = of->enabled,
    };
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

void oh_channel_get(const struct oh_ledger *ledger, struct oh_channel_id channel,
                    struct oh_effect_channel *out_value)
{
    OH_ASSERT(channel.index < ledger->channel_count);
    const struct channel *of = &ledger->channels[channel.index];
    *out_value = (struct oh_effect_channel){
        .index = channel.index,
        .channel = ledger_string(ledger, of->text, 0),
        .name = ledger_string(ledger, of->text, 1),
        .policy = of->policy,
        .nodes = channel_nodes(ledger, of),
        .node_count = of->node_count,
        .groups = channel_groups(ledger, of),
        .group_count = of->group_count,
    };
}

bool oh_import_get(const struct oh_ledger *ledger, struct oh_bytes import, struct oh_effect_import *out_value)
{
    uint32_t slot = import_find(ledger, import);
    if (slot == NO_SLOT)
        return false;
    const struct import *of = &ledger->imports[slot];
    *out_value = (struct oh_effect_import){ ledger_string(ledger, of->text, 0), of->row_count, of->rejected_count,
                                            of->used_number };
    return true;
}
