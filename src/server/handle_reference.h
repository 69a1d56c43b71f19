/*
 * handle_reference.h - nodes, items, groups and channels: PUT and GET of one, GET of a page. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_REFERENCE_H
#define ONHAND_SERVER_HANDLE_REFERENCE_H

#include "server/exchange.h"

void oh_handle_node_put(void *app, struct oh_exchange *exchange);
void oh_handle_node_get(void *app, struct oh_exchange *exchange);
void oh_handle_nodes_list(void *app, struct oh_exchange *exchange);

void oh_handle_item_put(void *app, struct oh_exchange *exchange);
void oh_handle_item_get(void *app, struct oh_exchange *exchange);
void oh_handle_items_list(void *app, struct oh_exchange *exchange);

void oh_handle_group_put(void *app, struct oh_exchange *exchange);
void oh_handle_group_get(void *app, struct oh_exchange *exchange);
void oh_handle_groups_list(void *app, struct oh_exchange *exchange);

void oh_handle_channel_put(void *app, struct oh_exchange *exchange);
void oh_handle_channel_get(void *app, struct oh_exchange *exchange);
void oh_handle_channels_list(void *app, struct oh_exchange *exchange);

#endif
