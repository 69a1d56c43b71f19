#include "base/assert.h"
#include "storage/file_name.h"
#include "storage/snapshot.h"

enum oh_err oh_snapshot_list(const struct oh_directory *directory, uint64_t *out_seqs, size_t seqs_max,
                             size_t *out_count, struct oh_diag *diag)
{
    struct oh_seq_list list;
    enum oh_err err = oh_seq_list_read(oh_directory_io(directory), oh_directory_snapshot_path(directory),
                                       OH_FILE_SUFFIX_SNAPSHOT, OH_SNAPSHOTS_MAX, &list, diag);
    if (err != OH_OK)
        return err;
    size_t count = list.count < seqs_max ? list.count : seqs_max;
    for (size_t i = 0; i < count; i++)
        out_seqs[i] = list.seqs[list.count - 1 - i];
    oh_seq_list_fini(&list);
    *out_count = count;
    return OH_OK;
}

enum oh_err oh_snapshot_prune(const struct oh_directory *directory, size_t keep_count, struct oh_diag *diag)
{
    OH_ASSERT(keep_count >= 1);
    const struct oh_io *io = oh_directory_io(directory);
    const char *directory_path = oh_directory_snapshot_path(directory);
    struct oh_seq_list list;
    enum oh_err err =
        oh_seq_list_read(io, directory_path, OH_FILE_SUFFIX_SNAPSHOT, OH_SNAPSHOTS_MAX, &list, diag);
    if (err != OH_OK)
        return err;
    size_t remove_count = list.count > keep_count ? list.count - keep_count : 0;
    for (size_t i = 0; err == OH_OK && i < remove_count; i++) {
        char path[OH_IO_PATH_SIZE];
        err = oh_file_path(path, directory_path, list.seqs[i], OH_FILE_SUFFIX_SNAPSHOT, diag);
        if (err == OH_OK)
            err = oh_io_unlink(io, path, diag);
    }
    oh_seq_list_fini(&list);
    if (err == OH_OK && remove_count > 0)
        err = oh_io_fsync_directory(io, directory_path, diag);
    return err;
}
