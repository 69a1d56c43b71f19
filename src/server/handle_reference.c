#include "server/handle_reference.h"
#include "base/assert.h"
#include "server/handle.h"

/* A page ends early when it has grown to this: a group may have 65,535 nodes. */
#define PAGE_SIZE_SOFT ((size_t)4 << 20)

/* What the four nouns differ in. Indexes are in order of creation, and nothing is ever removed. */
struct noun {
    const char *plural;
    enum oh_verdict unknown;
    enum oh_err (*parse)(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                         struct oh_command *out, struct oh_fault *fault);
    uint32_t (*count)(const struct oh_ledger *ledger);
    bool (*find)(const struct oh_ledger *ledger, struct oh_bytes id, uint32_t *out_index);
    struct oh_bytes (*name)(const struct oh_ledger *ledger, uint32_t index);
    void (*put)(const struct oh_ledger *ledger, uint32_t index, struct oh_strbuf *body, uint64_t seq);
    /* What a PUT put: from the command, so that a repeat is answered as the first time whatever happened since. */
    void (*put_command)(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                        uint64_t seq);
};

/* ---- The four nouns --------------------------------------------------------------------------- */

static bool node_find(const struct oh_ledger *ledger, struct oh_bytes id, uint32_t *out_index)
{
    struct oh_node_id node;
    if (!oh_node_find(ledger, id, &node))
        return false;
    *out_index = node.index;
    return true;
}

static struct oh_bytes node_name(const struct oh_ledger *ledger, uint32_t index)
{
    return oh_node_name(ledger, (struct oh_node_id){ (uint16_t)index });
}

static void node_put(const struct oh_ledger *ledger, uint32_t index, struct oh_strbuf *body, uint64_t seq)
{
    struct oh_node_command value;
    oh_node_get(ledger, (struct oh_node_id){ (uint16_t)index }, &value);
    oh_reply_put_node(body, &value, seq);
}

static void node_put_command(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                             uint64_t seq)
{
    (void)call;
    oh_reply_put_node(body, &command->node, seq);
}

static bool item_find(const struct oh_ledger *ledger, struct oh_bytes id, uint32_t *out_index)
{
    struct oh_item_id item;
    if (!oh_item_find(ledger, id, &item))
        return false;
    *out_index = item.index;
    return true;
}

static struct oh_bytes item_name(const struct oh_ledger *ledger, uint32_t index)
{
    return oh_item_sku(ledger, (struct oh_item_id){ index });
}

static void item_put(const struct oh_ledger *ledger, uint32_t index, struct oh_strbuf *body, uint64_t seq)
{
    struct oh_item_command value;
    oh_item_get(ledger, (struct oh_item_id){ index }, &value);
    oh_reply_put_item(body, &value, seq);
}

static void item_put_command(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                             uint64_t seq)
{
    (void)call;
    oh_reply_put_item(body, &command->item, seq);
}

static bool group_find(const struct oh_ledger *ledger, struct oh_bytes id, uint32_t *out_index)
{
    struct oh_group_id group;
    if (!oh_group_find(ledger, id, &group))
        return false;
    *out_index = group.index;
    return true;
}

static struct oh_bytes group_name(const struct oh_ledger *ledger, uint32_t index)
{
    return oh_group_name(ledger, (struct oh_group_id){ (uint16_t)index });
}

static void group_put(const struct oh_ledger *ledger, uint32_t index, struct oh_strbuf *body, uint64_t seq)
{
    struct oh_effect_group value;
    oh_group_get(ledger, (struct oh_group_id){ (uint16_t)index }, &value);
    oh_reply_put_group(body, ledger, &value, seq);
}

/* The names of a command that was accepted: they exist. */
static void group_put_command(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                              uint64_t seq)
{
    const struct oh_group_command *group = &command->group;
    uint16_t *nodes = call->service->indexes;
    for (uint32_t i = 0; i < group->node_count; i++)
        nodes[i] = oh_call_node_index(call, group->nodes[i]);
    struct oh_effect_group value = {
        .group = group->group, .name = group->name, .nodes = nodes, .node_count = group->node_count,
    };
    oh_reply_put_group(body, call->ledger, &value, seq);
}

static bool channel_find(const struct oh_ledger *ledger, struct oh_bytes id, uint32_t *out_index)
{
    struct oh_channel_id channel;
    if (!oh_channel_find(ledger, id, &channel))
        return false;
    *out_index = channel.index;
    return true;
}

static struct oh_bytes channel_name(const struct oh_ledger *ledger, uint32_t index)
{
    return oh_channel_name(ledger, (struct oh_channel_id){ (uint16_t)index });
}

static void channel_put(const struct oh_ledger *ledger, uint32_t index, struct oh_strbuf *body, uint64_t seq)
{
    struct oh_effect_channel value;
    oh_channel_get(ledger, (struct oh_channel_id){ (uint16_t)index }, &value);
    oh_reply_put_channel(body, ledger, &value, seq);
}

static void channel_put_command(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                                uint64_t seq)
{
    const struct oh_channel_command *channel = &command->channel;
    uint16_t *nodes = call->service->indexes;
    uint16_t *groups = nodes + channel->node_count;
    for (uint32_t i = 0; i < channel->node_count; i++)
        nodes[i] = oh_call_node_index(call, channel->nodes[i]);
    for (uint32_t i = 0; i < channel->group_count; i++) {
        struct oh_group_id group = { OH_NODE_NONE };
        bool is_found = oh_group_find(call->ledger, channel->groups[i], &group);
        OH_ASSERT(is_found);
        groups[i] = group.index;
    }
    struct oh_effect_channel value = {
        .channel = channel->channel, .name = channel->name, .policy = channel->policy,
        .nodes = nodes, .node_count = channel->node_count, .groups = groups, .group_count = channel->group_count,
    };
    oh_reply_put_channel(body, call->ledger, &value, seq);
}

static const struct noun noun_node = {
    "nodes", OH_V_UNKNOWN_NODE, oh_request_node, oh_node_count, node_find, node_name, node_put,
    node_put_command,
};
static const struct noun noun_item = {
    "items", OH_V_UNKNOWN_ITEM, oh_request_item, oh_item_count, item_find, item_name, item_put,
    item_put_command,
};
static const struct noun noun_group = {
    "groups", OH_V_UNKNOWN_GROUP, oh_request_group, oh_group_count, group_find, group_name, group_put,
    group_put_command,
};
static const struct noun noun_channel = {
    "channels", OH_V_UNKNOWN_CHANNEL, oh_request_channel, oh_channel_count, channel_find, channel_name, channel_put,
    channel_put_command,
};

/* ---- What they share -------------------------------------------------------------------------- */

static void reference_put(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_bytes id = call.request->params[0];
    struct oh_command command;
    struct oh_fault fault;
    if (!oh_call_write(&call, 0))
        return;
    if (noun->parse(call.service->document, id, call.request->body, &command, &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    const struct oh_answer *answer = oh_call_apply(&call, &command);
    if (answer == NULL)
        return;
    noun->put_command(&call, &command, oh_call_begin_answer(&call, answer), answer->seq);
    oh_call_end_write(&call);
}

static void reference_get(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    uint32_t index;
    if (!oh_call_read(&call))
        return;
    if (!noun->find(call.ledger, call.request->params[0], &index)) {
        oh_call_unknown(&call, noun->unknown, NULL);
        return;
    }
    noun->put(call.ledger, index, oh_call_begin(&call, 200), oh_service_seq(call.service));
    oh_call_end_read(&call);
}

/* Writes the page that starts at index `first`. */
static void reference_page(const struct oh_call *call, const struct noun *noun, uint32_t first, uint32_t limit)
{
    uint32_t count = noun->count(call->ledger);
    struct oh_strbuf *body = oh_call_begin(call, 200);
    size_t size_before = body->size;
    oh_strbuf_put_char(body, '{');
    oh_json_member(body, noun->plural);
    oh_strbuf_put_char(body, '[');
    uint32_t at = first;
    while (at < count && at - first < limit && body->size - size_before < PAGE_SIZE_SOFT) {
        oh_json_separate(body);
        noun->put(call->ledger, at, body, OH_REPLY_NO_SEQ);
        at++;
    }
    struct oh_bytes next = at > first && at < count ? noun->name(call->ledger, at - 1) : OH_BYTES_NONE;
    oh_reply_put_page_end(body, next, oh_service_seq(call->service));
    oh_call_end_read(call);
}

static void reference_list(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    static const char *const known[] = { "limit", "after", "min_seq", NULL };
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_param_list params;
    uint32_t limit;
    if (!oh_call_query(&call, known, &params) || !oh_call_limit(&call, &params, OH_PAGE_LIMIT_DEFAULT, &limit))
        return;
    struct oh_bytes after = oh_params_text(&params, "after");
    uint32_t first = 0;
    if (!oh_bytes_is_empty(after)) {
        if (!noun->find(call.ledger, after, &first)) {
            (void)oh_call_query_is_wrong(&call, "after", "after is the next of the page before.");
            return;
        }
        first++;
    }
    reference_page(&call, noun, first, limit);
}

/* ---- Handlers --------------------------------------------------------------------------------- */

void oh_handle_node_put(void *app, struct oh_exchange *exchange)
{
    reference_put(app, exchange, &noun_node);
}

void oh_handle_node_get(void *app, struct oh_exchange *exchange)
{
    reference_get(app, exchange, &noun_node);
}

void oh_handle_nodes_list(void *app, struct oh_exchange *exchange)
{
    reference_list(app, exchange, &noun_node);
}

void oh_handle_item_put(void *app, struct oh_exchange *exchange)
{
    reference_put(app, exchange, &noun_item);
}

void oh_handle_item_get(void *app, struct oh_exchange *exchange)
{
    reference_get(app, exchange, &noun_item);
}

void oh_handle_items_list(void *app, struct oh_exchange *exchange)
{
    reference_list(app, exchange, &noun_item);
}

void oh_handle_group_put(void *app, struct oh_exchange *exchange)
{
    reference_put(app, exchange, &noun_group);
}

void oh_handle_group_get(void *app, struct oh_exchange *exchange)
{
    reference_get(app, exchange, &noun_group);
}

void oh_handle_groups_list(void *app, struct oh_exchange *exchange)
{
    reference_list(app, exchange, &noun_group);
}

void oh_handle_channel_put(void *app, struct oh_exchange *exchange)
{
    reference_put(app, exchange, &noun_channel);
}

void oh_handle_channel_get(void *app, struct oh_exchange *exchange)
{
    reference_get(app, exchange, &noun_channel);
}

void oh_handle_channels_list(void *app, struct oh_exchange *exchange)
{
    reference_list(app, exchange, &noun_channel);
}
