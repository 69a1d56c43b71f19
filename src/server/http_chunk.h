/*
 * http_chunk.h - take the chunked transfer coding off a body, strictly.
 *
 * Not llhttp: version 8.1 accepts a bare CR or LF in places where RFC 9112 section 7.1 has CR LF, and sets no limit on
 * chunk extensions; both have been used for request smuggling. Thread: any; pure.
 *
 * Extensions and trailers are checked for form, then ignored; together they may be OH_CHUNK_EXTRA_SIZE_MAX
 * bytes of a body.
 */
#ifndef ONHAND_SERVER_HTTP_CHUNK_H
#define ONHAND_SERVER_HTTP_CHUNK_H

#include "onhand/bytes.h"
#include <stdint.h>

#define OH_CHUNK_EXTRA_SIZE_MAX 4096
#define OH_CHUNK_DIGITS_MAX 15 /* hex digits of one size: below 2^60, so sums of two do not overflow */

enum oh_chunk_event {
    OH_CHUNK_MORE, /* all bytes were used; feed more */
    OH_CHUNK_DATA, /* out_data is a run of body bytes; call again with what follows */
    OH_CHUNK_END,  /* the last byte of the body's framing was used */
    OH_CHUNK_BAD,  /* not a chunked body; the decoder must not be fed again */
};

struct oh_chunk_decoder {
    uint8_t state;
    uint8_t digits;
    bool is_line_empty;  /* in the trailer: nothing on this line yet */
    uint32_t extra_size; /* bytes of extensions and trailers so far */
    uint64_t remaining;  /* of the current chunk */
};

void oh_chunk_init(struct oh_chunk_decoder *decoder);

/*
 * oh_chunk_next - look at the next bytes.
 *
 * Post:  *out_used of data[0..size) are used, the run of OH_CHUNK_DATA included; *out_data points into data.
 * Cost:  O(used).
 */
enum oh_chunk_event oh_chunk_next(struct oh_chunk_decoder *decoder, const char *data, size_t size, size_t *out_used,
                                  struct oh_bytes *out_data);

#endif
