#include "codec/json_document.h"
#include "base/assert.h"
#include "base/checked.h"
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16u

struct oh_json_document {
    char *arena;
    size_t size; /* bytes given out */
    size_t size_max;
};

/* cJSON's hooks carry no context, so the arena of the parse under way is the thread's. */
static _Thread_local struct oh_json_document *parsing_document;

static void *arena_take(struct oh_json_document *document, size_t size)
{
    size_t room = document->size_max - document->size;
    if (size > room)
        return NULL;
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    void *memory = document->arena + document->size;
    document->size += rounded < room ? rounded : room;
    return memory;
}

static void *hook_allocate(size_t size)
{
    return parsing_document == NULL ? malloc(size) : arena_take(parsing_document, size);
}

static void hook_release(void *memory)
{
    if (parsing_document == NULL)
        free(memory);
}

static void hooks_install(void)
{
    cJSON_Hooks hooks = { .malloc_fn = hook_allocate, .free_fn = hook_release };
    cJSON_InitHooks(&hooks);
}

enum oh_err oh_json_document_create_sized(size_t size_max, struct oh_json_document **out_document)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (pthread_once(&once, hooks_install) != 0)
        return OH_E_NOMEM;
    struct oh_json_document *document = malloc(sizeof(*document));
    if (document == NULL)
        return OH_E_NOMEM;
    /* Pages of its own: most are never touched, and a sanitizer, which sees nothing inside it, would mark them all. */
    void *arena = mmap(NULL, size_max, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED) {
        free(document);
        return OH_E_NOMEM;
    }
    *document = (struct oh_json_document){ .arena = arena, .size_max = size_max };
    *out_document = document;
    return OH_OK;
}

enum oh_err oh_json_document_create(struct oh_json_document **out_document)
{
    return oh_json_document_create_sized(OH_JSON_ARENA_SIZE_MAX, out_document);
}

void oh_json_document_destroy(struct oh_json_document **document)
{
    if (*document == NULL)
        return;
    (void)munmap((*document)->arena, (*document)->size_max);
    free(*document);
    *document = NULL;
}

void oh_json_document_clear(struct oh_json_document *document)
{
    document->size = 0;
}

void *oh_json_document_take(struct oh_json_document *document, size_t count, size_t size)
{
    size_t total;
    return oh_mul_size(count, size, &total) ? arena_take(document, total) : NULL;
}

void *oh_json_document_allocate(struct oh_json_document *document, size_t count, size_t size)
{
    void *memory = oh_json_document_take(document, count, size);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

size_t oh_json_document_mark(const struct oh_json_document *document)
{
    return document->size;
}

void oh_json_document_rewind(struct oh_json_document *document, size_t mark)
{
    OH_ASSERT(mark <= document->size);
    document->size = mark;
}

void oh_json_document_full(struct oh_fault *fault)
{
    oh_fault_set(fault, OH_FAULT_TOO_MANY, OH_BYTES_NONE,
                 "The body needs more memory to be read than it may use.");
}

static enum oh_err refuse_memory(struct oh_fault *fault)
{
    oh_json_document_full(fault);
    return OH_E_SYNTAX;
}

enum oh_err oh_json_document_read(struct oh_json_document *document, struct oh_bytes body,
                                  const struct oh_json_value **out_values, struct oh_fault *fault)
{
    /* They are noted in what is left of the arena, which then is as much shorter as they need. */
    struct oh_json_value *values = (struct oh_json_value *)(void *)(document->arena + document->size);
    size_t capacity = (document->size_max - document->size) / sizeof(*values);
    uint32_t count = 0;
    enum oh_err err =
        oh_json_read(body, values, (uint32_t)(capacity < UINT32_MAX ? capacity : UINT32_MAX), &count, fault);
    if (err == OH_E_FULL)
        return refuse_memory(fault);
    if (err != OH_OK)
        return err;
    *out_values = arena_take(document, count * sizeof(*values));
    return OH_OK;
}

enum oh_err oh_json_document_tree(struct oh_json_document *document, struct oh_bytes text, const cJSON **out_root,
                                  struct oh_fault *fault)
{
    OH_ASSERT(parsing_document == NULL);
    parsing_document = document;
    const char *end = NULL;
    const cJSON *root = cJSON_ParseWithLengthOpts(text.data, text.size, &end, false);
    parsing_document = NULL;
    /* The guard let it pass, so only memory can have been missing. */
    if (root == NULL)
        return refuse_memory(fault);
    *out_root = root;
    return OH_OK;
}

enum oh_err oh_json_document_parse(struct oh_json_document *document, struct oh_bytes body, const cJSON **out_root,
                                   struct oh_fault *fault)
{
    if (oh_json_guard(body, fault) != OH_OK)
        return OH_E_SYNTAX;
    return oh_json_document_tree(document, body, out_root, fault);
}

enum oh_err oh_json_document_keep(struct oh_json_document *document, struct oh_bytes bytes, struct oh_bytes *out_kept,
                                  struct oh_fault *fault)
{
    char *kept = arena_take(document, bytes.size);
    if (kept == NULL)
        return refuse_memory(fault);
    if (bytes.size > 0)
        memcpy(kept, bytes.data, bytes.size);
    *out_kept = (struct oh_bytes){ kept, bytes.size };
    return OH_OK;
}

struct oh_bytes oh_json_text_of(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(value) ? oh_bytes_of(value->valuestring) : OH_BYTES_NONE;
}
