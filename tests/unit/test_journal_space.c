/*
 * Files: when a new one is prepared, what happens on a full disk, and when old
 * ones go.
 */
#include "base/prng.h"
#include "support/storage_fixture.h"
#include "support/test.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void test_journal_keeps_its_promise_when_room_is_used_to_the_last_byte(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 1234567;
    struct oh_prng prng;
    char bytes[RECORD_SIZE_MAX];
    oh_prng_init(&prng, seed);
    print_message("seed %" PRIu64 "\n", seed);
    memset(bytes, 'r', sizeof(bytes));
    for (int round = 0; round < 60; round++) {
        storage_disk_set_space(f->disk, UINT64_MAX);
        f->options.frame_align = round % 3 == 0 ? 4096 : 512;
        f->options.prepared_count = 1 + (uint32_t)round % 3;
        assert_started(f);
        for (uint32_t i = 0; i < f->options.prepared_count; i++)
            work(f);
        storage_disk_set_space(f->disk, 0); /* from here on no new file */
        uint64_t seq = oh_journal_seq(f->journal);
        uint64_t before = UINT64_MAX;
        for (int turn = 0; turn < 10000 && oh_journal_room(f->journal) > 0; turn++) {
            uint64_t most = oh_journal_room(f->journal) < RECORD_SIZE_MAX ? oh_journal_room(f->journal)
                                                                          : RECORD_SIZE_MAX;
            size_t size = 1 + (size_t)oh_prng_below(&prng, most);
            if (oh_prng_below(&prng, 3) == 0)
                size = (size_t)most;
            if (oh_prng_below(&prng, 4) == 0 && most > 600) /* the longest padding there is */
                size = 512 + 1 - 68;
            if (size > oh_journal_buffer_room(f->journal)) {
                work(f);
                continue;
            }
            assert_int_equal(oh_journal_append(f->journal, ++seq, (struct oh_bytes){ bytes, size }), OH_OK);
            assert_true(oh_journal_room(f->journal) < before);
            before = oh_journal_room(f->journal);
            if (oh_prng_below(&prng, 4) == 0) {
                work(f);
                storage_disk_advance(f->disk, (int64_t)oh_prng_below(&prng, 3000000));
                work(f); /* may write a proof frame, which takes space too */
                assert_int_equal(oh_journal_durable_seq(f->journal), seq);
                assert_true(oh_journal_room(f->journal) >= before); /* the worst case was charged before */
                before = UINT64_MAX;
            }
        }
        work(f);
        assert_int_equal(oh_journal_durable_seq(f->journal), seq);
        assert_false(oh_journal_failed(f->journal, NULL));
        journal_stop(f);
    }
}

static void test_journal_refuses_nothing_within_room_and_comes_back_when_the_disk_was_full(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    uint64_t room = oh_journal_room(f->journal);
    assert_true(room > (56 << 10) && room < (64 << 10));
    storage_disk_set_space(f->disk, 1000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_true(oh_journal_is_full(f->journal));
    assert_true(oh_journal_full_text(f->journal, &f->diag));
    assert_non_null(strstr(f->diag.text, "reserve space: No space left on device"));
    assert_int_equal(storage_disk_files(f->disk, ".tmp"), 0);
    while (oh_journal_room(f->journal) >= RECORD_SIZE_MAX) {
        append_sized(f, RECORD_SIZE_MAX);
        oh_journal_submit(f->journal);
        oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
        assert_int_equal(oh_journal_durable_seq(f->journal), oh_journal_seq(f->journal));
    }
    storage_disk_set_space(f->disk, UINT64_MAX);
    storage_disk_advance(f->disk, 999000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_true(oh_journal_is_full(f->journal)); /* not tried again yet */
    storage_disk_advance(f->disk, 1000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_false(oh_journal_is_full(f->journal));
    assert_false(oh_journal_full_text(f->journal, &f->diag));
    assert_true(oh_journal_room(f->journal) > (50 << 10));
    uint64_t last = oh_journal_seq(f->journal);
    write_small(f, 100);
    assert_int_equal(oh_journal_durable_seq(f->journal), last + 100);
}

static void test_journal_waits_and_loses_nothing_when_room_is_ignored(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    storage_disk_set_space(f->disk, 0);
    while (oh_journal_buffer_room(f->journal) > RECORD_SIZE_MAX)
        append_sized(f, RECORD_SIZE_MAX);
    work(f);
    uint64_t durable = oh_journal_durable_seq(f->journal);
    uint64_t last = oh_journal_seq(f->journal);
    while (oh_journal_buffer_room(f->journal) > RECORD_SIZE_MAX) {
        append_sized(f, RECORD_SIZE_MAX);
        last++;
    }
    work(f);
    assert_int_equal(oh_journal_room(f->journal), 0);
    assert_true(oh_journal_durable_seq(f->journal) >= durable);
    assert_true(oh_journal_durable_seq(f->journal) < last);
    assert_false(oh_journal_failed(f->journal, NULL));
    storage_disk_set_space(f->disk, UINT64_MAX);
    for (int i = 0; i < 4; i++) {
        storage_disk_advance(f->disk, 1000000);
        work(f);
    }
    assert_int_equal(oh_journal_durable_seq(f->journal), last);
    assert_records(f, 1, last, RECORD_SIZE_MAX);
}

static void test_journal_waits_when_the_directory_has_no_space_for_a_name(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    work(f);
    storage_disk_fail(f->disk, STORAGE_RENAME, 1, 3, ENOSPC);
    for (int i = 0; i < 60; i++) {
        append_sized(f, RECORD_SIZE_MAX);
        work(f);
    }
    for (int i = 0; i < 4; i++)
        work(f);
    assert_int_equal(oh_journal_durable_seq(f->journal), 60);
    assert_false(oh_journal_failed(f->journal, NULL));
    journal_stop(f);
    assert_started(f);
    assert_records(f, 1, 60, RECORD_SIZE_MAX);
}

static void test_journal_does_not_start_when_the_first_file_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    storage_disk_set_space(f->disk, 40 << 10);
    assert_int_equal(journal_start(f), OH_E_NO_SPACE);
    assert_int_equal(storage_disk_files(f->disk, "journal/"), 0);
    oh_directory_close(&f->directory);
    storage_disk_set_space(f->disk, UINT64_MAX);
    assert_started(f);
}

static void test_journal_starts_when_the_disk_is_full_and_a_file_is_there(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    write_small(f, 3);
    storage_disk_crash(f->disk, false);
    journal_stop(f);
    const struct oh_io *io = storage_disk_io(f->disk);
    assert_int_equal(io->unlink(io->ctx, "d/LOCK"), 0); /* even the pid finds no space */
    storage_disk_set_space(f->disk, 0);
    assert_started(f);
    assert_true(oh_journal_room(f->journal) > (50 << 10));
    append_sized(f, 100);
    oh_journal_submit(f->journal);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE);
    assert_int_equal(oh_journal_durable_seq(f->journal), 4);
}

static void test_journal_prepares_again_when_a_preparation_met_an_error(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_stats stats;
    assert_started(f);
    storage_disk_fail(f->disk, STORAGE_FSYNC, 1, 1, EIO);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_true(oh_journal_is_full(f->journal));
    assert_false(oh_journal_failed(f->journal, NULL)); /* no record was in that file */
    storage_disk_advance(f->disk, 2000000);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_false(oh_journal_is_full(f->journal));
    oh_journal_stats(f->journal, &stats);
    assert_int_equal(stats.prepare_errors_count, 1);
    assert_int_equal(stats.prepares_count, 2);
}

static void test_journal_makes_files_of_zeros_when_it_prepares(void **state)
{
    struct fixture *f = *state;
    size_t size;
    assert_started(f);
    write_small(f, 1);
    const uint8_t *bytes = storage_disk_bytes(f->disk, FIRST_FILE, &size);
    assert_int_equal(size, 64 << 10);
    for (size_t i = 4096 + 512; i < size; i++)
        assert_int_equal(bytes[i], 0);
    journal_stop(f);
    assert_started(f);
    uint64_t writes = storage_disk_count(f->disk, STORAGE_WRITE);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_PREPARE);
    assert_int_equal(storage_disk_count(f->disk, STORAGE_WRITE), writes + 1); /* reserving alone is not enough */
    uint64_t allocations = storage_disk_count(f->disk, STORAGE_ALLOCATE);
    write_small(f, 50);
    assert_int_equal(storage_disk_count(f->disk, STORAGE_ALLOCATE), allocations);
}

static void test_journal_forgets_whole_files_only_when_all_their_records_may_go(void **state)
{
    struct fixture *f = *state;
    struct oh_journal_stats stats;
    uint64_t last;
    assert_started(f);
    for (int i = 0; i < 200; i++) {
        append_sized(f, RECORD_SIZE_MAX);
        work(f);
    }
    size_t files = storage_disk_files(f->disk, ".ohj");
    assert_true(files >= 4);
    oh_journal_forget(f->journal, 1);
    work(f);
    assert_int_equal(storage_disk_files(f->disk, ".ohj"), files);
    for (uint64_t seq = 2; seq <= 200; seq++) {
        oh_journal_forget(f->journal, seq);
        work(f);
        assert_true(oh_journal_first_seq(f->journal) <= seq + 1);
        assert_int_equal(read_all(f, oh_journal_first_seq(f->journal), &last), OH_E_AGAIN);
        assert_int_equal(last, 200);
    }
    assert_int_equal(storage_disk_files(f->disk, ".ohj"), 1); /* the newest always stays */
    oh_journal_stats(f->journal, &stats);
    assert_int_equal(stats.forgotten_count, files - 1);
    assert_int_equal(stats.segments_count, 1);
    uint64_t first = oh_journal_first_seq(f->journal);
    journal_stop(f);
    assert_started(f);
    assert_int_equal(oh_journal_seq(f->journal), 200);
    assert_int_equal(oh_journal_first_seq(f->journal), first);
}

/* Found by crash_images, seed 1: the second file was gone and the first was not, so verify saw a gap. */
static void test_journal_forgets_each_file_for_certain_before_the_next(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    for (int i = 0; i < 200; i++) {
        append_sized(f, RECORD_SIZE_MAX);
        work(f);
    }
    size_t files = storage_disk_files(f->disk, ".ohj");
    storage_disk_fail(f->disk, STORAGE_FSYNC_DIRECTORY, 1, 1, EIO);
    oh_journal_forget(f->journal, 150);
    work(f);
    assert_int_equal(storage_disk_files(f->disk, ".ohj"), files - 1);
}

static void test_journal_goes_on_when_a_file_cannot_be_removed(void **state)
{
    struct fixture *f = *state;
    assert_started(f);
    for (int i = 0; i < 100; i++) {
        append_sized(f, RECORD_SIZE_MAX);
        work(f);
    }
    storage_disk_fail(f->disk, STORAGE_UNLINK, 1, 1, EIO);
    oh_journal_forget(f->journal, 90);
    work(f);
    assert_false(oh_journal_failed(f->journal, NULL));
    assert_int_equal(oh_journal_first_seq(f->journal), 1);
    oh_journal_forget(f->journal, 91);
    work(f);
    assert_true(oh_journal_first_seq(f->journal) > 1);
}

static void test_journal_reads_old_files_when_size_and_alignment_are_changed(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 6; i++) {
        f->options.segment_size = (64U << 10) << (i % 2);
        f->options.frame_align = i % 3 == 0 ? 4096 : 512;
        assert_started(f);
        for (int j = 0; j < 70; j++) {
            append_sized(f, RECORD_SIZE_MAX);
            work(f);
        }
        assert_records(f, 1, 70 * (i + 1), RECORD_SIZE_MAX);
        journal_stop(f);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_keeps_its_promise_when_room_is_used_to_the_last_byte),
        T(test_journal_refuses_nothing_within_room_and_comes_back_when_the_disk_was_full),
        T(test_journal_waits_and_loses_nothing_when_room_is_ignored),
        T(test_journal_waits_when_the_directory_has_no_space_for_a_name),
        T(test_journal_does_not_start_when_the_first_file_cannot_be_made),
        T(test_journal_starts_when_the_disk_is_full_and_a_file_is_there),
        T(test_journal_prepares_again_when_a_preparation_met_an_error),
        T(test_journal_makes_files_of_zeros_when_it_prepares),
        T(test_journal_forgets_whole_files_only_when_all_their_records_may_go),
        T(test_journal_forgets_each_file_for_certain_before_the_next),
        T(test_journal_goes_on_when_a_file_cannot_be_removed),
        T(test_journal_reads_old_files_when_size_and_alignment_are_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
