#include "server/handle_rules.h"
#include "server/handle.h"

/* What the three nouns differ in. */
struct noun {
    enum oh_verdict unknown;
    enum oh_err (*parse)(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                         struct oh_command *out, struct oh_fault *fault);
    struct oh_command (*removal)(struct oh_bytes id);
    bool (*exists)(const struct oh_ledger *ledger, struct oh_bytes id);
    void (*put)(const struct oh_ledger *ledger, struct oh_bytes id, struct oh_strbuf *body, uint64_t seq); /* exists */
    /* What a PUT put: from the command, so that a repeat is answered as the first time whatever happened since. */
    void (*put_command)(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                        uint64_t seq);
};

/* ---- The three nouns -------------------------------------------------------------------------- */

static struct oh_command rule_removal(struct oh_bytes id)
{
    return (struct oh_command){ .type = OH_COMMAND_RULE, .rule = { .rule = id } };
}

static bool rule_exists(const struct oh_ledger *ledger, struct oh_bytes id)
{
    struct oh_effect_rule value;
    return oh_rule_get(ledger, id, &value);
}

static void rule_put(const struct oh_ledger *ledger, struct oh_bytes id, struct oh_strbuf *body, uint64_t seq)
{
    struct oh_effect_rule value;
    if (oh_rule_get(ledger, id, &value))
        oh_reply_put_rule(body, ledger, &value, seq);
}

static void rule_put_command(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                             uint64_t seq)
{
    struct oh_effect_rule value = {
        .rule = command->rule.rule,
        .item = oh_call_item_index(call, command->rule.sku),
        .node = oh_call_node_index(call, command->rule.node),
        .channel = oh_call_channel_index(call, command->rule.channel),
        .values = command->rule.values,
    };
    oh_reply_put_rule(body, call->ledger, &value, seq);
}

static struct oh_command fence_removal(struct oh_bytes id)
{
    return (struct oh_command){ .type = OH_COMMAND_FENCE, .fence = { .fence = id } };
}

static bool fence_exists(const struct oh_ledger *ledger, struct oh_bytes id)
{
    struct oh_effect_fence value;
    int64_t used_milli;
    return oh_fence_get(ledger, id, &value, &used_milli);
}

static void fence_put(const struct oh_ledger *ledger, struct oh_bytes id, struct oh_strbuf *body, uint64_t seq)
{
    struct oh_effect_fence value;
    int64_t used_milli;
    if (oh_fence_get(ledger, id, &value, &used_milli))
        oh_reply_put_fence(body, ledger, &value, used_milli, seq);
}

static void fence_put_command(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                              uint64_t seq)
{
    struct oh_effect_fence value = {
        .fence = command->fence.fence,
        .item = oh_call_item_index(call, command->fence.sku),
        .node = oh_call_node_index(call, command->fence.node),
        .channel = oh_call_channel_index(call, command->fence.channel),
        .quantity_milli = command->fence.quantity_milli,
        .policy = command->fence.policy,
    };
    oh_reply_put_fence(body, call->ledger, &value, OH_REPLY_NO_USED, seq);
}

static struct oh_command supply_removal(struct oh_bytes id)
{
    return (struct oh_command){ .type = OH_COMMAND_SUPPLY, .supply = { .supply = id } };
}

static bool supply_exists(const struct oh_ledger *ledger, struct oh_bytes id)
{
    struct oh_effect_supply value;
    return oh_supply_get(ledger, id, &value);
}

static void supply_put(const struct oh_ledger *ledger, struct oh_bytes id, struct oh_strbuf *body, uint64_t seq)
{
    struct oh_effect_supply value;
    if (oh_supply_get(ledger, id, &value))
        oh_reply_put_supply(body, ledger, &value, seq);
}

static void supply_put_command(const struct oh_call *call, const struct oh_command *command, struct oh_strbuf *body,
                               uint64_t seq)
{
    struct oh_effect_supply value = {
        .supply = command->supply.supply,
        .item = oh_call_item_index(call, command->supply.sku),
        .node = oh_call_node_index(call, command->supply.node),
        .quantity_milli = command->supply.quantity_milli,
        .eta_us = command->supply.eta_us,
    };
    oh_reply_put_supply(body, call->ledger, &value, seq);
}

static const struct noun noun_rule = {
    OH_V_UNKNOWN_RULE, oh_request_rule, rule_removal, rule_exists, rule_put, rule_put_command,
};
static const struct noun noun_fence = {
    OH_V_UNKNOWN_FENCE, oh_request_fence, fence_removal, fence_exists, fence_put, fence_put_command,
};
static const struct noun noun_supply = {
    OH_V_UNKNOWN_SUPPLY, oh_request_supply, supply_removal, supply_exists, supply_put, supply_put_command,
};

/* ---- What they share -------------------------------------------------------------------------- */

static void noun_put(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_command command;
    struct oh_fault fault;
    if (!oh_call_write(&call, 0))
        return;
    if (noun->parse(call.service->document, call.request->params[0], call.request->body, &command, &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    const struct oh_answer *answer = oh_call_apply(&call, &command);
    if (answer == NULL)
        return;
    noun->put_command(&call, &command, oh_call_begin_answer(&call, answer), answer->seq);
    oh_call_end_write(&call);
}

static void noun_get(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_bytes id = call.request->params[0];
    if (!oh_call_read(&call))
        return;
    if (!noun->exists(call.ledger, id)) {
        oh_call_unknown(&call, noun->unknown, NULL);
        return;
    }
    noun->put(call.ledger, id, oh_call_begin(&call, 200), oh_service_seq(call.service));
    oh_call_end_read(&call);
}

static void noun_delete(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    if (!oh_call_write(&call, 0))
        return;
    struct oh_command command = noun->removal(call.request->params[0]);
    oh_call_apply_and_answer(&call, &command);
}

/* ---- Handlers --------------------------------------------------------------------------------- */

void oh_handle_rule_put(void *app, struct oh_exchange *exchange)
{
    noun_put(app, exchange, &noun_rule);
}

void oh_handle_rule_get(void *app, struct oh_exchange *exchange)
{
    noun_get(app, exchange, &noun_rule);
}

void oh_handle_rule_delete(void *app, struct oh_exchange *exchange)
{
    noun_delete(app, exchange, &noun_rule);
}

void oh_handle_fence_put(void *app, struct oh_exchange *exchange)
{
    noun_put(app, exchange, &noun_fence);
}

void oh_handle_fence_get(void *app, struct oh_exchange *exchange)
{
    noun_get(app, exchange, &noun_fence);
}

void oh_handle_fence_delete(void *app, struct oh_exchange *exchange)
{
    noun_delete(app, exchange, &noun_fence);
}

void oh_handle_supply_put(void *app, struct oh_exchange *exchange)
{
    noun_put(app, exchange, &noun_supply);
}

void oh_handle_supply_get(void *app, struct oh_exchange *exchange)
{
    noun_get(app, exchange, &noun_supply);
}

void oh_handle_supply_delete(void *app, struct oh_exchange *exchange)
{
    noun_delete(app, exchange, &noun_supply);
}
