/*
 * channels.c - selling contexts: the nodes that are eligible, and how a line is pinned.
 */
#include "core/state.h"

uint32_t channel_find(const struct oh_ledger *ledger, struct oh_bytes channel)
{
    FIND_BY_NAME(channel_index, channels, channel);
}

const uint16_t *channel_nodes(const struct oh_ledger *ledger, const struct channel *channel)
{
    return oh_text_at(&ledger->text, channel->list);
}

const uint16_t *channel_groups(const struct oh_ledger *ledger, const struct channel *channel)
{
    return channel_nodes(ledger, channel) + channel->node_count;
}

bool channel_names_node(const struct oh_ledger *ledger, const struct channel *of, uint16_t node)
{
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
    uint16_t *groups = scratch_take(ledger, (size_t)count * sizeof(*groups));
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
    ledger->documents_version++;
    if (effect->node_count > OH_CHANNEL_MEMBERS_MAX || effect->group_count > OH_CHANNEL_MEMBERS_MAX)
        return OH_E_CORRUPT;
    struct channel *channel = &ledger->channels[effect->index];
    if (channel->text != 0 && !oh_bytes_equal(ledger_string(ledger, channel->text, 0), effect->channel))
        return OH_E_CORRUPT;
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

bool oh_channel_find(const struct oh_ledger *ledger, struct oh_bytes channel, struct oh_channel_id *out_channel)
{
    uint32_t slot = channel_find(ledger, channel);
    if (slot != NO_SLOT)
        out_channel->index = (uint16_t)slot;
    return slot != NO_SLOT;
}

uint32_t oh_channel_count(const struct oh_ledger *ledger)
{
    return ledger->channel_count;
}

struct oh_bytes oh_channel_name(const struct oh_ledger *ledger, struct oh_channel_id channel)
{
    OH_ASSERT(channel.index < ledger->channel_count);
    return ledger_string(ledger, ledger->channels[channel.index].text, 0);
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
