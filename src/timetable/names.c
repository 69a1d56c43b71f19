#include "timetable/names.h"
#include "timetable/arena.h"
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_MIN 16u

struct oh_names {
    uint32_t count;
    struct oh_arena arena;
    struct oh_buffer all; /* struct oh_bytes */
    uint32_t *slots;      /* number + 1; 0: free. At most half are used. */
    uint32_t slot_count;  /* a power of two */
};

struct oh_names *oh_names_create(void)
{
    return calloc(1, sizeof(struct oh_names));
}

void oh_names_destroy(struct oh_names **names)
{
    if (*names == NULL)
        return;
    oh_arena_clear(&(*names)->arena);
    oh_buffer_fini(&(*names)->all);
    free((*names)->slots);
    free(*names);
    *names = NULL;
}

uint32_t oh_names_count(const struct oh_names *names)
{
    return names->count;
}

const struct oh_bytes *oh_names_all(const struct oh_names *names)
{
    return names->all.memory;
}

/* The slot that has the name, or the free one where it goes. */
static uint32_t slot_find(const uint32_t *slots, uint32_t slot_count, const struct oh_bytes *all,
                          struct oh_bytes name)
{
    uint32_t slot = (uint32_t)XXH3_64bits(name.data == NULL ? "" : name.data, name.size) & (slot_count - 1);
    while (slots[slot] != 0 && !oh_bytes_equal(all[slots[slot] - 1], name))
        slot = (slot + 1) & (slot_count - 1);
    return slot;
}

/* Room for one more. False: no memory, nothing changed. */
static bool names_grow(struct oh_names *names)
{
    if (!oh_buffer_grow(&names->all, (size_t)names->count + 1, sizeof(struct oh_bytes)))
        return false;
    if (names->count + 1 <= names->slot_count / 2)
        return true;
    uint32_t slot_count = names->slot_count == 0 ? SLOTS_MIN : names->slot_count * 2;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    const struct oh_bytes *all = names->all.memory;
    for (uint32_t i = 0; i < names->count; i++)
        slots[slot_find(slots, slot_count, all, all[i])] = i + 1;
    free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    return true;
}

bool oh_names_add(struct oh_names *names, struct oh_bytes name, uint32_t *out_number)
{
    if (!names_grow(names))
        return false;
    struct oh_bytes *all = names->all.memory;
    uint32_t slot = slot_find(names->slots, names->slot_count, all, name);
    if (names->slots[slot] == 0) {
        if (!oh_arena_text(&names->arena, name, &all[names->count]))
            return false;
        names->slots[slot] = ++names->count;
    }
    *out_number = names->slots[slot] - 1;
    return true;
}
