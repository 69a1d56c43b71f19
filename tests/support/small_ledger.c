#include "support/small_ledger.h"
#include "support/lazy_memory.h"

#define NOW_US INT64_C(1795352400000000) /* 2026-11-22T13:00:00Z */

static bool apply(struct oh_ledger *ledger, const struct oh_command *command)
{
    struct oh_answer answer;
    struct oh_record record;
    bool is_applied =
        oh_ledger_apply(ledger, NOW_US, command, &answer) == OH_OK && oh_verdict_is_success(answer.verdict);
    return oh_ledger_take_record(ledger, &record) && is_applied;
}

static bool fill(struct oh_ledger *ledger)
{
    static const struct oh_bytes nodes[] = { { "n0", 2 }, { "n1", 2 } };
    const struct oh_command commands[] = {
        { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("A") } },
        { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("B\"\\") } },
        { .type = OH_COMMAND_NODE, .node = { .node = nodes[0], .enabled = true } },
        { .type = OH_COMMAND_NODE, .node = { .node = nodes[1], .enabled = true } },
        { .type = OH_COMMAND_GROUP, .group = { .group = OH_BYTES("g0"), .nodes = nodes, .node_count = 2 } },
        { .type = OH_COMMAND_CHANNEL, .channel = { .channel = OH_BYTES("web") } },
        { .type = OH_COMMAND_POSTAL_CODE,
          .postal_code = { .country = OH_BYTES("FR"),
                           .postal_code = OH_BYTES("75011"),
                           .point = { 48.8589, 2.3781 } } },
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!apply(ledger, &commands[i]))
            return false;
    return true;
}

struct oh_ledger *small_ledger_create(void)
{
    const struct oh_ledger_options options = { .items_max = 16,
                                               .positions_max = 64,
                                               .reservations_max = 8192,
                                               .claims_max = 8192,
                                               .keys_max = 64,
                                               .history_max = 64,
                                               .text_size_max = 64u << 20 };
    const struct oh_allocator allocator = lazy_allocator();
    struct oh_ledger *ledger = NULL;
    if (oh_ledger_create(&options, &allocator, &ledger) != OH_OK)
        return NULL;
    if (!fill(ledger))
        oh_ledger_destroy(&ledger);
    return ledger;
}
