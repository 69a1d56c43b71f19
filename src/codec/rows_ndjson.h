/*
 * rows_ndjson.h - bytes of NDJSON to one line at a time.
 *
 * Lines end in '\n' or "\r\n" and are read from chunks that are cut anywhere.
 * Not for the layers above: rows.h.
 */
#ifndef ONHAND_CODEC_ROWS_NDJSON_H
#define ONHAND_CODEC_ROWS_NDJSON_H

#include "codec/rows.h"
#include "onhand/bytes.h"
#include <stdbool.h>
#include <stddef.h>

struct oh_json_line {
    char *text; /* OH_ROW_SIZE_MAX + 1 bytes of the caller's: the '\r' of the line end may come last */
    size_t size;
    bool is_too_long; /* what is in text is only its beginning */
};

/* Starts a line. `text` is borrowed until the next begin. */
void oh_json_line_begin(struct oh_json_line *line, char *text);

/*
 * Reads until the line ends or the bytes do. Returns how many bytes were used; *out_is_complete: the line
 * ended.
 */
size_t oh_json_line_read(struct oh_json_line *line, struct oh_bytes bytes, bool *out_is_complete);

/* The input ended: closes the line. False: there was nothing left of one. */
bool oh_json_line_end(struct oh_json_line *line);

#endif
