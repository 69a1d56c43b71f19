/*
 * connection_state.h - the states of a client connection; the table is connection_state.def. Any thread.
 */
#ifndef ONHAND_SERVER_CONNECTION_STATE_H
#define ONHAND_SERVER_CONNECTION_STATE_H

#include <stdbool.h>
#include <stddef.h>

enum oh_connection_state {
#define OH_CONNECTION_STATE(name, next, sentence) OH_CONNECTION_##name,
#include "server/connection_state.def"
#undef OH_CONNECTION_STATE
    OH_CONNECTION_STATE_COUNT
};

/* The label of the metric; NULL past the end of the table. */
const char *oh_connection_state_name(size_t state);

/* Whether the table lets `to` follow `from`. */
bool oh_connection_state_may_follow(enum oh_connection_state from, enum oh_connection_state to);

#endif
