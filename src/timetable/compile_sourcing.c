#include "timetable/compile.h"

struct making {
    const struct oh_context *context;
    const struct oh_sourcing_document *document;
    struct oh_sourcing_content *content;
    struct oh_arena *arena; /* the content's */
};

/* Pairs of which both classes are known: what no item is of keeps nothing apart. */
static enum oh_err make_pairs(struct making *making, const struct oh_class_names *names, uint32_t count,
                              const struct oh_class_pair **out_pairs, uint32_t *out_count)
{
    const struct oh_context *context = making->context;
    struct oh_class_pair *pairs = oh_arena_allocate(making->arena, count, sizeof(*pairs));
    uint32_t made = 0;
    if (pairs == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct oh_class_pair pair = { context->class_index(context->ctx, names[i].a),
                                      context->class_index(context->ctx, names[i].b) };
        if (pair.a != 0 && pair.b != 0)
            pairs[made++] = pair;
        else
            making->content->has_unknown_class = true;
    }
    *out_pairs = pairs;
    *out_count = made;
    return OH_OK;
}

/* Those that are there, in their order; the first that is not is the gap. */
static enum oh_err make_services(struct making *making)
{
    const struct oh_sourcing_document *document = making->document;
    struct oh_sourcing *sourcing = &making->content->sourcing;
    uint16_t *services = oh_arena_allocate(making->arena, document->service_count, sizeof(*services));
    if (services == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < document->service_count; i++) {
        uint32_t index = making->context->service(making->context->ctx, document->services[i]);
        if (index != OH_INDEX_NONE) {
            services[sourcing->service_count++] = (uint16_t)index;
        } else if (sourcing->gap == OH_GAP_NONE) {
            sourcing->gap = OH_GAP_SERVICE;
            if (!oh_arena_text(making->arena, document->services[i], &sourcing->gap_name))
                return OH_E_NOMEM;
        }
    }
    sourcing->has_services = document->has_services;
    sourcing->services = services;
    return OH_OK;
}

static void make_numbers(const struct oh_sourcing_document *document, struct oh_sourcing *out)
{
    out->objective = document->objective;
    out->parcels_max = document->parcels_max;
    out->split_orders = document->split_orders;
    out->split_lines = document->split_lines;
    out->allow_partial = document->allow_partial;
    out->stores_max = document->collect.stores_max;
    out->radius_km = document->collect.radius_km;
    out->ship_to_store = document->collect.ship_to_store;
    out->future_supply = document->future_supply;
    out->transit_percentile = document->transit_percentile;
    out->last_unit_points = document->balance.last_unit;
    out->markdown_points = document->balance.markdown;
}

static enum oh_err make_all(struct making *making)
{
    const struct oh_sourcing_document *document = making->document;
    struct oh_sourcing *sourcing = &making->content->sourcing;
    make_numbers(document, sourcing);
    if (make_services(making) != OH_OK || make_pairs(making, document->apart, document->apart_count,
                                                     &sourcing->apart, &sourcing->apart_count) != OH_OK)
        return OH_E_NOMEM;
    return make_pairs(making, document->together, document->together_count, &sourcing->together,
                      &sourcing->together_count);
}

/* What cannot be read offers nothing: a policy that is not the channel's would be worse. */
static void make_unreadable(struct oh_sourcing_content *content)
{
    content->sourcing.gap = OH_GAP_DOCUMENT;
    content->sourcing.gap_name = content->base.id;
    content->sourcing.has_services = true;
    content->sourcing.stores_max = 0;
}

static enum oh_err sourcing_read(struct oh_compiler *compiler, struct oh_bytes text, struct oh_document *out)
{
    struct oh_fault fault;
    out->sourcing = oh_sourcing_document_default;
    if (oh_bytes_is_empty(text))
        return OH_OK;
    return oh_document_read(compiler->memory, OH_DOCUMENT_SOURCING, text, out, &fault);
}

enum oh_err oh_compile_sourcing(struct oh_compiler *compiler, const struct oh_source_text *source,
                                const struct oh_context *context, struct oh_sourcing_content **out)
{
    struct oh_document document;
    struct oh_sourcing_content *content = oh_content_create(sizeof(*content), source);
    if (content == NULL)
        return OH_E_NOMEM;
    bool is_readable = sourcing_read(compiler, source->text, &document) == OH_OK;
    if (!is_readable)
        document.sourcing = oh_sourcing_document_default;
    struct making making = { context, &document.sourcing, content, &content->base.arena };
    if (make_all(&making) != OH_OK) {
        oh_content_unref(&content->base);
        return OH_E_NOMEM;
    }
    if (!is_readable)
        make_unreadable(content);
    *out = content;
    return OH_OK;
}
