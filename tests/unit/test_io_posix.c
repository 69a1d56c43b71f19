/*
 * Files that are written past the page cache, on the real file system of TMPDIR: what is written is there, and a
 * write that such a file cannot take makes it an ordinary one.
 */
#include "storage/io.h"
#include "support/storage_folder.h"
#include "support/test.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE (64u << 10)

struct file {
    char path[300];
    int file;
    _Alignas(OH_IO_DIRECT_ALIGN) uint8_t written[FILE_SIZE];
    uint8_t read[FILE_SIZE];
};

static bool is_direct(const struct file *file)
{
    return (fcntl(file->file, F_GETFL) & O_DIRECT) != 0;
}

/* False where the file system has no such writes; the file is an ordinary one then. */
static bool file_make(const struct storage_folder *folder, struct file *file)
{
    (void)snprintf(file->path, sizeof(file->path), "%s/file", folder->base);
    assert_int_equal(oh_io_open(oh_io_posix(), file->path, OH_IO_WRITE | OH_IO_CREATE | OH_IO_DIRECT, &file->file,
                                NULL), OH_OK);
    assert_int_equal(oh_io_write(oh_io_posix(), file->file, file->path, file->written, FILE_SIZE, 0, NULL), OH_OK);
    return is_direct(file);
}

/* As another process sees it, without a sync. */
static void file_compare(struct file *file)
{
    int reading;
    size_t size;
    assert_int_equal(oh_io_open(oh_io_posix(), file->path, OH_IO_READ, &reading, NULL), OH_OK);
    assert_int_equal(oh_io_read(oh_io_posix(), reading, file->path, file->read, FILE_SIZE, 0, &size, NULL), OH_OK);
    assert_int_equal(size, FILE_SIZE);
    assert_memory_equal(file->read, file->written, FILE_SIZE);
    oh_io_close(oh_io_posix(), &reading);
}

static void part_write(struct file *file, size_t offset, size_t size, uint8_t value)
{
    memset(file->written + offset, value, size);
    assert_int_equal(oh_io_write(oh_io_posix(), file->file, file->path, file->written + offset, size, offset, NULL),
                     OH_OK);
    file_compare(file);
}

static struct file *file_begin(void **state)
{
    struct file *file = aligned_alloc(OH_IO_DIRECT_ALIGN, sizeof(*file));
    assert_non_null(file);
    memset(file->written, 1, FILE_SIZE);
    if (file_make(*state, file))
        return file;
    oh_io_close(oh_io_posix(), &file->file);
    free(file);
    print_message("the file system of TMPDIR has no direct writes\n");
    skip();
    return NULL;
}

static void file_end(struct file *file)
{
    oh_io_close(oh_io_posix(), &file->file);
    free(file);
}

static void test_direct_file_stays_so_when_writes_fit(void **state)
{
    struct file *file = file_begin(state);
    file_compare(file);
    part_write(file, 0, 4096, 2);
    part_write(file, 16384, 8192, 3);
    assert_int_equal(oh_io_fdatasync(oh_io_posix(), file->file, file->path, NULL), OH_OK);
    assert_true(is_direct(file));
    file_end(file);
}

static void test_direct_file_becomes_an_ordinary_one_when_a_write_does_not_fit(void **state)
{
    static const struct { size_t offset, size; } unfit[] = { { 0, 100 }, { 4096, 4097 }, { 100, 4096 }, { 1, 1 } };
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
        struct file *file = file_begin(state);
        ssize_t count = pwrite(file->file, file->written + unfit[i].offset, unfit[i].size, (off_t)unfit[i].offset);
        bool is_taken = count == (ssize_t)unfit[i].size; /* tmpfs takes any */
        part_write(file, unfit[i].offset, unfit[i].size, 4);
        assert_int_equal(is_direct(file), is_taken);
        part_write(file, 8192, 4096, 5);
        assert_int_equal(oh_io_fdatasync(oh_io_posix(), file->file, file->path, NULL), OH_OK);
        file_end(file);
    }
}

static void test_ordinary_file_stays_so_when_a_call_is_invalid(void **state)
{
    const struct storage_folder *folder = *state;
    char path[300];
    int file;
    (void)snprintf(path, sizeof(path), "%s/file", folder->base);
    assert_int_equal(oh_io_open(oh_io_posix(), path, OH_IO_WRITE | OH_IO_CREATE, &file, NULL), OH_OK);
    assert_int_equal(oh_io_write(oh_io_posix(), file, path, "x", 1, UINT64_MAX, NULL), OH_E_IO); /* EINVAL */
    oh_io_close(oh_io_posix(), &file);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, storage_folder_setup, storage_folder_teardown)
    const struct CMUnitTest tests[] = {
        T(test_direct_file_stays_so_when_writes_fit),
        T(test_direct_file_becomes_an_ordinary_one_when_a_write_does_not_fit),
        T(test_ordinary_file_stays_so_when_a_call_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
