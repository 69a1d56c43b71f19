#include "timetable/compile.h"

static uint32_t matches_count(const struct oh_zone_document *zone)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < zone->match_count; i++)
        count += zone->matches[i].prefix_count == 0 ? 1 : zone->matches[i].prefix_count;
    return count;
}

/* One match of the timetable for each prefix. */
static enum oh_err matches_make(const struct oh_zone_document *zone, struct oh_zone_content *content)
{
    struct oh_arena *arena = &content->base.arena;
    uint32_t made = 0;
    struct oh_match *matches = oh_arena_allocate(arena, matches_count(zone), sizeof(*matches));
    if (matches == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < zone->match_count; i++) {
        const struct oh_zone_match_entry *entry = &zone->matches[i];
        struct oh_match match = { .zone = OH_INDEX_NONE };
        if (!oh_arena_text(arena, entry->country, &match.country))
            return OH_E_NOMEM;
        uint32_t k = 0;
        do {
            if (k < entry->prefix_count &&
                !oh_arena_text(arena, entry->postal_prefixes[k], &match.postal_prefix))
                return OH_E_NOMEM;
            matches[made++] = match;
        } while (++k < entry->prefix_count);
    }
    content->matches = matches;
    content->match_count = made;
    return OH_OK;
}

enum oh_err oh_compile_zone(struct oh_compiler *compiler, const struct oh_source_text *source,
                            struct oh_zone_content **out)
{
    struct oh_document document;
    struct oh_fault fault;
    struct oh_zone_content *content = oh_content_create(sizeof(*content), source);
    if (content == NULL)
        return OH_E_NOMEM;
    content->is_unreadable =
        oh_document_read(compiler->memory, OH_DOCUMENT_ZONE, source->text, &document, &fault) != OH_OK;
    if (!content->is_unreadable && matches_make(&document.zone, content) != OH_OK) {
        oh_content_unref(&content->base);
        return OH_E_NOMEM;
    }
    *out = content;
    return OH_OK;
}
