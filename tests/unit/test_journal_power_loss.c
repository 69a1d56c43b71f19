/*
 * Law: whenever the power fails, and whatever part of the unsynced sectors and
 * names reached the disk, the journal opens again without damage, has every
 * record it said was on disk, and no record is other than it was written.
 */
#include "base/prng.h"
#include "support/storage_fixture.h"
#include "support/test.h"
#include <errno.h>
#include <inttypes.h>

#define LIVES 100

/*
 * One life of the server: open, check, write, and lose power at some point.
 * Returns what would survive a power loss, should the life have ended by kill -9.
 */
static uint64_t live(struct fixture *f, struct oh_prng *prng, uint64_t *safe_seq, uint64_t *last_seq)
{
    uint64_t read_seq;
    assert_started(f);
    uint64_t seq = oh_journal_seq(f->journal);
    if (seq < *safe_seq || seq > *last_seq)
        print_error("found %" PRIu64 ", safe %" PRIu64 ", last %" PRIu64 "\n", seq, *safe_seq, *last_seq);
    assert_true(seq >= *safe_seq && seq <= *last_seq);
    assert_records(f, 1, seq, RECORD_SIZE_MAX);
    for (uint64_t turns = oh_prng_below(prng, 40); turns > 0; turns--) {
        for (uint64_t i = oh_prng_below(prng, 5); i > 0; i--)
            append_sized(f, RECORD_SIZE_MAX);
        if (oh_prng_below(prng, 50) == 0)
            storage_disk_fail(f->disk, STORAGE_FDATASYNC, 1 + oh_prng_below(prng, 4), 1, EIO);
        oh_journal_submit(f->journal);
        storage_disk_advance(f->disk, (int64_t)oh_prng_below(prng, 800000));
        oh_journal_work(f->journal, 1 + (unsigned)oh_prng_below(prng, 3));
        if (oh_journal_failed(f->journal, NULL))
            break;
    }
    assert_int_equal(read_all(f, 1, &read_seq), OH_E_AGAIN);
    assert_true(read_seq >= oh_journal_durable_seq(f->journal));
    bool is_gentle = oh_prng_below(prng, 4) == 0;
    /* After kill -9 all that was written is there; after power loss, all that was synced. */
    *safe_seq = is_gentle ? oh_journal_written_seq(f->journal) : oh_journal_synced_seq(f->journal);
    *last_seq = oh_journal_seq(f->journal);
    uint64_t synced_seq = oh_journal_synced_seq(f->journal);
    storage_disk_crash(f->disk, is_gentle);
    journal_stop(f);
    return synced_seq;
}

static void lives(struct fixture *f, enum oh_durability durability, uint64_t seed)
{
    struct oh_prng prng;
    uint64_t safe_seq = 0;
    uint64_t last_seq = 0;
    print_message("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    f->options.durability = durability;
    for (int life = 0; life < LIVES; life++) {
        f->options.frame_align = life % 5 == 0 ? 4096 : 512;
        (void)live(f, &prng, &safe_seq, &last_seq);
    }
    assert_true(safe_seq > LIVES);
}

static void test_journal_has_all_acknowledged_records_when_power_fails_in_class_disk(void **state)
{
    lives(*state, OH_DURABILITY_DISK, 1001);
}

static void test_journal_has_all_synced_records_when_power_fails_in_class_process(void **state)
{
    lives(*state, OH_DURABILITY_PROCESS, 2002);
}

/* Power fails again and again while the journal is being opened. */
static void test_journal_opens_when_power_failed_while_it_was_opened(void **state)
{
    struct fixture *f = *state;
    struct oh_prng prng;
    uint64_t safe_seq = 0;
    uint64_t last_seq = 0;
    oh_prng_init(&prng, 3003);
    f->options.durability = OH_DURABILITY_PROCESS;
    for (int life = 0; life < 60; life++) {
        uint64_t synced_seq = live(f, &prng, &safe_seq, &last_seq);
        for (uint64_t i = oh_prng_below(&prng, 4); i > 0; i--) {
            enum storage_operation operation = oh_prng_below(&prng, 2) == 0 ? STORAGE_WRITE : STORAGE_FSYNC;
            storage_disk_fail(f->disk, operation, 1 + oh_prng_below(&prng, 3), 1, EIO);
            enum oh_err err = journal_start(f);
            assert_true(err == OH_OK || err == OH_E_IO);
            safe_seq = err == OH_OK ? oh_journal_synced_seq(f->journal) : synced_seq;
            synced_seq = safe_seq;
            storage_disk_crash(f->disk, false);
            journal_stop(f);
        }
    }
}

/* Found by crash_images, seed 1: the name of the data directory itself was never synced. */
static void test_journal_is_there_when_power_fails_in_the_first_life_of_its_directory(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        storage_disk_destroy(f->disk);
        f->disk = storage_disk_create(seed);
        assert_started(f);
        write_small(f, 1);
        storage_disk_crash(f->disk, false);
        journal_stop(f);
        assert_started(f);
        assert_int_equal(oh_journal_seq(f->journal), 1);
        journal_stop(f);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_has_all_acknowledged_records_when_power_fails_in_class_disk),
        T(test_journal_has_all_synced_records_when_power_fails_in_class_process),
        T(test_journal_opens_when_power_failed_while_it_was_opened),
        T(test_journal_is_there_when_power_fails_in_the_first_life_of_its_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
