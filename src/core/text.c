#include "core/text.h"
#include "base/assert.h"

static uint32_t text_class(size_t size)
{
    OH_ASSERT(size >= 1 && size <= OH_TEXT_BLOCK_SIZE_MAX);
    if (size <= 256)
        return (uint32_t)((size - 1) / 8);
    uint32_t last = (uint32_t)size - 1;
    uint32_t power = 31 - (uint32_t)__builtin_clz(last);
    return OH_TEXT_SMALL_CLASSES + (power - 8) * 4 + (last >> (power - 2)) % 4;
}

static size_t text_class_size(uint32_t class)
{
    if (class < OH_TEXT_SMALL_CLASSES)
        return ((size_t)class + 1) * 8;
    uint32_t large = class - OH_TEXT_SMALL_CLASSES;
    return (size_t)(5 + large % 4) << (large / 4 + 6);
}

void oh_text_init(struct oh_text *text, void *base, uint64_t size_max)
{
    OH_ASSERT(size_max >= 8 && size_max <= (uint64_t)32 << 30);
    *text = (struct oh_text){ .base = base, .size_max = size_max, .cut_size = 8 };
}

bool oh_text_has_room(const struct oh_text *text, uint64_t size)
{
    return size * 2 + OH_TEXT_BLOCK_SIZE_MAX <= text->size_max - text->cut_size;
}

uint32_t oh_text_allocate(struct oh_text *text, size_t size)
{
    uint32_t class = text_class(size);
    size_t block_size = text_class_size(class);
    uint32_t ref = text->free_heads[class];
    if (ref != 0) {
        memcpy(&text->free_heads[class], oh_text_at(text, ref), sizeof(ref));
    } else {
        if (block_size > text->size_max - text->cut_size)
            return 0;
        ref = (uint32_t)(text->cut_size / 8);
        text->cut_size += block_size;
    }
    text->live_size += block_size;
    return ref;
}

void oh_text_free(struct oh_text *text, uint32_t ref, size_t size)
{
    if (ref == 0)
        return;
    uint32_t class = text_class(size);
    memcpy(oh_text_at(text, ref), &text->free_heads[class], sizeof(ref));
    text->free_heads[class] = ref;
    text->live_size -= text_class_size(class);
}

size_t oh_text_block_size(size_t size)
{
    return text_class_size(text_class(size));
}

size_t oh_text_strings_size(const struct oh_bytes *strings, uint32_t count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += 2 + strings[i].size;
    return size;
}

uint32_t oh_text_put_strings(struct oh_text *text, const struct oh_bytes *strings, uint32_t count)
{
    uint32_t ref = oh_text_allocate(text, oh_text_strings_size(strings, count));
    if (ref == 0)
        return 0;
    unsigned char *at = oh_text_at(text, ref);
    for (uint32_t i = 0; i < count; i++) {
        OH_ASSERT(strings[i].size <= UINT16_MAX);
        uint16_t size = (uint16_t)strings[i].size;
        memcpy(at, &size, 2);
        if (size > 0)
            memcpy(at + 2, strings[i].data, size);
        at += 2 + (size_t)size;
    }
    return ref;
}

struct oh_bytes oh_text_string(const struct oh_text *text, uint32_t ref, uint32_t nth)
{
    const unsigned char *at = oh_text_at(text, ref);
    uint16_t size;
    memcpy(&size, at, 2);
    for (uint32_t i = 0; i < nth; i++) {
        at += 2 + (size_t)size;
        memcpy(&size, at, 2);
    }
    return (struct oh_bytes){ (const char *)at + 2, size };
}

void oh_text_free_strings(struct oh_text *text, uint32_t ref, uint32_t count)
{
    if (ref == 0)
        return;
    struct oh_bytes last = oh_text_string(text, ref, count - 1);
    const char *begin = oh_text_at(text, ref);
    oh_text_free(text, ref, (size_t)(last.data + last.size - begin));
}
