/*
 * A view of a data directory beside a server that takes snapshots, removes older ones and forgets journal files, one
 * change at each call that the view makes: what it shows is of one moment, and stays readable.
 */
#include "storage/view.h"
#include "base/prng.h"
#include "storage/file_name.h"
#include "support/storage_disk.h"
#include "support/test.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define JOURNAL      "d/journal"
#define SNAPSHOT     "d/snapshot"
#define FILE_RECORDS 10u
#define BURST_MAX    24u
#define STEPS_OF_A_LISTING 3u

/* The server: a snapshot in the middle of each journal file, and what the newest one makes needless goes. */
struct server {
    struct storage_disk *disk;
    const struct oh_io *base;
    struct oh_io io;        /* that of the view: the server goes on at each call */
    uint64_t newest_seq;    /* the journal's newest file begins with this record, */
    uint64_t oldest_seq;    /* its oldest one with this */
    uint64_t snapshot_seq;  /* the newest snapshot, */
    uint64_t older_seq;     /* and the one before, while it is there */
    uint32_t step;
    uint32_t calls_before;  /* of the view, until the server begins; */
    uint32_t steps_left;    /* then so many steps, one a call */
    uint32_t open_count;    /* files that the view has open */
    struct oh_prng prng;
};

static void file_put(struct server *server, const char *folder, uint64_t seq, const char *suffix)
{
    char path[OH_IO_PATH_SIZE];
    assert_int_equal(oh_file_path(path, folder, seq, suffix, NULL), OH_OK);
    storage_disk_put(server->disk, path, (const uint8_t *)path, strlen(path));
}

static void file_remove(struct server *server, const char *folder, uint64_t seq, const char *suffix)
{
    char path[OH_IO_PATH_SIZE];
    assert_int_equal(oh_file_path(path, folder, seq, suffix, NULL), OH_OK);
    assert_int_equal(server->base->unlink(server->base->ctx, path), 0);
}

static void server_begin_file(struct server *server)
{
    server->newest_seq += FILE_RECORDS;
    file_put(server, JOURNAL, server->newest_seq, OH_FILE_SUFFIX_JOURNAL);
}

static void server_step(struct server *server)
{
    switch (server->step++ % 6) {
    case 0:
    case 1:
        server_begin_file(server);
        break;
    case 2:
        server->older_seq = server->snapshot_seq;
        server->snapshot_seq = server->newest_seq + 4;
        file_put(server, SNAPSHOT, server->snapshot_seq, OH_FILE_SUFFIX_SNAPSHOT);
        break;
    case 3:
        file_remove(server, SNAPSHOT, server->older_seq, OH_FILE_SUFFIX_SNAPSHOT);
        break;
    default: /* the file with the snapshot's next record stays, and all behind it */
        if (server->oldest_seq + FILE_RECORDS <= server->snapshot_seq + 1) {
            file_remove(server, JOURNAL, server->oldest_seq, OH_FILE_SUFFIX_JOURNAL);
            server->oldest_seq += FILE_RECORDS;
        }
    }
}

static void server_meanwhile(struct server *server)
{
    if (server->calls_before > 0) {
        server->calls_before--;
    } else if (server->steps_left > 0) {
        server->steps_left--;
        server_step(server);
    }
}

static int watched_open(void *ctx, const char *path, unsigned flags)
{
    struct server *server = ctx;
    server_meanwhile(server);
    int file = server->base->open(server->base->ctx, path, flags);
    server->open_count += file >= 0 ? 1 : 0;
    return file;
}

static int watched_close(void *ctx, int file)
{
    struct server *server = ctx;
    server->open_count--;
    return server->base->close(server->base->ctx, file);
}

static int64_t watched_pread(void *ctx, int file, void *data, size_t size, uint64_t offset)
{
    struct server *server = ctx;
    server_meanwhile(server);
    return server->base->pread(server->base->ctx, file, data, size, offset);
}

static int64_t watched_size(void *ctx, int file)
{
    struct server *server = ctx;
    server_meanwhile(server);
    return server->base->size(server->base->ctx, file);
}

struct names {
    char names[64][64];
    uint32_t count;
};

static void name_note(void *ctx, const char *name)
{
    struct names *names = ctx;
    assert_true(names->count < 64 && strlen(name) < 64);
    strcpy(names->names[names->count++], name);
}

static bool name_is_in(const struct names *names, const char *name)
{
    uint32_t i = 0;
    while (i < names->count && strcmp(names->names[i], name) != 0)
        i++;
    return i < names->count;
}

/* What is there all the time a listing has; what comes or goes meanwhile it may have or not. */
static int watched_list(void *ctx, const char *path, void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    struct server *server = ctx;
    struct names before = { .count = 0 };
    struct names after = { .count = 0 };
    server_meanwhile(server);
    assert_int_equal(server->base->list(server->base->ctx, path, name_note, &before), 0);
    for (uint32_t i = 0; i < STEPS_OF_A_LISTING; i++)
        server_meanwhile(server);
    assert_int_equal(server->base->list(server->base->ctx, path, name_note, &after), 0);
    for (uint32_t i = 0; i < before.count; i++) {
        if (name_is_in(&after, before.names[i]) || oh_prng_below(&server->prng, 2) == 0)
            each(each_ctx, before.names[i]);
    }
    for (uint32_t i = 0; i < after.count; i++) {
        if (!name_is_in(&before, after.names[i]) && oh_prng_below(&server->prng, 2) == 0)
            each(each_ctx, after.names[i]);
    }
    return 0;
}

static void server_init(struct server *server, uint64_t seed)
{
    *server = (struct server){ .disk = storage_disk_create(1), .newest_seq = 1, .oldest_seq = 1, .snapshot_seq = 5 };
    server->base = storage_disk_io(server->disk);
    oh_prng_init(&server->prng, seed);
    server->io = *server->base;
    server->io.ctx = server;
    server->io.open = watched_open;
    server->io.close = watched_close;
    server->io.pread = watched_pread;
    server->io.size = watched_size;
    server->io.list = watched_list;
    storage_disk_put(server->disk, "d", NULL, 0);
    storage_disk_put(server->disk, JOURNAL, NULL, 0);
    storage_disk_put(server->disk, SNAPSHOT, NULL, 0);
    file_put(server, JOURNAL, 1, OH_FILE_SUFFIX_JOURNAL);
    file_put(server, SNAPSHOT, 5, OH_FILE_SUFFIX_SNAPSHOT);
    for (uint32_t i = 0; i < 12; i++)
        server_step(server);
}

static void server_fini(struct server *server)
{
    assert_int_equal(server->open_count, 0);
    storage_disk_destroy(server->disk);
}

/* Each name that the view lists can be opened and has the contents of that file. */
static void names_check(const struct oh_view *view, const char *folder, const char *suffix, struct oh_seq_list *out)
{
    const struct oh_io *io = oh_view_io(view);
    assert_int_equal(oh_seq_list_read(io, folder, suffix, 1024, out, NULL), OH_OK);
    for (size_t i = 0; i < out->count; i++) {
        char path[OH_IO_PATH_SIZE];
        char found[OH_IO_PATH_SIZE];
        size_t count = 0;
        uint64_t size = 0;
        int file = -1;
        assert_int_equal(oh_file_path(path, folder, out->seqs[i], suffix, NULL), OH_OK);
        assert_int_equal(oh_io_open(io, path, OH_IO_READ, &file, NULL), OH_OK);
        assert_int_equal(oh_io_size(io, file, path, &size, NULL), OH_OK);
        assert_int_equal(oh_io_read(io, file, path, found, sizeof(found), 0, &count, NULL), OH_OK);
        assert_int_equal(size, strlen(path));
        assert_int_equal(count, size);
        assert_memory_equal(found, path, size);
        oh_io_close(io, &file);
    }
}

/* No gap, the newest snapshot's record is there, and the journal continues the oldest snapshot. */
static void view_check(const struct oh_view *view)
{
    struct oh_seq_list journal;
    struct oh_seq_list snapshots;
    names_check(view, JOURNAL, OH_FILE_SUFFIX_JOURNAL, &journal);
    names_check(view, SNAPSHOT, OH_FILE_SUFFIX_SNAPSHOT, &snapshots);
    assert_true(journal.count > 0 && snapshots.count > 0);
    for (size_t i = 1; i < journal.count; i++)
        assert_int_equal(journal.seqs[i], journal.seqs[i - 1] + FILE_RECORDS);
    assert_true(snapshots.seqs[0] + 1 >= journal.seqs[0]);
    assert_true(snapshots.seqs[snapshots.count - 1] < journal.seqs[journal.count - 1] + FILE_RECORDS);
    oh_seq_list_fini(&journal);
    oh_seq_list_fini(&snapshots);
}

static void test_view_is_of_one_moment_whenever_a_server_goes_on(void **state)
{
    (void)state;
    for (uint32_t phase = 0; phase < 6; phase++) {
        for (uint32_t calls = 0; calls < 20; calls++) {
            for (uint32_t steps = 1; steps <= BURST_MAX; steps++) {
                struct server server;
                struct oh_view *view = NULL;
                server_init(&server, (phase * 20 + calls) * BURST_MAX + steps);
                for (uint32_t i = 0; i < phase; i++)
                    server_step(&server);
                server.calls_before = calls;
                server.steps_left = steps;
                assert_int_equal(oh_view_open(&server.io, JOURNAL, SNAPSHOT, &view, NULL), OH_OK);
                for (uint32_t i = 0; i < 24; i++)
                    server_step(&server); /* nothing of what the view has is there any more */
                view_check(view);
                oh_view_close(&view);
                server_fini(&server);
            }
        }
    }
}

static void test_view_lists_nothing_that_came_later(void **state)
{
    struct server server;
    struct oh_view *view = NULL;
    struct oh_seq_list journal;
    char path[OH_IO_PATH_SIZE];
    int file = -1;
    (void)state;
    server_init(&server, 1);
    uint64_t newest_seq = server.newest_seq;
    assert_int_equal(oh_view_open(&server.io, JOURNAL, SNAPSHOT, &view, NULL), OH_OK);
    server_begin_file(&server);
    names_check(view, JOURNAL, OH_FILE_SUFFIX_JOURNAL, &journal);
    assert_int_equal(journal.seqs[journal.count - 1], newest_seq);
    oh_seq_list_fini(&journal);
    assert_int_equal(oh_file_path(path, JOURNAL, server.newest_seq, OH_FILE_SUFFIX_JOURNAL, NULL), OH_OK);
    assert_int_equal(oh_io_open(oh_view_io(view), path, OH_IO_READ, &file, NULL), OH_E_NOT_FOUND);
    oh_view_close(&view);
    server_fini(&server);
}

static void test_view_says_so_when_files_come_and_go_all_the_time(void **state)
{
    struct server server;
    struct oh_view *view = NULL;
    struct oh_diag diag = { "" };
    (void)state;
    server_init(&server, 1);
    server.steps_left = UINT32_MAX;
    assert_int_equal(oh_view_open(&server.io, JOURNAL, SNAPSHOT, &view, &diag), OH_E_AGAIN);
    assert_null(view);
    assert_non_null(strstr(diag.text, "faster than they can be opened"));
    server_fini(&server);
}

static void test_view_names_the_file_when_it_cannot_be_opened(void **state)
{
    struct server server;
    struct oh_view *view = NULL;
    struct oh_diag diag = { "" };
    (void)state;
    server_init(&server, 1);
    storage_disk_fail(server.disk, STORAGE_OPEN, 2, 1, EMFILE);
    assert_int_equal(oh_view_open(&server.io, JOURNAL, SNAPSHOT, &view, &diag), OH_E_IO);
    assert_null(view);
    assert_non_null(strstr(diag.text, ".ohj: open: Too many open files"));
    server_fini(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_is_of_one_moment_whenever_a_server_goes_on),
        cmocka_unit_test(test_view_lists_nothing_that_came_later),
        cmocka_unit_test(test_view_says_so_when_files_come_and_go_all_the_time),
        cmocka_unit_test(test_view_names_the_file_when_it_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
