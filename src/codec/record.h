/*
 * record.h - journal records and snapshot objects as bytes, and back.
 *
 * What it is: format version 1 of what a frame of the journal or an object of
 * a snapshot contains. Equal values have equal bytes. Reading is total: any
 * bytes are read or refused, never trusted.
 *
 * What it is not: it adds no checksum (frames have one), and it does not judge
 * values: whether an id is too long or an item exists is for replay to say.
 *
 *   record = version 1, seq, at_us (zigzag), effect count, effects
 *   object = version 1, effect
 *   effect = type, size of the rest, fields       (layout: record_put.c)
 *
 * Numbers are LEB128 (base/varint.h), times are differences from the record's
 * at_us, an id, source or reason that repeats the one before it is left out.
 * The size lets a later version add fields at the end of an effect; a reader
 * that meets fields, types or words it does not know answers OH_E_VERSION, so
 * that nothing is dropped in silence.
 *
 * Any thread, one per decoder.
 */
#ifndef ONHAND_CODEC_RECORD_H
#define ONHAND_CODEC_RECORD_H

#include "base/strbuf.h"
#include "onhand/bytes.h"
#include "onhand/effect.h"
#include "onhand/error.h"
#include <stddef.h>
#include <stdint.h>

#define OH_RECORD_VERSION 1

/* What a decoder reads at most unless told less: no journal and no snapshot holds more in one piece. */
#define OH_RECORD_SIZE_MAX (16u << 20)

/*
 * oh_record_encode - append a record's bytes to `out`.
 *
 * Shapes:  record->effect_count in 1..OH_EFFECTS_MAX.           (asserted)
 * Errors:  OH_E_TOO_LARGE: it does not fit below out->size_max (or there is
 *          no memory for it); `out` is as it was.
 * Cost:    O(bytes), at most a growth of `out`.
 */
OH_MUST_CHECK enum oh_err oh_record_encode(const struct oh_record *record, struct oh_strbuf *out);

/* The same for one object of a snapshot. */
OH_MUST_CHECK enum oh_err oh_object_encode(const struct oh_effect *object, struct oh_strbuf *out);

/* Memory for what has been decoded last. Grows to what the largest input needs, and stays. */
struct oh_record_decoder {
    struct oh_effect *effects;
    uint32_t effect_capacity;
    unsigned char *arena; /* lists of a group or channel */
    size_t arena_capacity;
    size_t arena_size;
    size_t size_max; /* of one input */
};

/* size_max 0: OH_RECORD_SIZE_MAX. Allocates nothing yet. */
void oh_record_decoder_init(struct oh_record_decoder *decoder, size_t size_max);
void oh_record_decoder_fini(struct oh_record_decoder *decoder);

/*
 * oh_record_decode - read a record.
 *
 * Errors:  OH_E_CORRUPT (not what an encoder writes), OH_E_VERSION (a later
 *          version wrote it), OH_E_TOO_LARGE (decoder->size_max), OH_E_NOMEM.
 * Owner:   lends *out_record until the decoder's next call; its strings are
 *          borrowed from `bytes`.
 * Cost:    O(bytes); memory at most some 100 times `bytes`, for 64 Ki effects
 *          at most 16 MiB.
 */
OH_MUST_CHECK enum oh_err oh_record_decode(struct oh_bytes bytes, struct oh_record_decoder *decoder,
                                           struct oh_record *out_record);

/* Reads only seq and at_us: for tools that look for a place. Errors as oh_record_decode. */
OH_MUST_CHECK enum oh_err oh_record_decode_head(struct oh_bytes bytes, uint64_t *out_seq, int64_t *out_at_us);

/* The same as oh_record_decode for one object. */
OH_MUST_CHECK enum oh_err oh_object_decode(struct oh_bytes bytes, struct oh_record_decoder *decoder,
                                           struct oh_effect *out_object);

#endif
