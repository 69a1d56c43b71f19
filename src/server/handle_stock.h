/*
 * handle_stock.h - movements and counts in, positions out. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_STOCK_H
#define ONHAND_SERVER_HANDLE_STOCK_H

#include "server/exchange.h"

void oh_handle_stock_adjust(void *app, struct oh_exchange *exchange);
void oh_handle_stock_sync(void *app, struct oh_exchange *exchange);
void oh_handle_deliveries(void *app, struct oh_exchange *exchange);
void oh_handle_stock_get(void *app, struct oh_exchange *exchange);  /* one item at one node */
void oh_handle_stock_list(void *app, struct oh_exchange *exchange); /* one item, a page of nodes */

#endif
