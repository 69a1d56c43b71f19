/*
 * What version 1 wrote is what this version writes and reads: tests/data/v1.
 *
 *   records.hex   the bytes of each golden record, one line each
 *   journal.hex   a journal of them, without the zeros at its end
 *   snapshot.hex  a snapshot of the ledger after record 15
 *   journal.ndjson, snapshot.ndjson   what `onhand dump` makes of them (tests/integration/dump_and_verify.py)
 *
 * With ONHAND_GOLDEN_WRITE set, the files are written instead: only for the
 * first time a version exists.
 */
#include "codec/record.h"
#include "codec/record_digest.h"
#include "storage/journal.h"
#include "storage/recovery.h"
#include "storage/snapshot.h"
#include "support/golden_records.h"
#include "support/random_commands.h"
#include "support/random_effects.h"
#include "support/storage_disk.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA          "tests/data/v1/"
#define FILE_SIZE_MAX ((size_t)1 << 20)
#define SNAPSHOT_SEQ  15u
#define JOURNAL_FILE  "d/journal/00000000000000000001.ohj"
#define SNAPSHOT_FILE "d/snapshot/00000000000000000015.ohs"
#define HEX_LINE_SIZE 40u

static const struct oh_journal_options journal_options = {
    .durability = OH_DURABILITY_DISK,
    .segment_size = 64 << 10,
    .buffer_size = 1 << 16,
    .record_size_max = 4 << 10,
    .is_manual = true,
};

static bool is_writing(void)
{
    return getenv("ONHAND_GOLDEN_WRITE") != NULL;
}

/* ---- Files ------------------------------------------------------------------------------------ */

static void hex_write(FILE *file, struct oh_bytes bytes, size_t line_size)
{
    for (size_t i = 0; i < bytes.size; i++) {
        fprintf(file, "%02x", (unsigned char)bytes.data[i]);
        if ((i + 1) % line_size == 0 && i + 1 < bytes.size)
            fputc('\n', file);
    }
    fputc('\n', file);
}

static unsigned nibble(int c)
{
    assert_true((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes of one line; false at the end. */
static bool hex_read_line(FILE *file, struct oh_strbuf *out)
{
    int c = fgetc(file);
    if (c == EOF)
        return false;
    while (c != '\n') {
        unsigned high = nibble(c);
        oh_strbuf_put_char(out, (char)(high << 4 | nibble(fgetc(file))));
        c = fgetc(file);
    }
    return true;
}

static FILE *data_open(const char *name, const char *mode)
{
    char path[128];
    (void)snprintf(path, sizeof(path), DATA "%s", name);
    FILE *file = fopen(path, mode);
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    return file;
}

static void hex_file_write(const char *name, struct oh_bytes bytes)
{
    FILE *file = data_open(name, "w");
    hex_write(file, bytes, HEX_LINE_SIZE);
    assert_int_equal(fclose(file), 0);
}

static void hex_file_read(const char *name, struct oh_strbuf *out)
{
    FILE *file = data_open(name, "r");
    oh_strbuf_clear(out);
    while (hex_read_line(file, out))
        continue;
    assert_int_equal(fclose(file), 0);
}

/* ---- Records ---------------------------------------------------------------------------------- */

static void records_write(void)
{
    struct oh_strbuf bytes;
    FILE *file = data_open("records.hex", "w");
    oh_strbuf_init(&bytes, FILE_SIZE_MAX);
    for (uint32_t i = 0; i < GOLDEN_RECORD_COUNT; i++) {
        oh_strbuf_clear(&bytes);
        assert_int_equal(oh_record_encode(golden_record(i), &bytes), OH_OK);
        hex_write(file, oh_strbuf_bytes(&bytes), SIZE_MAX);
    }
    oh_strbuf_fini(&bytes);
    assert_int_equal(fclose(file), 0);
}

static void test_golden_records_have_the_bytes_of_version_1(void **state)
{
    (void)state;
    struct oh_strbuf expected;
    struct oh_strbuf bytes;
    struct oh_record_decoder decoder;
    if (is_writing())
        records_write();
    FILE *file = data_open("records.hex", "r");
    oh_strbuf_init(&expected, FILE_SIZE_MAX);
    oh_strbuf_init(&bytes, FILE_SIZE_MAX);
    oh_record_decoder_init(&decoder, 0);
    for (uint32_t i = 0; i < GOLDEN_RECORD_COUNT; i++) {
        struct oh_record read;
        oh_strbuf_clear(&expected);
        oh_strbuf_clear(&bytes);
        assert_true(hex_read_line(file, &expected));
        assert_int_equal(oh_record_encode(golden_record(i), &bytes), OH_OK);
        assert_int_equal(bytes.size, expected.size);
        assert_memory_equal(bytes.data, expected.data, expected.size);
        assert_int_equal(oh_record_decode(oh_strbuf_bytes(&expected), &decoder, &read), OH_OK);
        assert_true(records_are_equal(&read, golden_record(i)));
    }
    assert_int_equal(fgetc(file), EOF);
    oh_record_decoder_fini(&decoder);
    oh_strbuf_fini(&bytes);
    oh_strbuf_fini(&expected);
    assert_int_equal(fclose(file), 0);
}

/* ---- A directory ------------------------------------------------------------------------------ */

static struct oh_ledger *golden_ledger(uint32_t record_count)
{
    struct oh_ledger *ledger = random_ledger_create();
    for (uint32_t i = 0; i < record_count; i++) {
        struct oh_diag diag = { "" };
        if (oh_ledger_replay(ledger, golden_record(i), &diag) != OH_OK)
            fail_msg("%s", diag.text);
    }
    return ledger;
}

static void digest_of(struct oh_ledger *ledger, struct oh_record_digest *out_digest)
{
    oh_record_digest_init(out_digest);
    oh_record_digest_ledger(out_digest, ledger);
    oh_record_digest_fini(out_digest);
}

static void journal_fill(struct oh_journal *journal)
{
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, FILE_SIZE_MAX);
    for (uint32_t i = 0; i < GOLDEN_RECORD_COUNT; i++) {
        oh_strbuf_clear(&bytes);
        assert_int_equal(oh_record_encode(golden_record(i), &bytes), OH_OK);
        assert_int_equal(oh_journal_append(journal, i + 1, oh_strbuf_bytes(&bytes)), OH_OK);
        if (i % 3 != 0)
            continue; /* frames of one and of several records */
        oh_journal_submit(journal);
        oh_journal_work(journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    }
    oh_strbuf_fini(&bytes);
}

static void object_put(void *ctx, const struct oh_effect *object)
{
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, FILE_SIZE_MAX);
    assert_int_equal(oh_object_encode(object, &bytes), OH_OK);
    assert_int_equal(oh_snapshot_writer_put(ctx, oh_strbuf_bytes(&bytes)), OH_OK);
    oh_strbuf_fini(&bytes);
}

/* One more shirt at lille (node 0), and half of the claim at the depot (node 1): whole, but not true. */
static void another_object_put(void *ctx, const struct oh_effect *object)
{
    struct oh_effect another = *object;
    if (another.type == OH_EFFECT_POSITION && another.position.item == 0 && another.position.node == 0)
        another.position.states[OH_STATE_SELLABLE].quantity_milli += 1000;
    if (another.type == OH_EFFECT_CLAIM && another.claim.node == 1 && another.claim.held_milli > 0) {
        another.claim.quantity_milli -= 500;
        another.claim.held_milli -= 500;
    }
    object_put(ctx, &another);
}

static void snapshot_write(const struct oh_directory *directory, oh_snapshot_sink *put)
{
    struct oh_snapshot_writer *writer;
    struct oh_ledger *ledger = golden_ledger(SNAPSHOT_SEQ);
    struct oh_snapshot_options options = { .seq = SNAPSHOT_SEQ,
                                           .at_us = oh_ledger_time_us(ledger),
                                           .is_manual = true };
    assert_int_equal(oh_snapshot_writer_create(directory, &options, &writer, NULL), OH_OK);
    oh_ledger_export(ledger, put, writer);
    oh_snapshot_writer_finish(writer);
    oh_snapshot_writer_work(writer);
    assert_int_equal(oh_snapshot_writer_state(writer, NULL), OH_SNAPSHOT_DONE);
    oh_snapshot_writer_destroy(&writer);
    oh_ledger_destroy(&ledger);
}

static struct oh_bytes disk_file(struct storage_disk *disk, const char *path)
{
    size_t size = 0;
    const uint8_t *bytes = storage_disk_bytes(disk, path, &size);
    assert_non_null(bytes);
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return (struct oh_bytes){ (const char *)bytes, size };
}

static void directory_write(oh_snapshot_sink *put, bool is_another)
{
    struct storage_disk *disk = storage_disk_create(1);
    struct oh_directory *directory;
    struct oh_journal *journal;
    assert_int_equal(oh_directory_open(storage_disk_io(disk), "d", OH_DIRECTORY_WRITE, &directory, NULL),
                     OH_OK);
    assert_int_equal(oh_journal_open(directory, &journal_options, &journal, NULL), OH_OK);
    journal_fill(journal);
    oh_journal_close(&journal);
    snapshot_write(directory, put);
    oh_directory_close(&directory);
    if (!is_another)
        hex_file_write("journal.hex", disk_file(disk, JOURNAL_FILE));
    hex_file_write(is_another ? "snapshot_of_another.hex" : "snapshot.hex", disk_file(disk, SNAPSHOT_FILE));
    storage_disk_destroy(disk);
}

static void disk_put(struct storage_disk *disk, const char *path, const char *name)
{
    const struct oh_io *io = storage_disk_io(disk);
    struct oh_strbuf bytes;
    int file;
    oh_strbuf_init(&bytes, FILE_SIZE_MAX);
    hex_file_read(name, &bytes);
    assert_int_equal(oh_io_open(io, path, OH_IO_WRITE | OH_IO_CREATE, &file, NULL), OH_OK);
    assert_int_equal(oh_io_write(io, file, path, bytes.data, bytes.size, 0, NULL), OH_OK);
    oh_io_close(io, &file);
    oh_strbuf_fini(&bytes);
}

static struct storage_disk *golden_disk(void)
{
    struct storage_disk *disk = storage_disk_create(2);
    const struct oh_io *io = storage_disk_io(disk);
    assert_int_equal(oh_io_make_directory(io, "d", NULL, NULL), OH_OK);
    assert_int_equal(oh_io_make_directory(io, "d/journal", NULL, NULL), OH_OK);
    assert_int_equal(oh_io_make_directory(io, "d/snapshot", NULL, NULL), OH_OK);
    disk_put(disk, JOURNAL_FILE, "journal.hex");
    disk_put(disk, SNAPSHOT_FILE, "snapshot.hex");
    return disk;
}

/* Recovers the golden directory with these options; the ledger must be the golden one. */
static void assert_recovers(const struct oh_recovery_options *options, uint64_t record_count)
{
    struct oh_record_digest expected;
    struct oh_record_digest digest;
    struct oh_diag diag = { "" };
    struct oh_recovery_report report;
    struct oh_directory *directory;
    struct storage_disk *disk = golden_disk();
    struct oh_ledger *ledger = random_ledger_create();
    struct oh_ledger *golden = golden_ledger(GOLDEN_RECORD_COUNT);
    assert_int_equal(oh_directory_open(storage_disk_io(disk), "d", OH_DIRECTORY_READ, &directory, NULL),
                     OH_OK);
    if (oh_recovery_run(directory, ledger, options, &report, &diag) != OH_OK)
        fail_msg("%s", diag.text);
    assert_int_equal(report.last_seq, GOLDEN_RECORD_COUNT);
    assert_int_equal(report.record_count, record_count);
    digest_of(golden, &expected);
    digest_of(ledger, &digest);
    assert_true(oh_record_digest_equal(&digest, &expected));
    oh_ledger_destroy(&golden);
    oh_ledger_destroy(&ledger);
    oh_directory_close(&directory);
    storage_disk_destroy(disk);
}

static void test_golden_journal_of_version_1_leads_to_the_same_ledger(void **state)
{
    (void)state;
    struct oh_recovery_options options = { .ignores_snapshots = true };
    if (is_writing()) {
        directory_write(object_put, false);
        directory_write(another_object_put, true);
    }
    assert_recovers(&options, GOLDEN_RECORD_COUNT);
}

static void test_golden_snapshot_of_version_1_leads_to_the_same_ledger(void **state)
{
    (void)state;
    struct oh_recovery_options options = { .last_seq = GOLDEN_RECORD_COUNT };
    assert_recovers(&options, GOLDEN_RECORD_COUNT - SNAPSHOT_SEQ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_records_have_the_bytes_of_version_1),
        cmocka_unit_test(test_golden_journal_of_version_1_leads_to_the_same_ledger),
        cmocka_unit_test(test_golden_snapshot_of_version_1_leads_to_the_same_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
