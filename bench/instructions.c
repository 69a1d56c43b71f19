/*
 * instructions.c - how many instructions does each operation take?
 *
 * Each operation is a function counted_<name>() that does it many times, and nothing else: run under callgrind, its
 * inclusive count is that of the operations. Writes one line each, "<name> <how many>", and what it was built with.
 * instructions.py runs it and compares. Without valgrind it shows that the operations work.
 */
#include "codec/json_reply.h"
#include "codec/record.h"
#include "instructions_world.h"
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>

#define CORE_COUNT    1000u
#define CODEC_COUNT   500u
#define REQUEST_COUNT 400u
#define BATCH_SIZE    256u
#define CELL_ITEMS    100u
#define IMPORT_ROWS   2000u
#define PROMISE_COUNT 50u
#define DUE_COUNT     1000u
#define BODIES_SIZE   ((size_t)4 << 20)

/* Neither inlined, nor cloned, nor made one with another of the same code: its name is looked for in the profile. */
#ifdef __clang__
#define COUNTED __attribute__((noinline)) static
#else
#define COUNTED __attribute__((noipa)) static
#endif

static struct world *world;
static struct oh_strbuf text; /* bodies, requests and replies */
static struct oh_bytes requests[CORE_COUNT];

/* Item and node of the operation i: each of 400 items in turn, no two next to each other. */
static uint32_t item_of(uint32_t i)
{
    return i * 37 % WORLD_ITEMS;
}

static uint32_t node_of(uint32_t i)
{
    return i * 7 % WORLD_NODES;
}

/* ---- The ledger -------------------------------------------------------------------------------- */

COUNTED void counted_available(uint32_t count)
{
    const struct oh_asker asker = { .channel = { 0 }, .kind = OH_KIND_CART };
    for (uint32_t i = 0; i < count; i++) {
        struct oh_availability availability;
        oh_available_at_node(world->ledger, (struct oh_item_id){ item_of(i) },
                             (struct oh_node_id){ (uint16_t)node_of(i) }, asker, WORLD_NOW_US, &availability);
        world_require(availability.available_milli > 0, "nothing is available");
    }
}

/* Of a position at which very many holds are due and not written, as on a full disk. */
COUNTED void counted_available_due(uint32_t count)
{
    const struct oh_asker asker = { .channel = { 0 }, .kind = OH_KIND_CART };
    for (uint32_t i = 0; i < count; i++) {
        struct oh_availability availability;
        oh_available_at_node(world->ledger, (struct oh_item_id){ item_of(0) },
                             (struct oh_node_id){ (uint16_t)node_of(0) }, asker, WORLD_NOW_US + 60000001,
                             &availability);
        world_require(availability.available_milli > 0, "nothing is available");
    }
}

static void holds_make(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct oh_reserve_line line = { .line = 1, .sku = oh_bytes_of(world->skus[item_of(0)]),
                                        .node = oh_bytes_of(world->nodes[node_of(0)]), .quantity_milli = 1000 };
        struct oh_command command = { .type = OH_COMMAND_RESERVE };
        struct oh_answer answer;
        command.reserve = (struct oh_reserve_command){ .channel = OH_BYTES("web"), .kind = OH_KIND_CART,
                                                       .ttl_us = 60000000, .lines = &line, .line_count = 1 };
        world_apply(world, &command, &answer);
    }
}

static void ids_set(char ids[][WORLD_NAME_SIZE], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        snprintf(ids[i], WORLD_NAME_SIZE, "core-%u", i);
}

static char core_ids[CORE_COUNT][WORLD_NAME_SIZE];

COUNTED void counted_reserve(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct oh_reserve_line line = { .line = 1,
                                        .sku = oh_bytes_of(world->skus[item_of(i)]),
                                        .node = oh_bytes_of(world->nodes[node_of(i)]),
                                        .quantity_milli = 1000 };
        struct oh_command command = { .type = OH_COMMAND_RESERVE };
        struct oh_answer answer;
        command.reserve = (struct oh_reserve_command){ .id = oh_bytes_of(core_ids[i]), .channel = OH_BYTES("web"),
                                                       .kind = OH_KIND_CART, .ttl_us = 600000000, .lines = &line,
                                                       .line_count = 1 };
        world_apply(world, &command, &answer);
    }
}

static void act(enum oh_command_type type, uint32_t i)
{
    struct oh_command command = { .type = type };
    struct oh_answer answer;
    command.action = (struct oh_action_command){ .id = oh_bytes_of(core_ids[i]), .at_us = OH_TIME_US_NONE };
    world_apply(world, &command, &answer);
}

COUNTED void counted_confirm(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        act(OH_COMMAND_CONFIRM, i);
}

/* Those that were confirmed. */
COUNTED void counted_fulfil(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        act(OH_COMMAND_FULFIL, i);
}

/* Those that were not. */
COUNTED void counted_release(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        act(OH_COMMAND_RELEASE, count + i);
}

COUNTED void counted_adjust(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct oh_adjust_entry entry = { .sku = oh_bytes_of(world->skus[item_of(i)]),
                                               .node = oh_bytes_of(world->nodes[node_of(i)]),
                                               .reason = OH_BYTES("sale"),
                                               .quantity_milli = -1000,
                                               .at_us = OH_TIME_US_NONE };
        struct oh_command command = { .type = OH_COMMAND_ADJUST };
        struct oh_answer answer;
        command.adjust = (struct oh_adjust_command){ OH_BYTES("till"), &entry, 1 };
        world_apply(world, &command, &answer);
    }
}

COUNTED void counted_sync(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct oh_sync_entry entry = { .sku = oh_bytes_of(world->skus[item_of(i)]),
                                             .node = oh_bytes_of(world->nodes[node_of(i)]),
                                             .quantity_milli = 900000000 + 1000 * (int64_t)i,
                                             .as_of_us = WORLD_NOW_US };
        struct oh_command command = { .type = OH_COMMAND_SYNC };
        struct oh_answer answer;
        command.sync = (struct oh_sync_command){ OH_BYTES("wms"), &entry, 1 };
        world_apply(world, &command, &answer);
    }
}

static const struct oh_timetable *timetable;

COUNTED void counted_promise(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct oh_promise_line line = { 1, oh_bytes_of(world->skus[item_of(i)]), 1000 };
        const struct oh_promise_request request = {
            .channel = OH_BYTES("web"), .lines = &line, .line_count = 1, .wants_ship = true,
            .destination = { .has_point = true, .point = { 45 + 0.1 * i, 3 } },
            .at_us = OH_TIME_US_NONE, .until_us = OH_TIME_US_NONE };
        struct oh_promise_answer answer;
        oh_promise(world->service->promises, world->ledger, timetable, &request, WORLD_NOW_US, &answer);
        world_require(answer.option_count == 1, "nothing was promised");
    }
}

/* ---- Bytes ------------------------------------------------------------------------------------- */

static void reservation_put(const char *prefix, uint32_t i)
{
    oh_strbuf_printf(&text,
                     "{\"id\":\"%s-%u\",\"kind\":\"cart\",\"channel\":\"web\",\"ttl_seconds\":600,\"lines\":"
                     "[{\"line\":1,\"sku\":\"%s\",\"quantity\":1,\"node\":\"%s\"}]}",
                     prefix, i, world->skus[item_of(i)], world->nodes[node_of(i)]);
}

static void batch_put(const char *prefix)
{
    oh_strbuf_put_text(&text, "{\"reservations\":[");
    for (uint32_t i = 0; i < BATCH_SIZE; i++) {
        oh_strbuf_put_text(&text, i > 0 ? "," : "");
        reservation_put(prefix, i);
    }
    oh_strbuf_put_text(&text, "]}");
}

COUNTED void counted_read_reserve(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct oh_command command;
        struct oh_fault fault;
        enum oh_err err =
            oh_request_reserve(world->service->document, world->ledger, oh_strbuf_bytes(&text), &command, &fault);
        world_require(err == OH_OK, "a reservation cannot be read");
    }
}

/* A batch is BATCH_SIZE operations. */
COUNTED void counted_read_batch(uint32_t count)
{
    for (uint32_t i = 0; i < count; i += BATCH_SIZE) {
        struct oh_batch_entry *entries;
        uint32_t entry_count;
        struct oh_fault fault;
        enum oh_err err = oh_request_batch(world->service->document, world->ledger, oh_strbuf_bytes(&text), &entries,
                                           &entry_count, &fault);
        world_require(err == OH_OK && entry_count == BATCH_SIZE, "a batch cannot be read");
    }
}

static struct oh_record codec_record;
static struct oh_answer codec_answer;

/* One reservation, whose record and answer are written again and again. */
static void reserve_once(void)
{
    const struct oh_reserve_line line = { .line = 1, .sku = oh_bytes_of(world->skus[1]),
                                          .node = oh_bytes_of(world->nodes[1]), .quantity_milli = 1000 };
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .id = OH_BYTES("codec"), .channel = OH_BYTES("web"),
                                                   .kind = OH_KIND_CART, .ttl_us = 600000000, .lines = &line,
                                                   .line_count = 1 };
    enum oh_err err = oh_ledger_apply(world->ledger, WORLD_NOW_US, &command, &codec_answer);
    world_require(err == OH_OK && codec_answer.verdict == OH_OK_DONE, "a reservation was refused");
    world_require(oh_ledger_take_record(world->ledger, &codec_record), "a reservation left no record");
}

COUNTED void counted_encode_reserve(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        oh_strbuf_clear(&text);
        enum oh_err err = oh_record_encode(&codec_record, &text);
        world_require(err == OH_OK, "a record cannot be encoded");
    }
}

COUNTED void counted_write_reserve(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        oh_strbuf_clear(&text);
        oh_reply_put_answer(&text, world->ledger, &codec_answer);
    }
}

/* ---- Requests, without system calls ------------------------------------------------------------ */

static void post_put(const char *path, struct oh_bytes body, const char *content_type)
{
    oh_strbuf_printf(&text,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
                     "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                     path, content_type, body.size);
    oh_strbuf_put_bytes(&text, body);
}

/* Makes text a request, of which it was the body. */
static void post_wrap(const char *path, const char *content_type)
{
    struct oh_strbuf body = text;
    oh_strbuf_init(&text, BODIES_SIZE);
    post_put(path, oh_strbuf_bytes(&body), content_type);
    oh_strbuf_fini(&body);
}

static void gets_make(void)
{
    oh_strbuf_clear(&text);
    world_require(oh_strbuf_reserve(&text, BODIES_SIZE) != NULL, "no memory"); /* it must not move any more */
    for (uint32_t i = 0; i < REQUEST_COUNT; i++) {
        size_t start = text.size;
        oh_strbuf_printf(&text, "GET /v1/availability/%s?node=%s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
                         world->skus[item_of(i)], world->nodes[node_of(i)]);
        requests[i] = (struct oh_bytes){ text.data + start, text.size - start };
    }
}

static void posts_make(void)
{
    struct oh_strbuf all;
    oh_strbuf_init(&all, BODIES_SIZE);
    world_require(oh_strbuf_reserve(&all, BODIES_SIZE) != NULL, "no memory");
    for (uint32_t i = 0; i < REQUEST_COUNT; i++) {
        oh_strbuf_clear(&text);
        reservation_put("http", i);
        post_wrap("/v1/reservations", "application/json");
        requests[i] = (struct oh_bytes){ all.data + all.size, text.size };
        oh_strbuf_put_bytes(&all, oh_strbuf_bytes(&text));
    }
    oh_strbuf_fini(&text);
    text = all;
}

COUNTED void counted_http_available(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        world_request(world, requests[i], "HTTP/1.1 200");
}

COUNTED void counted_http_reserve(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        world_request(world, requests[i], "HTTP/1.1 201");
}

COUNTED void counted_http_batch(uint32_t count)
{
    (void)count;
    world_request(world, oh_strbuf_bytes(&text), "HTTP/1.1 200");
}

/* One reservation of as many lines. */
static void lines_make(void)
{
    oh_strbuf_clear(&text);
    oh_strbuf_put_text(&text, "{\"id\":\"lines\",\"kind\":\"cart\",\"channel\":\"web\","
                              "\"ttl_seconds\":600,\"lines\":[");
    for (uint32_t i = 0; i < BATCH_SIZE; i++)
        oh_strbuf_printf(&text, "%s{\"line\":%u,\"sku\":\"%s\",\"quantity\":1,\"node\":\"%s\"}", i > 0 ? "," : "",
                         i + 1, world->skus[item_of(i)], world->nodes[node_of(i)]);
    oh_strbuf_put_text(&text, "]}");
    post_wrap("/v1/reservations", "application/json");
}

COUNTED void counted_http_lines(uint32_t count)
{
    (void)count;
    world_request(world, oh_strbuf_bytes(&text), "HTTP/1.1 201");
}

static void cells_make(void)
{
    oh_strbuf_clear(&text);
    oh_strbuf_put_text(&text, "{\"channel\":\"web\",\"skus\":[");
    for (uint32_t i = 0; i < CELL_ITEMS; i++)
        oh_strbuf_printf(&text, "%s\"%s\"", i > 0 ? "," : "", world->skus[item_of(i)]);
    oh_strbuf_put_text(&text, "],\"nodes\":[");
    for (uint32_t i = 0; i < WORLD_NODES; i++)
        oh_strbuf_printf(&text, "%s\"%s\"", i > 0 ? "," : "", world->nodes[i]);
    oh_strbuf_put_text(&text, "]}");
    post_wrap("/v1/availability", "application/json");
}

COUNTED void counted_http_cells(uint32_t count)
{
    (void)count;
    world_request(world, oh_strbuf_bytes(&text), "HTTP/1.1 200");
}

static void import_make(void)
{
    oh_strbuf_clear(&text);
    oh_strbuf_put_text(&text, "sku,node,quantity,as_of\n");
    for (uint32_t i = 0; i < IMPORT_ROWS; i++)
        oh_strbuf_printf(&text, "%s,%s,%u,2026-11-22T12:00:00Z\n", world->skus[item_of(i)], world->nodes[node_of(i)],
                         1000 + i);
    post_wrap("/v1/import/stock", "text/csv");
}

COUNTED void counted_http_import(uint32_t count)
{
    (void)count;
    world_request(world, oh_strbuf_bytes(&text), "HTTP/1.1 200");
}

/* ---- One after the other ----------------------------------------------------------------------- */

#define ASK(name, count)                 \
    do {                                 \
        counted_##name(count);             \
        printf("%s %u\n", #name, count); \
    } while (0)

static void ask_ledger(void)
{
    ids_set(core_ids, CORE_COUNT);
    ASK(available, CORE_COUNT);
    ASK(reserve, CORE_COUNT);
    ASK(confirm, CORE_COUNT / 2);
    ASK(fulfil, CORE_COUNT / 2);
    ASK(release, CORE_COUNT / 2);
    ASK(adjust, CORE_COUNT);
    ASK(sync, CORE_COUNT);
    world_require(oh_service_timetable(world->service, WORLD_NOW_US, &timetable) == OH_OK, "no timetable");
    ASK(promise, PROMISE_COUNT);
}

static void ask_codec(void)
{
    oh_strbuf_clear(&text);
    reservation_put("codec", 0);
    ASK(read_reserve, CODEC_COUNT);
    oh_strbuf_clear(&text);
    batch_put("codec");
    ASK(read_batch, 4 * BATCH_SIZE);
    reserve_once();
    ASK(encode_reserve, CODEC_COUNT);
    ASK(write_reserve, CODEC_COUNT);
}

static void ask_due(void)
{
    holds_make(DUE_COUNT);
    ASK(available_due, CORE_COUNT);
}

static void ask_http(void)
{
    gets_make();
    ASK(http_available, REQUEST_COUNT);
    posts_make();
    ASK(http_reserve, REQUEST_COUNT);
    oh_strbuf_clear(&text);
    batch_put("batch");
    post_wrap("/v1/reservations/batch", "application/json");
    ASK(http_batch, BATCH_SIZE);
    lines_make();
    ASK(http_lines, BATCH_SIZE);
    cells_make();
    ASK(http_cells, CELL_ITEMS * WORLD_NODES);
    import_make();
    ASK(http_import, IMPORT_ROWS);
}

int main(void)
{
    printf("built_with gcc %d.%d.%d, glibc %s\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__,
           gnu_get_libc_version());
    world = world_create();
    oh_strbuf_init(&text, BODIES_SIZE);
    ask_http();
    ask_ledger();
    ask_codec();
    ask_due();
    oh_strbuf_fini(&text);
    world_destroy(&world);
    return 0;
}
