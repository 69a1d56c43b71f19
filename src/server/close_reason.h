/*
 * close_reason.h - why a connection ended; the table is close_reason.def. Any thread.
 */
#ifndef ONHAND_SERVER_CLOSE_REASON_H
#define ONHAND_SERVER_CLOSE_REASON_H

#include <stdbool.h>
#include <stddef.h>

enum oh_close_reason {
#define OH_CLOSE_REASON(name, is_error, sentence) OH_CLOSE_##name,
#include "server/close_reason.def"
#undef OH_CLOSE_REASON
    OH_CLOSE_REASON_COUNT
};

/* The label of the metric; NULL past the end of the table. */
const char *oh_close_reason_name(size_t reason);
const char *oh_close_reason_sentence(size_t reason);
bool oh_close_reason_is_error(size_t reason);

#endif
