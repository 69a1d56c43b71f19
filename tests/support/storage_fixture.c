#include "support/storage_fixture.h"
#include "base/prng.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdlib.h>

static void wake(void *ctx)
{
    struct fixture *f = ctx;
    f->wakes++;
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->disk = storage_disk_create(7);
    f->options = (struct oh_journal_options){
        .durability = OH_DURABILITY_DISK,
        .segment_size = 64 << 10,
        .buffer_size = 1 << 16,
        .record_size_max = RECORD_SIZE_MAX,
        .is_manual = true,
        .wake = wake,
        .wake_ctx = f,
    };
    *state = f;
    return 0;
}

void journal_stop(struct fixture *f)
{
    oh_journal_close(&f->journal);
    oh_directory_close(&f->directory);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    journal_stop(f);
    storage_disk_destroy(f->disk);
    free(f);
    return 0;
}

enum oh_err journal_start(struct fixture *f)
{
    f->diag.text[0] = '\0';
    enum oh_err err =
        oh_directory_open(storage_disk_io(f->disk), "d", OH_DIRECTORY_WRITE, &f->directory, &f->diag);
    if (err == OH_OK)
        err = oh_journal_open(f->directory, &f->options, &f->journal, &f->diag);
    return err;
}

void assert_started(struct fixture *f)
{
    enum oh_err err = journal_start(f);
    if (err != OH_OK)
        print_error("%s\n", f->diag.text);
    assert_int_equal(err, OH_OK);
}

void journal_kill(struct fixture *f)
{
    storage_disk_crash(f->disk, true);
    journal_stop(f);
}

void work(struct fixture *f)
{
    oh_journal_submit(f->journal);
    oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    if (oh_journal_written_seq(f->journal) != oh_journal_seq(f->journal)) /* it had to wait for a new file */
        oh_journal_work(f->journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
}

size_t record_make(uint64_t seq, char *out_bytes, size_t size_max)
{
    struct oh_prng prng;
    oh_prng_init(&prng, seq);
    size_t size = 1 + (size_t)oh_prng_below(&prng, size_max);
    for (size_t i = 0; i < size; i++)
        out_bytes[i] = (char)oh_prng_next(&prng);
    return size;
}

void append_sized(struct fixture *f, size_t size_max)
{
    char bytes[RECORD_SIZE_MAX];
    uint64_t seq = oh_journal_seq(f->journal) + 1;
    size_t size = record_make(seq, bytes, size_max);
    assert_int_equal(oh_journal_append(f->journal, seq, (struct oh_bytes){ bytes, size }), OH_OK);
}

void write_small(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        append_sized(f, 100);
        work(f);
    }
}

void assert_records(struct fixture *f, uint64_t from, uint64_t last, size_t size_max)
{
    struct oh_journal_reader *reader;
    char expected[RECORD_SIZE_MAX];
    assert_int_equal(oh_journal_reader_open(f->directory, from, &reader, &f->diag), OH_OK);
    for (uint64_t i = from; i <= last; i++) {
        uint64_t seq;
        struct oh_bytes record;
        enum oh_err err = oh_journal_reader_next(reader, &seq, &record, &f->diag);
        if (err != OH_OK)
            print_error("record %" PRIu64 ": %s\n", i, f->diag.text);
        assert_int_equal(err, OH_OK);
        assert_int_equal(seq, i);
        assert_int_equal(record.size, record_make(i, expected, size_max));
        assert_memory_equal(record.data, expected, record.size);
    }
    uint64_t seq;
    struct oh_bytes record;
    assert_int_equal(oh_journal_reader_next(reader, &seq, &record, &f->diag), OH_E_AGAIN);
    oh_journal_reader_close(&reader);
}

enum oh_err read_all(struct fixture *f, uint64_t from, uint64_t *out_last)
{
    struct oh_journal_reader *reader;
    struct oh_bytes record;
    uint64_t last = from - 1;
    assert_int_equal(oh_journal_reader_open(f->directory, from, &reader, &f->diag), OH_OK);
    enum oh_err err;
    do {
        err = oh_journal_reader_next(reader, &last, &record, &f->diag);
    } while (err == OH_OK);
    oh_journal_reader_close(&reader);
    *out_last = last;
    return err;
}
