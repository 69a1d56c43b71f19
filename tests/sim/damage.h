/*
 * damage.h - what bit rot, lost, misplaced and repeated writes, and people do to the files of a data directory.
 *
 * One seed is one damage. It changes an image, and says in words what it did. It does not know what the files
 * mean, but that they have sectors, and where they are more than zeros.
 */
#ifndef ONHAND_TESTS_SIM_DAMAGE_H
#define ONHAND_TESTS_SIM_DAMAGE_H

#include "support/storage_image.h"
#include <stdint.h>

#define DAMAGES(X)                                                   \
    X(DAMAGE_BIT, "a bit flipped")                                   \
    X(DAMAGE_BITS, "some bits flipped")                              \
    X(DAMAGE_BYTES, "a run of other bytes")                          \
    X(DAMAGE_SWAP, "two sectors of a file swapped")                  \
    X(DAMAGE_SWAP_FILES, "two sectors of two files swapped")         \
    X(DAMAGE_STALE, "a sector as it was before")                     \
    X(DAMAGE_STALE_RUN, "some sectors as they were before")          \
    X(DAMAGE_STRANGER, "a sector of another file, of now or before") \
    X(DAMAGE_ZEROS, "sectors of zeros")                              \
    X(DAMAGE_REPEAT, "sectors repeated in another place")            \
    X(DAMAGE_OLD_FILE, "a file as it was before")                    \
    X(DAMAGE_CUT, "a file cut short")                                \
    X(DAMAGE_LONGER, "a file with more behind it")                   \
    X(DAMAGE_MISSING, "a file gone")                                 \
    X(DAMAGE_FOREIGN, "a file of another ledger")                    \
    X(DAMAGE_RENAMED, "a file in the place of another one")

#define DAMAGE_ENUM(name, text) name,
enum damage { DAMAGES(DAMAGE_ENUM) DAMAGE_KINDS };
#undef DAMAGE_ENUM

const char *damage_text(enum damage damage);

/* What a damage may take from. */
struct damage_sources {
    const struct storage_image *moments; /* the same disk at earlier times */
    size_t moments_count;
    const struct storage_image *foreign; /* a disk of another ledger */
};

#define DAMAGE_WORDS_SIZE 256

/* Damages the image. out_words: what was done. It may happen that nothing changes. */
enum damage damage_make(struct storage_image *image, const struct damage_sources *sources, uint64_t seed,
                        char out_words[static DAMAGE_WORDS_SIZE]);

#endif
