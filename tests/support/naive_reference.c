#include "support/naive.h"
#include <assert.h>
#include <string.h>

/* ---- Numbers of GS1, countries ---------------------------------------------------------------- */

static bool digits_are_right(struct oh_bytes digits)
{
    int sum = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        bool counts_three = (digits.size - i) % 2 == 0; /* the check digit is last, and counts one */
        sum += (digits.data[i] - '0') * (counts_three ? 3 : 1);
    }
    return sum % 10 == 0;
}

static bool gtin_is_valid(struct oh_bytes gtin)
{
    bool has_size = gtin.size == 8 || (gtin.size >= 12 && gtin.size <= 14);
    return gtin.size == 0 || (has_size && digits_are_right(gtin));
}

static bool country_is_valid(struct oh_bytes country)
{
    for (size_t i = 0; i < country.size; i++) {
        if (country.data[i] < 'A' || country.data[i] > 'Z')
            return false;
    }
    return country.size == 0 || country.size == 2;
}

/* ---- Nodes and items -------------------------------------------------------------------------- */

static enum oh_field node_fault(const struct oh_node_command *node)
{
    const struct { bool is_right; enum oh_field field; } faults[] = {
        { naive_text_is_valid(node->name, 128), OH_FIELD_NAME },
        { node->gln.size == 0 || (node->gln.size == 13 && digits_are_right(node->gln)), OH_FIELD_GLN },
        { country_is_valid(node->country), OH_FIELD_COUNTRY },
        { naive_text_is_valid(node->time_zone, 64), OH_FIELD_TIME_ZONE },
        { naive_text_is_valid(node->city, 128), OH_FIELD_CITY },
        { naive_text_is_valid(node->region, 128), OH_FIELD_REGION },
        { naive_text_is_valid(node->postal_code, 64), OH_FIELD_POSTAL_CODE },
        { !node->has_point || naive_point_is_valid(node->point), OH_FIELD_LAT },
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (!faults[i].is_right)
            return faults[i].field;
    }
    return OH_FIELD_NONE;
}

static bool nodes_are_same(const struct oh_node_command *a, const struct oh_node_command *b)
{
    bool points_are_same = a->has_point == b->has_point &&
                           (!a->has_point || memcmp(&a->point, &b->point, sizeof(a->point)) == 0);
    return points_are_same && oh_bytes_equal(a->name, b->name) && oh_bytes_equal(a->gln, b->gln) &&
           oh_bytes_equal(a->country, b->country) && oh_bytes_equal(a->time_zone, b->time_zone) &&
           oh_bytes_equal(a->city, b->city) && oh_bytes_equal(a->region, b->region) &&
           oh_bytes_equal(a->postal_code, b->postal_code) && a->type == b->type && a->ships == b->ships &&
           a->collects == b->collects && a->enabled == b->enabled;
}

static void node_put(struct naive *naive, const struct oh_node_command *command, struct oh_answer *answer)
{
    answer->id = command->node;
    if (!naive_id_is_valid(command->node)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_NODE, OH_INDEX_NONE);
        return;
    }
    if (node_fault(command) != OH_FIELD_NONE) {
        naive_refuse(answer, OH_V_INVALID_VALUE, node_fault(command), OH_INDEX_NONE);
        return;
    }
    uint32_t at = naive_node_find(naive, command->node);
    if (at != NAIVE_NONE && nodes_are_same(&naive->nodes[at], command)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    answer->is_created = at == NAIVE_NONE;
    struct oh_node_command *node = &naive->nodes[at == NAIVE_NONE ? naive->node_count++ : at];
    *node = *command;
    node->node = naive_copy(naive, command->node);
    node->name = naive_copy(naive, command->name);
    node->gln = naive_copy(naive, command->gln);
    node->country = naive_copy(naive, command->country);
    node->time_zone = naive_copy(naive, command->time_zone);
    node->city = naive_copy(naive, command->city);
    node->region = naive_copy(naive, command->region);
    node->postal_code = naive_copy(naive, command->postal_code);
    naive_change(naive);
}

static enum oh_field traits_fault(const struct oh_item_command *item)
{
    if (item->class.size > 0 && !naive_id_is_valid(item->class))
        return OH_FIELD_CLASS;
    if (item->weight_grams > OH_WEIGHT_GRAMS_MAX)
        return OH_FIELD_WEIGHT;
    if (item->side_mm > OH_SIDE_MM_MAX)
        return OH_FIELD_SIDE;
    return item->volume_cm3 > OH_VOLUME_CM3_MAX ? OH_FIELD_VOLUME : OH_FIELD_NONE;
}

static bool items_are_same(const struct oh_item_command *a, const struct oh_item_command *b)
{
    return oh_bytes_equal(a->name, b->name) && oh_bytes_equal(a->gtin, b->gtin) &&
           oh_bytes_equal(a->class, b->class) && a->weight_grams == b->weight_grams && a->side_mm == b->side_mm &&
           a->volume_cm3 == b->volume_cm3;
}

static void item_put(struct naive *naive, const struct oh_item_command *command, struct oh_answer *answer)
{
    answer->id = command->sku;
    if (!naive_id_is_valid(command->sku)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_SKU, OH_INDEX_NONE);
        return;
    }
    if (!gtin_is_valid(command->gtin)) {
        naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_GTIN, OH_INDEX_NONE);
        return;
    }
    if (!naive_text_is_valid(command->name, 128)) {
        naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_NAME, OH_INDEX_NONE);
        return;
    }
    enum oh_field fault = traits_fault(command);
    if (fault != OH_FIELD_NONE) {
        naive_refuse(answer, OH_V_INVALID_VALUE, fault, OH_INDEX_NONE);
        return;
    }
    uint32_t at = naive_item_find(naive, command->sku);
    if (at != NAIVE_NONE && items_are_same(&naive->items[at], command)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    answer->is_created = at == NAIVE_NONE;
    struct oh_item_command *item = &naive->items[at == NAIVE_NONE ? naive->item_count++ : at];
    *item = *command;
    item->sku = naive_copy(naive, command->sku);
    item->name = naive_copy(naive, command->name);
    item->gtin = naive_copy(naive, command->gtin);
    item->class = naive_copy(naive, command->class);
    naive_change(naive);
}

/* ---- Groups and channels ---------------------------------------------------------------------- */

/* The numbers of names that must be known, each once; NULL: refuses. */
static uint32_t *names_resolve(struct naive *naive, const struct oh_bytes *names, uint32_t count,
                               uint32_t (*find)(const struct naive *, struct oh_bytes), enum oh_verdict unknown,
                               enum oh_field field, struct oh_answer *answer)
{
    uint32_t *numbers = naive_allocate(naive, (count + 1) * sizeof(*numbers));
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = find(naive, names[i]);
        if (numbers[i] == NAIVE_NONE) {
            naive_refuse(answer, unknown, field, i);
            return NULL;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (numbers[j] == numbers[i]) {
                naive_refuse(answer, OH_V_DUPLICATE_MEMBER, field, i);
                return NULL;
            }
        }
    }
    return numbers;
}

static bool group_is_same(const struct naive_group *group, struct oh_bytes name, const uint32_t *nodes,
                          uint32_t count)
{
    if (!oh_bytes_equal(group->name, name) || group->member_count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (group->members[i].node != nodes[i] || group->members[i].priority != (int32_t)i + 1)
            return false;
    }
    return true;
}

static struct naive_group *group_add(struct naive *naive, struct oh_bytes id)
{
    struct naive_group *group = &naive->groups[naive->group_count++];
    group->id = naive_copy(naive, id);
    group->members = naive_allocate(naive, NAIVE_MANY * sizeof(*group->members));
    return group;
}

static void group_put(struct naive *naive, const struct oh_group_command *command, struct oh_answer *answer)
{
    answer->id = command->group;
    if (!naive_id_is_valid(command->group)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_GROUP, OH_INDEX_NONE);
        return;
    }
    if (!naive_text_is_valid(command->name, 128)) {
        naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_NAME, OH_INDEX_NONE);
        return;
    }
    uint32_t *nodes = names_resolve(naive, command->nodes, command->node_count, naive_node_find, OH_V_UNKNOWN_NODE,
                                    OH_FIELD_NODES, answer);
    if (nodes == NULL)
        return;
    uint32_t at = naive_group_find(naive, command->group);
    if (at != NAIVE_NONE && group_is_same(&naive->groups[at], command->name, nodes, command->node_count)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    answer->is_created = at == NAIVE_NONE;
    struct naive_group *group = at == NAIVE_NONE ? group_add(naive, command->group) : &naive->groups[at];
    group->name = naive_copy(naive, command->name);
    group->member_count = command->node_count;
    for (uint32_t i = 0; i < command->node_count; i++)
        group->members[i] = (struct naive_member){ nodes[i], (int32_t)i + 1 };
    naive_change(naive);
}

/* Behind all of its priority or a lower one. */
static void member_insert(struct naive_group *group, struct naive_member member)
{
    uint32_t at = group->member_count++;
    for (; at > 0 && group->members[at - 1].priority > member.priority; at--)
        group->members[at] = group->members[at - 1];
    group->members[at] = member;
}

static void member_remove(struct naive_group *group, uint32_t at)
{
    group->member_count--;
    for (; at < group->member_count; at++)
        group->members[at] = group->members[at + 1];
}

static void member_put(struct naive *naive, const struct oh_group_member_command *command, struct oh_answer *answer)
{
    answer->id = command->group;
    if (!naive_id_is_valid(command->group)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_GROUP, OH_INDEX_NONE);
        return;
    }
    uint32_t node = naive_node_find(naive, command->node);
    if (node == NAIVE_NONE) {
        naive_refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, OH_INDEX_NONE);
        return;
    }
    uint32_t number = naive_group_find(naive, command->group);
    answer->is_created = number == NAIVE_NONE;
    struct naive_group *group = number == NAIVE_NONE ? group_add(naive, command->group) : &naive->groups[number];
    for (uint32_t i = 0; i < group->member_count; i++) {
        if (group->members[i].node != node)
            continue;
        if (group->members[i].priority == command->priority) {
            answer->verdict = OH_V_UNCHANGED;
            return;
        }
        member_remove(group, i);
    }
    member_insert(group, (struct naive_member){ node, command->priority });
    naive_change(naive);
}

static bool numbers_are_same(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count)
{
    return a_count == b_count && memcmp(a, b, a_count * sizeof(*a)) == 0;
}

static void channel_put(struct naive *naive, const struct oh_channel_command *command, struct oh_answer *answer)
{
    answer->id = command->channel;
    if (!naive_id_is_valid(command->channel)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        return;
    }
    if (!naive_text_is_valid(command->name, 128)) {
        naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_NAME, OH_INDEX_NONE);
        return;
    }
    uint32_t *nodes = names_resolve(naive, command->nodes, command->node_count, naive_node_find, OH_V_UNKNOWN_NODE,
                                    OH_FIELD_NODES, answer);
    uint32_t *groups = nodes == NULL ? NULL
                                     : names_resolve(naive, command->groups, command->group_count, naive_group_find,
                                                     OH_V_UNKNOWN_GROUP, OH_FIELD_GROUPS, answer);
    if (groups == NULL)
        return;
    uint32_t at = naive_channel_find(naive, command->channel);
    if (at != NAIVE_NONE) {
        const struct naive_channel *old = &naive->channels[at];
        if (oh_bytes_equal(old->name, command->name) && old->policy == command->policy &&
            numbers_are_same(old->nodes, old->node_count, nodes, command->node_count) &&
            numbers_are_same(old->groups, old->group_count, groups, command->group_count)) {
            answer->verdict = OH_V_UNCHANGED;
            return;
        }
    }
    answer->is_created = at == NAIVE_NONE;
    naive->channels[at == NAIVE_NONE ? naive->channel_count++ : at] = (struct naive_channel){
        naive_copy(naive, command->channel), naive_copy(naive, command->name), command->policy, nodes, groups,
        command->node_count, command->group_count };
    naive_change(naive);
}

/* ---- Rules ------------------------------------------------------------------------------------ */

static enum oh_field values_fault(const struct oh_rule_values *values)
{
    const struct { uint32_t attribute; int64_t value, least; enum oh_field field; } rows[] = {
        { OH_RULE_SAFETY_STOCK, values->safety_stock_milli, 0, OH_FIELD_SAFETY_STOCK },
        { OH_RULE_THRESHOLD, values->threshold_milli, 0, OH_FIELD_THRESHOLD },
        { OH_RULE_MIN_QUANTITY, values->min_quantity_milli, 1, OH_FIELD_MIN_QUANTITY },
        { OH_RULE_MAX_QUANTITY, values->max_quantity_milli, 1, OH_FIELD_MAX_QUANTITY },
        { OH_RULE_INCREMENT, values->increment_milli, 1, OH_FIELD_INCREMENT },
        { OH_RULE_BACKORDER_LIMIT, values->backorder_limit_milli, 0, OH_FIELD_BACKORDER_LIMIT },
        { OH_RULE_LOW_STOCK, values->low_stock_milli, 0, OH_FIELD_LOW_STOCK },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool is_said = (values->mask & rows[i].attribute) != 0;
        if (is_said && (rows[i].value < rows[i].least || rows[i].value > 1000000000000))
            return rows[i].field;
    }
    return values->mask > 0x3ff ? OH_FIELD_VALUES : OH_FIELD_NONE;
}

/* False: refuses. An empty name is not in the scope. */
static bool scope_name_resolve(const struct naive *naive, struct oh_bytes name,
                               uint32_t (*find)(const struct naive *, struct oh_bytes), enum oh_verdict unknown,
                               enum oh_field field, uint32_t *out_number, struct oh_answer *answer)
{
    *out_number = name.size == 0 ? NAIVE_NONE : find(naive, name);
    if (name.size > 0 && *out_number == NAIVE_NONE)
        naive_refuse(answer, unknown, field, OH_INDEX_NONE);
    return name.size == 0 || *out_number != NAIVE_NONE;
}

static bool scope_resolve(const struct naive *naive, const struct oh_rule_command *command, struct naive_rule *rule,
                          struct oh_answer *answer)
{
    if (!scope_name_resolve(naive, command->sku, naive_item_find, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, &rule->item,
                            answer) ||
        !scope_name_resolve(naive, command->node, naive_node_find, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, &rule->node,
                            answer) ||
        !scope_name_resolve(naive, command->channel, naive_channel_find, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL,
                            &rule->channel, answer))
        return false;
    if (rule->node == NAIVE_NONE || rule->channel == NAIVE_NONE)
        return true;
    naive_refuse(answer, OH_V_INVALID_SCOPE, OH_FIELD_CHANNEL, OH_INDEX_NONE);
    return false;
}

static bool rule_conflicts(const struct naive *naive, const struct naive_rule *rule)
{
    for (uint32_t i = 0; i < naive->rule_count; i++) {
        const struct naive_rule *other = &naive->rules[i];
        if (other->exists && !oh_bytes_equal(other->id, rule->id) && other->item == rule->item &&
            other->node == rule->node && other->channel == rule->channel &&
            (other->values.mask & rule->values.mask) != 0)
            return true;
    }
    return false;
}

static void rule_put(struct naive *naive, const struct oh_rule_command *command, struct oh_answer *answer)
{
    struct naive_rule rule = { true, command->rule, NAIVE_NONE, NAIVE_NONE, NAIVE_NONE, command->values };
    struct naive_rule *old = NULL;
    answer->id = command->rule;
    for (uint32_t i = 0; i < naive->rule_count; i++) {
        if (naive->rules[i].exists && oh_bytes_equal(naive->rules[i].id, command->rule))
            old = &naive->rules[i];
    }
    if (!naive_id_is_valid(command->rule)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_RULE, OH_INDEX_NONE);
        return;
    }
    bool is_removal = command->values.mask == 0;
    if (is_removal && old == NULL) {
        naive_refuse(answer, OH_V_UNKNOWN_RULE, OH_FIELD_RULE, OH_INDEX_NONE);
        return;
    }
    if (!is_removal && !scope_resolve(naive, command, &rule, answer))
        return;
    if (values_fault(&command->values) != OH_FIELD_NONE) {
        naive_refuse(answer, OH_V_INVALID_QUANTITY, values_fault(&command->values), OH_INDEX_NONE);
        return;
    }
    if (!is_removal && rule_conflicts(naive, &rule)) {
        naive_refuse(answer, OH_V_RULE_CONFLICT, OH_FIELD_RULE, OH_INDEX_NONE);
        return;
    }
    answer->is_created = old == NULL;
    naive_change(naive);
    if (is_removal) {
        old->exists = false;
        return;
    }
    rule.id = naive_copy(naive, command->rule);
    *(old == NULL ? &naive->rules[naive->rule_count++] : old) = rule;
    assert(naive->rule_count < NAIVE_MANY);
}

/* ---- Fences and supplies ---------------------------------------------------------------------- */

static bool place_resolve(const struct naive *naive, struct oh_bytes sku, struct oh_bytes node, uint32_t *out_item,
                          uint32_t *out_node, struct oh_answer *answer)
{
    *out_item = naive_item_find(naive, sku);
    *out_node = naive_node_find(naive, node);
    if (*out_item == NAIVE_NONE)
        naive_refuse(answer, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, OH_INDEX_NONE);
    else if (*out_node == NAIVE_NONE)
        naive_refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, OH_INDEX_NONE);
    return *out_item != NAIVE_NONE && *out_node != NAIVE_NONE;
}

static bool fence_conflicts(const struct naive *naive, const struct naive_fence *fence)
{
    for (uint32_t i = 0; i < naive->fence_count; i++) {
        const struct naive_fence *other = &naive->fences[i];
        if (other->exists && !oh_bytes_equal(other->id, fence->id) && other->item == fence->item &&
            other->node == fence->node && other->channel == fence->channel)
            return true;
    }
    return false;
}

static void fence_put(struct naive *naive, const struct oh_fence_command *command, struct oh_answer *answer)
{
    struct naive_fence fence = { true, command->fence, 0, 0, 0, command->quantity_milli, command->policy };
    struct naive_fence *old = NULL;
    bool says_only_id = command->sku.size == 0 && command->quantity_milli == 0;
    answer->id = command->fence;
    for (uint32_t i = 0; i < naive->fence_count; i++) {
        if (naive->fences[i].exists && oh_bytes_equal(naive->fences[i].id, command->fence))
            old = &naive->fences[i];
    }
    if (!naive_id_is_valid(command->fence)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    if (says_only_id && old == NULL) {
        naive_refuse(answer, OH_V_UNKNOWN_FENCE, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    if (!says_only_id) {
        if (!place_resolve(naive, command->sku, command->node, &fence.item, &fence.node, answer))
            return;
        fence.channel = naive_channel_find(naive, command->channel);
        if (fence.channel == NAIVE_NONE) {
            naive_refuse(answer, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
            return;
        }
        if (fence.milli < 0 || fence.milli > 1000000000000) {
            naive_refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, OH_INDEX_NONE);
            return;
        }
    }
    if (fence.milli == 0 && old == NULL) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (fence.milli > 0 && fence_conflicts(naive, &fence)) {
        naive_refuse(answer, OH_V_RULE_CONFLICT, OH_FIELD_FENCE, OH_INDEX_NONE);
        return;
    }
    answer->is_created = old == NULL;
    naive_change(naive);
    if (fence.milli == 0) {
        old->exists = false;
        return;
    }
    naive_place_obtain(naive, fence.item, fence.node);
    fence.id = naive_copy(naive, command->fence);
    *(old == NULL ? &naive->fences[naive->fence_count++] : old) = fence;
    assert(naive->fence_count < NAIVE_MANY);
}

static void supply_put(struct naive *naive, const struct oh_supply_command *command, struct oh_answer *answer)
{
    struct naive_supply supply = { true, command->supply, 0, 0, command->quantity_milli, command->eta_us };
    struct naive_supply *old = NULL;
    bool says_only_id = command->sku.size == 0 && command->quantity_milli == 0;
    answer->id = command->supply;
    for (uint32_t i = 0; i < naive->supply_count; i++) {
        if (naive->supplies[i].exists && oh_bytes_equal(naive->supplies[i].id, command->supply))
            old = &naive->supplies[i];
    }
    if (!naive_id_is_valid(command->supply)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_SUPPLY, OH_INDEX_NONE);
        return;
    }
    if (says_only_id && old == NULL) {
        naive_refuse(answer, OH_V_UNKNOWN_SUPPLY, OH_FIELD_SUPPLY, OH_INDEX_NONE);
        return;
    }
    if (!says_only_id &&
        !place_resolve(naive, command->sku, command->node, &supply.item, &supply.node, answer))
        return;
    if (supply.milli < 0 || supply.milli > 1000000000000) {
        naive_refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, OH_INDEX_NONE);
        return;
    }
    if (supply.milli > 0 && (supply.eta_us < 0 || supply.eta_us > OH_TIME_US_MAX)) {
        naive_refuse(answer, OH_V_INVALID_TIME, OH_FIELD_ETA, OH_INDEX_NONE);
        return;
    }
    bool is_same = old != NULL && old->item == supply.item && old->node == supply.node &&
                   old->milli == supply.milli && old->eta_us == supply.eta_us;
    if (is_same || (supply.milli == 0 && old == NULL)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    answer->is_created = old == NULL;
    naive_change(naive);
    if (supply.milli == 0) {
        old->exists = false;
        return;
    }
    naive_place_obtain(naive, supply.item, supply.node);
    supply.id = naive_copy(naive, command->supply);
    *(old == NULL ? &naive->supplies[naive->supply_count++] : old) = supply;
    assert(naive->supply_count < NAIVE_MANY);
}

/* ---- Postal codes and imports ----------------------------------------------------------------- */

static void postal_code_put(struct naive *naive, const struct oh_postal_code_command *command,
                            struct oh_answer *answer)
{
    char normal[256];
    size_t size = 0;
    answer->id = command->postal_code;
    for (size_t i = 0; i < command->postal_code.size && size < sizeof(normal); i++) {
        char c = command->postal_code.data[i];
        if (c != ' ' && c != '-')
            normal[size++] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    struct oh_bytes code = { normal, size };
    const struct { bool is_right; enum oh_field field; } faults[] = {
        { code.size >= 1 && naive_text_is_valid(code, 16), OH_FIELD_POSTAL_CODE },
        { command->country.size > 0 && country_is_valid(command->country), OH_FIELD_COUNTRY },
        { naive_text_is_valid(command->place, 128), OH_FIELD_PLACE },
        { naive_point_is_valid(command->point), OH_FIELD_LAT },
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (!faults[i].is_right) {
            naive_refuse(answer, OH_V_INVALID_VALUE, faults[i].field, OH_INDEX_NONE);
            return;
        }
    }
    struct oh_postal_code_command *old = NULL;
    for (uint32_t i = 0; i < naive->postal_code_count; i++) {
        if (oh_bytes_equal(naive->postal_codes[i].country, command->country) &&
            oh_bytes_equal(naive->postal_codes[i].postal_code, code))
            old = &naive->postal_codes[i];
    }
    if (old != NULL && oh_bytes_equal(old->place, command->place) &&
        memcmp(&old->point, &command->point, sizeof(old->point)) == 0) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    answer->is_created = old == NULL;
    *(old == NULL ? &naive->postal_codes[naive->postal_code_count++] : old) = (struct oh_postal_code_command){
        naive_copy(naive, command->country), naive_copy(naive, code), naive_copy(naive, command->place),
        command->point };
    naive_change(naive);
}

static void import_put(struct naive *naive, const struct oh_import_progress_command *command,
                       struct oh_answer *answer)
{
    struct naive_import *old = NULL;
    answer->id = command->import;
    if (command->import.size == 0 || !naive_text_is_valid(command->import, 128)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_IMPORT, OH_INDEX_NONE);
        return;
    }
    for (uint32_t i = 0; i < naive->import_count; i++) {
        if (oh_bytes_equal(naive->imports[i].id, command->import))
            old = &naive->imports[i];
    }
    *(old == NULL ? &naive->imports[naive->import_count++] : old) = (struct naive_import){
        naive_copy(naive, command->import), command->row_count, command->rejected_count };
    naive_change(naive);
}

/* ---- Documents (DO1 to DO4) ------------------------------------------------------------------- */

static enum oh_verdict document_judge(struct naive *naive, const struct oh_document_command *command,
                                      struct oh_answer *answer)
{
    bool has_node = command->kind != OH_DOCUMENT_SCHEDULE || naive_node_find(naive, command->id) != NAIVE_NONE;
    bool has_channel = command->kind != OH_DOCUMENT_SOURCING || naive_channel_find(naive, command->id) != NAIVE_NONE;
    const struct { bool is_right; enum oh_verdict verdict; enum oh_field field; } faults[] = {
        { command->kind < OH_DOCUMENT_KIND_COUNT, OH_V_INVALID_VALUE, OH_FIELD_KIND },
        { naive_id_is_valid(command->id), OH_V_INVALID_ID, OH_FIELD_ID },
        { command->body.size <= 65536, OH_V_TOO_MANY, OH_FIELD_DOCUMENT },
        { has_node, OH_V_UNKNOWN_NODE, OH_FIELD_NODE },
        { has_channel, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL },
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (!faults[i].is_right)
            return naive_refuse(answer, faults[i].verdict, faults[i].field, OH_INDEX_NONE);
    }
    return OH_OK_DONE;
}

/* One that was removed has an empty body. */
static void document_put(struct naive *naive, const struct oh_document_command *command, struct oh_answer *answer)
{
    struct naive_document *document = NULL;
    answer->id = command->id;
    if (document_judge(naive, command, answer) != OH_OK_DONE)
        return;
    for (uint32_t i = 0; i < naive->document_count; i++) {
        if (naive->documents[i].kind == command->kind && oh_bytes_equal(naive->documents[i].id, command->id))
            document = &naive->documents[i];
    }
    bool is_there = document != NULL && document->body.size > 0;
    answer->is_created = !is_there;
    if (!is_there && command->body.size == 0) {
        naive_refuse(answer, OH_V_UNKNOWN_DOCUMENT, OH_FIELD_DOCUMENT, OH_INDEX_NONE);
        return;
    }
    if (is_there && oh_bytes_equal(document->body, command->body)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (document == NULL)
        document = &naive->documents[naive->document_count++];
    *document = (struct naive_document){ command->kind, naive_copy(naive, command->id),
                                         naive_copy(naive, command->body) };
    naive_change(naive);
}

void naive_reference(struct naive *naive, const struct oh_command *command, struct oh_answer *answer)
{
    switch ((int)command->type) {
    case OH_COMMAND_NODE:
        node_put(naive, &command->node, answer);
        return;
    case OH_COMMAND_ITEM:
        item_put(naive, &command->item, answer);
        return;
    case OH_COMMAND_GROUP:
        group_put(naive, &command->group, answer);
        return;
    case OH_COMMAND_GROUP_MEMBER:
        member_put(naive, &command->group_member, answer);
        return;
    case OH_COMMAND_CHANNEL:
        channel_put(naive, &command->channel, answer);
        return;
    case OH_COMMAND_RULE:
        rule_put(naive, &command->rule, answer);
        return;
    case OH_COMMAND_FENCE:
        fence_put(naive, &command->fence, answer);
        return;
    case OH_COMMAND_SUPPLY:
        supply_put(naive, &command->supply, answer);
        return;
    case OH_COMMAND_POSTAL_CODE:
        postal_code_put(naive, &command->postal_code, answer);
        return;
    case OH_COMMAND_DOCUMENT:
        document_put(naive, &command->document, answer);
        return;
    default:
        import_put(naive, &command->import_progress, answer);
        return;
    }
}
