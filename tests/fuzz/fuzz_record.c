/*
 * fuzz_record.c - journal records and snapshot objects as bytes, and what a ledger does with them.
 *
 * Input: one byte ('r' records for an empty ledger, 'w' records for one with a little in it, 'o' objects of a
 * snapshot), then for each a size in two bytes, the higher first, and its bytes.
 * Laws: any bytes are read or refused; what is read is written so that it reads as the same, and no longer; a
 * record that the ledger cannot follow is an error, and after one that it can follow every counter is the sum
 * of its parts.
 */
#include "base/assert.h"
#include "codec/record.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"

#define INPUT_SIZE_MAX 16384u

/* What came of the bytes: as an encoder writes it, and read and written once more. */
static struct oh_strbuf first;
static struct oh_strbuf second;
static struct oh_record_decoder again;

/*
 * Other bytes may say the same (a number with a leading zero, an id that need not be repeated), but those of
 * an encoder are the shortest, and equal values have equal ones.
 */
static void bytes_check(struct oh_bytes bytes)
{
    OH_ASSERT(first.size <= bytes.size);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&first), oh_strbuf_bytes(&second)));
}

static void buffers_clear(void)
{
    if (first.size_max == 0) {
        oh_strbuf_init(&first, OH_RECORD_SIZE_MAX);
        oh_strbuf_init(&second, OH_RECORD_SIZE_MAX);
        oh_record_decoder_init(&again, 0);
    }
    oh_strbuf_clear(&first);
    oh_strbuf_clear(&second);
}

static bool record_run(struct fuzz_world *world, struct oh_bytes bytes)
{
    struct oh_record record;
    struct oh_record copy;
    struct oh_diag diag = { "" };
    uint64_t seq = 0;
    int64_t at_us = 0;
    if (oh_record_decode(bytes, &world->decoder, &record) != OH_OK)
        return false;
    enum oh_err err = oh_record_decode_head(bytes, &seq, &at_us);
    OH_ASSERT(err == OH_OK && seq == record.seq && at_us == record.at_us);
    buffers_clear();
    err = oh_record_encode(&record, &first);
    OH_ASSERT(err == OH_OK);
    err = oh_record_decode(oh_strbuf_bytes(&first), &again, &copy);
    OH_ASSERT(err == OH_OK);
    err = oh_record_encode(&copy, &second);
    OH_ASSERT(err == OH_OK);
    bytes_check(bytes);
    record.seq = oh_ledger_seq(world->ledger) + 1; /* so that any record can be the next one */
    return oh_ledger_replay(world->ledger, &record, &diag) == OH_OK;
}

static bool object_run(struct fuzz_world *world, struct oh_bytes bytes)
{
    struct oh_effect object;
    struct oh_effect copy;
    struct oh_diag diag = { "" };
    if (oh_object_decode(bytes, &world->decoder, &object) != OH_OK)
        return false;
    buffers_clear();
    enum oh_err err = oh_object_encode(&object, &first);
    OH_ASSERT(err == OH_OK);
    err = oh_object_decode(oh_strbuf_bytes(&first), &again, &copy);
    OH_ASSERT(err == OH_OK);
    err = oh_object_encode(&copy, &second);
    OH_ASSERT(err == OH_OK);
    bytes_check(bytes);
    return oh_ledger_restore(world->ledger, &object, &diag) == OH_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_SIZE_MAX)
        return 0;
    struct fuzz_world world;
    bool is_snapshot = data[0] == 'o';
    fuzz_world_init(&world, false);
    if (data[0] != 'w') {
        oh_ledger_destroy(&world.ledger);
        world.ledger = fuzz_ledger_create();
    }
    size_t at = 1;
    bool is_followed = true;
    while (is_followed && size - at >= 2) {
        size_t wanted = (size_t)data[at] << 8 | data[at + 1];
        size_t left = size - at - 2;
        struct oh_bytes bytes = { (const char *)data + at + 2, wanted < left ? wanted : left };
        is_followed = is_snapshot ? object_run(&world, bytes) : record_run(&world, bytes);
        at += 2 + bytes.size;
    }
    /* After a record that cannot be followed the ledger is unusable; it can only be destroyed. */
    if (is_followed) {
        fuzz_world_pass(&world, 1);
        fuzz_world_check(&world);
    }
    fuzz_world_fini(&world);
    return 0;
}
