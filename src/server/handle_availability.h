/*
 * handle_availability.h - what can be had where. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_AVAILABILITY_H
#define ONHAND_SERVER_HANDLE_AVAILABILITY_H

#include "server/exchange.h"

/* One item: at a node, in a group, in a channel, near a point, or a page of nodes. The hottest path of the server. */
void oh_handle_availability_get(void *app, struct oh_exchange *exchange);

/* Many items at once, up to OH_CELLS_MAX cells. */
void oh_handle_availability_ask(void *app, struct oh_exchange *exchange);

#endif
