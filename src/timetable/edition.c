#include "timetable/edition.h"
#include "base/assert.h"
#include <stdlib.h>

/* An edition being built. */
struct build {
    struct oh_compiler *compiler;
    const struct oh_ledger *ledger;
    const struct oh_document_source *source;
    const struct oh_edition *old; /* NULL: nothing is taken over */
    struct oh_edition *edition;
    struct oh_context context;
};

static int bytes_compare(struct oh_bytes x, struct oh_bytes y)
{
    size_t size = x.size < y.size ? x.size : y.size;
    int order = size == 0 ? 0 : memcmp(x.data, y.data, size);
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

/* ---- What contents ask ------------------------------------------------------------------------ */

/* NULL: there is none. */
static struct oh_content *contents_find(const struct oh_contents *contents, struct oh_bytes id)
{
    uint32_t low = 0;
    uint32_t high = contents->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = bytes_compare(contents->at[middle]->id, id);
        if (order == 0)
            return contents->at[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct oh_calendar_content *context_calendar(void *ctx, struct oh_bytes id)
{
    const struct build *build = ctx;
    return (const struct oh_calendar_content *)contents_find(&build->edition->calendars, id);
}

static uint16_t context_node(void *ctx, struct oh_bytes id)
{
    const struct build *build = ctx;
    struct oh_node_id node;
    return oh_node_find(build->ledger, id, &node) ? node.index : OH_NODE_NONE;
}

static const struct oh_schedule_content *context_schedule(void *ctx, struct oh_bytes node)
{
    const struct build *build = ctx;
    uint16_t index = context_node(ctx, node);
    return index < build->edition->table.node_count ? build->edition->schedules[index] : NULL;
}

/* Only those with a document. */
static uint32_t context_service(void *ctx, struct oh_bytes id)
{
    const struct build *build = ctx;
    const struct oh_timetable *table = &build->edition->table;
    uint32_t low = 0;
    uint32_t high = table->service_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = bytes_compare(table->services[middle].service, id);
        if (order == 0)
            return table->services[middle].gap == OH_GAP_SERVICE ? OH_INDEX_NONE : middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return OH_INDEX_NONE;
}

static uint32_t context_class(void *ctx, struct oh_bytes name)
{
    const struct build *build = ctx;
    return build->source->class_index(build->source->ctx, name);
}

static struct build build_of(struct oh_compiler *compiler, const struct oh_ledger *ledger,
                             const struct oh_document_source *source, const struct oh_edition *old,
                             struct oh_edition *edition)
{
    return (struct build){ .compiler = compiler,
                           .ledger = ledger,
                           .source = source,
                           .old = old,
                           .edition = edition,
                           .context = { .calendar = context_calendar,
                                        .node = context_node,
                                        .schedule = context_schedule,
                                        .service = context_service,
                                        .class_index = context_class } };
}

/* ---- Calendars, zones, services, lanes -------------------------------------------------------- */

/* A kind whose contents are a list: whether one is as it would be compiled now, and how it is. */
struct content_kind {
    enum oh_document_kind kind;
    bool (*is_current)(struct build *build, const struct oh_content *content);
    enum oh_err (*compile)(struct build *build, const struct oh_source_text *source, struct oh_content **out);
};

static bool calendar_is_current(struct build *build, const struct oh_content *content)
{
    (void)build;
    (void)content;
    return true;
}

static enum oh_err calendar_compile(struct build *build, const struct oh_source_text *source,
                                    struct oh_content **out)
{
    return oh_compile_calendar(build->compiler, source, (struct oh_calendar_content **)out);
}

static enum oh_err zone_compile(struct build *build, const struct oh_source_text *source,
                                struct oh_content **out)
{
    return oh_compile_zone(build->compiler, source, (struct oh_zone_content **)out);
}

static bool service_is_current(struct build *build, const struct oh_content *content)
{
    const struct oh_service_content *service = (const struct oh_service_content *)content;
    for (uint32_t use = 0; use < 2; use++)
        if (service->calendars[use] != context_calendar(build, service->calendar_names[use]))
            return false;
    return !service->has_unknown_node;
}

static enum oh_err service_compile(struct build *build, const struct oh_source_text *source,
                                   struct oh_content **out)
{
    return oh_compile_service(build->compiler, source, &build->context, (struct oh_service_content **)out);
}

static bool lane_is_current(struct build *build, const struct oh_content *content)
{
    const struct oh_lane_content *lane = (const struct oh_lane_content *)content;
    return lane->is_unreadable || lane->schedule == context_schedule(build, lane->from);
}

static enum oh_err lane_compile(struct build *build, const struct oh_source_text *source,
                                struct oh_content **out)
{
    return oh_compile_lane(build->compiler, source, &build->context, (struct oh_lane_content **)out);
}

static const struct content_kind calendar_kind = { OH_DOCUMENT_CALENDAR, calendar_is_current,
                                                   calendar_compile };
static const struct content_kind zone_kind = { OH_DOCUMENT_ZONE, calendar_is_current, zone_compile };
static const struct content_kind service_kind = { OH_DOCUMENT_SERVICE, service_is_current, service_compile };
static const struct content_kind lane_kind = { OH_DOCUMENT_LANE, lane_is_current, lane_compile };

static int source_compare(const void *a, const void *b)
{
    return bytes_compare(((const struct oh_source_text *)a)->id, ((const struct oh_source_text *)b)->id);
}

/* All documents of a kind, by id, in `buffer`. */
static enum oh_err sources_list(const struct build *build, enum oh_document_kind kind,
                                struct oh_buffer *buffer, uint32_t *out_count)
{
    uint64_t cursor = 0;
    uint32_t count = 0;
    struct oh_source_text text;
    while (build->source->next(build->source->ctx, kind, &cursor, &text)) {
        if (!oh_buffer_grow(buffer, (size_t)count + 1, sizeof(text)))
            return OH_E_NOMEM;
        ((struct oh_source_text *)buffer->memory)[count++] = text;
    }
    if (count > 0)
        qsort(buffer->memory, count, sizeof(text), source_compare);
    *out_count = count;
    return OH_OK;
}

static enum oh_err content_take(struct build *build, const struct content_kind *kind,
                                const struct oh_contents *old, const struct oh_source_text *source,
                                struct oh_content **out)
{
    struct oh_content *content = old == NULL ? NULL : contents_find(old, source->id);
    if (content == NULL || content->version != source->version || !kind->is_current(build, content))
        return kind->compile(build, source, out);
    content->refs++;
    *out = content;
    return OH_OK;
}

static enum oh_err contents_build(struct build *build, const struct content_kind *kind,
                                  const struct oh_contents *old, struct oh_contents *out)
{
    struct oh_buffer buffer = { 0 };
    uint32_t count = 0;
    enum oh_err err = sources_list(build, kind->kind, &buffer, &count);
    if (err == OH_OK) {
        out->at = oh_arena_allocate(&build->edition->arena, count, sizeof(struct oh_content *));
        err = out->at == NULL ? OH_E_NOMEM : OH_OK;
    }
    const struct oh_source_text *sources = buffer.memory;
    while (err == OH_OK && out->count < count) {
        err = content_take(build, kind, old, &sources[out->count], &out->at[out->count]);
        out->count += err == OH_OK;
    }
    oh_buffer_fini(&buffer);
    return err;
}

static void contents_unref(struct oh_contents *contents)
{
    for (uint32_t i = 0; i < contents->count; i++)
        oh_content_unref(contents->at[i]);
}

/* ---- Schedules -------------------------------------------------------------------------------- */

static bool schedule_is_current(struct build *build, const struct oh_schedule_content *content,
                                const struct oh_source_text *source, struct oh_bytes node_zone)
{
    return content->base.version == source->version && oh_bytes_equal(content->node_zone, node_zone) &&
           content->calendar == context_calendar(build, content->calendar_name) &&
           !content->has_unknown_class;
}

static enum oh_err schedule_take(struct build *build, uint32_t index, const struct oh_node_command *node,
                                 struct oh_schedule_content **out)
{
    struct oh_source_text source;
    if (!build->source->get(build->source->ctx, OH_DOCUMENT_SCHEDULE, node->node, &source))
        source = (struct oh_source_text){ .id = node->node };
    bool is_old = build->old != NULL && index < build->old->table.node_count;
    struct oh_schedule_content *content = is_old ? build->old->schedules[index] : NULL;
    if (content == NULL || !schedule_is_current(build, content, &source, node->time_zone))
        return oh_compile_schedule(build->compiler, &source, node->time_zone, &build->context, out);
    content->base.refs++;
    *out = content;
    return OH_OK;
}

/* The node of the table, but its lanes. */
static enum oh_err node_publish(struct build *build, const struct oh_schedule_content *content,
                                const struct oh_node_command *node, struct oh_timetable_node *out)
{
    *out = content->node;
    return oh_bytes_is_empty(node->region) ||
                   oh_names_add(build->compiler->regions, node->region, &out->region)
               ? OH_OK
               : OH_E_NOMEM;
}

static enum oh_err schedules_build(struct build *build)
{
    struct oh_edition *edition = build->edition;
    uint32_t count = oh_node_count(build->ledger);
    struct oh_timetable_node *nodes = oh_arena_allocate(&edition->arena, count, sizeof(*nodes));
    edition->schedules = oh_arena_allocate(&edition->arena, count, sizeof(*edition->schedules));
    if (nodes == NULL || edition->schedules == NULL)
        return OH_E_NOMEM;
    edition->table.nodes = nodes;
    for (uint32_t i = 0; i < count; i++) {
        struct oh_node_command node;
        oh_node_get(build->ledger, (struct oh_node_id){ (uint16_t)i }, &node);
        enum oh_err err = schedule_take(build, i, &node, &edition->schedules[i]);
        if (err != OH_OK)
            return err;
        edition->table.node_count = i + 1;
        if (node_publish(build, edition->schedules[i], &node, &nodes[i]) != OH_OK)
            return OH_E_NOMEM;
    }
    return OH_OK;
}

/* ---- Lanes ------------------------------------------------------------------------------------ */

struct lane_end {
    struct oh_lane_in lane;
    uint16_t to_node;
};

static int lane_compare(const void *a, const void *b)
{
    const struct lane_end *x = a;
    const struct lane_end *y = b;
    if (x->to_node != y->to_node)
        return (int)x->to_node - (int)y->to_node;
    if (x->lane.from_node != y->lane.from_node)
        return (int)x->lane.from_node - (int)y->lane.from_node;
    return bytes_compare(x->lane.lane, y->lane.lane);
}

/* The lanes both of whose nodes are there, by where they end. */
static uint32_t lanes_list(struct build *build, struct lane_end *ends)
{
    const struct oh_contents *lanes = &build->edition->lanes;
    uint32_t count = 0;
    for (uint32_t i = 0; i < lanes->count; i++) {
        const struct oh_lane_content *lane = (const struct oh_lane_content *)lanes->at[i];
        uint16_t from = context_node(build, lane->from);
        uint16_t to = context_node(build, lane->to);
        if (!lane->is_unreadable && from != OH_NODE_NONE && to != OH_NODE_NONE)
            ends[count++] = (struct lane_end){ { from, lane->base.id, lane->departures }, to };
    }
    if (count > 0)
        qsort(ends, count, sizeof(*ends), lane_compare);
    return count;
}

static enum oh_err lanes_publish(struct build *build)
{
    struct oh_edition *edition = build->edition;
    struct oh_timetable_node *nodes =
        (struct oh_timetable_node *)edition->table.nodes; /* this edition's own */
    struct lane_end *ends = oh_buffer_reserve(&build->compiler->list, edition->lanes.count, sizeof(*ends));
    if (ends == NULL)
        return OH_E_NOMEM;
    uint32_t count = lanes_list(build, ends);
    struct oh_lane_in *lanes = oh_arena_allocate(&edition->arena, count, sizeof(*lanes));
    if (lanes == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct oh_timetable_node *node = &nodes[ends[i].to_node];
        lanes[i] = ends[i].lane;
        if (node->lane_count++ == 0)
            node->lanes = &lanes[i];
    }
    return OH_OK;
}

/* ---- Services --------------------------------------------------------------------------------- */

static int named_compare(const void *a, const void *b)
{
    return bytes_compare(((const struct oh_timetable_service *)a)->service,
                         ((const struct oh_timetable_service *)b)->service);
}

/* Marks the numbers of the services that pickups name. */
static void pickups_mark(const struct oh_edition *edition, uint32_t *marks)
{
    for (uint32_t i = 0; i < edition->table.node_count; i++) {
        const struct oh_schedule_content *content = edition->schedules[i];
        for (uint32_t k = 0; k < content->node.pickup_count; k++)
            marks[content->pickup_services[k]] = 1;
    }
}

/* Services with a document, then those that are only named; OH_INDEX_NONE: too many. */
static uint32_t services_list(const struct build *build, const uint32_t *marks,
                              struct oh_timetable_service *services)
{
    const struct oh_contents *documents = &build->edition->services;
    const struct oh_bytes *names = oh_names_all(build->compiler->services);
    uint32_t count = 0;
    for (; count < documents->count; count++)
        services[count] = ((const struct oh_service_content *)documents->at[count])->service;
    for (uint32_t i = 0; i < oh_names_count(build->compiler->services); i++)
        if (marks[i] != 0 && contents_find(documents, names[i]) == NULL)
            services[count++] = (struct oh_timetable_service){ .gap = OH_GAP_SERVICE,
                                                               .gap_name = names[i],
                                                               .service = names[i] };
    return count;
}

/* The index of each name among the services. */
static void services_number(const struct build *build, uint32_t *indexes)
{
    const struct oh_timetable *table = &build->edition->table;
    const struct oh_bytes *names = oh_names_all(build->compiler->services);
    for (uint32_t i = 0; i < build->edition->service_number_count; i++) {
        struct oh_timetable_service wanted = { .service = names[i] };
        const struct oh_timetable_service *found =
            table->service_count == 0
                ? NULL
                : bsearch(&wanted, table->services, table->service_count, sizeof(wanted), named_compare);
        indexes[i] = found == NULL ? OH_INDEX_NONE : (uint32_t)(found - table->services);
    }
}

static enum oh_err services_publish(struct build *build)
{
    struct oh_edition *edition = build->edition;
    uint32_t named = oh_names_count(build->compiler->services);
    size_t most = (size_t)edition->services.count + named;
    struct oh_timetable_service *services = oh_arena_allocate(&edition->arena, most, sizeof(*services));
    uint32_t *indexes = oh_arena_allocate(&edition->arena, named, sizeof(*indexes));
    if (services == NULL || indexes == NULL)
        return OH_E_NOMEM;
    edition->service_indexes = indexes;
    edition->service_number_count = named;
    pickups_mark(edition, indexes);
    uint32_t count = services_list(build, indexes, services);
    if (count > OH_TIMETABLE_SERVICES_MAX)
        return OH_E_TOO_LARGE;
    if (count > 0)
        qsort(services, count, sizeof(*services), named_compare);
    edition->table.services = services;
    edition->table.service_count = count;
    services_number(build, indexes);
    return OH_OK;
}

/* ---- Zones and regions ------------------------------------------------------------------------ */

static enum oh_err zones_publish(struct build *build)
{
    struct oh_edition *edition = build->edition;
    const struct oh_bytes *names = oh_names_all(build->compiler->zones);
    uint32_t count = oh_names_count(build->compiler->zones);
    struct oh_zone *zones = oh_arena_allocate(&edition->arena, count, sizeof(*zones));
    if (zones == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct oh_zone_content *content =
            (const struct oh_zone_content *)contents_find(&edition->zones, names[i]);
        zones[i].zone = names[i];
        if (content == NULL || content->is_unreadable) {
            zones[i].gap = OH_GAP_ZONE;
            continue;
        }
        zones[i].matches = content->matches;
        zones[i].match_count = content->match_count;
    }
    edition->table.zones = zones;
    edition->table.zone_count = count;
    return OH_OK;
}

static enum oh_err regions_publish(struct build *build)
{
    struct oh_edition *edition = build->edition;
    uint32_t count = oh_names_count(build->compiler->regions);
    edition->table.regions = oh_arena_copy(&edition->arena, oh_names_all(build->compiler->regions), count,
                                           sizeof(struct oh_bytes));
    edition->table.region_count = count;
    return edition->table.regions == NULL ? OH_E_NOMEM : OH_OK;
}

/* ---- Sourcing --------------------------------------------------------------------------------- */

static enum oh_err sourcing_take(struct build *build, struct oh_bytes channel,
                                 struct oh_sourcing_content **out)
{
    struct oh_source_text source;
    if (!build->source->get(build->source->ctx, OH_DOCUMENT_SOURCING, channel, &source)) {
        build->edition->sourcing_default->base.refs++;
        *out = build->edition->sourcing_default;
        return OH_OK;
    }
    return oh_compile_sourcing(build->compiler, &source, &build->context, out);
}

/* All of it anew: it is small, and holds indexes of services and classes. */
static enum oh_err sourcing_build(struct build *build)
{
    static const struct oh_source_text none = { .version = 0 };
    struct oh_edition *edition = build->edition;
    uint32_t count = oh_channel_count(build->ledger);
    const struct oh_sourcing **published = oh_arena_allocate(&edition->arena, count, sizeof(*published));
    edition->sourcing = oh_arena_allocate(&edition->arena, count, sizeof(*edition->sourcing));
    if (published == NULL || edition->sourcing == NULL ||
        oh_compile_sourcing(build->compiler, &none, &build->context, &edition->sourcing_default) != OH_OK)
        return OH_E_NOMEM;
    edition->table.sourcing_default = &edition->sourcing_default->sourcing;
    edition->table.sourcing = published;
    for (uint32_t i = 0; i < count; i++) {
        struct oh_channel_id channel = { (uint16_t)i };
        if (sourcing_take(build, oh_channel_name(build->ledger, channel), &edition->sourcing[i]) != OH_OK)
            return OH_E_NOMEM;
        published[i] = &edition->sourcing[i]->sourcing;
        edition->table.channel_count = i + 1;
    }
    return OH_OK;
}

enum oh_err oh_edition_draft(const struct oh_edition *edition, struct oh_compiler *compiler,
                             const struct oh_ledger *ledger, const struct oh_document_source *source,
                             struct oh_bytes text, struct oh_sourcing_content **out)
{
    struct oh_source_text draft = { .text = text };
    /* A sourcing document asks for services and classes only: the edition is not changed. */
    struct build build = build_of(compiler, ledger, source, NULL, (struct oh_edition *)edition);
    build.context.ctx = &build;
    return oh_compile_sourcing(compiler, &draft, &build.context, out);
}

/* ---- The whole -------------------------------------------------------------------------------- */

static enum oh_err edition_fill(struct build *build)
{
    static enum oh_err (*const steps[])(struct build *) = {
        schedules_build, lanes_publish, services_publish, zones_publish, regions_publish, sourcing_build,
    };
    const struct oh_edition *old = build->old;
    struct oh_edition *edition = build->edition;
    enum oh_err err =
        contents_build(build, &calendar_kind, old == NULL ? NULL : &old->calendars, &edition->calendars);
    if (err == OH_OK)
        err = contents_build(build, &zone_kind, old == NULL ? NULL : &old->zones, &edition->zones);
    if (err == OH_OK)
        err = contents_build(build, &service_kind, old == NULL ? NULL : &old->services, &edition->services);
    for (uint32_t i = 0; err == OH_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        err = steps[i](build);
        if (i == 0 && err == OH_OK) /* lanes run by the clocks of schedules */
            err = contents_build(build, &lane_kind, old == NULL ? NULL : &old->lanes, &edition->lanes);
    }
    return err;
}

enum oh_err oh_edition_build(struct oh_compiler *compiler, const struct oh_ledger *ledger,
                             const struct oh_document_source *source, const struct oh_edition *old,
                             struct oh_edition **out_edition)
{
    struct oh_edition *edition = calloc(1, sizeof(*edition));
    if (edition == NULL)
        return OH_E_NOMEM;
    struct build build = build_of(compiler, ledger, source, old, edition);
    build.context.ctx = &build;
    edition->table.from_us = compiler->from_us;
    edition->table.until_us = compiler->until_us;
    enum oh_err err = edition_fill(&build);
    if (err == OH_OK)
        *out_edition = edition;
    else
        oh_edition_destroy(&edition);
    return err;
}

void oh_edition_commit(struct oh_edition *edition)
{
    for (uint32_t i = 0; i < edition->table.node_count; i++) {
        struct oh_schedule_content *content = edition->schedules[i];
        for (uint32_t k = 0; k < content->node.pickup_count; k++) {
            uint32_t index = edition->service_indexes[content->pickup_services[k]];
            OH_ASSERT(index < OH_TIMETABLE_SERVICES_MAX);
            content->pickups[k].service = (uint16_t)index;
        }
    }
}

void oh_edition_destroy(struct oh_edition **edition_pointer)
{
    struct oh_edition *edition = *edition_pointer;
    if (edition == NULL)
        return;
    contents_unref(&edition->calendars);
    contents_unref(&edition->zones);
    contents_unref(&edition->services);
    contents_unref(&edition->lanes);
    for (uint32_t i = 0; i < edition->table.node_count; i++)
        oh_content_unref(&edition->schedules[i]->base);
    for (uint32_t i = 0; i < edition->table.channel_count; i++)
        oh_content_unref(&edition->sourcing[i]->base);
    if (edition->sourcing_default != NULL)
        oh_content_unref(&edition->sourcing_default->base);
    oh_arena_clear(&edition->arena);
    free(edition);
    *edition_pointer = NULL;
}
