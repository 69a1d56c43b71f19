/*
 * The journal on a disk in memory: what is written is read, whatever the tail
 * looks like, and damage is told from a torn tail.
 */
#include "base/prng.h"
#include "storage/file_header.h"
#include "storage/frame.h"
#include "storage/little_endian.h"
#include "support/storage_fixture.h"
#include "support/test.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Offset behind the last frame of the first file, found by its headers. */
static uint64_t frames_end(struct fixture *f, uint64_t *out_last_frame)
{
    size_t size;
    const uint8_t *bytes = storage_disk_bytes(f->disk, FIRST_FILE, &size);
    struct oh_ledger_id id;
    memcpy(&id, bytes + 24, sizeof(id));
    uint64_t at = OH_FILE_HEADER_SIZE;
    struct oh_frame_header header;
    while (at < size && oh_frame_header_decode(bytes + at, &id, at, &header)) {
        *out_last_frame = at;
        at += oh_frame_size(header.payload_size, 512);
    }
    return at;
}

/* ---- round trips ------------------------------------------------------ */

static void test_journal_gives_records_back_when_written_and_opened_many_times(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 20260101;
    struct oh_prng prng;
    oh_prng_init(&prng, seed);
    print_message("seed %" PRIu64 "\n", seed);
    for (int life = 0; life < 20; life++) {
        assert_started(f);
        uint64_t turns = oh_prng_below(&prng, 30);
        for (uint64_t turn = 0; turn < turns; turn++) {
            for (uint64_t i = oh_prng_below(&prng, 6); i > 0; i--)
                append_sized(f, RECORD_SIZE_MAX);
            work(f);
            assert_int_equal(oh_journal_durable_seq(f->journal), oh_journal_seq(f->journal));
        }
        uint64_t last = oh_journal_seq(f->journal);
        assert_null(oh_journal_torn_text(f->journal));
        assert_records(f, 1, last, RECORD_SIZE_MAX);
        if (life % 2 == 0)
            journal_stop(f);
        else
            journal_kill(f);
        assert_started(f);
        assert_int_equal(oh_journal_seq(f->journal), last);
        assert_null(oh_journal_torn_text(f->journal));
        journal_stop(f);
    }
    assert_true(storage_disk_files(f->disk, ".ohj") > 3); /* it did rotate */
}

static void test_journal_gives_records_back_when_calls_are_interrupted_and_short(void **state)
{
    struct fixture *f = *state;
    storage_disk_set_nagging(f->disk, true);
    assert_started(f);
    for (int i = 0; i < 50; i++) {
        append_sized(f, RECORD_SIZE_MAX);
        if (i % 3 == 0)
            work(f);
    }
    work(f);
    assert_records(f, 1, 50, RECORD_SIZE_MAX);
    journal_stop(f);
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), 50);
    assert_false(oh_journal_failed(f->journal, NULL));
}

static void test_journal_moves_watermarks_only_when_its_class_says_so(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    append_sized(f, 100);
    oh_journal_submit(f->journal);
    assert_int_equal(oh_journal_seq(f->journal), 1);
    assert_int_equal(oh_journal_written_seq(f->journal), 0);
    assert_int_equal(oh_journal_durable_seq(f->journal), 0);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    assert_int_equal(oh_journal_synced_seq(f->journal), 1);
    assert_int_equal(oh_journal_durable_seq(f->journal), 1);
    assert_int_equal(f->wakes, 1);
    journal_stop(f);

    f->options.durability = OH_DURABILITY_PROCESS;
    storage_disk_advance(f->disk, 5000000);
    assert_started(f);
    append_sized(f, 100);
    work(f);
    storage_disk_advance(f->disk, 1000);
    append_sized(f, 100);
    oh_journal_submit(f->journal);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    assert_int_equal(oh_journal_durable_seq(f->journal), 3);
    assert_int_equal(oh_journal_synced_seq(f->journal), 2); /* the first one was due at once */
    storage_disk_advance(f->disk, 900000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_int_equal(oh_journal_synced_seq(f->journal), 2);
    storage_disk_advance(f->disk, 200000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_int_equal(oh_journal_synced_seq(f->journal), 3);
}

static void test_journal_makes_no_file_when_the_class_is_memory(void **state)
{
    struct fixture *f = *state;
    f->options.durability = OH_DURABILITY_MEMORY;
    assert_int_equal(oh_journal_open(NULL, &f->options, &f->journal, &f->diag), OH_OK);
    append_sized(f, 100);
    assert_int_equal(oh_journal_durable_seq(f->journal), 1);
    assert_int_equal(oh_journal_synced_seq(f->journal), 1);
    assert_true(oh_journal_room(f->journal) == UINT64_MAX);
    oh_journal_submit(f->journal);
    oh_journal_forget(f->journal, 1);
    oh_journal_close(&f->journal);
    assert_int_equal(storage_disk_files(f->disk, ""), 0);
}

static void test_journal_starts_at_any_seq_when_told_so(void **state)
{
    struct fixture *f = *state;
    f->options.first_seq = 1000001;
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), 1000000);
    assert_int_equal(oh_journal_first_seq(f->journal), 1000001);
    write_small(f, 3);
    journal_stop(f);
    f->options.first_seq = 0;
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), 1000003);
    assert_int_equal(oh_journal_first_seq(f->journal), 1000001);
}

static void test_journal_refuses_a_record_when_it_is_empty_too_large_or_does_not_fit(void **state)
{
    struct fixture *f = *state;
    char bytes[RECORD_SIZE_MAX + 1] = { 0 };
    assert_started(f);
    assert_int_equal(oh_journal_append(f->journal, 1, OH_BYTES_NONE), OH_E_INVALID);
    assert_int_equal(oh_journal_append(f->journal, 1, (struct oh_bytes){ bytes, sizeof(bytes) }), OH_E_TOO_LARGE);
    uint64_t seq = 0;
    while (oh_journal_buffer_room(f->journal) >= RECORD_SIZE_MAX)
        assert_int_equal(oh_journal_append(f->journal, ++seq, (struct oh_bytes){ bytes, RECORD_SIZE_MAX }), OH_OK);
    assert_int_equal(oh_journal_append(f->journal, seq + 1, (struct oh_bytes){ bytes, RECORD_SIZE_MAX }), OH_E_FULL);
    assert_int_equal(oh_journal_seq(f->journal), seq);
    work(f);
    assert_int_equal(oh_journal_append(f->journal, seq + 1, (struct oh_bytes){ bytes, RECORD_SIZE_MAX }), OH_OK);
}

static void test_journal_refuses_options_when_they_make_no_sense(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_options bad[] = {
        { .durability = OH_DURABILITY_DISK, .segment_size = 4096 },
        { .durability = OH_DURABILITY_DISK, .segment_size = (64 << 20) + 1 },
        { .durability = OH_DURABILITY_DISK, .buffer_size = 3 << 20 },
        { .durability = OH_DURABILITY_DISK, .buffer_size = 1 << 20 },
        { .durability = OH_DURABILITY_DISK, .frame_align = 1024 },
        { .durability = OH_DURABILITY_DISK, .record_size_max = 9 << 20 },
        { .durability = OH_DURABILITY_DISK, .prepared_count = 5 },
        { .durability = OH_DURABILITY_DISK, .quiet_ms = -1 },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(oh_journal_open(NULL, &bad[i], &f->journal, &f->diag), OH_E_INVALID);
        assert_null(f->journal);
    }
}

/* ---- torn tails and damage -------------------------------------------- */

/* Opens, expects the torn tail to be cut so that `last` stays, and goes on writing. */
static void assert_cut_and_usable(struct fixture *f, uint64_t last)
{
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), last);
    write_small(f, 2);
    assert_records(f, 1, last + 2, 100);
    journal_kill(f);
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), last + 2);
    assert_null(oh_journal_torn_text(f->journal));
    journal_kill(f);
}

struct image {
    uint8_t *bytes;
    size_t size;
};

static struct image image_take(struct fixture *f)
{
    struct image image;
    const uint8_t *bytes = storage_disk_bytes(f->disk, FIRST_FILE, &image.size);
    image.bytes = malloc(image.size);
    assert_non_null(image.bytes);
    memcpy(image.bytes, bytes, image.size);
    return image;
}

static void image_restore(struct fixture *f, const struct image *image)
{
    size_t size;
    storage_disk_resize(f->disk, FIRST_FILE, image->size);
    memcpy(storage_disk_bytes(f->disk, FIRST_FILE, &size), image->bytes, image->size);
}

static void test_journal_cuts_a_torn_tail_when_the_last_frame_is_a_prefix(void **state)
{
    struct fixture *f = *state;
    uint64_t last_frame = 0;
    assert_started(f);
    write_small(f, 4);
    for (int i = 0; i < 20; i++)
        append_sized(f, 100);
    work(f);
    journal_kill(f);
    uint64_t end = frames_end(f, &last_frame);
    struct image image = image_take(f);
    for (uint64_t kept = last_frame; kept < end; kept++) {
        size_t size;
        image_restore(f, &image);
        if (kept % 2 == 0) { /* the rest never reached the disk */
            memset(storage_disk_bytes(f->disk, FIRST_FILE, &size) + kept, 0, (size_t)(end - kept));
        } else { /* the file ends there */
            storage_disk_resize(f->disk, FIRST_FILE, (size_t)kept);
        }
        bool is_only_padding = true; /* then nothing is lost */
        for (uint64_t i = kept; i < end; i++)
            is_only_padding = is_only_padding && image.bytes[i] == 0;
        assert_cut_and_usable(f, is_only_padding ? 24 : 4);
    }
    free(image.bytes);
}

static void test_journal_says_where_and_how_much_when_it_cuts(void **state)
{
    struct fixture *f = *state;
    uint64_t last_frame = 0;
    size_t size;
    assert_started(f);
    write_small(f, 3);
    journal_kill(f);
    uint64_t end = frames_end(f, &last_frame);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[last_frame + 70] ^= 1;
    assert_started(f);
    char where[100];
    (void)snprintf(where, sizeof(where), "%s: byte %" PRIu64 ": cut %" PRIu64 " bytes", FIRST_FILE, last_frame,
                   end - last_frame);
    assert_non_null(oh_journal_torn_text(f->journal));
    assert_non_null(strstr(oh_journal_torn_text(f->journal), where));
    struct oh_journal_stats stats;
    oh_journal_stats(f->journal, &stats);
    assert_int_equal(stats.torn_bytes, end - last_frame);
}

/* Flips one bit and expects damage at the frame that contains it. */
static void assert_damage_at(struct fixture *f, const struct image *image, uint64_t bit, uint64_t frame)
{
    size_t size;
    char where[100];
    image_restore(f, image);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    enum oh_err err = journal_start(f);
    if (err != OH_E_CORRUPT)
        print_error("bit %" PRIu64 " of byte %" PRIu64 ": %s\n", bit % 8, bit / 8, oh_err_text(err));
    assert_int_equal(err, OH_E_CORRUPT);
    (void)snprintf(where, sizeof(where), "%s: byte %" PRIu64 ":", FIRST_FILE, frame);
    if (strstr(f->diag.text, where) == NULL)
        print_error("bit %" PRIu64 " of byte %" PRIu64 ": %s\n", bit % 8, bit / 8, f->diag.text);
    assert_non_null(strstr(f->diag.text, where));
    journal_stop(f);
}

static void test_journal_finds_damage_when_any_bit_of_a_proven_frame_is_flipped(void **state)
{
    struct fixture *f = *state;
    uint64_t frames[16];
    uint64_t last_frame = 0;
    size_t count = 0;
    assert_started(f);
    for (int i = 0; i < 5; i++) {
        append_sized(f, 100);
        append_sized(f, 700);
        work(f);
        uint64_t end = frames_end(f, &last_frame);
        frames[count++] = last_frame;
        frames[count] = end;
    }
    journal_kill(f);
    struct image image = image_take(f);
    /* Every bit of the header page and of the second frame. */
    for (uint64_t bit = 0; bit < OH_FILE_HEADER_SIZE * 8; bit += 3)
        assert_damage_at(f, &image, bit, 0);
    for (uint64_t bit = frames[1] * 8; bit < frames[2] * 8; bit++)
        assert_damage_at(f, &image, bit, frames[1]);
    /* Some bits of all frames that a later one proves. */
    struct oh_prng prng;
    oh_prng_init(&prng, 4711);
    for (int i = 0; i < 2000; i++) {
        size_t frame = (size_t)oh_prng_below(&prng, 4);
        uint64_t bit = frames[frame] * 8 + oh_prng_below(&prng, (frames[frame + 1] - frames[frame]) * 8);
        assert_damage_at(f, &image, bit, frames[frame]);
    }
    image_restore(f, &image);
    free(image.bytes);
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), 10);
}

static void test_journal_finds_damage_in_the_last_frame_when_a_proof_was_written(void **state)
{
    struct fixture *f = *state;
    uint64_t last_frame = 0;
    size_t size;
    assert_started(f);
    write_small(f, 3);
    (void)frames_end(f, &last_frame);
    uint64_t damaged = last_frame;
    storage_disk_advance(f->disk, 999000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    assert_int_equal(frames_end(f, &last_frame), damaged + 512); /* too early */
    storage_disk_advance(f->disk, 2000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    assert_int_equal(frames_end(f, &last_frame), damaged + 1024); /* once is enough */
    journal_kill(f);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[damaged + 66] ^= 4;
    assert_int_equal(journal_start(f), OH_E_CORRUPT);
    journal_stop(f);
}

static void test_journal_writes_a_proof_when_it_is_closed(void **state)
{
    struct fixture *f = *state;
    uint64_t last_frame = 0;
    size_t size;
    assert_started(f);
    write_small(f, 1);
    journal_stop(f);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[OH_FILE_HEADER_SIZE + 64] ^= 4;
    assert_int_equal(frames_end(f, &last_frame), OH_FILE_HEADER_SIZE + 1024);
    assert_int_equal(journal_start(f), OH_E_CORRUPT);
    journal_stop(f);
}

static void test_journal_finds_damage_when_a_proven_frame_reads_as_zeros(void **state)
{
    struct fixture *f = *state;
    size_t size;
    assert_started(f);
    write_small(f, 4);
    journal_kill(f);
    memset(storage_disk_bytes(f->disk, FIRST_FILE, &size) + OH_FILE_HEADER_SIZE + 1024, 0, 512);
    assert_int_equal(journal_start(f), OH_E_CORRUPT);
    assert_non_null(strstr(f->diag.text, "byte 5120: there is no frame"));
    journal_stop(f);
}

static void test_journal_finds_damage_when_a_whole_frame_lies_in_the_wrong_place(void **state)
{
    struct fixture *f = *state;
    size_t size;
    assert_started(f);
    write_small(f, 4);
    journal_kill(f);
    uint8_t *bytes = storage_disk_bytes(f->disk, FIRST_FILE, &size);
    memcpy(bytes + OH_FILE_HEADER_SIZE + 512, bytes + OH_FILE_HEADER_SIZE + 1024, 512);
    assert_int_equal(journal_start(f), OH_E_CORRUPT);
    journal_stop(f);
}

static void test_journal_finds_damage_when_a_whole_frame_has_the_wrong_seq(void **state)
{
    struct fixture *f = *state;
    size_t size;
    assert_started(f);
    write_small(f, 2);
    journal_kill(f);
    uint8_t *bytes = storage_disk_bytes(f->disk, FIRST_FILE, &size);
    struct oh_ledger_id id;
    memcpy(&id, bytes + 24, sizeof(id));
    for (uint64_t seq = 1; seq <= 5; seq++) {
        struct oh_frame_header header = {
            .offset = OH_FILE_HEADER_SIZE + 1024,
            .first_seq = seq,
            .last_seq = seq - 1,
            .payload_checksum = oh_frame_payload_checksum(&id, seq, &(struct iovec){ bytes, 0 }, 1),
            .link_before = oh_frame_link(bytes + OH_FILE_HEADER_SIZE + 512),
        };
        oh_frame_header_encode(&header, &id, bytes + header.offset);
        struct oh_frame_header decoded;
        assert_true(oh_frame_header_decode(bytes + header.offset, &id, header.offset, &decoded));
        assert_false(oh_frame_header_decode(bytes + header.offset, &id, header.offset + 512, &decoded));
        assert_int_equal(journal_start(f), seq == 3 ? OH_OK : OH_E_CORRUPT);
        if (seq != 3)
            assert_non_null(strstr(f->diag.text, seq < 3 ? "repeats a record" : "records are missing"));
        journal_kill(f);
    }
}

/*
 * A frame that was cut once, and comes back when the disk loses what was written over it: it is whole, of the
 * right seq, and of another history. Found by corruption, seed 30.
 */
static void test_journal_finds_damage_when_a_frame_is_not_the_one_it_was_written_behind(void **state)
{
    struct fixture *f = *state;
    size_t size;
    uint8_t cut[512];
    assert_started(f);
    write_small(f, 2);
    journal_kill(f);
    uint8_t *second = storage_disk_bytes(f->disk, FIRST_FILE, &size) + OH_FILE_HEADER_SIZE + 512;
    memcpy(cut, second, sizeof(cut));
    memset(second, 0, sizeof(cut)); /* a power loss took record 2 ... */
    assert_started(f);
    assert_int_equal(oh_journal_append(f->journal, 2, OH_BYTES("another")), OH_OK); /* ... and another got its number */
    work(f);
    write_small(f, 1);
    journal_kill(f);
    second = storage_disk_bytes(f->disk, FIRST_FILE, &size) + OH_FILE_HEADER_SIZE + 512;
    assert_memory_not_equal(second, cut, 64);
    memcpy(second, cut, sizeof(cut));
    assert_int_equal(journal_start(f), OH_E_CORRUPT);
    assert_non_null(strstr(f->diag.text, "byte 5120: the frame of record 3 was not written behind"));
}

/* The same with nothing behind it: what is new does not get the place of what was cut. */
static void test_journal_finds_damage_when_a_frame_that_was_cut_comes_back(void **state)
{
    struct fixture *f = *state;
    size_t size;
    uint8_t cut[512];
    assert_started(f);
    write_small(f, 2);
    journal_kill(f);
    uint8_t *second = storage_disk_bytes(f->disk, FIRST_FILE, &size) + OH_FILE_HEADER_SIZE + 512;
    memcpy(cut, second, sizeof(cut));
    second[64] ^= 1;
    assert_started(f);
    assert_non_null(oh_journal_torn_text(f->journal));
    assert_int_equal(oh_journal_append(f->journal, 2, OH_BYTES("another")), OH_OK);
    work(f);
    journal_kill(f);
    second = storage_disk_bytes(f->disk, FIRST_FILE, &size) + OH_FILE_HEADER_SIZE + 512;
    memcpy(second, cut, sizeof(cut));
    assert_int_equal(journal_start(f), OH_E_CORRUPT);
    assert_non_null(strstr(f->diag.text, "byte 5120: the frame of record 2 was not written behind"));
}

/* The record behind it is not proven by a third frame, but the proof was synced before it was written. */
static void test_journal_finds_damage_when_a_proof_is_damaged_and_a_record_follows(void **state)
{
    struct fixture *f = *state;
    size_t size;
    assert_started(f);
    write_small(f, 1);
    storage_disk_advance(f->disk, 2000000);
    work(f);
    write_small(f, 1);
    journal_kill(f);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[OH_FILE_HEADER_SIZE + 512 + 20] ^= 1;
    assert_int_equal(journal_start(f), OH_E_CORRUPT);
    assert_non_null(strstr(f->diag.text, "byte 4608"));
}

static void test_journal_cuts_a_torn_tail_when_unsynced_frames_came_out_of_order(void **state)
{
    struct fixture *f = *state;
    size_t size;
    f->options.durability = OH_DURABILITY_PROCESS;
    assert_started(f);
    write_small(f, 2);
    storage_disk_advance(f->disk, 2000000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_int_equal(oh_journal_synced_seq(f->journal), 2);
    for (int i = 0; i < 4; i++) { /* records 3..6 are written, not synced */
        append_sized(f, 100);
        oh_journal_submit(f->journal);
        oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    }
    assert_int_equal(oh_journal_durable_seq(f->journal), 6);
    journal_kill(f);
    memset(storage_disk_bytes(f->disk, FIRST_FILE, &size) + OH_FILE_HEADER_SIZE + 3 * 512, 0, 512); /* record 4 */
    assert_cut_and_usable(f, 3);
}

static void test_journal_cuts_a_torn_tail_when_there_is_only_rubbish_behind_it(void **state)
{
    struct fixture *f = *state;
    struct oh_prng prng;
    size_t size;
    oh_prng_init(&prng, 99);
    assert_started(f);
    write_small(f, 2);
    journal_kill(f);
    uint8_t *bytes = storage_disk_bytes(f->disk, FIRST_FILE, &size);
    for (size_t i = OH_FILE_HEADER_SIZE + 1024; i < size; i++)
        bytes[i] = (uint8_t)oh_prng_next(&prng);
    assert_cut_and_usable(f, 2);
}

static void test_journal_is_not_fooled_when_a_record_contains_a_frame_of_another_ledger(void **state)
{
    struct fixture *f = *state;
    uint64_t last_frame = 0;
    size_t size;
    char record[1400];
    assert_started(f);
    write_small(f, 1);
    /* A frame of a stranger at the right place, claiming that everything was synced. */
    struct oh_ledger_id stranger = { .bytes = { 1, 2, 3 } };
    struct oh_frame_header forged = { .offset = OH_FILE_HEADER_SIZE + 1024, .synced_seq = 1000, .first_seq = 1001 };
    memset(record, 'x', sizeof(record));
    oh_frame_header_encode(&forged, &stranger, (uint8_t *)record + 512 - 68);
    assert_int_equal(oh_journal_append(f->journal, 2, (struct oh_bytes){ record, sizeof(record) }), OH_OK);
    work(f);
    journal_kill(f);
    (void)frames_end(f, &last_frame);
    assert_int_equal(last_frame, OH_FILE_HEADER_SIZE + 512);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[last_frame] ^= 1;
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), 1);
}

static void write_files(struct fixture *f)
{
    for (int i = 0; i < 150; i++) {
        append_sized(f, RECORD_SIZE_MAX);
        work(f);
    }
    assert_true(storage_disk_files(f->disk, ".ohj") > 3);
}

static void test_journal_finds_damage_in_an_older_file_when_it_is_read(void **state)
{
    struct fixture *f = *state;
    uint64_t last_frame = 0;
    uint64_t last;
    char where[100];
    size_t size;
    assert_started(f);
    write_files(f);
    assert_int_equal(read_all(f, 1, &last), OH_E_AGAIN);
    (void)frames_end(f, &last_frame); /* its own file has no later frame: the next file is the proof */
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[last_frame + 100] ^= 1;
    assert_int_equal(read_all(f, 1, &last), OH_E_CORRUPT);
    (void)snprintf(where, sizeof(where), "%s: byte %" PRIu64 ":", FIRST_FILE, last_frame);
    assert_non_null(strstr(f->diag.text, where));
    assert_non_null(strstr(f->diag.text, "a newer file proves"));
}

static void test_journal_finds_damage_when_a_middle_file_is_missing(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    write_files(f);
    char path[100];
    uint64_t last_frame = 0;
    uint64_t last;
    size_t size;
    (void)frames_end(f, &last_frame);
    uint64_t next = oh_le_get_u64(storage_disk_bytes(f->disk, FIRST_FILE, &size) + last_frame + 32) + 1;
    (void)snprintf(path, sizeof(path), "d/journal/%020" PRIu64 ".ohj", next);
    const struct oh_io *io = storage_disk_io(f->disk);
    assert_int_equal(io->unlink(io->ctx, path), 0);
    assert_int_equal(read_all(f, 1, &last), OH_E_CORRUPT);
    assert_non_null(strstr(f->diag.text, FIRST_FILE));
}

/* ---- versions and strangers ------------------------------------------- */

static void test_journal_refuses_a_file_when_its_format_is_newer(void **state)
{
    struct fixture *f = *state;
    size_t size;
    assert_started(f);
    write_small(f, 1);
    journal_stop(f);
    uint8_t *page = storage_disk_bytes(f->disk, FIRST_FILE, &size);
    struct oh_file_header header = {
        .kind = OH_FILE_JOURNAL,
        .seq = 1,
        .at_us = (int64_t)oh_le_get_u64(page + 48),
        .file_size = f->options.segment_size,
        .unit_size = 512,
    };
    memcpy(&header.ledger_id, page + 24, sizeof(header.ledger_id));
    oh_file_header_encode(&header, page);
    assert_started(f); /* the page made here is as good as the real one */
    journal_stop(f);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[8] = 2;
    assert_int_equal(journal_start(f), OH_E_CORRUPT); /* a flipped bit is not a version */
    journal_stop(f);
    page = storage_disk_bytes(f->disk, FIRST_FILE, &size);
    memset(page + 16, 0, 8);
    oh_le_put_u64(page + 16, XXH3_64bits(page, OH_FILE_HEADER_SIZE));
    assert_int_equal(journal_start(f), OH_E_VERSION);
    assert_non_null(strstr(f->diag.text, "format version 2 is not supported"));
    journal_stop(f);
}

/* ---- failures --------------------------------------------------------- */

static void assert_failed_for_good(struct fixture *f, const char *word)
{
    assert_true(oh_journal_failed(f->journal, &f->diag));
    assert_non_null(strstr(f->diag.text, word));
    uint64_t durable = oh_journal_durable_seq(f->journal);
    uint64_t written = oh_journal_written_seq(f->journal);
    uint64_t writes = storage_disk_count(f->disk, STORAGE_WRITE);
    uint64_t seq = oh_journal_seq(f->journal) + 1;
    assert_int_equal(oh_journal_append(f->journal, seq, OH_BYTES("x")), OH_E_IO);
    storage_disk_advance(f->disk, 10000000);
    work(f);
    work(f);
    assert_int_equal(oh_journal_durable_seq(f->journal), durable);
    assert_int_equal(oh_journal_written_seq(f->journal), written);
    assert_int_equal(storage_disk_count(f->disk, STORAGE_WRITE), writes); /* nothing is tried again */
}

static void test_journal_stops_for_good_when_a_sync_fails(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    work(f); /* the next file is prepared: the next sync is that of a record */
    write_small(f, 2);
    f->wakes = 0;
    storage_disk_fail(f->disk, STORAGE_FDATASYNC, 1, 1, EIO);
    append_sized(f, 100);
    work(f);
    assert_true(f->wakes > 0);
    assert_int_equal(oh_journal_durable_seq(f->journal), 2);
    assert_failed_for_good(f, "fdatasync: Input/output error");
}

static void test_journal_writes_again_what_a_failed_sync_left_in_memory_when_it_is_opened(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    work(f);
    write_small(f, 2);
    storage_disk_fail(f->disk, STORAGE_FDATASYNC, 1, 1, EIO);
    append_sized(f, 100);
    work(f);
    /* Killed: the pages of record 3 are clean, readable, and not on the disk. */
    journal_kill(f);
    assert_started(f);
    assert_int_equal(oh_journal_durable_seq(f->journal), 3); /* what is readable now counts ... */
    storage_disk_crash(f->disk, false);
    journal_stop(f);
    assert_started(f);
    assert_int_equal(oh_journal_durable_seq(f->journal), 3); /* ... so it has to survive */
    assert_records(f, 1, 3, 100);
}

/* A proof frame that only the page cache has must not leave a hole before what is written behind it (sim seed 146). */
static void test_journal_writes_a_proof_again_when_its_sync_failed(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    work(f);
    write_small(f, 2);
    storage_disk_advance(f->disk, 2000000);
    storage_disk_fail(f->disk, STORAGE_FDATASYNC, 1, 1, EIO);
    work(f);
    assert_failed_for_good(f, "fdatasync: Input/output error");
    journal_kill(f);
    assert_started(f);
    write_small(f, 2); /* the second says that the first is on the disk */
    storage_disk_crash(f->disk, false);
    journal_stop(f);
    assert_started(f);
    assert_int_equal(oh_journal_durable_seq(f->journal), 4);
    assert_records(f, 1, 4, 100);
}

/* Puts bytes behind record 2 as a lost power leaves them: on the disk, and in what is read. */
static void garbage_put(struct fixture *f)
{
    const struct oh_io *io = storage_disk_io(f->disk);
    char garbage[8192];
    memset(garbage, 'g', sizeof(garbage));
    int file = io->open(io->ctx, FIRST_FILE, OH_IO_WRITE);
    assert_true(file >= 0);
    struct iovec part = { .iov_base = garbage, .iov_len = sizeof(garbage) };
    assert_int_equal(io->pwritev(io->ctx, file, &part, 1, 4096 + 2 * 4096), sizeof(garbage));
    assert_int_equal(io->fsync(io->ctx, file), 0);
    assert_int_equal(io->close(io->ctx, file), 0);
}

/* Zeros that no sync brought to the disk are read, and are not there after a power loss (sim seed 320). */
static void test_journal_cuts_a_torn_tail_again_when_the_sync_of_the_cut_failed(void **state)
{
    struct fixture *f = *state;
    for (uint64_t failing = 1; failing <= 2; failing++) {
        f->options.frame_align = 4096;
        assert_started(f);
        work(f);
        write_small(f, 2);
        journal_kill(f);
        garbage_put(f);
        storage_disk_fail(f->disk, STORAGE_FSYNC, failing, 1, EIO);
        assert_int_equal(journal_start(f), OH_E_IO);
        journal_kill(f);
        assert_started(f);
        write_small(f, 2);
        storage_disk_crash(f->disk, false);
        journal_stop(f);
        assert_started(f);
        assert_records(f, 1, 4, 100);
        journal_stop(f);
        storage_disk_destroy(f->disk);
        f->disk = storage_disk_create(failing);
    }
}

static void test_journal_stops_for_good_when_a_background_sync_fails(void **state)
{
    struct fixture *f = *state;
    f->options.durability = OH_DURABILITY_PROCESS;
    assert_started(f);
    work(f);
    write_small(f, 2);
    storage_disk_advance(f->disk, 2000000);
    append_sized(f, 100);
    storage_disk_fail(f->disk, STORAGE_FDATASYNC, 1, 1, EIO);
    work(f);
    assert_failed_for_good(f, "fdatasync");
}

static void test_journal_stops_for_good_when_a_write_fails(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    work(f);
    write_small(f, 2);
    storage_disk_fail(f->disk, STORAGE_WRITE, 1, 1, EIO);
    append_sized(f, 100);
    work(f);
    assert_int_equal(oh_journal_written_seq(f->journal), 2);
    assert_failed_for_good(f, "write");
    journal_kill(f);
    assert_cut_and_usable(f, 2);
}

static void test_journal_stops_for_good_when_a_new_file_cannot_be_named(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    work(f);
    storage_disk_fail(f->disk, STORAGE_FSYNC_DIRECTORY, 1, 100, EIO);
    while (!oh_journal_failed(f->journal, NULL)) {
        append_sized(f, RECORD_SIZE_MAX);
        oh_journal_submit(f->journal);
        oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    }
    assert_failed_for_good(f, "directory");
    uint64_t durable = oh_journal_durable_seq(f->journal);
    journal_kill(f);
    assert_started(f);
    assert_true(oh_journal_seq(f->journal) >= durable);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_gives_records_back_when_written_and_opened_many_times),
        T(test_journal_gives_records_back_when_calls_are_interrupted_and_short),
        T(test_journal_moves_watermarks_only_when_its_class_says_so),
        T(test_journal_makes_no_file_when_the_class_is_memory),
        T(test_journal_starts_at_any_seq_when_told_so),
        T(test_journal_refuses_a_record_when_it_is_empty_too_large_or_does_not_fit),
        T(test_journal_refuses_options_when_they_make_no_sense),
        T(test_journal_cuts_a_torn_tail_when_the_last_frame_is_a_prefix),
        T(test_journal_says_where_and_how_much_when_it_cuts),
        T(test_journal_finds_damage_when_any_bit_of_a_proven_frame_is_flipped),
        T(test_journal_finds_damage_in_the_last_frame_when_a_proof_was_written),
        T(test_journal_writes_a_proof_when_it_is_closed),
        T(test_journal_finds_damage_when_a_proven_frame_reads_as_zeros),
        T(test_journal_finds_damage_when_a_whole_frame_lies_in_the_wrong_place),
        T(test_journal_finds_damage_when_a_whole_frame_has_the_wrong_seq),
        T(test_journal_finds_damage_when_a_frame_is_not_the_one_it_was_written_behind),
        T(test_journal_finds_damage_when_a_frame_that_was_cut_comes_back),
        T(test_journal_finds_damage_when_a_proof_is_damaged_and_a_record_follows),
        T(test_journal_cuts_a_torn_tail_when_unsynced_frames_came_out_of_order),
        T(test_journal_cuts_a_torn_tail_when_there_is_only_rubbish_behind_it),
        T(test_journal_is_not_fooled_when_a_record_contains_a_frame_of_another_ledger),
        T(test_journal_finds_damage_in_an_older_file_when_it_is_read),
        T(test_journal_finds_damage_when_a_middle_file_is_missing),
        T(test_journal_refuses_a_file_when_its_format_is_newer),
        T(test_journal_stops_for_good_when_a_sync_fails),
        T(test_journal_writes_again_what_a_failed_sync_left_in_memory_when_it_is_opened),
        T(test_journal_writes_a_proof_again_when_its_sync_failed),
        T(test_journal_cuts_a_torn_tail_again_when_the_sync_of_the_cut_failed),
        T(test_journal_stops_for_good_when_a_background_sync_fails),
        T(test_journal_stops_for_good_when_a_write_fails),
        T(test_journal_stops_for_good_when_a_new_file_cannot_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
