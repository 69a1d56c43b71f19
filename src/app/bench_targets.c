#include "app/bench_targets.h"

#include "app/bench_requests.h"
#include "app/row_reader.h"
#include "base/assert.h"
#include "codec/rows.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BENCH_TEXT_SIZE_MAX (OH_BENCH_NAMES_MAX * (size_t)OH_ID_SIZE_MAX)
#define BENCH_PAGE_LIMIT    1000
#define BENCH_TARGET_SIZE   512

static void names_init(struct oh_bench_names *names)
{
    oh_strbuf_init(&names->text, BENCH_TEXT_SIZE_MAX);
    oh_strbuf_init(&names->offsets, (OH_BENCH_NAMES_MAX + 1) * sizeof(uint32_t));
    names->count = 0;
}

void oh_bench_targets_init(struct oh_bench_targets *targets)
{
    names_init(&targets->skus);
    names_init(&targets->nodes);
    names_init(&targets->places);
    targets->is_paired = false;
}

void oh_bench_targets_fini(struct oh_bench_targets *targets)
{
    oh_strbuf_fini(&targets->skus.text);
    oh_strbuf_fini(&targets->skus.offsets);
    oh_strbuf_fini(&targets->nodes.text);
    oh_strbuf_fini(&targets->nodes.offsets);
    oh_strbuf_fini(&targets->places.text);
    oh_strbuf_fini(&targets->places.offsets);
}

enum oh_err oh_bench_names_add(struct oh_bench_names *names, struct oh_bytes name)
{
    uint32_t offset = (uint32_t)names->text.size;
    if (names->count == OH_BENCH_NAMES_MAX)
        return OH_E_FULL;
    oh_strbuf_put_bytes(&names->text, name);
    oh_strbuf_put(&names->offsets, &offset, sizeof offset);
    if (names->text.is_overflowed || names->offsets.is_overflowed)
        return OH_E_NOMEM;
    names->count++;
    return OH_OK;
}

static uint32_t names_offset(const struct oh_bench_names *names, uint32_t index)
{
    uint32_t offset = (uint32_t)names->text.size;
    if (index < names->count)
        memcpy(&offset, names->offsets.data + index * sizeof offset, sizeof offset);
    return offset;
}

struct oh_bytes oh_bench_names_at(const struct oh_bench_names *names, uint32_t index)
{
    OH_ASSERT(index < names->count);
    uint32_t offset = names_offset(names, index);
    return (struct oh_bytes){ names->text.data + offset, names_offset(names, index + 1) - offset };
}

struct oh_bench_target oh_bench_targets_pick(const struct oh_bench_targets *targets, struct oh_prng *prng)
{
    uint32_t sku = (uint32_t)oh_prng_below(prng, targets->skus.count);
    uint32_t node = targets->is_paired ? sku : (uint32_t)oh_prng_below(prng, targets->nodes.count);
    return (struct oh_bench_target){ oh_bench_names_at(&targets->skus, sku),
                                     oh_bench_names_at(&targets->nodes, node) };
}

/* ---- from files ---- */

/* What one row adds. Rows of another kind, and faults, add nothing. */
static enum oh_err targets_add_row(struct oh_bench_targets *targets, enum oh_row_kind kind,
                                   const struct oh_row *row)
{
    if (kind == OH_ROWS_ITEMS)
        return oh_bench_names_add(&targets->skus, row->command.item.sku);
    if (row->count.quantity_milli <= 0)
        return OH_OK;
    enum oh_err err = oh_bench_names_add(&targets->skus, row->count.sku);
    return err == OH_OK ? oh_bench_names_add(&targets->nodes, row->count.node) : err;
}

/* Takes all rows of a chunk. OH_E_FULL: enough. */
static enum oh_err targets_add_chunk(struct oh_bench_targets *targets, enum oh_row_kind kind,
                                     struct oh_rows *rows, const char *path, struct oh_diag *diag)
{
    for (;;) { /* ends with the chunk */
        struct oh_row row;
        enum oh_err err = OH_OK;
        switch (oh_rows_next(rows, &row)) {
        case OH_ROW_COMMAND:
            err = targets_add_row(targets, kind, &row);
            break;
        case OH_ROW_FULL:
            oh_rows_release(rows);
            break;
        case OH_ROW_REFUSED:
            oh_diag_set(diag, "%s: %s: %s", path, row.fault.title, row.fault.detail);
            err = OH_E_SYNTAX;
            break;
        case OH_ROW_FAULT:
            break;
        case OH_ROW_MORE:
        case OH_ROW_END:
            oh_rows_release(rows);
            return OH_OK;
        }
        if (err != OH_OK)
            return err;
    }
}

static enum oh_err targets_read_rows(struct oh_bench_targets *targets, enum oh_row_kind kind,
                                     struct oh_rows *rows, struct oh_row_reader *reader, const char *path,
                                     struct oh_diag *diag)
{
    enum oh_err err = OH_OK;
    struct oh_bytes chunk = oh_row_reader_header(reader);
    while (err == OH_OK) {
        if (chunk.size > 0) {
            oh_rows_feed(rows, chunk);
            err = targets_add_chunk(targets, kind, rows, path, diag);
        }
        uint64_t count = 0;
        if (err == OH_OK)
            err = oh_row_reader_next(reader, UINT64_MAX / 2, &chunk, &count, diag);
    }
    if (err == OH_E_CLOSED || err == OH_E_FULL)
        return OH_OK;
    if (err == OH_E_NOMEM)
        oh_diag_set(diag, "out of memory");
    return err;
}

static enum oh_err targets_read(struct oh_bench_targets *targets, enum oh_row_kind kind, const char *path,
                                struct oh_diag *diag)
{
    enum oh_row_format format = OH_ROW_CSV;
    struct oh_row_reader *reader = NULL;
    struct oh_rows *rows = NULL;
    if (!oh_row_format_of(path, &format) || format == OH_ROW_GEONAMES) {
        oh_diag_set(diag, "%s: the name must end in .csv or .ndjson, or in one of these and .gz", path);
        return OH_E_INVALID;
    }
    enum oh_err err = oh_row_reader_open(path, format, &reader, diag);
    if (err != OH_OK)
        return err;
    err = oh_rows_create(kind, format, 1, &rows);
    if (err == OH_OK)
        err = targets_read_rows(targets, kind, rows, reader, path, diag);
    else
        oh_diag_set(diag, "out of memory");
    oh_rows_destroy(&rows);
    oh_row_reader_close(&reader);
    if (err == OH_OK && targets->skus.count == 0) {
        oh_diag_set(diag, "%s has no row that can be used", path);
        err = OH_E_INVALID;
    }
    return err;
}

enum oh_err oh_bench_targets_read_stock(struct oh_bench_targets *targets, const char *path,
                                        struct oh_diag *diag)
{
    OH_ASSERT(targets->skus.count == 0 && targets->nodes.count == 0);
    targets->is_paired = true;
    return targets_read(targets, OH_ROWS_STOCK, path, diag);
}

enum oh_err oh_bench_targets_read_items(struct oh_bench_targets *targets, const char *path,
                                        struct oh_diag *diag)
{
    OH_ASSERT(targets->skus.count == 0);
    return targets_read(targets, OH_ROWS_ITEMS, path, diag);
}

/* Names with commas between them. `what`: of what kind, for the error. */
static enum oh_err names_split(struct oh_bench_names *names, const char *list, const char *what, struct oh_diag *diag)
{
    const char *at = list;
    OH_ASSERT(names->count == 0);
    for (;;) { /* each turn takes a name and the comma after it */
        struct oh_bytes name = { at, strcspn(at, ",") };
        if (name.size == 0 || name.size > OH_ID_SIZE_MAX) {
            oh_diag_set(diag, "'%s' is not a list of %s: names of 1 to %u bytes, with commas between", list, what,
                        OH_ID_SIZE_MAX);
            return OH_E_INVALID;
        }
        enum oh_err err = oh_bench_names_add(names, name);
        if (err != OH_OK) {
            oh_diag_set(diag, "the list of %s is too long", what);
            return err;
        }
        at += name.size;
        if (*at == '\0')
            return OH_OK;
        at++;
    }
}

enum oh_err oh_bench_targets_split_nodes(struct oh_bench_targets *targets, const char *list,
                                         struct oh_diag *diag)
{
    return names_split(&targets->nodes, list, "nodes", diag);
}

enum oh_err oh_bench_targets_split_places(struct oh_bench_targets *targets, const char *list,
                                          struct oh_diag *diag)
{
    enum oh_err err = names_split(&targets->places, list, "places", diag);
    for (uint32_t i = 0; err == OH_OK && i < targets->places.count; i++) {
        struct oh_bytes place = oh_bench_names_at(&targets->places, i);
        if (place.size < 4 || place.data[2] != ':') {
            oh_diag_set(diag, "'%.*s' is not a place: two letters of a country, a colon, a postal code",
                        (int)place.size, place.data);
            return OH_E_INVALID;
        }
    }
    return err;
}

/* ---- from the server ---- */

/* Adds the names of a page; *out_next is the last of them, for `after`. */
static enum oh_err names_add_page(struct oh_bench_names *names, const cJSON *page, const char *list,
                                  const char *key, struct oh_strbuf *next)
{
    const cJSON *element = NULL;
    cJSON_ArrayForEach(element, cJSON_GetObjectItemCaseSensitive(page, list))
    {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(element, key);
        if (!cJSON_IsString(name))
            return OH_E_SYNTAX;
        enum oh_err err = oh_bench_names_add(names, oh_bytes_of(name->valuestring));
        if (err != OH_OK)
            return err;
    }
    const cJSON *after = cJSON_GetObjectItemCaseSensitive(page, "next");
    oh_strbuf_clear(next);
    if (cJSON_IsString(after))
        oh_bench_put_escaped(next, oh_bytes_of(after->valuestring));
    return next->is_overflowed ? OH_E_NOMEM : OH_OK;
}

static enum oh_err names_discover(struct oh_bench_names *names, struct oh_client *client, const char *list,
                                  const char *key, struct oh_diag *diag)
{
    struct oh_strbuf next;
    enum oh_err err = OH_OK;
    oh_strbuf_init(&next, OH_ID_SIZE_MAX * 3);
    do { /* ends with the last page, or with OH_BENCH_NAMES_MAX names */
        char target[BENCH_TARGET_SIZE];
        struct oh_response response;
        (void)snprintf(target, sizeof target, "/v1/%s?limit=%d%s%.*s", list, BENCH_PAGE_LIMIT,
                       next.size > 0 ? "&after=" : "", (int)next.size, next.size > 0 ? next.data : "");
        err = oh_client_request(client, "GET", target, OH_BYTES_NONE, &response, diag);
        if (err != OH_OK)
            break;
        cJSON *page = cJSON_ParseWithLength(response.body.data, response.body.size);
        err = response.status == 200 ? names_add_page(names, page, list, key, &next) : OH_E_SYNTAX;
        cJSON_Delete(page);
        if (err != OH_OK && err != OH_E_FULL)
            oh_diag_set(diag, "GET %s: status %u, not a list of %s", target, response.status, list);
    } while (err == OH_OK && next.size > 0);
    oh_strbuf_fini(&next);
    if (err == OH_OK && names->count == 0) {
        oh_diag_set(diag, "the server has no %s: load some first", list);
        err = OH_E_NOT_FOUND;
    }
    return err == OH_E_FULL ? OH_OK : err;
}

enum oh_err oh_bench_targets_discover(struct oh_bench_targets *targets, struct oh_client *client,
                                      struct oh_diag *diag)
{
    enum oh_err err = OH_OK;
    if (targets->skus.count == 0)
        err = names_discover(&targets->skus, client, "items", "sku", diag);
    if (err == OH_OK && targets->nodes.count == 0)
        err = names_discover(&targets->nodes, client, "nodes", "node", diag);
    return err;
}
