#include "sim/damage.h"
#include "base/assert.h"
#include "base/prng.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECTOR      512u
#define STALE_TRIES 50

const char *damage_text(enum damage damage)
{
    static const char *const texts[] = {
#define DAMAGE_TEXT(name, text) [name] = text,
        DAMAGES(DAMAGE_TEXT)
#undef DAMAGE_TEXT
    };
    return texts[damage];
}

struct work {
    struct storage_image *image;
    const struct damage_sources *sources;
    struct oh_prng prng;
    char *words;
};

static uint64_t below(struct work *work, uint64_t bound)
{
    return oh_prng_below(&work->prng, bound);
}

static void say(struct work *work, const struct storage_file *file, size_t at, size_t size)
{
    size_t used = strlen(work->words);
    (void)snprintf(work->words + used, DAMAGE_WORDS_SIZE - used, "; %s, %zu bytes at %zu", file->path, size,
                   at);
}

/* ---- Choosing --------------------------------------------------------------------------------- */

/* A file of the journal or a snapshot; of this kind of suffix, when one is given. NULL: there is none. */
static struct storage_file *file_choose(struct work *work, const struct storage_image *image,
                                        const char *suffix)
{
    size_t found[STORAGE_IMAGE_FILES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < image->count; i++) {
        const char *dot = strrchr(image->files[i].path, '.');
        bool is_data = dot != NULL && (strcmp(dot, ".ohj") == 0 || strcmp(dot, ".ohs") == 0);
        if (is_data && (suffix == NULL || strcmp(dot, suffix) == 0))
            found[count++] = i;
    }
    if (count == 0)
        return NULL;
    /* Files are only changed where they are part of work->image. */
    return (struct storage_file *)(uintptr_t)&image->files[found[below(work, count)]];
}

static size_t used_size(const struct storage_file *file)
{
    size_t size = file->size;
    while (size > 1 && file->bytes[size - 1] == 0)
        size--;
    return size;
}

/* Mostly where there is something. */
static size_t place_choose(struct work *work, const struct storage_file *file)
{
    bool is_anywhere = below(work, 8) == 0;
    return (size_t)below(work, is_anywhere ? file->size : used_size(file));
}

static size_t sector_choose(struct work *work, const struct storage_file *file)
{
    return place_choose(work, file) / SECTOR * SECTOR;
}

static void bytes_put(struct work *work, struct storage_file *file, size_t at, const uint8_t *bytes,
                      size_t size)
{
    size_t room = at < file->size ? file->size - at : 0;
    size = size < room ? size : room;
    memcpy(file->bytes + at, bytes, size);
    say(work, file, at, size);
}

/* Sector-sized contents of another file; zeros behind its end. */
static void sector_read(const struct storage_file *file, size_t at, uint8_t out_bytes[static SECTOR])
{
    size_t room = at < file->size ? file->size - at : 0;
    memset(out_bytes, 0, SECTOR);
    if (room > 0)
        memcpy(out_bytes, file->bytes + at, room < SECTOR ? room : SECTOR);
}

/* ---- Bytes ------------------------------------------------------------------------------------ */

static void bits_flip(struct work *work, struct storage_file *file, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        size_t at = place_choose(work, file);
        file->bytes[at] ^= (uint8_t)(1u << below(work, 8));
        say(work, file, at, 1);
    }
}

static void run_write(struct work *work, struct storage_file *file)
{
    uint8_t bytes[700];
    size_t size = 1 + (size_t)below(work, sizeof(bytes));
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)oh_prng_next(&work->prng);
    bytes_put(work, file, place_choose(work, file), bytes, size);
}

/* ---- Sectors ---------------------------------------------------------------------------------- */

static void sectors_swap(struct work *work, struct storage_file *a, struct storage_file *b)
{
    uint8_t bytes[2][SECTOR];
    size_t at[2] = { sector_choose(work, a), sector_choose(work, b) };
    sector_read(a, at[0], bytes[0]);
    sector_read(b, at[1], bytes[1]);
    bytes_put(work, a, at[0], bytes[1], SECTOR);
    bytes_put(work, b, at[1], bytes[0], SECTOR);
}

static const struct storage_image *moment_choose(struct work *work)
{
    return &work->sources->moments[below(work, work->sources->moments_count)];
}

/* The file as some earlier moment had it; NULL: it had none. */
static const struct storage_file *older_choose(struct work *work, const struct storage_file *file)
{
    return storage_image_find((struct storage_image *)(uintptr_t)moment_choose(work), file->path);
}

static bool is_other(const struct storage_file *file, const struct storage_file *older, size_t at)
{
    uint8_t bytes[2][SECTOR];
    sector_read(file, at, bytes[0]);
    sector_read(older, at, bytes[1]);
    return memcmp(bytes[0], bytes[1], SECTOR) != 0;
}

/* Most sectors are written once: looks for a while for one that was not always as it is. */
static void sectors_restore(struct work *work, struct storage_file *file, uint64_t count)
{
    uint8_t bytes[SECTOR];
    size_t at = 0;
    const struct storage_file *older = NULL;
    for (int i = 0; i < STALE_TRIES && (older == NULL || !is_other(file, older, at)); i++) {
        at = sector_choose(work, file);
        older = older_choose(work, file);
    }
    for (uint64_t i = 0; older != NULL && i < count && at < file->size; i++, at += SECTOR) {
        sector_read(older, at, bytes);
        bytes_put(work, file, at, bytes, SECTOR);
    }
}

/* Often from the same place of the other file, as when blocks are used again. */
static void stranger_put(struct work *work, struct storage_file *file)
{
    uint8_t bytes[SECTOR];
    bool is_now = below(work, 3) == 0;
    const struct storage_file *other = file_choose(work, is_now ? work->image : moment_choose(work), NULL);
    size_t at = sector_choose(work, file);
    if (other == NULL)
        return;
    sector_read(other, below(work, 3) == 0 ? sector_choose(work, other) : at, bytes);
    bytes_put(work, file, at, bytes, SECTOR);
}

static void zeros_put(struct work *work, struct storage_file *file)
{
    static const uint8_t zeros[8 * SECTOR];
    bytes_put(work, file, sector_choose(work, file), zeros, (1 + (size_t)below(work, 8)) * SECTOR);
}

static void sectors_repeat(struct work *work, struct storage_file *file)
{
    uint8_t bytes[4 * SECTOR];
    size_t from = sector_choose(work, file);
    uint64_t count = 1 + below(work, 4);
    for (uint64_t i = 0; i < count; i++)
        sector_read(file, from + i * SECTOR, bytes + i * SECTOR);
    bytes_put(work, file, sector_choose(work, file), bytes, count * SECTOR);
}

/* ---- Whole files ------------------------------------------------------------------------------ */

static void file_replace(struct work *work, struct storage_file *file, const struct storage_file *by)
{
    if (by == NULL || by == file)
        return;
    storage_file_resize(file, by->size);
    memcpy(file->bytes, by->bytes, by->size);
    say(work, file, 0, by->size);
}

static void file_cut(struct work *work, struct storage_file *file)
{
    size_t at = place_choose(work, file);
    say(work, file, at, file->size - at);
    storage_file_resize(file, at);
}

static void file_lengthen(struct work *work, struct storage_file *file)
{
    size_t before = file->size;
    storage_file_resize(file, before + 1 + (size_t)below(work, 2000));
    for (size_t i = before; i < file->size; i++)
        file->bytes[i] = (uint8_t)oh_prng_next(&work->prng);
    say(work, file, before, file->size - before);
}

static void file_remove(struct work *work, struct storage_file *file)
{
    say(work, file, 0, file->size);
    storage_image_remove(work->image, file);
}

enum damage damage_make(struct storage_image *image, const struct damage_sources *sources, uint64_t seed,
                        char out_words[static DAMAGE_WORDS_SIZE])
{
    struct work work = { .image = image, .sources = sources, .words = out_words };
    oh_prng_init(&work.prng, seed);
    enum damage damage = (enum damage)below(&work, DAMAGE_KINDS);
    struct storage_file *file = file_choose(&work, image, NULL);
    OH_ASSERT(file != NULL);
    const char *suffix = strrchr(file->path, '.');
    (void)snprintf(out_words, DAMAGE_WORDS_SIZE, "%s", damage_text(damage));
    switch (damage) {
    case DAMAGE_BIT:
        bits_flip(&work, file, 1);
        break;
    case DAMAGE_BITS:
        bits_flip(&work, file, 2 + below(&work, 7));
        break;
    case DAMAGE_BYTES:
        run_write(&work, file);
        break;
    case DAMAGE_SWAP:
        sectors_swap(&work, file, file);
        break;
    case DAMAGE_SWAP_FILES:
        sectors_swap(&work, file, file_choose(&work, image, NULL));
        break;
    case DAMAGE_STALE:
        sectors_restore(&work, file, 1);
        break;
    case DAMAGE_STALE_RUN:
        sectors_restore(&work, file, 2 + below(&work, 6));
        break;
    case DAMAGE_STRANGER:
        stranger_put(&work, file);
        break;
    case DAMAGE_ZEROS:
        zeros_put(&work, file);
        break;
    case DAMAGE_REPEAT:
        sectors_repeat(&work, file);
        break;
    case DAMAGE_OLD_FILE:
        file_replace(&work, file, older_choose(&work, file));
        break;
    case DAMAGE_CUT:
        file_cut(&work, file);
        break;
    case DAMAGE_LONGER:
        file_lengthen(&work, file);
        break;
    case DAMAGE_MISSING:
        file_remove(&work, file);
        break;
    case DAMAGE_FOREIGN:
        file_replace(&work, file, file_choose(&work, sources->foreign, suffix));
        break;
    case DAMAGE_RENAMED:
        file_replace(&work, file, file_choose(&work, image, suffix));
        break;
    case DAMAGE_KINDS:
        OH_UNREACHABLE();
    }
    return damage;
}
