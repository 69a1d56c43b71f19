/*
 * http_date.h - the text of a Date header: "Sun, 06 Nov 1994 08:49:37 GMT". No clock. Any thread.
 */
#ifndef ONHAND_SERVER_HTTP_DATE_H
#define ONHAND_SERVER_HTTP_DATE_H

#include <stdint.h>

#define OH_HTTP_DATE_SIZE 29

/* Writes exactly OH_HTTP_DATE_SIZE bytes, no NUL. at_s: seconds since the Unix epoch, years 1..9999 (clamped). */
void oh_http_date_write(int64_t at_s, char out_text[OH_HTTP_DATE_SIZE]);

#endif
