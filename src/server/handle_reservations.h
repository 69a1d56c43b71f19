/*
 * handle_reservations.h - reservations: made, looked up, taken through their life. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_RESERVATIONS_H
#define ONHAND_SERVER_HANDLE_RESERVATIONS_H

#include "server/exchange.h"

void oh_handle_reservation_create(void *app, struct oh_exchange *exchange);
void oh_handle_reservation_batch(void *app, struct oh_exchange *exchange);
void oh_handle_reservation_get(void *app, struct oh_exchange *exchange);
void oh_handle_reservations_list(void *app, struct oh_exchange *exchange);

void oh_handle_reservation_confirm(void *app, struct oh_exchange *exchange);
void oh_handle_reservation_release(void *app, struct oh_exchange *exchange);
void oh_handle_reservation_extend(void *app, struct oh_exchange *exchange);
void oh_handle_reservation_change(void *app, struct oh_exchange *exchange);
void oh_handle_reservation_move(void *app, struct oh_exchange *exchange);
void oh_handle_reservation_fulfil(void *app, struct oh_exchange *exchange);

#endif
