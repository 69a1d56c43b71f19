/*
 * The reader: where it starts, where it ends, and how it follows a journal
 * that is being written.
 */
#include "base/prng.h"
#include "support/storage_fixture.h"
#include "support/test.h"
#include <inttypes.h>
#include <string.h>

static void write_files(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        append_sized(f, RECORD_SIZE_MAX);
        append_sized(f, RECORD_SIZE_MAX);
        work(f);
    }
}

static void test_journal_reader_starts_at_any_record_when_it_is_there(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    write_files(f, 60);
    assert_true(storage_disk_files(f->disk, ".ohj") >= 3);
    for (uint64_t from = 1; from <= 121; from++)
        assert_records(f, from, 120, RECORD_SIZE_MAX);
}

static void test_journal_reader_refuses_a_record_when_it_was_forgotten(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_reader *reader;
    assert_started(f);
    write_files(f, 60);
    oh_journal_forget(f->journal, 60);
    work(f);
    uint64_t first = oh_journal_first_seq(f->journal);
    assert_true(first > 1 && first <= 61);
    assert_int_equal(oh_journal_reader_open(f->directory, first - 1, &reader, &f->diag), OH_E_NOT_FOUND);
    assert_non_null(strstr(f->diag.text, "the journal begins with record"));
    assert_records(f, first, 120, RECORD_SIZE_MAX);
    assert_int_equal(oh_journal_reader_open(f->directory, first, &reader, &f->diag), OH_OK);
    assert_int_equal(oh_journal_reader_first_seq(reader), first);
    oh_journal_reader_close(&reader);
}

static void test_journal_reader_follows_when_the_journal_grows_and_changes_files(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_reader *reader;
    struct oh_prng prng;
    char expected[RECORD_SIZE_MAX];
    uint64_t next = 1;
    oh_prng_init(&prng, 3);
    assert_started(f);
    assert_int_equal(oh_journal_reader_open(f->directory, 1, &reader, &f->diag), OH_OK);
    for (int turn = 0; turn < 200; turn++) {
        for (uint64_t i = oh_prng_below(&prng, 4); i > 0; i--)
            append_sized(f, RECORD_SIZE_MAX);
        work(f);
        bool is_limited = turn % 2 == 0;
        uint64_t limit = oh_journal_durable_seq(f->journal) - oh_prng_below(&prng, 2);
        oh_journal_reader_set_limit(reader, is_limited ? limit : UINT64_MAX);
        uint64_t seq;
        struct oh_bytes record;
        enum oh_err err = oh_journal_reader_next(reader, &seq, &record, &f->diag);
        while (err == OH_OK) {
            assert_int_equal(seq, next);
            assert_int_equal(record.size, record_make(seq, expected, RECORD_SIZE_MAX));
            assert_memory_equal(record.data, expected, record.size);
            next++;
            err = oh_journal_reader_next(reader, &seq, &record, &f->diag);
        }
        assert_int_equal(err, OH_E_AGAIN);
        assert_true(is_limited ? next >= limit : next == oh_journal_durable_seq(f->journal) + 1);
    }
    assert_true(storage_disk_files(f->disk, ".ohj") >= 3);
    oh_journal_reader_close(&reader);
}

static void test_journal_reader_costs_nothing_when_it_is_at_its_limit(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_reader *reader;
    uint64_t seq;
    struct oh_bytes record;
    assert_started(f);
    write_small(f, 3);
    assert_int_equal(oh_journal_reader_open(f->directory, 4, &reader, &f->diag), OH_OK);
    oh_journal_reader_set_limit(reader, 3);
    uint64_t reads = storage_disk_count(f->disk, STORAGE_READ);
    for (int i = 0; i < 10; i++)
        assert_int_equal(oh_journal_reader_next(reader, &seq, &record, &f->diag), OH_E_AGAIN);
    assert_int_equal(storage_disk_count(f->disk, STORAGE_READ), reads);
    oh_journal_reader_close(&reader);
}

static void test_journal_reader_calls_it_damage_when_the_limit_cannot_be_reached(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_reader *reader;
    uint64_t seq;
    struct oh_bytes record;
    assert_started(f);
    write_small(f, 3);
    assert_int_equal(oh_journal_reader_open(f->directory, 4, &reader, &f->diag), OH_OK);
    oh_journal_reader_set_limit(reader, 4);
    assert_int_equal(oh_journal_reader_next(reader, &seq, &record, &f->diag), OH_E_CORRUPT);
    assert_non_null(strstr(f->diag.text, "the journal says that it was written"));
    oh_journal_reader_close(&reader);
}

static void test_journal_reader_tells_a_torn_tail_when_nothing_is_cut(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_reader *reader;
    uint64_t seq;
    struct oh_bytes record;
    size_t size;
    assert_started(f);
    write_small(f, 3);
    journal_kill(f);
    storage_disk_bytes(f->disk, FIRST_FILE, &size)[4096 + 1024 + 70] ^= 1;
    assert_int_equal(
        oh_directory_open(storage_disk_io(f->disk), "d", OH_DIRECTORY_READ, &f->directory, &f->diag), OH_OK);
    assert_int_equal(oh_journal_reader_open(f->directory, 2, &reader, &f->diag), OH_OK);
    uint64_t writes = storage_disk_count(f->disk, STORAGE_WRITE);
    assert_int_equal(oh_journal_reader_next(reader, &seq, &record, &f->diag), OH_OK);
    struct oh_journal_position position = oh_journal_reader_position(reader);
    assert_string_equal(position.path, FIRST_FILE);
    assert_int_equal(position.offset, 4096 + 512);
    assert_int_equal(position.record_offset, 4096 + 512 + 64);
    assert_int_equal(oh_journal_reader_next(reader, &seq, &record, &f->diag), OH_E_AGAIN);
    assert_int_equal(oh_journal_reader_torn_bytes(reader), 512);
    assert_int_equal(oh_journal_reader_position(reader).offset, 4096 + 1024);
    assert_int_equal(storage_disk_count(f->disk, STORAGE_WRITE), writes);
    oh_journal_reader_close(&reader);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_reader_starts_at_any_record_when_it_is_there),
        T(test_journal_reader_refuses_a_record_when_it_was_forgotten),
        T(test_journal_reader_follows_when_the_journal_grows_and_changes_files),
        T(test_journal_reader_costs_nothing_when_it_is_at_its_limit),
        T(test_journal_reader_calls_it_damage_when_the_limit_cannot_be_reached),
        T(test_journal_reader_tells_a_torn_tail_when_nothing_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
