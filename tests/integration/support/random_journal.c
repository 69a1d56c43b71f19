/*
 * random_journal.c - writes a data directory whose journal has records with any value in any field.
 *
 *     random_journal DIR SEED COUNT
 *
 * For test_records.py, which reads them with a decoder of its own. A ledger could not follow these records.
 */
#include "base/assert.h"
#include "codec/record.h"
#include "storage/journal.h"
#include "support/random_effects.h"
#include <stdio.h>
#include <stdlib.h>

#define RECORDS_MAX     100000u
#define SEGMENT_SIZE    (1u << 20)
#define BUFFER_SIZE     (1u << 19)
#define RECORD_SIZE_MAX (1u << 17)

static void journal_fill(struct oh_journal *journal, uint64_t seed, uint64_t count)
{
    static struct random_record random;
    struct oh_prng prng;
    struct oh_strbuf bytes;
    oh_prng_init(&prng, seed);
    oh_strbuf_init(&bytes, RECORD_SIZE_MAX);
    for (uint64_t seq = 1; seq <= count; seq++) {
        random_record_make(&prng, &random);
        random.record.seq = seq;
        oh_strbuf_clear(&bytes);
        enum oh_err err = oh_record_encode(&random.record, &bytes);
        OH_ASSERT(err == OH_OK);
        err = oh_journal_append(journal, seq, oh_strbuf_bytes(&bytes));
        OH_ASSERT(err == OH_OK);
        oh_journal_submit(journal);
        oh_journal_work(journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
    }
    oh_strbuf_fini(&bytes);
}

int main(int argc, char **argv)
{
    const struct oh_journal_options options = { .durability = OH_DURABILITY_PROCESS,
                                                .segment_size = SEGMENT_SIZE,
                                                .buffer_size = BUFFER_SIZE,
                                                .record_size_max = RECORD_SIZE_MAX,
                                                .is_manual = true };
    struct oh_diag diag = { "" };
    struct oh_directory *directory = NULL;
    struct oh_journal *journal = NULL;
    uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    if (count < 1 || count > RECORDS_MAX) {
        fprintf(stderr, "usage: random_journal DIR SEED COUNT\n");
        return 2;
    }
    enum oh_err err = oh_directory_open(oh_io_posix(), argv[1], OH_DIRECTORY_WRITE, &directory, &diag);
    if (err == OH_OK)
        err = oh_journal_open(directory, &options, &journal, &diag);
    if (err == OH_OK)
        journal_fill(journal, strtoull(argv[2], NULL, 10), count);
    else
        fprintf(stderr, "random_journal: %s\n", diag.text);
    oh_journal_close(&journal);
    oh_directory_close(&directory);
    return err == OH_OK ? 0 : 1;
}
