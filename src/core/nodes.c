/*
 * nodes.c - places that hold or hand over stock. Never removed: an index is a permanent number.
 */
#include "core/state.h"

uint32_t node_find(const struct oh_ledger *ledger, struct oh_bytes node)
{
    FIND_BY_NAME(node_index, nodes, node);
}

uint16_t *nodes_resolve(struct oh_ledger *ledger, const struct oh_bytes *names, uint32_t count,
                        struct oh_answer *answer)
{
    uint16_t *nodes = scratch_take(ledger, (size_t)count * sizeof(*nodes));
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
    ledger->documents_version++;
    const struct oh_node_command *value = &effect->value;
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

bool oh_node_find(const struct oh_ledger *ledger, struct oh_bytes node, struct oh_node_id *out_node)
{
    uint32_t slot = node_find(ledger, node);
    if (slot != NO_SLOT)
        out_node->index = (uint16_t)slot;
    return slot != NO_SLOT;
}

uint32_t oh_node_count(const struct oh_ledger *ledger)
{
    return ledger->node_count;
}

struct oh_bytes oh_node_name(const struct oh_ledger *ledger, struct oh_node_id node)
{
    OH_ASSERT(node.index < ledger->node_count);
    return ledger_string(ledger, ledger->nodes[node.index].text, NODE_TEXT_ID);
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
