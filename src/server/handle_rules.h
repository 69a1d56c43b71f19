/*
 * handle_rules.h - rules, ring-fences and supplies: PUT, GET and DELETE of one. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_RULES_H
#define ONHAND_SERVER_HANDLE_RULES_H

#include "server/exchange.h"

void oh_handle_rule_put(void *app, struct oh_exchange *exchange);
void oh_handle_rule_get(void *app, struct oh_exchange *exchange);
void oh_handle_rule_delete(void *app, struct oh_exchange *exchange);

void oh_handle_fence_put(void *app, struct oh_exchange *exchange);
void oh_handle_fence_get(void *app, struct oh_exchange *exchange);
void oh_handle_fence_delete(void *app, struct oh_exchange *exchange);

void oh_handle_supply_put(void *app, struct oh_exchange *exchange);
void oh_handle_supply_get(void *app, struct oh_exchange *exchange);
void oh_handle_supply_delete(void *app, struct oh_exchange *exchange);

#endif
