/*
 * Snapshot files: objects come back as they went in, nothing damaged is ever
 * given out, and an unfinished file never looks like a finished one.
 */
#include "base/prng.h"
#include "storage/journal.h"
#include "storage/snapshot.h"
#include "support/storage_disk.h"
#include "support/storage_folder.h"
#include "support/test.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct snapshots {
    struct storage_disk *disk;
    struct oh_directory *directory;
    struct oh_snapshot_writer *writer;
    struct oh_diag diag;
    int wakes;
};

static const struct oh_journal_options journal_options = {
    .durability = OH_DURABILITY_DISK,
    .segment_size = 64 << 10,
    .buffer_size = 1 << 16,
    .record_size_max = 3000,
    .is_manual = true,
};

static void directory_start(struct snapshots *s)
{
    assert_int_equal(oh_directory_open(storage_disk_io(s->disk), "d", OH_DIRECTORY_WRITE, &s->directory, &s->diag),
                     OH_OK);
}

static int setup(void **state)
{
    struct snapshots *s = calloc(1, sizeof(*s));
    struct oh_journal *journal;
    assert_non_null(s);
    s->disk = storage_disk_create(11);
    directory_start(s);
    /* Snapshots live beside a journal. */
    assert_int_equal(oh_journal_open(s->directory, &journal_options, &journal, &s->diag), OH_OK);
    oh_journal_close(&journal);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct snapshots *s = *state;
    oh_snapshot_writer_destroy(&s->writer);
    oh_directory_close(&s->directory);
    storage_disk_destroy(s->disk);
    free(s);
    return 0;
}

static void wake(void *ctx)
{
    struct snapshots *s = ctx;
    s->wakes++;
}

static void writer_start(struct snapshots *s, uint64_t seq)
{
    struct oh_snapshot_options options = {
        .seq = seq,
        .at_us = 1234567890,
        .is_manual = true,
        .wake = wake,
        .wake_ctx = s,
    };
    assert_int_equal(oh_snapshot_writer_create(s->directory, &options, &s->writer, &s->diag), OH_OK);
}

/* Object `index` of a snapshot: mostly small, a few across several blocks, some of them incompressible. */
static size_t object_make(uint64_t index, char *out_bytes)
{
    struct oh_prng prng;
    oh_prng_init(&prng, index);
    size_t size_max = index % 997 == 5 ? OH_SNAPSHOT_OBJECT_SIZE_MAX : index % 50 == 3 ? 5000 : 120;
    size_t size = (size_t)oh_prng_below(&prng, size_max + 1);
    if (index % 997 == 5)
        size = OH_SNAPSHOT_OBJECT_SIZE_MAX - (size_t)(index / 997);
    for (size_t i = 0; i < size; i++)
        out_bytes[i] = index % 3 == 0 ? (char)oh_prng_next(&prng) : (char)(i % 7);
    return size;
}

static void objects_put(struct snapshots *s, uint64_t count)
{
    char *bytes = malloc(OH_SNAPSHOT_OBJECT_SIZE_MAX);
    assert_non_null(bytes);
    for (uint64_t i = 0; i < count; i++) {
        struct oh_bytes object = { bytes, object_make(i, bytes) };
        enum oh_err err = oh_snapshot_writer_put(s->writer, object);
        if (err == OH_E_AGAIN) {
            oh_snapshot_writer_work(s->writer);
            err = oh_snapshot_writer_put(s->writer, object);
        }
        assert_int_equal(err, OH_OK);
    }
    free(bytes);
}

static void writer_end(struct snapshots *s)
{
    oh_snapshot_writer_finish(s->writer);
    oh_snapshot_writer_work(s->writer);
}

static void snapshot_make(struct snapshots *s, uint64_t seq, uint64_t count)
{
    writer_start(s, seq);
    objects_put(s, count);
    writer_end(s);
    assert_int_equal(oh_snapshot_writer_state(s->writer, &s->diag), OH_SNAPSHOT_DONE);
    oh_snapshot_writer_destroy(&s->writer);
}

/* Reads the snapshot to its end or to an error, comparing all that is given out. */
static enum oh_err snapshot_read(struct snapshots *s, const struct oh_directory *directory, uint64_t seq,
                                 uint64_t *out_count)
{
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    struct oh_bytes object;
    char *expected = malloc(OH_SNAPSHOT_OBJECT_SIZE_MAX);
    uint64_t count = 0;
    assert_non_null(expected);
    enum oh_err err = oh_snapshot_reader_open(directory, seq, &reader, &info, &s->diag);
    if (err == OH_OK) {
        assert_int_equal(info.at_us, 1234567890);
        for (;;) {
            err = oh_snapshot_reader_next(reader, &object, &s->diag);
            if (err != OH_OK)
                break;
            assert_int_equal(object.size, object_make(count, expected));
            assert_memory_equal(object.data, expected, object.size);
            count++;
        }
        if (err == OH_E_AGAIN) /* the end stays the end */
            assert_int_equal(oh_snapshot_reader_next(reader, &object, &s->diag), OH_E_AGAIN);
        oh_snapshot_reader_close(&reader);
    }
    free(expected);
    *out_count = count;
    return err;
}

/* ---- round trips ------------------------------------------------------ */

static void test_snapshot_file_gives_objects_back_when_there_are_none_few_or_many(void **state)
{
    struct snapshots *s = *state;
    static const uint64_t counts[] = { 0, 1, 2, 100, 6000 };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t count;
        snapshot_make(s, i + 1, counts[i]);
        assert_int_equal(snapshot_read(s, s->directory, i + 1, &count), OH_E_AGAIN);
        assert_int_equal(count, counts[i]);
    }
}

static void test_snapshot_file_gives_objects_back_when_calls_are_interrupted_and_short(void **state)
{
    struct snapshots *s = *state;
    uint64_t count;
    storage_disk_set_nagging(s->disk, true);
    snapshot_make(s, 9, 1200);
    assert_int_equal(snapshot_read(s, s->directory, 0, &count), OH_E_AGAIN);
    assert_int_equal(count, 1200);
}

static void test_snapshot_file_takes_nothing_when_the_queue_is_full(void **state)
{
    struct snapshots *s = *state;
    struct oh_snapshot_stats before;
    struct oh_snapshot_stats after;
    char bytes[1000] = { 0 };
    struct oh_bytes object = { bytes, sizeof(bytes) };
    writer_start(s, 5);
    assert_int_equal(oh_snapshot_writer_put(s->writer, (struct oh_bytes){ bytes, OH_SNAPSHOT_OBJECT_SIZE_MAX + 1 }),
                     OH_E_TOO_LARGE);
    while (oh_snapshot_writer_put(s->writer, object) == OH_OK)
        ;
    oh_snapshot_writer_stats(s->writer, &before);
    assert_int_equal(oh_snapshot_writer_put(s->writer, object), OH_E_AGAIN);
    oh_snapshot_writer_stats(s->writer, &after);
    assert_int_equal(before.objects_count, after.objects_count);
    assert_int_equal(before.objects_count, OH_SNAPSHOT_QUEUE_SIZE / 1004);
    assert_int_equal(s->wakes, 0);
    oh_snapshot_writer_work(s->writer);
    assert_int_equal(s->wakes, 1); /* there is room again */
    assert_int_equal(oh_snapshot_writer_put(s->writer, object), OH_OK);
}

static void test_snapshot_file_shows_only_when_it_is_complete(void **state)
{
    struct snapshots *s = *state;
    uint64_t count;
    writer_start(s, 5);
    objects_put(s, 6000);
    oh_snapshot_writer_work(s->writer);
    assert_int_equal(storage_disk_files(s->disk, ".ohs.tmp"), 1);
    assert_int_equal(snapshot_read(s, s->directory, 0, &count), OH_E_NOT_FOUND);
    oh_snapshot_writer_destroy(&s->writer);
    assert_int_equal(storage_disk_files(s->disk, "snapshot/"), 0);
    writer_start(s, 5);
    objects_put(s, 6000);
    oh_snapshot_writer_work(s->writer);
    storage_disk_crash(s->disk, true); /* kill -9 leaves the temporary file */
    storage_disk_fail(s->disk, STORAGE_UNLINK, 1, 1, EIO);
    oh_snapshot_writer_destroy(&s->writer);
    assert_int_equal(storage_disk_files(s->disk, ".ohs.tmp"), 1);
    oh_directory_close(&s->directory);
    directory_start(s);
    assert_int_equal(storage_disk_files(s->disk, "snapshot/"), 0);
}

static void test_snapshot_file_survives_power_loss_when_it_is_done(void **state)
{
    struct snapshots *s = *state;
    uint64_t count;
    snapshot_make(s, 5, 3000);
    storage_disk_crash(s->disk, false);
    oh_directory_close(&s->directory);
    directory_start(s);
    assert_int_equal(snapshot_read(s, s->directory, 0, &count), OH_E_AGAIN);
    assert_int_equal(count, 3000);
}

static void test_snapshot_file_is_whole_or_absent_when_power_fails_at_any_time(void **state)
{
    struct snapshots *s = *state;
    struct oh_prng prng;
    oh_prng_init(&prng, 17);
    for (uint64_t seq = 1; seq <= 60; seq++) {
        static const enum storage_operation operations[] = { STORAGE_WRITE, STORAGE_FSYNC, STORAGE_RENAME,
                                                             STORAGE_FSYNC_DIRECTORY, STORAGE_FDATASYNC };
        enum storage_operation operation = operations[oh_prng_below(&prng, 5)];
        uint64_t count;
        storage_disk_fail(s->disk, operation, 1 + oh_prng_below(&prng, 3), UINT64_MAX / 2, EIO);
        writer_start(s, seq);
        for (int i = 0; i < 300 && oh_snapshot_writer_put(s->writer, OH_BYTES("object")) == OH_OK; i++)
            ;
        writer_end(s);
        bool is_done = oh_snapshot_writer_state(s->writer, NULL) == OH_SNAPSHOT_DONE;
        storage_disk_crash(s->disk, false);
        oh_snapshot_writer_destroy(&s->writer);
        oh_directory_close(&s->directory);
        directory_start(s);
        uint64_t seqs[OH_SNAPSHOTS_MAX];
        size_t found;
        assert_int_equal(oh_snapshot_list(s->directory, seqs, OH_SNAPSHOTS_MAX, &found, &s->diag), OH_OK);
        assert_true(!is_done || (found > 0 && seqs[0] == seq));
        for (size_t i = 0; i < found; i++) {
            struct oh_snapshot_reader *reader;
            struct oh_snapshot_info info;
            struct oh_bytes object;
            assert_int_equal(oh_snapshot_reader_open(s->directory, seqs[i], &reader, &info, &s->diag), OH_OK);
            count = 0;
            while (oh_snapshot_reader_next(reader, &object, &s->diag) == OH_OK)
                count++;
            assert_int_equal(count, 300);
            oh_snapshot_reader_close(&reader);
        }
    }
}

/* ---- failures --------------------------------------------------------- */

static void test_snapshot_file_fails_and_leaves_nothing_when_the_disk_does(void **state)
{
    struct snapshots *s = *state;
    static const enum storage_operation operations[] = { STORAGE_OPEN, STORAGE_WRITE, STORAGE_FSYNC, STORAGE_RENAME };
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        storage_disk_fail(s->disk, operations[i], 1, 1, ENOSPC);
        writer_start(s, 5);
        objects_put(s, 100);
        writer_end(s);
        assert_int_equal(oh_snapshot_writer_state(s->writer, &s->diag), OH_SNAPSHOT_FAILED);
        assert_non_null(strstr(s->diag.text, "No space left on device"));
        oh_snapshot_writer_destroy(&s->writer);
        assert_int_equal(storage_disk_files(s->disk, "snapshot/"), 0);
    }
}

static void test_snapshot_file_takes_no_more_when_it_has_failed(void **state)
{
    struct snapshots *s = *state;
    writer_start(s, 5);
    storage_disk_fail(s->disk, STORAGE_OPEN, 1, 1, EIO);
    objects_put(s, 600);
    oh_snapshot_writer_work(s->writer);
    assert_int_equal(oh_snapshot_writer_put(s->writer, OH_BYTES("x")), OH_E_IO);
    oh_snapshot_writer_finish(s->writer);
    assert_int_equal(oh_snapshot_writer_state(s->writer, NULL), OH_SNAPSHOT_FAILED);
}

/* ---- damage ----------------------------------------------------------- */

static void test_snapshot_file_is_refused_when_any_bit_is_flipped(void **state)
{
    struct snapshots *s = *state;
    struct oh_prng prng;
    uint64_t seed = 31;
    uint64_t count;
    size_t size;
    oh_prng_init(&prng, seed);
    print_message("seed %" PRIu64 "\n", seed);
    snapshot_make(s, 3, 100);
    snapshot_make(s, 5, 700);
    uint8_t *bytes = storage_disk_bytes(s->disk, "d/snapshot/00000000000000000005.ohs", &size);
    assert_true(size > 20 << 10);
    for (uint64_t i = 0; i < 1500; i++) {
        /* All of the footer, then anywhere. */
        uint64_t bit = i < 40 * 8 ? (size - 40) * 8 + i : oh_prng_below(&prng, size * 8);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        enum oh_err err = snapshot_read(s, s->directory, 0, &count); /* never falls back to snapshot 3 */
        if (err != OH_E_CORRUPT)
            print_error("bit %" PRIu64 ": %s\n", bit, oh_err_text(err));
        assert_int_equal(err, OH_E_CORRUPT);
        assert_non_null(strstr(s->diag.text, "00000000000000000005.ohs: byte "));
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_int_equal(snapshot_read(s, s->directory, 3, &count), OH_E_AGAIN);
    assert_int_equal(snapshot_read(s, s->directory, 5, &count), OH_E_AGAIN);
}

static void test_snapshot_file_names_the_damaged_block_when_there_are_several(void **state)
{
    struct snapshots *s = *state;
    uint64_t count;
    size_t size;
    snapshot_make(s, 5, 2500);
    uint8_t *bytes = storage_disk_bytes(s->disk, "d/snapshot/00000000000000000005.ohs", &size);
    uint32_t stored_size;
    memcpy(&stored_size, bytes + 4096 + 12, 4);
    size_t second = 4096 + 24 + stored_size;
    assert_memory_equal(bytes + second, "OHSB", 4);
    bytes[second + 40] ^= 8;
    char where[100];
    (void)snprintf(where, sizeof(where), "byte %zu: the checksum of the block does not match", second);
    assert_int_equal(snapshot_read(s, s->directory, 5, &count), OH_E_CORRUPT);
    assert_non_null(strstr(s->diag.text, where));
    assert_true(count > 0); /* the first block was good */
}

static void test_snapshot_file_is_refused_when_it_is_cut_or_has_more_behind(void **state)
{
    struct snapshots *s = *state;
    struct oh_prng prng;
    uint64_t count;
    size_t size;
    const char *path = "d/snapshot/00000000000000000005.ohs";
    oh_prng_init(&prng, 5);
    snapshot_make(s, 5, 20);
    (void)storage_disk_bytes(s->disk, path, &size);
    storage_disk_resize(s->disk, path, size + 1);
    assert_int_equal(snapshot_read(s, s->directory, 5, &count), OH_E_CORRUPT);
    for (size_t cut = size - 1; cut > 0; cut -= 1 + (size_t)oh_prng_below(&prng, cut)) {
        storage_disk_resize(s->disk, path, cut);
        assert_int_equal(snapshot_read(s, s->directory, 5, &count), OH_E_CORRUPT);
    }
}

/* ---- several ---------------------------------------------------------- */

static void test_snapshot_file_list_is_newest_first_when_there_are_several(void **state)
{
    struct snapshots *s = *state;
    static const uint64_t made[] = { 30, 7, 100000000000, 8 };
    uint64_t seqs[8];
    size_t count;
    for (size_t i = 0; i < 4; i++)
        snapshot_make(s, made[i], 1);
    assert_int_equal(oh_snapshot_list(s->directory, seqs, 8, &count, &s->diag), OH_OK);
    assert_int_equal(count, 4);
    assert_int_equal(seqs[0], 100000000000);
    assert_int_equal(seqs[1], 30);
    assert_int_equal(seqs[2], 8);
    assert_int_equal(seqs[3], 7);
    assert_int_equal(oh_snapshot_list(s->directory, seqs, 1, &count, &s->diag), OH_OK);
    assert_int_equal(count, 1);
    assert_int_equal(oh_snapshot_prune(s->directory, 2, &s->diag), OH_OK);
    assert_int_equal(oh_snapshot_list(s->directory, seqs, 8, &count, &s->diag), OH_OK);
    assert_int_equal(count, 2);
    assert_int_equal(seqs[1], 30);
}

static void test_snapshot_file_removes_old_ones_when_told_how_many_to_keep(void **state)
{
    struct snapshots *s = *state;
    uint64_t seqs[8];
    size_t count;
    for (uint64_t seq = 1; seq <= 5; seq++) {
        struct oh_snapshot_options options = { .seq = seq, .keep_count = 2, .is_manual = true };
        assert_int_equal(oh_snapshot_writer_create(s->directory, &options, &s->writer, &s->diag), OH_OK);
        writer_end(s);
        assert_int_equal(oh_snapshot_writer_state(s->writer, NULL), OH_SNAPSHOT_DONE);
        oh_snapshot_writer_destroy(&s->writer);
    }
    assert_int_equal(oh_snapshot_list(s->directory, seqs, 8, &count, &s->diag), OH_OK);
    assert_int_equal(count, 2);
    assert_int_equal(seqs[0], 5);
    assert_int_equal(seqs[1], 4);
}

/* ---- with a thread, on the real disk ---------------------------------- */

static bool has_ended(void *ctx)
{
    struct snapshots *s = ctx;
    return oh_snapshot_writer_state(s->writer, NULL) >= OH_SNAPSHOT_DONE;
}

struct put {
    struct oh_snapshot_writer *writer;
    struct oh_bytes object;
    enum oh_err err;
};

static bool is_put(void *ctx)
{
    struct put *put = ctx;
    put->err = oh_snapshot_writer_put(put->writer, put->object);
    return put->err != OH_E_AGAIN;
}

/* As top -H shows it; this one lives until the snapshot is finished or given up. */
static bool is_thread_named(void *ctx)
{
    (void)ctx;
    bool is_there = false;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task = readdir(tasks); task != NULL && !is_there; task = readdir(tasks)) {
        char path[300];
        char name[32] = "";
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue; /* "..", or a thread that has ended */
        is_there = fgets(name, sizeof(name), file) != NULL && strcmp(name, "snapshot\n") == 0;
        (void)fclose(file);
    }
    (void)closedir(tasks);
    return is_there;
}

static void threaded_make(struct snapshots *s, bool is_finished)
{
    struct oh_snapshot_options options = { .seq = 5, .at_us = 1234567890 };
    char *bytes = malloc(OH_SNAPSHOT_OBJECT_SIZE_MAX);
    assert_non_null(bytes);
    assert_int_equal(oh_snapshot_writer_create(s->directory, &options, &s->writer, &s->diag), OH_OK);
    for (uint64_t i = 0; i < 6000; i++) {
        struct put put = { .writer = s->writer, .object = { bytes, object_make(i, bytes) } };
        assert_true(storage_folder_wait(is_put, &put));
        assert_int_equal(put.err, OH_OK);
    }
    free(bytes);
    assert_true(storage_folder_wait(is_thread_named, NULL));
    if (is_finished) {
        oh_snapshot_writer_finish(s->writer);
        assert_true(storage_folder_wait(has_ended, s));
        assert_int_equal(oh_snapshot_writer_state(s->writer, &s->diag), OH_SNAPSHOT_DONE);
    }
    oh_snapshot_writer_destroy(&s->writer);
}

static void test_snapshot_file_gives_objects_back_when_a_thread_writes_them(void **state)
{
    struct storage_folder *folder = *state;
    struct snapshots s = { .disk = NULL };
    struct oh_journal *journal;
    uint64_t count;
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_WRITE, &s.directory, &s.diag), OH_OK);
    assert_int_equal(oh_journal_open(s.directory, &journal_options, &journal, &s.diag), OH_OK);
    oh_journal_close(&journal);
    threaded_make(&s, false); /* aborted */
    assert_int_equal(snapshot_read(&s, s.directory, 0, &count), OH_E_NOT_FOUND);
    threaded_make(&s, true);
    assert_int_equal(snapshot_read(&s, s.directory, 0, &count), OH_E_AGAIN);
    assert_int_equal(count, 6000);
    threaded_make(&s, true); /* the same seq once more */
    assert_int_equal(snapshot_read(&s, s.directory, 0, &count), OH_E_AGAIN);
    oh_directory_close(&s.directory);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_snapshot_file_gives_objects_back_when_there_are_none_few_or_many),
        T(test_snapshot_file_gives_objects_back_when_calls_are_interrupted_and_short),
        T(test_snapshot_file_takes_nothing_when_the_queue_is_full),
        T(test_snapshot_file_shows_only_when_it_is_complete),
        T(test_snapshot_file_survives_power_loss_when_it_is_done),
        T(test_snapshot_file_is_whole_or_absent_when_power_fails_at_any_time),
        T(test_snapshot_file_fails_and_leaves_nothing_when_the_disk_does),
        T(test_snapshot_file_takes_no_more_when_it_has_failed),
        T(test_snapshot_file_is_refused_when_any_bit_is_flipped),
        T(test_snapshot_file_names_the_damaged_block_when_there_are_several),
        T(test_snapshot_file_is_refused_when_it_is_cut_or_has_more_behind),
        T(test_snapshot_file_list_is_newest_first_when_there_are_several),
        T(test_snapshot_file_removes_old_ones_when_told_how_many_to_keep),
        cmocka_unit_test_setup_teardown(test_snapshot_file_gives_objects_back_when_a_thread_writes_them,
                                        storage_folder_setup, storage_folder_teardown),
    };
#ifdef __SANITIZE_THREAD__
    cmocka_set_test_filter("*_when_a_thread_*"); /* the others have one */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
