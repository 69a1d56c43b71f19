#include "support/failing_malloc.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define LIVE_MAX 8192u /* a power of two; what is allocated beyond it is not watched */

static size_t count;
static size_t fail_from; /* 0: never */
static size_t fail_times;
static size_t failed;
static unsigned pauses;

/* What is allocated now, by address: open addressing, a freed place keeps a tombstone. */
static struct live {
    const void *memory;
    size_t number;
} lives[LIVE_MAX];
static const char tombstone;
static bool is_watching;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_vasprintf(char **out_text, const char *format, va_list arguments);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_vasprintf(char **out_text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
void __wrap_free(void *memory);

/* ---- failing ----------------------------------------------------------- */

bool failing_malloc_fails(void)
{
    if (pauses > 0)
        return false;
    count++;
    if (fail_from == 0 || count < fail_from || count - fail_from >= fail_times)
        return false;
    failed++;
    return true;
}

void failing_malloc_arm_many(size_t nth, size_t times)
{
    count = failed = 0;
    fail_from = nth;
    fail_times = times;
}

void failing_malloc_arm(size_t nth)
{
    failing_malloc_arm_many(nth, 1);
}

bool failing_malloc_disarm(void)
{
    fail_from = 0;
    return failed > 0;
}

size_t failing_malloc_count(void)
{
    return count;
}

size_t failing_malloc_failed(void)
{
    return failed;
}

void failing_malloc_pause(void)
{
    pauses++;
}

void failing_malloc_resume(void)
{
    pauses--;
}

/* ---- watching ---------------------------------------------------------- */

static size_t live_start(const void *memory)
{
    return (size_t)(((uintptr_t)memory >> 4) * UINT64_C(11400714819323198485) >> 32) % LIVE_MAX;
}

static void *live_add(void *memory)
{
    if (memory == NULL || !is_watching || pauses > 0)
        return memory;
    size_t at = live_start(memory);
    for (size_t i = 0; i < LIVE_MAX; i++, at = (at + 1) % LIVE_MAX) {
        if (lives[at].memory != NULL && lives[at].memory != &tombstone)
            continue;
        lives[at] = (struct live){ memory, count };
        break;
    }
    return memory;
}

/* The place of it, or NULL: it was allocated in a pause, or by a library. */
static struct live *live_find(const void *memory)
{
    size_t at = live_start(memory);
    for (size_t i = 0; i < LIVE_MAX && lives[at].memory != NULL; i++, at = (at + 1) % LIVE_MAX) {
        if (lives[at].memory == memory)
            return &lives[at];
    }
    return NULL;
}

static void live_remove(const void *memory)
{
    struct live *live = memory == NULL || !is_watching ? NULL : live_find(memory);
    if (live != NULL)
        live->memory = &tombstone;
}

void failing_malloc_watch(void)
{
    for (size_t i = 0; i < LIVE_MAX; i++)
        lives[i].memory = NULL;
    is_watching = true;
}

size_t failing_malloc_live(size_t *out_first)
{
    size_t found = 0;
    *out_first = 0;
    for (size_t i = 0; i < LIVE_MAX; i++) {
        if (lives[i].memory == NULL || lives[i].memory == &tombstone)
            continue;
        if (*out_first == 0 || lives[i].number < *out_first)
            *out_first = lives[i].number;
        found++;
    }
    return found;
}

/* ---- what the linker puts in place -------------------------------------- */

void *__wrap_malloc(size_t size)
{
    return failing_malloc_fails() ? NULL : live_add(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return failing_malloc_fails() ? NULL : live_add(__real_calloc(number, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (failing_malloc_fails())
        return NULL;
    struct live *live = old == NULL || !is_watching ? NULL : live_find(old);
    void *memory = __real_realloc(old, size);
    if (memory == NULL)
        return NULL;
    if (live != NULL)
        live->memory = &tombstone;
    return old != NULL && is_watching && live == NULL ? memory : live_add(memory);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return failing_malloc_fails() ? NULL : live_add(__real_aligned_alloc(alignment, size));
}

int __wrap_vasprintf(char **out_text, const char *format, va_list arguments)
{
    if (failing_malloc_fails())
        return -1;
    int size = __real_vasprintf(out_text, format, arguments);
    if (size >= 0)
        (void)live_add(*out_text);
    return size;
}

void __wrap_free(void *memory)
{
    live_remove(memory);
    __real_free(memory);
}
