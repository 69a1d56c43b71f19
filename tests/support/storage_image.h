/*
 * storage_image.h - what a disk holds while nobody uses it: names and bytes.
 *
 * What it is: a plain value, to keep, compare, damage and put on a disk again.
 * Aborts when there is no memory: it is for tests. One thread.
 */
#ifndef ONHAND_TESTS_SUPPORT_STORAGE_IMAGE_H
#define ONHAND_TESTS_SUPPORT_STORAGE_IMAGE_H

#include "support/storage_disk.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORAGE_IMAGE_FILES_MAX 64u
#define STORAGE_IMAGE_PATH_SIZE 64u

struct storage_file {
    char path[STORAGE_IMAGE_PATH_SIZE];
    bool is_directory;
    uint32_t inode; /* its number on the disk it was taken from, else 0 */
    uint8_t *bytes; /* owned */
    size_t size;
    size_t capacity;
};

/* A zeroed value is an empty disk. */
struct storage_image {
    struct storage_file files[STORAGE_IMAGE_FILES_MAX];
    size_t count;
    size_t made; /* files[count..made) keep their memory for the next use */
};

void storage_image_fini(struct storage_image *image);

/* Empties it; keeps its memory. */
void storage_image_clear(struct storage_image *image);

/* Adds a directory, or a file of `size` zeros. Lends until the image changes. */
struct storage_file *storage_image_add(struct storage_image *image, const char *path, bool is_directory,
                                       size_t size);

/* NULL: there is none of this name. */
struct storage_file *storage_image_find(struct storage_image *image, const char *path);
void storage_image_remove(struct storage_image *image, struct storage_file *file);

/* Grows with zeros, or cuts. */
void storage_file_resize(struct storage_file *file, size_t size);

void storage_image_copy(struct storage_image *image, const struct storage_image *from);

/* What programs see on the disk now. */
void storage_image_take(struct storage_image *image, const struct storage_disk *disk);

/* Puts all of it on a new disk, as if it had always been there. */
void storage_image_put(const struct storage_image *image, struct storage_disk *disk);

/* Equal images have equal hashes, in whatever order their files lie. */
uint64_t storage_image_hash(const struct storage_image *image);

#endif
