#include "storage/view.h"
#include "base/assert.h"
#include "storage/file_name.h"
#include "storage/journal.h"
#include "storage/snapshot.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 64 /* each ends because a file came or went within the microseconds of a try */

/* A file number of a view: which kind of file, and which of them. Those of `base` are smaller. */
#define NUMBER_KEPT (1 << 30)
#define NUMBER_KIND (1 << 29)

enum kind { JOURNAL, SNAPSHOT, KIND_COUNT };

struct kept {
    char path[OH_IO_PATH_SIZE];
    struct oh_seq_list names;
    int *files; /* of each name */
    size_t open_count;
};

struct oh_view {
    const struct oh_io *base;
    struct oh_io io;
    struct kept kept[KIND_COUNT];
};

static const char *const suffixes[KIND_COUNT] = { OH_FILE_SUFFIX_JOURNAL, OH_FILE_SUFFIX_SNAPSHOT };
static const size_t files_max[KIND_COUNT] = { OH_JOURNAL_SEGMENTS_MAX, OH_SNAPSHOTS_MAX };

/* ---- What there is ---------------------------------------------------------------------------- */

static void kept_clear(struct oh_view *view, struct kept *kept)
{
    for (size_t i = 0; i < kept->open_count; i++)
        oh_io_close(view->base, &kept->files[i]);
    oh_seq_list_fini(&kept->names);
    free(kept->files);
    kept->files = NULL;
    kept->open_count = 0;
}

static void view_clear(struct oh_view *view)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        kept_clear(view, &view->kept[kind]);
}

static enum oh_err names_read(const struct oh_view *view, enum kind kind, struct oh_seq_list *out_names,
                              struct oh_diag *diag)
{
    return oh_seq_list_read(view->base, view->kept[kind].path, suffixes[kind], files_max[kind], out_names, diag);
}

static enum oh_err file_keep(struct oh_view *view, enum kind kind, struct oh_diag *diag)
{
    struct kept *kept = &view->kept[kind];
    char path[OH_IO_PATH_SIZE];
    enum oh_err err = oh_file_path(path, kept->path, kept->names.seqs[kept->open_count], suffixes[kind], diag);
    if (err == OH_OK)
        err = oh_io_open(view->base, path, OH_IO_READ, &kept->files[kept->open_count], diag);
    if (err == OH_OK)
        kept->open_count++;
    return err == OH_E_NOT_FOUND ? OH_E_AGAIN : err; /* it had its name a moment ago */
}

static enum oh_err files_keep(struct oh_view *view, enum kind kind, struct oh_diag *diag)
{
    struct kept *kept = &view->kept[kind];
    enum oh_err err = names_read(view, kind, &kept->names, diag);
    if (err != OH_OK)
        return err;
    kept->files = calloc(kept->names.count + 1, sizeof(*kept->files));
    if (kept->files == NULL)
        return OH_E_NOMEM;
    while (err == OH_OK && kept->open_count < kept->names.count)
        err = file_keep(view, kind, diag);
    return err;
}

/* OH_E_AGAIN: other files are there now. */
static enum oh_err names_compare(const struct oh_view *view, enum kind kind, struct oh_diag *diag)
{
    const struct oh_seq_list *before = &view->kept[kind].names;
    struct oh_seq_list now;
    enum oh_err err = names_read(view, kind, &now, diag);
    if (err != OH_OK)
        return err;
    bool is_same = now.count == before->count &&
                   (now.count == 0 || memcmp(now.seqs, before->seqs, now.count * sizeof(*now.seqs)) == 0);
    oh_seq_list_fini(&now);
    return is_same ? OH_OK : OH_E_AGAIN;
}

/* Names are compared last, also because a listing is not of one moment: it may have a file and miss an older one. */
static enum oh_err view_take(struct oh_view *view, struct oh_diag *diag)
{
    enum oh_err err = files_keep(view, SNAPSHOT, diag);
    if (err == OH_OK)
        err = files_keep(view, JOURNAL, diag);
    if (err == OH_OK)
        err = names_compare(view, SNAPSHOT, diag);
    if (err == OH_OK)
        err = names_compare(view, JOURNAL, diag);
    return err;
}

/* ---- The port --------------------------------------------------------------------------------- */

/* The place of the file with this path among those that are kept; false when it is not one of them. */
static bool kept_find(const struct kept *kept, enum kind kind, const char *path, size_t *out_index)
{
    char expected[OH_IO_PATH_SIZE];
    size_t below = 0;
    size_t count = kept->names.count;
    while (count > 0) {
        size_t half = count / 2;
        if (oh_file_path(expected, kept->path, kept->names.seqs[below + half], suffixes[kind], NULL) != OH_OK)
            return false;
        int order = strcmp(path, expected);
        *out_index = below + half;
        if (order == 0)
            return true;
        below = order > 0 ? below + half + 1 : below;
        count = order > 0 ? count - half - 1 : half;
    }
    return false;
}

static int view_file_open(void *ctx, const char *path, unsigned flags)
{
    const struct oh_view *view = ctx;
    size_t index;
    OH_ASSERT(flags == OH_IO_READ);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        if (kept_find(&view->kept[kind], kind, path, &index))
            return NUMBER_KEPT | (kind == SNAPSHOT ? NUMBER_KIND : 0) | (int)index;
    }
    return -ENOENT;
}

static int base_file(const struct oh_view *view, int file)
{
    OH_ASSERT(file >= NUMBER_KEPT);
    const struct kept *kept = &view->kept[(file & NUMBER_KIND) != 0 ? SNAPSHOT : JOURNAL];
    size_t index = (size_t)(file & ~(NUMBER_KEPT | NUMBER_KIND));
    OH_ASSERT(index < kept->open_count);
    return kept->files[index];
}

/* It stays open for the next time that it is asked for. */
static int view_file_close(void *ctx, int file)
{
    (void)base_file(ctx, file);
    return 0;
}

static int64_t view_file_pread(void *ctx, int file, void *data, size_t size, uint64_t offset)
{
    const struct oh_view *view = ctx;
    return view->base->pread(view->base->ctx, base_file(view, file), data, size, offset);
}

static int64_t view_file_size(void *ctx, int file)
{
    const struct oh_view *view = ctx;
    return view->base->size(view->base->ctx, base_file(view, file));
}

static int view_list(void *ctx, const char *path, void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    const struct oh_view *view = ctx;
    unsigned kind = 0;
    while (kind < KIND_COUNT && strcmp(view->kept[kind].path, path) != 0)
        kind++;
    if (kind == KIND_COUNT)
        return -ENOENT;
    const struct kept *kept = &view->kept[kind];
    for (size_t i = 0; i < kept->names.count; i++) {
        char name[OH_IO_PATH_SIZE];
        if (oh_file_path(name, kept->path, kept->names.seqs[i], suffixes[kind], NULL) == OH_OK)
            each(each_ctx, name + strlen(kept->path) + 1);
    }
    return 0;
}

static int64_t view_monotonic_us(void *ctx)
{
    const struct oh_view *view = ctx;
    return view->base->monotonic_us(view->base->ctx);
}

static int64_t view_realtime_us(void *ctx)
{
    const struct oh_view *view = ctx;
    return view->base->realtime_us(view->base->ctx);
}

const struct oh_io *oh_view_io(const struct oh_view *view)
{
    return &view->io;
}

/* ---- Life ------------------------------------------------------------------------------------- */

static struct oh_view *view_create(const struct oh_io *io, const char *journal_path, const char *snapshot_path)
{
    struct oh_view *view = calloc(1, sizeof(*view));
    if (view == NULL)
        return NULL;
    view->base = io;
    (void)snprintf(view->kept[JOURNAL].path, OH_IO_PATH_SIZE, "%s", journal_path);
    (void)snprintf(view->kept[SNAPSHOT].path, OH_IO_PATH_SIZE, "%s", snapshot_path);
    view->io = (struct oh_io){ .ctx = view,
                               .open = view_file_open,
                               .close = view_file_close,
                               .pread = view_file_pread,
                               .size = view_file_size,
                               .list = view_list,
                               .monotonic_us = view_monotonic_us,
                               .realtime_us = view_realtime_us };
    return view;
}

enum oh_err oh_view_open(const struct oh_io *io, const char *journal_path, const char *snapshot_path,
                         struct oh_view **out_view, struct oh_diag *diag)
{
    struct oh_view *view = view_create(io, journal_path, snapshot_path);
    if (view == NULL)
        return OH_E_NOMEM;
    enum oh_err err = OH_E_AGAIN;
    for (int i = 0; i < TRIES_MAX && err == OH_E_AGAIN; i++) {
        view_clear(view);
        err = view_take(view, diag);
    }
    if (err == OH_E_AGAIN)
        oh_diag_set(diag, "%s: its files come and go faster than they can be opened", journal_path);
    if (err != OH_OK)
        oh_view_close(&view);
    else
        *out_view = view;
    return err;
}

void oh_view_close(struct oh_view **view)
{
    if (*view == NULL)
        return;
    view_clear(*view);
    free(*view);
    *view = NULL;
}
