/*
 * storage_fixture.h - a journal on a disk in memory, for cmocka tests.
 *
 * The contents of a record follow from its seq, so that a test can check what
 * it reads without remembering what it wrote.
 */
#ifndef ONHAND_TESTS_SUPPORT_STORAGE_FIXTURE_H
#define ONHAND_TESTS_SUPPORT_STORAGE_FIXTURE_H

#include "storage/journal.h"
#include "storage/journal_reader.h"
#include "support/storage_disk.h"
#include <stddef.h>
#include <stdint.h>

#define FIRST_FILE "d/journal/00000000000000000001.ohj"
#define RECORD_SIZE_MAX 3000U

struct fixture {
    struct storage_disk *disk;
    struct oh_directory *directory;
    struct oh_journal *journal;
    struct oh_journal_options options; /* class disk, 64 KiB files, no threads; a test may change them */
    struct oh_diag diag;
    int wakes;
};

/* For cmocka: make and free the fixture; no journal is opened. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

enum oh_err journal_start(struct fixture *f);
void assert_started(struct fixture *f);

/* Closes journal and directory. */
void journal_stop(struct fixture *f);

/* As kill -9: nothing more is written, and what was written stays. */
void journal_kill(struct fixture *f);

/* Submits, and lets the helpers do what they can. */
void work(struct fixture *f);

/* The contents of record `seq`, 1..size_max bytes. Returns the size. */
size_t record_make(uint64_t seq, char *out_bytes, size_t size_max);

/* Appends the next record. */
void append_sized(struct fixture *f, size_t size_max);

/* Records of up to 100 bytes, each in a frame of 512 bytes of its own. */
void write_small(struct fixture *f, int count);

/* Reads from..last and compares; the journal has to end there. */
void assert_records(struct fixture *f, uint64_t from, uint64_t last, size_t size_max);

/* Reads from record `from` until something is wrong or the end; the diag is in the fixture. */
enum oh_err read_all(struct fixture *f, uint64_t from, uint64_t *out_last);

#endif
