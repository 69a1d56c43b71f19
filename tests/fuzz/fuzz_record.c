/*
 * fuzz_record.c - journal records and snapshot objects as bytes, and what a ledger does with them.
 *
 * Input: one byte ('r' records for an empty ledger, 'w' records for one with a little in it, 'o' objects of a snapshot),
 * then for each a size in two bytes, the higher first, and its bytes.
 * Laws: any bytes are read or refused; what is read has exactly those bytes; a record that the ledger cannot follow
 * is an error, and after one that it can follow every counter is the sum of its parts.
 */
#include "base/assert.h"
#include "codec/record.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"

#define INPUT_SIZE_MAX 16384u

/* Equal values have equal bytes: so what was read must be written as it was. */
static void bytes_check(struct fuzz_world *world, struct oh_bytes bytes)
{
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&world->bytes), bytes));
}

static bool record_run(struct fuzz_world *world, struct oh_bytes bytes)
{
    struct oh_record record;
    struct oh_diag diag = { "" };
    uint64_t seq = 0;
    int64_t at_us = 0;
    if (oh_record_decode(bytes, &world->decoder, &record) != OH_OK)
        return false;
    enum oh_err err = oh_record_decode_head(bytes, &seq, &at_us);
    OH_ASSERT(err == OH_OK && seq == record.seq && at_us == record.at_us);
    oh_strbuf_clear(&world->bytes);
    err = oh_record_encode(&record, &world->bytes);
    OH_ASSERT(err == OH_OK);
    bytes_check(world, bytes);
    record.seq = oh_ledger_seq(world->ledger) + 1; /* so that any record can be the next one */
    return oh_ledger_replay(world->ledger, &record, &diag) == OH_OK;
}

static bool object_run(struct fuzz_world *world, struct oh_bytes bytes)
{
    struct oh_effect object;
    struct oh_diag diag = { "" };
    if (oh_object_decode(bytes, &world->decoder, &object) != OH_OK)
        return false;
    oh_strbuf_clear(&world->bytes);
    enum oh_err err = oh_object_encode(&object, &world->bytes);
    OH_ASSERT(err == OH_OK);
    bytes_check(world, bytes);
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
