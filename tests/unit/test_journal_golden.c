/*
 * Files that version 1 of the format wrote, kept in tests/data: every later
 * program has to read them, and as long as it writes version 1 it has to write
 * the same bytes. Those of journal-v1 are of before frames had links, those of journal-v1-links of before a file had
 * one to the file before it.
 *
 * ONHAND_GOLDEN_WRITE=1 writes them anew; that is right only with a new
 * version of the format, in a new folder.
 */
#include "base/prng.h"
#include "storage/snapshot.h"
#include "support/storage_fixture.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GOLDEN "tests/data/journal-v1-files"
#define GOLDEN_WITHOUT_FILE_LINKS "tests/data/journal-v1-links"
#define GOLDEN_WITHOUT_LINKS "tests/data/journal-v1"
#define LAST_SEQ 30U
#define SNAPSHOT_SEQ 25U
#define OBJECTS 40U

static const char *const names[] = {
    "journal/00000000000000000001.ohj",
    "journal/00000000000000000021.ohj",
    "snapshot/00000000000000000025.ohs",
};

static void snapshot_write(struct fixture *f)
{
    struct oh_snapshot_options options = { .seq = SNAPSHOT_SEQ, .at_us = 1767225600000000, .is_manual = true };
    struct oh_snapshot_writer *writer;
    char bytes[RECORD_SIZE_MAX];
    assert_int_equal(oh_snapshot_writer_create(f->directory, &options, &writer, &f->diag), OH_OK);
    for (uint64_t i = 0; i < OBJECTS; i++) {
        struct oh_bytes object = { bytes, record_make(i, bytes, 60) };
        assert_int_equal(oh_snapshot_writer_put(writer, object), OH_OK);
    }
    oh_snapshot_writer_finish(writer);
    oh_snapshot_writer_work(writer);
    assert_int_equal(oh_snapshot_writer_state(writer, &f->diag), OH_SNAPSHOT_DONE);
    oh_snapshot_writer_destroy(&writer);
}

/* The same every time: seeds, clock and ledger id of the disk in memory are fixed. */
static void files_write(struct fixture *f)
{
    f->options.segment_size = 20 << 10;
    assert_started(f);
    while (oh_journal_seq(f->journal) < LAST_SEQ) {
        for (uint64_t i = oh_journal_seq(f->journal) % 3; i < 3 && oh_journal_seq(f->journal) < LAST_SEQ; i++)
            append_sized(f, 1400);
        work(f);
        storage_disk_advance(f->disk, 400000);
        work(f);
    }
    snapshot_write(f);
    journal_stop(f);
}

static uint8_t *golden_read(const char *name, size_t *out_size)
{
    char path[300];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/%s", GOLDEN, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        print_error("%s is missing; tests run in the project folder\n", path);
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    uint8_t *bytes = malloc((size_t)status.st_size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)status.st_size, file), status.st_size);
    (void)fclose(file);
    *out_size = (size_t)status.st_size;
    return bytes;
}

static void golden_write(struct fixture *f, const char *name)
{
    char path[300];
    size_t size;
    (void)snprintf(path, sizeof(path), "d/%s", name);
    const uint8_t *bytes = storage_disk_bytes(f->disk, path, &size);
    assert_non_null(bytes);
    (void)snprintf(path, sizeof(path), "%s/%s", GOLDEN, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_journal_writes_the_same_bytes_when_version_1_wrote_them(void **state)
{
    struct fixture *f = *state;
    files_write(f);
    assert_int_equal(storage_disk_files(f->disk, ".ohj"), 2);
    if (getenv("ONHAND_GOLDEN_WRITE") != NULL) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            golden_write(f, names[i]);
    }
    for (size_t i = 0; i < 2; i++) { /* not the snapshot: zstd may pack better one day */
        char path[100];
        size_t size;
        size_t golden_size;
        (void)snprintf(path, sizeof(path), "d/%s", names[i]);
        const uint8_t *bytes = storage_disk_bytes(f->disk, path, &size);
        uint8_t *golden = golden_read(names[i], &golden_size);
        assert_int_equal(size, golden_size);
        assert_memory_equal(bytes, golden, size);
        free(golden);
    }
}

static void test_journal_reads_records_when_version_1_wrote_them(void **state)
{
    static const char *const folders[] = { GOLDEN, GOLDEN_WITHOUT_FILE_LINKS, GOLDEN_WITHOUT_LINKS };
    struct fixture *f = *state;
    for (size_t i = 0; i < 2; i++) {
        enum oh_err err = oh_directory_open(oh_io_posix(), folders[i], OH_DIRECTORY_READ, &f->directory, &f->diag);
        assert_int_equal(err, OH_OK);
        assert_records(f, 1, LAST_SEQ, 1400);
        assert_records(f, SNAPSHOT_SEQ + 1, LAST_SEQ, 1400);
        oh_directory_close(&f->directory);
    }
}

/* A program with links goes on in a file without them. */
static void test_journal_goes_on_in_a_file_when_its_frames_have_no_links(void **state)
{
    struct fixture *f = *state;
    size_t size;
    f->options.segment_size = 20 << 10;
    files_write(f);
    for (size_t i = 0; i < 2; i++) {
        char path[300];
        (void)snprintf(path, sizeof(path), "../journal-v1/%s", names[i]);
        uint8_t *golden = golden_read(path, &size);
        (void)snprintf(path, sizeof(path), "d/%s", names[i]);
        storage_disk_put(f->disk, path, golden, size);
        free(golden);
    }
    assert_started(f);
    while (oh_journal_seq(f->journal) < LAST_SEQ + 3) {
        append_sized(f, 1400);
        work(f);
    }
    journal_stop(f);
    assert_started(f);
    assert_records(f, 1, LAST_SEQ + 3, 1400);
}

static void test_snapshot_file_gives_objects_back_when_version_1_wrote_them(void **state)
{
    struct fixture *f = *state;
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    struct oh_bytes object;
    char expected[RECORD_SIZE_MAX];
    uint64_t count = 0;
    assert_int_equal(oh_directory_open(oh_io_posix(), GOLDEN, OH_DIRECTORY_READ, &f->directory, &f->diag), OH_OK);
    assert_int_equal(oh_snapshot_reader_open(f->directory, 0, &reader, &info, &f->diag), OH_OK);
    assert_int_equal(info.seq, SNAPSHOT_SEQ);
    assert_int_equal(info.at_us, 1767225600000000);
    while (oh_snapshot_reader_next(reader, &object, &f->diag) == OH_OK) {
        assert_int_equal(object.size, record_make(count, expected, 60));
        assert_memory_equal(object.data, expected, object.size);
        count++;
    }
    assert_int_equal(count, OBJECTS);
    oh_snapshot_reader_close(&reader);
}

/* Tables that follow a directory know it by this number for good: made with another XXH3-64. */
static void test_directory_has_the_same_print_when_its_id_is_the_same(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(oh_directory_open(oh_io_posix(), GOLDEN, OH_DIRECTORY_READ, &f->directory, &f->diag), OH_OK);
    assert_int_equal(oh_directory_print(f->directory), 8948139044316176962);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_writes_the_same_bytes_when_version_1_wrote_them),
        T(test_journal_reads_records_when_version_1_wrote_them),
        T(test_journal_goes_on_in_a_file_when_its_frames_have_no_links),
        T(test_snapshot_file_gives_objects_back_when_version_1_wrote_them),
        T(test_directory_has_the_same_print_when_its_id_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
