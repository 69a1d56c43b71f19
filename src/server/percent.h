/*
 * percent.h - "%XX" escapes of a path. Any thread: pure. Queries are decoded by codec/query.h.
 */
#ifndef ONHAND_SERVER_PERCENT_H
#define ONHAND_SERVER_PERCENT_H

#include "onhand/bytes.h"
#include "onhand/error.h"

/*
 * oh_percent_decode - decode src into dst[0..src.size), once.
 *
 * Errors: OH_E_SYNTAX for a bad escape or a NUL byte; dst then holds nothing of use.
 * Post:   *out_size is the decoded size, <= src.size.
 */
enum oh_err oh_percent_decode(struct oh_bytes src, char *dst, size_t *out_size) OH_MUST_CHECK;

#endif
