#include "support/storage_image.h"
#include "base/assert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void storage_image_fini(struct storage_image *image)
{
    for (size_t i = 0; i < image->made; i++)
        free(image->files[i].bytes);
    *image = (struct storage_image){ .count = 0 };
}

void storage_image_clear(struct storage_image *image)
{
    image->count = 0;
}

void storage_file_resize(struct storage_file *file, size_t size)
{
    if (size > file->capacity) {
        file->bytes = realloc(file->bytes, size);
        OH_ASSERT(file->bytes != NULL);
        file->capacity = size;
    }
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
}

struct storage_file *storage_image_add(struct storage_image *image, const char *path, bool is_directory,
                                       size_t size)
{
    OH_ASSERT(image->count < STORAGE_IMAGE_FILES_MAX && strlen(path) < STORAGE_IMAGE_PATH_SIZE);
    struct storage_file *file = &image->files[image->count++];
    if (image->made < image->count)
        image->made = image->count;
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    file->is_directory = is_directory;
    file->inode = 0;
    file->size = 0;
    storage_file_resize(file, size);
    return file;
}

struct storage_file *storage_image_find(struct storage_image *image, const char *path)
{
    for (size_t i = 0; i < image->count; i++) {
        if (strcmp(image->files[i].path, path) == 0)
            return &image->files[i];
    }
    return NULL;
}

void storage_image_remove(struct storage_image *image, struct storage_file *file)
{
    struct storage_file *last = &image->files[--image->count];
    struct storage_file removed = *file;
    *file = *last;
    *last = removed; /* its memory stays in use */
}

/* Never NULL: that would mean a directory. */
static const uint8_t *bytes_of(const struct storage_file *file)
{
    static const uint8_t nothing[1];
    return file->size == 0 ? nothing : file->bytes;
}

static void file_add(void *ctx, uint32_t inode, const char *path, const uint8_t *bytes, size_t size)
{
    struct storage_file *file = storage_image_add(ctx, path, bytes == NULL, size);
    file->inode = inode;
    if (size > 0)
        memcpy(file->bytes, bytes, size);
}

void storage_image_copy(struct storage_image *image, const struct storage_image *from)
{
    storage_image_clear(image);
    for (size_t i = 0; i < from->count; i++) {
        const struct storage_file *file = &from->files[i];
        file_add(image, file->inode, file->path, file->is_directory ? NULL : bytes_of(file), file->size);
    }
}

void storage_image_take(struct storage_image *image, const struct storage_disk *disk)
{
    storage_image_clear(image);
    storage_disk_each(disk, file_add, image);
}

void storage_image_put(const struct storage_image *image, struct storage_disk *disk)
{
    for (size_t i = 0; i < image->count; i++) {
        const struct storage_file *file = &image->files[i];
        storage_disk_put(disk, file->path, file->is_directory ? NULL : bytes_of(file), file->size);
    }
}

uint64_t storage_image_hash(const struct storage_image *image)
{
    uint64_t sum = image->count;
    for (size_t i = 0; i < image->count; i++) {
        const struct storage_file *file = &image->files[i];
        uint64_t seed = XXH3_64bits_withSeed(file->path, strlen(file->path), file->is_directory ? 1 : 0);
        sum += XXH3_64bits_withSeed(file->bytes, file->size, seed);
    }
    return sum;
}
