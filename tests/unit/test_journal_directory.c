/*
 * The data directory: one process at a time, one ledger, no leftovers.
 */
#include "storage/directory.h"
#include "storage/journal.h"
#include "storage/snapshot.h"
#include "support/storage_folder.h"
#include "support/test.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct oh_journal_options small_options = {
    .durability = OH_DURABILITY_DISK,
    .segment_size = 64 << 10,
    .buffer_size = 1 << 16,
    .record_size_max = 3000,
    .is_manual = true,
};

static void path_of(const struct storage_folder *folder, const char *name, char out_path[static 512])
{
    (void)snprintf(out_path, 512, "%s/%s", folder->path, name);
}

static void file_make(const struct storage_folder *folder, const char *name)
{
    char path[512];
    path_of(folder, name, path);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, "rubbish", 7), 7);
    (void)close(file);
}

static bool is_there(const struct storage_folder *folder, const char *name)
{
    char path[512];
    struct stat status;
    path_of(folder, name, path);
    return stat(path, &status) == 0;
}

static struct oh_directory *directory_make(struct storage_folder *folder)
{
    struct oh_directory *directory = NULL;
    struct oh_diag diag;
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_WRITE, &directory, &diag), OH_OK);
    return directory;
}

/* A journal with one record. */
static void journal_make(const struct oh_directory *directory)
{
    struct oh_journal *journal;
    struct oh_diag diag;
    assert_int_equal(oh_journal_open(directory, &small_options, &journal, &diag), OH_OK);
    uint64_t seq = oh_journal_seq(journal) + 1;
    assert_int_equal(oh_journal_append(journal, seq, OH_BYTES("record")), OH_OK);
    oh_journal_close(&journal);
}

static void snapshot_make(const struct oh_directory *directory, uint64_t seq)
{
    struct oh_snapshot_options options = { .seq = seq, .is_manual = true };
    struct oh_snapshot_writer *writer;
    struct oh_diag diag;
    assert_int_equal(oh_snapshot_writer_create(directory, &options, &writer, &diag), OH_OK);
    oh_snapshot_writer_finish(writer);
    oh_snapshot_writer_work(writer);
    assert_int_equal(oh_snapshot_writer_state(writer, &diag), OH_SNAPSHOT_DONE);
    oh_snapshot_writer_destroy(&writer);
}

static void test_journal_directory_is_refused_and_names_the_process_when_it_is_in_use(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *first = directory_make(folder);
    struct oh_directory *second = NULL;
    struct oh_diag diag;
    char pid[32];
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_WRITE, &second, &diag), OH_E_LOCKED);
    assert_null(second);
    (void)snprintf(pid, sizeof(pid), "process %ld holds", (long)getpid());
    assert_non_null(strstr(diag.text, pid));
    journal_make(first);
    /* Looking is allowed meanwhile. */
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_READ, &second, &diag), OH_OK);
    oh_directory_close(&second);
    oh_directory_close(&first);
    first = directory_make(folder);
    oh_directory_close(&first);
}

static void test_journal_directory_removes_temporary_files_only_when_it_may_write(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *directory = directory_make(folder);
    struct oh_diag diag;
    journal_make(directory);
    oh_directory_close(&directory);
    file_make(folder, "journal/prepared-9.tmp");
    file_make(folder, "snapshot/00000000000000000004.ohs.tmp");
    file_make(folder, "snapshot/00000000000000000005.ohs.tmp");
    file_make(folder, "snapshot/notes.txt");
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_READ, &directory, &diag), OH_OK);
    oh_directory_close(&directory);
    assert_true(is_there(folder, "journal/prepared-9.tmp"));
    directory = directory_make(folder);
    assert_false(is_there(folder, "journal/prepared-9.tmp"));
    assert_false(is_there(folder, "snapshot/00000000000000000004.ohs.tmp"));
    assert_false(is_there(folder, "snapshot/00000000000000000005.ohs.tmp"));
    assert_true(is_there(folder, "snapshot/notes.txt"));
    oh_directory_close(&directory);
}

static void test_journal_directory_keeps_its_ledger_id_when_it_is_opened_again(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *directory = directory_make(folder);
    assert_true(oh_directory_is_new(directory));
    struct oh_ledger_id id = oh_directory_ledger_id(directory);
    journal_make(directory);
    oh_directory_close(&directory);
    directory = directory_make(folder);
    assert_false(oh_directory_is_new(directory));
    struct oh_ledger_id again = oh_directory_ledger_id(directory);
    assert_memory_equal(&id, &again, sizeof(id));
    oh_directory_close(&directory);
}

static void test_journal_directory_is_refused_when_a_file_is_of_another_ledger(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *directory = directory_make(folder);
    struct oh_diag diag;
    char from[512];
    char to[512];
    journal_make(directory);
    snapshot_make(directory, 1);
    oh_directory_close(&directory);
    path_of(folder, "snapshot", from);
    (void)snprintf(to, sizeof(to), "%s/kept", folder->base);
    assert_int_equal(rename(from, to), 0);
    path_of(folder, "journal/00000000000000000001.ohj", from);
    assert_int_equal(unlink(from), 0);
    directory = directory_make(folder); /* a new ledger in the same place */
    journal_make(directory);
    oh_directory_close(&directory);
    path_of(folder, "snapshot", from);
    assert_int_equal(rmdir(from), 0);
    assert_int_equal(rename(to, from), 0); /* with a snapshot of the old one */
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_WRITE, &directory, &diag),
                     OH_E_CORRUPT);
    assert_non_null(strstr(diag.text, "another ledger"));
}

static void test_journal_directory_is_refused_when_there_are_snapshots_and_no_journal(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *directory = directory_make(folder);
    struct oh_diag diag;
    char path[512];
    journal_make(directory);
    snapshot_make(directory, 1);
    oh_directory_close(&directory);
    path_of(folder, "journal/00000000000000000001.ohj", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_WRITE, &directory, &diag),
                     OH_E_CORRUPT);
    assert_non_null(strstr(diag.text, "no journal file"));
}

static void test_journal_directory_is_not_found_when_it_is_only_looked_at(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *directory = NULL;
    struct oh_diag diag;
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_READ, &directory, &diag),
                     OH_E_NOT_FOUND);
    assert_false(is_there(folder, ""));
    directory = directory_make(folder);
    oh_directory_close(&directory);
    assert_int_equal(oh_directory_open(&folder->io, folder->path, OH_DIRECTORY_READ, &directory, &diag),
                     OH_E_NOT_FOUND);
}

static void test_journal_directory_is_refused_when_its_path_is_too_long(void **state)
{
    struct storage_folder *folder = *state;
    struct oh_directory *directory = NULL;
    struct oh_diag diag;
    char path[OH_IO_PATH_SIZE + 1];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(oh_directory_open(&folder->io, path, OH_DIRECTORY_WRITE, &directory, &diag), OH_E_TOO_LARGE);
    path[OH_IO_PATH_SIZE - 4] = '\0'; /* itself short enough, but not what lies in it */
    assert_int_equal(oh_directory_open(&folder->io, path, OH_DIRECTORY_WRITE, &directory, &diag), OH_E_TOO_LARGE);
    assert_int_equal(oh_directory_open(&folder->io, "", OH_DIRECTORY_WRITE, &directory, &diag), OH_E_TOO_LARGE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, storage_folder_setup, storage_folder_teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_directory_is_refused_and_names_the_process_when_it_is_in_use),
        T(test_journal_directory_removes_temporary_files_only_when_it_may_write),
        T(test_journal_directory_keeps_its_ledger_id_when_it_is_opened_again),
        T(test_journal_directory_is_refused_when_a_file_is_of_another_ledger),
        T(test_journal_directory_is_refused_when_there_are_snapshots_and_no_journal),
        T(test_journal_directory_is_not_found_when_it_is_only_looked_at),
        T(test_journal_directory_is_refused_when_its_path_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
