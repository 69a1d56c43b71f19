#include "server/handle_pages.h"

bool oh_call_page(const struct oh_call *call, const struct oh_param_list *params, struct oh_item_id item,
                  struct oh_page *out_page)
{
    struct oh_bytes after = oh_params_text(params, "after");
    struct oh_node_id last = { 0 };
    bool has_last = !oh_bytes_is_empty(after);
    uint32_t limit;
    if (!oh_call_limit(call, params, OH_PAGE_LIMIT_DEFAULT, &limit))
        return false;
    if (has_last && !oh_node_find(call->ledger, after, &last))
        return oh_call_query_is_wrong(call, "after", "after is the next of the page before.");
    struct oh_node_id *nodes = call->service->nodes;
    uint32_t count = oh_item_nodes(call->ledger, item, 0, OH_NODES_MAX, nodes);
    uint32_t first = 0;
    while (has_last && first < count && nodes[first].index <= last.index)
        first++;
    *out_page = (struct oh_page){ nodes + first, count - first, limit };
    return true;
}
