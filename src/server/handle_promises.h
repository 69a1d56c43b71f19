/*
 * handle_promises.h - POST /v1/promises and GET /v1/promises/{promise}: when,
 * from where, and what is booked of it (docs/spec/promise.md).
 *
 * Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_PROMISES_H
#define ONHAND_SERVER_HANDLE_PROMISES_H

struct oh_exchange;

void oh_handle_promise_ask(void *app, struct oh_exchange *exchange);
void oh_handle_promise_get(void *app, struct oh_exchange *exchange);

#endif
