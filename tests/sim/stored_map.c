#include "sim/stored_map.h"
#include "base/assert.h"
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE       4096u
#define FRAME_HEADER_SIZE 64u
#define BLOCK_HEADER_SIZE 24u
#define FOOTER_SIZE       40u

static uint64_t number_at(const struct storage_file *file, uint64_t at, unsigned size)
{
    uint64_t value = 0;
    OH_ASSERT(at + size <= file->size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)file->bytes[at + i] << (8 * i);
    return value;
}

static bool has_magic(const struct storage_file *file, uint64_t at, const char *magic)
{
    return at + strlen(magic) <= file->size && memcmp(file->bytes + at, magic, strlen(magic)) == 0;
}

static struct part *part_add(struct stored_map *map, const struct storage_file *file, enum part_kind kind,
                             uint64_t from, uint64_t to)
{
    OH_ASSERT(map->count < STORED_PARTS_MAX);
    struct part *part = &map->parts[map->count++];
    *part = (struct part){ .file = file, .kind = kind, .from = from, .to = to };
    return part;
}

bool stored_file_seq(const struct storage_file *file, const char *suffix, uint64_t *out_seq)
{
    const char *name = strrchr(file->path, '/');
    char *end = NULL;
    if (name == NULL)
        return false;
    *out_seq = strtoull(name + 1, &end, 10);
    return end == name + 21 && strcmp(end, suffix) == 0;
}

/* A frame of the records next_seq.. at this place? Proof frames have none. */
static bool is_frame(const struct storage_file *file, uint64_t at, uint64_t next_seq, uint64_t last_seq)
{
    return at + FRAME_HEADER_SIZE <= file->size && has_magic(file, at, "OHFR") &&
           number_at(file, at + 16, 8) == at && number_at(file, at + 24, 8) == next_seq &&
           number_at(file, at + 32, 8) <= last_seq;
}

static void journal_map(struct stored_map *map, const struct storage_file *file, uint64_t first_seq,
                        uint64_t last_seq)
{
    uint64_t align = number_at(file, 64, 4);
    uint64_t at = HEADER_SIZE;
    uint64_t next_seq = first_seq;
    part_add(map, file, PART_HEADER, 0, at)->first_seq = first_seq;
    while (is_frame(file, at, next_seq, last_seq)) {
        uint64_t size = FRAME_HEADER_SIZE + number_at(file, at + 56, 4);
        uint64_t end = at + (size + align - 1) / align * align;
        struct part *part = part_add(map, file, PART_FRAME, at, end);
        part->first_seq = next_seq;
        part->last_seq = number_at(file, at + 32, 8);
        part->synced_seq = number_at(file, at + 40, 8);
        next_seq = part->last_seq + 1;
        at = end;
    }
    for (; at < file->size; at += align)
        part_add(map, file, PART_TAIL, at, at + align);
}

static void snapshot_map(struct stored_map *map, const struct storage_file *file)
{
    uint64_t at = HEADER_SIZE;
    part_add(map, file, PART_HEADER, 0, at);
    while (has_magic(file, at, "OHSB")) {
        uint64_t end = at + BLOCK_HEADER_SIZE + number_at(file, at + 12, 4);
        part_add(map, file, PART_BLOCK, at, end);
        at = end;
    }
    OH_ASSERT(has_magic(file, at, "OHSF") && at + FOOTER_SIZE == file->size);
    part_add(map, file, PART_BLOCK, at, file->size);
}

void stored_map_make(struct stored_map *map, const struct storage_image *image, uint64_t last_seq)
{
    *map = (struct stored_map){ .count = 0 };
    for (size_t i = 0; i < image->count; i++) {
        const struct storage_file *file = &image->files[i];
        uint64_t seq;
        if (stored_file_seq(file, ".ohs", &seq)) {
            snapshot_map(map, file);
            map->newest_snapshot_seq = seq > map->newest_snapshot_seq ? seq : map->newest_snapshot_seq;
        }
        if (!stored_file_seq(file, ".ohj", &seq))
            continue;
        journal_map(map, file, seq, last_seq);
        if (seq > map->newest_journal_seq) {
            map->newest_journal_seq = seq;
            map->newest_journal = file;
        }
    }
}
