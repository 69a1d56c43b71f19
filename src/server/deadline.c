#include "server/deadline.h"
#include "base/assert.h"
#include <stdlib.h>

#define HEAP_CAPACITY_MIN 64u

void oh_deadlines_init(struct oh_deadlines *deadlines)
{
    *deadlines = (struct oh_deadlines){ .heap = NULL };
}

void oh_deadlines_fini(struct oh_deadlines *deadlines)
{
    free(deadlines->heap);
    *deadlines = (struct oh_deadlines){ .heap = NULL };
}

enum oh_err oh_deadlines_reserve(struct oh_deadlines *deadlines, uint32_t count)
{
    if (count <= deadlines->capacity)
        return OH_OK;
    uint32_t capacity = deadlines->capacity < HEAP_CAPACITY_MIN ? HEAP_CAPACITY_MIN : deadlines->capacity * 2;
    if (capacity < count)
        capacity = count;
    struct oh_deadline **heap = realloc(deadlines->heap, ((size_t)capacity + 1) * sizeof(*heap));
    if (heap == NULL)
        return OH_E_NOMEM;
    deadlines->heap = heap;
    deadlines->capacity = capacity;
    return OH_OK;
}

void oh_deadline_init(struct oh_deadline *deadline)
{
    *deadline = (struct oh_deadline){ .at_us = OH_DEADLINE_NEVER, .key_us = OH_DEADLINE_NEVER, .position = 0 };
}

static void heap_place(struct oh_deadlines *deadlines, struct oh_deadline *deadline, uint32_t position)
{
    deadlines->heap[position] = deadline;
    deadline->position = position;
}

static void heap_sift_up(struct oh_deadlines *deadlines, struct oh_deadline *deadline)
{
    uint32_t position = deadline->position;
    while (position > 1 && deadlines->heap[position / 2]->key_us > deadline->key_us) {
        heap_place(deadlines, deadlines->heap[position / 2], position);
        position /= 2;
    }
    heap_place(deadlines, deadline, position);
}

static void heap_sift_down(struct oh_deadlines *deadlines, struct oh_deadline *deadline)
{
    uint32_t position = deadline->position;
    for (;;) {
        uint32_t child = position * 2;
        if (child > deadlines->count)
            break;
        if (child < deadlines->count && deadlines->heap[child + 1]->key_us < deadlines->heap[child]->key_us)
            child++;
        if (deadlines->heap[child]->key_us >= deadline->key_us)
            break;
        heap_place(deadlines, deadlines->heap[child], position);
        position = child;
    }
    heap_place(deadlines, deadline, position);
}

static void heap_insert(struct oh_deadlines *deadlines, struct oh_deadline *deadline)
{
    OH_ASSERT(deadlines->count < deadlines->capacity);
    deadlines->count++;
    heap_place(deadlines, deadline, deadlines->count);
    heap_sift_up(deadlines, deadline);
}

void oh_deadline_set(struct oh_deadlines *deadlines, struct oh_deadline *deadline, int64_t at_us)
{
    deadline->at_us = at_us;
    if (deadline->position != 0) {
        if (at_us >= deadline->key_us)
            return;
        deadline->key_us = at_us;
        heap_sift_up(deadlines, deadline);
    } else if (at_us != OH_DEADLINE_NEVER) {
        deadline->key_us = at_us;
        heap_insert(deadlines, deadline);
    }
}

void oh_deadline_remove(struct oh_deadlines *deadlines, struct oh_deadline *deadline)
{
    uint32_t position = deadline->position;
    deadline->at_us = OH_DEADLINE_NEVER;
    if (position == 0)
        return;
    struct oh_deadline *last = deadlines->heap[deadlines->count];
    deadlines->count--;
    deadline->position = 0;
    if (last == deadline)
        return;
    heap_place(deadlines, last, position);
    heap_sift_up(deadlines, last);
    heap_sift_down(deadlines, last);
}

struct oh_deadline *oh_deadlines_pop(struct oh_deadlines *deadlines, int64_t now_us)
{
    while (deadlines->count > 0 && deadlines->heap[1]->key_us <= now_us) {
        struct oh_deadline *first = deadlines->heap[1];
        int64_t at_us = first->at_us;
        if (at_us > now_us && at_us != OH_DEADLINE_NEVER) {
            first->key_us = at_us;
            heap_sift_down(deadlines, first);
            continue;
        }
        oh_deadline_remove(deadlines, first);
        if (at_us <= now_us)
            return first;
    }
    return NULL;
}

int64_t oh_deadlines_next_us(const struct oh_deadlines *deadlines)
{
    return deadlines->count == 0 ? OH_DEADLINE_NEVER : deadlines->heap[1]->key_us;
}
