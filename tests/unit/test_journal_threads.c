/*
 * The journal with its helper threads, on the real disk.
 */
#include "base/prng.h"
#include "storage/journal.h"
#include "storage/journal_reader.h"
#include "support/storage_folder.h"
#include "support/test.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define RECORDS 3000U
#define RECORD_SIZE_MAX 2000U

/* What the loop thread of a server would have. */
struct loop {
    struct oh_directory *directory;
    struct oh_journal *journal;
    struct oh_diag diag;
    _Atomic uint64_t wakes;
    uint64_t wanted_seq;
    uint64_t wanted_room;
    uint64_t wanted_proofs;
};

static void wake(void *ctx)
{
    struct loop *loop = ctx;
    atomic_fetch_add(&loop->wakes, 1);
}

static struct oh_journal_options options_of(struct loop *loop, enum oh_durability durability)
{
    return (struct oh_journal_options){
        .durability = durability,
        .segment_size = 256 << 10,
        .buffer_size = 1 << 16,
        .record_size_max = RECORD_SIZE_MAX,
        .sync_interval_ms = 20,
        .quiet_ms = 20,
        .prepare_retry_ms = 5,
        .wake = wake,
        .wake_ctx = loop,
    };
}

static void loop_open(struct loop *loop, struct storage_folder *folder, const struct oh_journal_options *options)
{
    enum oh_err err =
        oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_WRITE, &loop->directory, &loop->diag);
    if (err == OH_OK)
        err = oh_journal_open(loop->directory, options, &loop->journal, &loop->diag);
    if (err != OH_OK)
        print_error("%s\n", loop->diag.text);
    assert_int_equal(err, OH_OK);
}

static void loop_close(struct loop *loop)
{
    oh_journal_close(&loop->journal);
    oh_directory_close(&loop->directory);
}

static size_t record_make(uint64_t seq, char *out_bytes)
{
    struct oh_prng prng;
    oh_prng_init(&prng, seq);
    size_t size = 1 + (size_t)oh_prng_below(&prng, seq % 10 == 0 ? RECORD_SIZE_MAX : 200);
    memset(out_bytes, (int)oh_prng_below(&prng, 256), size);
    return size;
}

static bool is_room_there(void *ctx)
{
    struct loop *loop = ctx;
    return (oh_journal_buffer_room(loop->journal) >= RECORD_SIZE_MAX &&
            oh_journal_room(loop->journal) >= RECORD_SIZE_MAX) ||
           oh_journal_failed(loop->journal, NULL);
}

static bool is_durable(void *ctx)
{
    struct loop *loop = ctx;
    return oh_journal_durable_seq(loop->journal) >= loop->wanted_seq;
}

static bool is_synced(void *ctx)
{
    struct loop *loop = ctx;
    return oh_journal_synced_seq(loop->journal) >= loop->wanted_seq;
}

static bool is_failed(void *ctx)
{
    struct loop *loop = ctx;
    return oh_journal_failed(loop->journal, &loop->diag);
}

static bool has_room(void *ctx)
{
    struct loop *loop = ctx;
    return oh_journal_room(loop->journal) >= loop->wanted_room;
}

static bool is_full(void *ctx)
{
    struct loop *loop = ctx;
    return oh_journal_is_full(loop->journal);
}

static bool has_proofs(void *ctx)
{
    struct loop *loop = ctx;
    struct oh_journal_stats stats;
    oh_journal_stats(loop->journal, &stats);
    return stats.proofs_count >= loop->wanted_proofs;
}

struct woken {
    struct loop *loop;
    uint64_t wakes;
};

static bool has_woken(void *ctx)
{
    struct woken *woken = ctx;
    return atomic_load(&woken->loop->wakes) > woken->wakes;
}

static void append_next(struct loop *loop)
{
    char bytes[RECORD_SIZE_MAX];
    uint64_t seq = oh_journal_seq(loop->journal) + 1;
    size_t size = record_make(seq, bytes);
    assert_int_equal(oh_journal_append(loop->journal, seq, (struct oh_bytes){ bytes, size }), OH_OK);
}

/* Turns of one to eight records until there are `count` more. */
static void write_records(struct loop *loop, uint64_t count, uint64_t seed)
{
    struct oh_prng prng;
    uint64_t last = oh_journal_seq(loop->journal) + count;
    oh_prng_init(&prng, seed);
    while (oh_journal_seq(loop->journal) < last) {
        for (uint64_t i = 1 + oh_prng_below(&prng, 8); i > 0 && oh_journal_seq(loop->journal) < last; i--) {
            if (!is_room_there(loop))
                oh_journal_submit(loop->journal);
            assert_true(storage_folder_wait(is_room_there, loop));
            append_next(loop);
        }
        oh_journal_submit(loop->journal);
    }
    loop->wanted_seq = last;
    assert_true(storage_folder_wait(is_durable, loop));
}

/* ---- a reader beside the writer --------------------------------------- */

struct follower {
    struct loop *loop;
    uint64_t last;
    uint64_t next;
    enum oh_err err;
    struct oh_diag diag;
};

static bool follow_some(void *ctx)
{
    struct follower *follower = ctx;
    struct oh_journal_reader *reader = NULL;
    char expected[RECORD_SIZE_MAX];
    follower->err = oh_journal_reader_open(follower->loop->directory, follower->next, &reader, &follower->diag);
    while (follower->err == OH_OK && follower->next <= follower->last) {
        uint64_t seq;
        struct oh_bytes record;
        oh_journal_reader_set_limit(reader, oh_journal_durable_seq(follower->loop->journal));
        follower->err = oh_journal_reader_next(reader, &seq, &record, &follower->diag);
        if (follower->err != OH_OK)
            break;
        size_t size = record_make(seq, expected);
        if (seq != follower->next || record.size != size || memcmp(record.data, expected, size) != 0)
            follower->err = OH_E_INVALID;
        follower->next++;
    }
    oh_journal_reader_close(&reader);
    return follower->err != OH_E_AGAIN || follower->next > follower->last;
}

static void *follower_main(void *arg)
{
    (void)storage_folder_wait(follow_some, arg);
    return NULL;
}

static void write_and_follow(struct storage_folder *folder, enum oh_durability durability)
{
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, durability);
    for (uint64_t life = 0; life < 3; life++) {
        pthread_t thread;
        loop_open(&loop, folder, &options);
        assert_int_equal(oh_journal_seq(loop.journal), life * RECORDS);
        struct follower follower = { .loop = &loop, .next = life * RECORDS / 2 + 1, .last = (life + 1) * RECORDS };
        assert_int_equal(pthread_create(&thread, NULL, follower_main, &follower), 0);
        write_records(&loop, RECORDS, life);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (follower.next != follower.last + 1)
            print_error("%s: %s\n", oh_err_text(follower.err), follower.diag.text);
        assert_int_equal(follower.next, follower.last + 1);
        assert_true(atomic_load(&loop.wakes) > 0);
        loop_close(&loop);
    }
}

static void test_journal_is_followed_by_a_reader_when_it_syncs_every_group(void **state)
{
    write_and_follow(*state, OH_DURABILITY_DISK);
}

static void test_journal_is_followed_by_a_reader_when_it_syncs_in_the_background(void **state)
{
    write_and_follow(*state, OH_DURABILITY_PROCESS);
}

static void test_journal_is_followed_by_a_reader_when_writes_are_interrupted_and_short(void **state)
{
    struct storage_folder *folder = *state;
    folder->is_nagging = true;
    write_and_follow(folder, OH_DURABILITY_DISK);
}

/* ---- the rest --------------------------------------------------------- */

static void test_journal_writes_groups_when_the_disk_is_slow(void **state)
{
    struct storage_folder *folder = *state;
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_DISK);
    struct oh_journal_stats stats;
    loop_open(&loop, folder, &options);
    atomic_store(&folder->is_slow, true);
    write_records(&loop, 1000, 5);
    oh_journal_stats(loop.journal, &stats);
    assert_int_equal(stats.records_count, 1000);
    assert_true(stats.frames_count < 200); /* about 220 turns; without groups, a frame for each */
    assert_true(stats.sync_us_max >= 2000);
    loop_close(&loop);
}

static void test_journal_syncs_in_the_background_when_nobody_asks(void **state)
{
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_PROCESS);
    loop_open(&loop, *state, &options);
    write_records(&loop, 5, 1);
    assert_true(storage_folder_wait(is_synced, &loop));
    loop.wanted_proofs = 1;
    assert_true(storage_folder_wait(has_proofs, &loop));
    loop_close(&loop);
}

static void test_journal_proves_the_last_record_when_it_is_quiet(void **state)
{
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_DISK);
    loop_open(&loop, *state, &options);
    write_records(&loop, 5, 1);
    loop.wanted_proofs = 1;
    assert_true(storage_folder_wait(has_proofs, &loop));
    loop_close(&loop);
}

static void test_journal_wakes_the_loop_and_stops_when_a_sync_fails(void **state)
{
    struct storage_folder *folder = *state;
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_DISK);
    loop_open(&loop, folder, &options);
    write_records(&loop, 50, 1);
    uint64_t wakes = atomic_load(&loop.wakes);
    atomic_store(&folder->is_broken, true);
    append_next(&loop);
    oh_journal_submit(loop.journal);
    assert_true(storage_folder_wait(is_failed, &loop));
    assert_non_null(strstr(loop.diag.text, "fdatasync: Input/output error"));
    assert_true(storage_folder_wait(has_woken, &(struct woken){ &loop, wakes }));
    atomic_store(&folder->is_broken, false); /* too late */
    assert_int_equal(oh_journal_append(loop.journal, 52, OH_BYTES("x")), OH_E_IO);
    assert_int_equal(oh_journal_durable_seq(loop.journal), 50);
    loop_close(&loop);
    loop_open(&loop, folder, &options);
    assert_int_equal(oh_journal_seq(loop.journal), 51); /* it was written, though not acknowledged */
    loop_close(&loop);
}

/* Until the largest record has no room. */
static void fill_up(struct loop *loop)
{
    for (;;) { /* what is not written yet is charged at its worst, so a look after the disk has caught up counts */
        if (!is_room_there(loop))
            assert_true(storage_folder_wait(is_durable, loop));
        if (!is_room_there(loop))
            break;
        append_next(loop);
        oh_journal_submit(loop->journal);
        loop->wanted_seq = oh_journal_seq(loop->journal);
    }
    assert_true(storage_folder_wait(is_durable, loop)); /* all of them fitted */
}

static void test_journal_gets_its_room_back_when_the_disk_was_full(void **state)
{
    struct storage_folder *folder = *state;
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_DISK);
    loop_open(&loop, folder, &options);
    loop.wanted_room = 300 << 10; /* more than one file: the next one is prepared */
    assert_true(storage_folder_wait(has_room, &loop));
    atomic_store(&folder->is_full, true);
    fill_up(&loop);
    assert_true(storage_folder_wait(is_full, &loop));
    assert_true(oh_journal_room(loop.journal) < 100 << 10);
    atomic_store(&folder->is_full, false);
    loop.wanted_room = 200 << 10;
    assert_true(storage_folder_wait(has_room, &loop));
    assert_false(oh_journal_is_full(loop.journal));
    write_records(&loop, 100, 9);
    loop_close(&loop);
}

static void test_journal_has_room_at_once_when_it_is_opened_with_a_full_file(void **state)
{
    struct storage_folder *folder = *state;
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_DISK);
    loop_open(&loop, folder, &options);
    atomic_store(&folder->is_full, true);
    fill_up(&loop);
    loop_close(&loop);
    loop_open(&loop, folder, &options); /* a full disk refuses writes, not the start */
    assert_false(is_room_there(&loop));
    assert_true(oh_journal_is_full(loop.journal));
    loop_close(&loop);
    atomic_store(&folder->is_full, false);
    loop_open(&loop, folder, &options);
    assert_true(is_room_there(&loop));
    assert_false(oh_journal_is_full(loop.journal));
    write_records(&loop, 100, 9);
    loop_close(&loop);
}

static void test_journal_ends_when_it_is_closed_on_a_full_disk(void **state)
{
    struct storage_folder *folder = *state;
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_DISK);
    loop_open(&loop, folder, &options);
    atomic_store(&folder->is_full, true);
    for (int i = 0; i < 20000; i++) { /* more than fits, against the rules */
        char bytes[RECORD_SIZE_MAX];
        uint64_t seq = oh_journal_seq(loop.journal) + 1;
        enum oh_err err = oh_journal_append(loop.journal, seq, (struct oh_bytes){ bytes, record_make(seq, bytes) });
        oh_journal_submit(loop.journal);
        if (err != OH_OK && oh_journal_is_full(loop.journal))
            break;
    }
    uint64_t durable = oh_journal_durable_seq(loop.journal);
    loop_close(&loop);
    atomic_store(&folder->is_full, false);
    loop_open(&loop, folder, &options);
    assert_true(oh_journal_seq(loop.journal) >= durable);
    loop_close(&loop);
}

static void test_journal_writes_what_was_appended_when_it_is_closed(void **state)
{
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_PROCESS);
    loop_open(&loop, *state, &options);
    for (int i = 0; i < 10; i++)
        append_next(&loop);
    loop_close(&loop);
    loop_open(&loop, *state, &options);
    assert_int_equal(oh_journal_seq(loop.journal), 10);
    assert_null(oh_journal_torn_text(loop.journal));
    loop_close(&loop);
}

static void test_journal_forgets_old_files_when_it_goes_on_writing(void **state)
{
    struct loop loop = { .directory = NULL };
    struct oh_journal_options options = options_of(&loop, OH_DURABILITY_DISK);
    loop_open(&loop, *state, &options);
    for (uint64_t i = 0; i < 6; i++) {
        write_records(&loop, 1000, i);
        oh_journal_forget(loop.journal, oh_journal_durable_seq(loop.journal));
    }
    loop_close(&loop);
    loop_open(&loop, *state, &options);
    assert_int_equal(oh_journal_seq(loop.journal), 6000);
    assert_true(oh_journal_first_seq(loop.journal) > 3000);
    loop_close(&loop);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, storage_folder_setup, storage_folder_teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_is_followed_by_a_reader_when_it_syncs_every_group),
        T(test_journal_is_followed_by_a_reader_when_it_syncs_in_the_background),
        T(test_journal_is_followed_by_a_reader_when_writes_are_interrupted_and_short),
        T(test_journal_writes_groups_when_the_disk_is_slow),
        T(test_journal_syncs_in_the_background_when_nobody_asks),
        T(test_journal_proves_the_last_record_when_it_is_quiet),
        T(test_journal_wakes_the_loop_and_stops_when_a_sync_fails),
        T(test_journal_gets_its_room_back_when_the_disk_was_full),
        T(test_journal_has_room_at_once_when_it_is_opened_with_a_full_file),
        T(test_journal_ends_when_it_is_closed_on_a_full_disk),
        T(test_journal_writes_what_was_appended_when_it_is_closed),
        T(test_journal_forgets_old_files_when_it_goes_on_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
