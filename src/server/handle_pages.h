/*
 * handle_pages.h - a page over the nodes that ever had an item, for stock and availability. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_PAGES_H
#define ONHAND_SERVER_HANDLE_PAGES_H

#include "server/handle.h"

struct oh_page {
    const struct oh_node_id *nodes; /* all that follow `after`, ascending by index; the service's scratch */
    uint32_t count;
    uint32_t limit;
};

/* Reads limit= and after=. False: answered. Cost: O(nodes of the item). */
bool oh_call_page(const struct oh_call *call, const struct oh_param_list *params, struct oh_item_id item,
                  struct oh_page *out_page);

#endif
