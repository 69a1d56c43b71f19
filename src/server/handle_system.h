/*
 * handle_system.h - health, readiness and the contract itself. /metrics is oh_handle_metrics (engine.h).
 * Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_SYSTEM_H
#define ONHAND_SERVER_HANDLE_SYSTEM_H

#include "server/exchange.h"

void oh_handle_healthz(void *app, struct oh_exchange *exchange); /* the loop turns */
void oh_handle_readyz(void *app, struct oh_exchange *exchange);  /* writes are taken: 200, else 503 */
void oh_handle_openapi(void *app, struct oh_exchange *exchange);

#endif
