#include "storage/projected_seq.h"
#include "storage/little_endian.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FILE_NAME  "PROJECTED"
#define FILE_SIZE  24u /* whose, how far, and the checksum of both */
#define CHECK_FROM 16u

static uint64_t checksum(const char *bytes)
{
    return XXH3_64bits(bytes, CHECK_FROM);
}

static enum oh_err file_open(const struct oh_directory *directory, unsigned flags, char path[static OH_IO_PATH_SIZE],
                             int *out_file)
{
    enum oh_err err = oh_io_path(path, oh_directory_path(directory), FILE_NAME, NULL);
    return err == OH_OK ? oh_io_open(oh_directory_io(directory), path, flags, out_file, NULL) : err;
}

uint64_t oh_projected_seq_read(const struct oh_directory *directory)
{
    const struct oh_io *io = oh_directory_io(directory);
    char path[OH_IO_PATH_SIZE];
    char bytes[FILE_SIZE];
    size_t size = 0;
    int file = -1;
    if (file_open(directory, OH_IO_READ, path, &file) != OH_OK)
        return 0;
    enum oh_err err = oh_io_read(io, file, path, bytes, sizeof(bytes), 0, &size, NULL);
    oh_io_close(io, &file);
    bool is_whole = err == OH_OK && size == sizeof(bytes) && oh_le_get_u64(bytes + CHECK_FROM) == checksum(bytes);
    bool is_ours = is_whole && oh_le_get_u64(bytes) == (uint64_t)oh_directory_print(directory);
    return is_ours ? oh_le_get_u64(bytes + 8) : 0;
}

bool oh_projected_seq_write(const struct oh_directory *directory, uint64_t seq)
{
    const struct oh_io *io = oh_directory_io(directory);
    char path[OH_IO_PATH_SIZE];
    char bytes[FILE_SIZE];
    int file = -1;
    oh_le_put_u64(bytes, (uint64_t)oh_directory_print(directory));
    oh_le_put_u64(bytes + 8, seq);
    oh_le_put_u64(bytes + CHECK_FROM, checksum(bytes));
    if (file_open(directory, OH_IO_READ | OH_IO_WRITE | OH_IO_CREATE, path, &file) != OH_OK)
        return false;
    enum oh_err err = oh_io_write(io, file, path, bytes, sizeof(bytes), 0, NULL);
    oh_io_close(io, &file);
    return err == OH_OK;
}
