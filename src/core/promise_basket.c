/*
 * promise_basket.c - the request of a promise, judged and resolved: what is
 * asked for, by which channel, and where to (docs/spec/promise.md).
 */
#include "core/promise.h"

static bool say(struct oh_promise_engine *engine, enum oh_verdict verdict, enum oh_field field, uint32_t index)
{
    engine->answer->verdict = verdict;
    engine->answer->field = field;
    engine->answer->fault_index = index;
    return false;
}

/* ---- Channel and closed nodes ----------------------------------------------------------------- */

static void member_add(struct oh_promise_engine *engine, uint16_t node)
{
    engine->members[node / 64] |= (uint64_t)1 << (node % 64);
}

static void members_fill(struct oh_promise_engine *engine)
{
    const struct oh_ledger *ledger = engine->ledger;
    const struct channel *channel = engine->channel == OH_NODE_NONE ? NULL : &ledger->channels[engine->channel];
    bool has_all = channel == NULL || channel->node_count + channel->group_count == 0;
    memset(engine->members, has_all ? 0xff : 0, (ledger->node_count / 64 + 1) * sizeof(uint64_t));
    if (has_all)
        return;
    const uint16_t *nodes = channel_nodes(ledger, channel);
    const uint16_t *groups = channel_groups(ledger, channel);
    for (uint32_t i = 0; i < channel->node_count; i++)
        member_add(engine, nodes[i]);
    for (uint32_t i = 0; i < channel->group_count; i++) {
        const struct group *group = &ledger->groups[groups[i]];
        const uint16_t *of = group_nodes(ledger, group);
        for (uint32_t j = 0; j < group->node_count; j++)
            member_add(engine, of[j]);
    }
}

/* The nodes of the channel as a bitmap: made anew when the reference data changed. */
static void members_make(struct oh_promise_engine *engine)
{
    uint64_t version = oh_documents_version(engine->ledger);
    if (engine->members_version == version && engine->members_channel == engine->channel)
        return;
    members_fill(engine);
    engine->members_version = version;
    engine->members_channel = engine->channel;
}

static bool channel_resolve(struct oh_promise_engine *engine)
{
    const struct oh_promise_request *request = engine->request;
    engine->channel = OH_NODE_NONE;
    if (request->channel.size > 0) {
        uint32_t channel = channel_find(engine->ledger, request->channel);
        if (channel == NO_SLOT)
            return say(engine, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        engine->channel = (uint16_t)channel;
    }
    const struct oh_timetable *timetable = engine->timetable;
    engine->policy = request->draft != NULL                   ? request->draft
                     : engine->channel < timetable->channel_count ? timetable->sourcing[engine->channel]
                                                                  : timetable->sourcing_default;
    return true;
}

static bool without_resolve(struct oh_promise_engine *engine)
{
    const struct oh_promise_request *request = engine->request;
    memset(engine->excluded, 0, (engine->ledger->node_count / 64 + 1) * sizeof(uint64_t));
    for (uint32_t i = 0; i < request->without_count; i++) {
        uint32_t node = node_find(engine->ledger, request->without[i]);
        if (node == NO_SLOT)
            return say(engine, OH_V_UNKNOWN_NODE, OH_FIELD_NODES, i);
        engine->excluded[node / 64] |= (uint64_t)1 << (node % 64);
    }
    return true;
}

/* ---- Destination ------------------------------------------------------------------------------ */

static bool destination_resolve(struct oh_promise_engine *engine)
{
    const struct oh_destination *to = &engine->request->destination;
    engine->has_point = to->has_point;
    engine->point = to->point;
    engine->country = to->country;
    engine->postal_code = postal_code_normal(to->postal_code, engine->postal_buffer);
    if (to->has_point && !point_is_valid(to->point))
        return say(engine, OH_V_INVALID_VALUE, OH_FIELD_NEAR, OH_INDEX_NONE);
    if (to->country.size > 0 && !country_is_valid(to->country))
        return say(engine, OH_V_INVALID_VALUE, OH_FIELD_COUNTRY, OH_INDEX_NONE);
    if (to->has_point || to->postal_code.size == 0)
        return true;
    struct oh_postal_code_command place;
    if (!oh_postal_code_find(engine->ledger, to->country, to->postal_code, &place))
        return say(engine, OH_V_UNKNOWN_POSTAL_CODE, OH_FIELD_POSTAL_CODE, OH_INDEX_NONE);
    engine->has_point = true;
    engine->point = place.point;
    return true;
}

/* ---- Lines ------------------------------------------------------------------------------------ */

static uint32_t line_with(const struct oh_promise_engine *engine, uint32_t item)
{
    for (uint32_t j = 0; j < engine->line_count; j++) {
        if (engine->lines[j].item == item)
            return j;
    }
    return NO_SLOT;
}

static bool line_add(struct oh_promise_engine *engine, uint32_t i)
{
    const struct oh_promise_line *line = &engine->request->lines[i];
    if (line->line == 0 || line->line > INT32_MAX)
        return say(engine, OH_V_INVALID_VALUE, OH_FIELD_LINE, i);
    uint32_t item = item_find(engine->ledger, line->sku);
    if (item == NO_SLOT)
        return say(engine, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, i);
    if (line->quantity_milli <= 0 || line->quantity_milli > OH_QUANTITY_MILLI_MAX)
        return say(engine, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    for (uint32_t j = 0; i > 0 && engine->request->lines[i - 1].line >= line->line && j < i; j++) {
        if (engine->request->lines[j].line == line->line)
            return say(engine, OH_V_DUPLICATE_LINE, OH_FIELD_LINE, i);
    }
    enum oh_verdict verdict = quantity_judge(engine->ledger, item, OH_NODE_NONE, engine->channel,
                                             line->quantity_milli);
    if (verdict != OH_OK_DONE)
        return say(engine, verdict, OH_FIELD_QUANTITY, i);
    uint32_t at = line_with(engine, item);
    if (at == NO_SLOT) {
        at = engine->line_count++;
        engine->lines[at] = (struct basket_line){ .item = item, .first = i };
        oh_item_traits(engine->ledger, (struct oh_item_id){ item }, &engine->lines[at].traits);
    }
    engine->line_of[i] = at;
    engine->lines[at].asked_milli += line->quantity_milli;
    return true;
}

/* Classes that travel together tie all their lines into one bundle. */
static void bundles_make(struct oh_promise_engine *engine)
{
    const struct oh_sourcing *policy = engine->policy;
    engine->has_bundles = policy->together_count > 0;
    for (uint32_t j = 0; j < engine->line_count; j++)
        engine->bundles[j] = j;
    for (uint32_t p = 0; p < policy->together_count; p++) {
        uint32_t first = NO_SLOT;
        for (uint32_t j = 0; j < engine->line_count; j++) {
            uint32_t class = engine->lines[j].traits.class_index;
            if (class != policy->together[p].a && class != policy->together[p].b)
                continue;
            if (first == NO_SLOT) {
                first = engine->bundles[j];
                continue;
            }
            uint32_t old = engine->bundles[j];
            for (uint32_t k = 0; k < engine->line_count; k++) {
                if (engine->bundles[k] == old)
                    engine->bundles[k] = first;
            }
        }
    }
}

static bool lines_make(struct oh_promise_engine *engine)
{
    const struct oh_promise_request *request = engine->request;
    if (request->line_count == 0 || request->line_count > OH_PROMISE_LINES_MAX)
        return say(engine, OH_V_TOO_MANY, OH_FIELD_LINES, OH_INDEX_NONE);
    engine->line_count = 0;
    for (uint32_t i = 0; i < request->line_count; i++) {
        if (!line_add(engine, i))
            return false;
    }
    engine->words = (engine->line_count + 63) / 64;
    for (uint32_t j = 0; j < engine->line_count; j++) {
        memset(engine->lines[j].allowances_milli, 0xff, sizeof(engine->lines[j].allowances_milli));
        engine->needs[j] = engine->lines[j].asked_milli;
    }
    bundles_make(engine);
    return true;
}

bool basket_make(struct oh_promise_engine *engine)
{
    if (engine->ordered_us < engine->timetable->from_us)
        return say(engine, OH_V_INVALID_TIME, OH_FIELD_AT, OH_INDEX_NONE);
    if (!channel_resolve(engine) || !lines_make(engine) || !destination_resolve(engine) || !without_resolve(engine))
        return false;
    const struct oh_near *near = &engine->request->near;
    if (near->is_set && !point_is_valid(near->point))
        return say(engine, OH_V_INVALID_VALUE, OH_FIELD_NEAR, OH_INDEX_NONE);
    engine->has_near = near->is_set || engine->has_point;
    engine->near = near->is_set ? near->point : engine->point;
    members_make(engine);
    return true;
}
