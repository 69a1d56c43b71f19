/*
 * stored_map.h - what lies where in the files of a data directory that is whole.
 *
 * What it is: a second reading of the format of docs/DURABILITY.md, section 4 and 7, with no code of the product's
 * and no checksum: of files that are known to be good.
 */
#ifndef ONHAND_TESTS_SIM_STORED_MAP_H
#define ONHAND_TESTS_SIM_STORED_MAP_H

#include "support/storage_image.h"
#include <stdbool.h>
#include <stdint.h>

#define STORED_PARTS_MAX 4096u

enum part_kind {
    PART_HEADER = 1, /* the first page of a file */
    PART_FRAME,      /* of a journal file, with its padding */
    PART_TAIL,       /* a unit of a journal file behind its last frame: zeros, or a torn tail */
    PART_BLOCK,      /* of a snapshot; the footer too */
};

struct part {
    const struct storage_file *file;
    enum part_kind kind;
    uint64_t from;
    uint64_t to;
    uint64_t first_seq; /* FRAME; HEADER: that of the file */
    uint64_t last_seq;
    uint64_t synced_seq;
};

struct stored_map {
    struct part parts[STORED_PARTS_MAX];
    size_t count;
    const struct storage_file *newest_journal;
    uint64_t newest_journal_seq;  /* its first */
    uint64_t newest_snapshot_seq; /* 0: there is none */
};

/* The journal of the image ends with record last_seq. Borrows the image. */
void stored_map_make(struct stored_map *map, const struct storage_image *image, uint64_t last_seq);

/* The seq in the name of a file; false when it is not one of the suffix. */
bool stored_file_seq(const struct storage_file *file, const char *suffix, uint64_t *out_seq);

#endif
