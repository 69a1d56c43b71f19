/*
 * Each allocation of storage fails once: an error, and nothing left behind.
 */
#include "storage/journal.h"
#include "storage/journal_reader.h"
#include "storage/snapshot.h"
#include "support/failing_malloc.h"
#include "support/storage_folder.h"
#include "support/test.h"

static const struct oh_journal_options journal_options = {
    .durability = OH_DURABILITY_DISK,
    .segment_size = 64 << 10,
    .buffer_size = 1 << 16,
    .record_size_max = 3000,
    .is_manual = true,
};

static enum oh_err journal_life(const struct oh_directory *directory)
{
    struct oh_journal *journal;
    struct oh_diag diag;
    enum oh_err err = oh_journal_open(directory, &journal_options, &journal, &diag);
    if (err != OH_OK)
        return err;
    err = oh_journal_append(journal, oh_journal_seq(journal) + 1, OH_BYTES("record"));
    oh_journal_close(&journal);
    return err;
}

static enum oh_err reader_life(const struct oh_directory *directory)
{
    struct oh_journal_reader *reader = NULL;
    struct oh_bytes record;
    struct oh_diag diag;
    uint64_t seq;
    enum oh_err err = oh_journal_reader_open(directory, 1, &reader, &diag);
    while (err == OH_OK)
        err = oh_journal_reader_next(reader, &seq, &record, &diag);
    if (err == OH_E_AGAIN)
        err = OH_OK;
    oh_journal_reader_close(&reader);
    return err;
}

static enum oh_err snapshot_write_life(const struct oh_directory *directory)
{
    struct oh_snapshot_options options = { .seq = 1, .is_manual = true };
    struct oh_snapshot_writer *writer;
    struct oh_diag diag;
    enum oh_err err = oh_snapshot_writer_create(directory, &options, &writer, &diag);
    if (err != OH_OK)
        return err;
    err = oh_snapshot_writer_put(writer, OH_BYTES("object"));
    oh_snapshot_writer_finish(writer);
    oh_snapshot_writer_work(writer);
    if (err == OH_OK && oh_snapshot_writer_state(writer, &diag) != OH_SNAPSHOT_DONE)
        err = OH_E_IO;
    oh_snapshot_writer_destroy(&writer);
    return err;
}

static enum oh_err snapshot_read_life(const struct oh_directory *directory)
{
    struct oh_snapshot_reader *reader = NULL;
    struct oh_snapshot_info info;
    struct oh_bytes object;
    struct oh_diag diag;
    enum oh_err err = oh_snapshot_reader_open(directory, 0, &reader, &info, &diag);
    while (err == OH_OK)
        err = oh_snapshot_reader_next(reader, &object, &diag);
    oh_snapshot_reader_close(&reader);
    return err == OH_E_AGAIN ? OH_OK : err;
}

/* Runs one life with the first, second, ... allocation failing, until none is left to fail. */
static void assert_survives(const struct oh_directory *directory, enum oh_err (*life)(const struct oh_directory *))
{
    bool was_failed = true;
    for (size_t nth = 1; was_failed; nth++) {
        assert_true(nth < 100);
        failing_malloc_arm(nth);
        enum oh_err err = life(directory);
        was_failed = failing_malloc_disarm();
        assert_int_equal(err, was_failed ? OH_E_NOMEM : OH_OK);
    }
}

static void test_journal_and_snapshot_return_an_error_when_any_allocation_fails(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *directory = NULL;
    struct oh_diag diag;
    bool was_failed = true;
    for (size_t nth = 1; was_failed; nth++) {
        failing_malloc_arm(nth);
        enum oh_err err = oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_WRITE, &directory, &diag);
        was_failed = failing_malloc_disarm();
        assert_int_equal(err, was_failed ? OH_E_NOMEM : OH_OK);
    }
    assert_survives(directory, journal_life);
    assert_survives(directory, journal_life);
    assert_survives(directory, reader_life);
    assert_survives(directory, snapshot_write_life);
    assert_survives(directory, snapshot_read_life);
    oh_directory_close(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_journal_and_snapshot_return_an_error_when_any_allocation_fails,
                                        storage_folder_setup, storage_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
