#include "support/document_shop.h"
#include "support/ledger_arena.h"
#include "support/test.h"
#include <stdlib.h>
#include <string.h>

#define NOW_US INT64_C(1795352400000000) /* 2026-11-22T13:00:00Z */

struct document_row {
    enum oh_document_kind kind;
    char id[OH_ID_SIZE_MAX + 1];
    char *text; /* NULL: removed */
    uint64_t version;
};

/* ---- The source ------------------------------------------------------------------------------- */

static uint64_t source_version(void *ctx)
{
    const struct document_shop *shop = ctx;
    return shop->version;
}

static void row_lend(const struct document_row *row, struct oh_source_text *out)
{
    *out = (struct oh_source_text){ oh_bytes_of(row->id), oh_bytes_of(row->text), row->version };
}

static bool source_get(void *ctx, enum oh_document_kind kind, struct oh_bytes id, struct oh_source_text *out)
{
    const struct document_shop *shop = ctx;
    for (uint32_t i = 0; i < shop->row_count; i++) {
        const struct document_row *row = &shop->rows[i];
        if (row->kind == kind && row->text != NULL && oh_bytes_equal(oh_bytes_of(row->id), id)) {
            row_lend(row, out);
            return true;
        }
    }
    return false;
}

static bool source_next(void *ctx, enum oh_document_kind kind, uint64_t *cursor, struct oh_source_text *out)
{
    const struct document_shop *shop = ctx;
    while (*cursor < shop->row_count) {
        const struct document_row *row = &shop->rows[(*cursor)++];
        if (row->kind == kind && row->text != NULL) {
            row_lend(row, out);
            return true;
        }
    }
    return false;
}

static uint32_t source_class(void *ctx, struct oh_bytes class_name)
{
    const struct document_shop *shop = ctx;
    for (uint32_t i = 0; i < sizeof(shop->classes) / sizeof(shop->classes[0]); i++)
        if (shop->classes[i] != NULL && oh_bytes_equal(oh_bytes_of(shop->classes[i]), class_name))
            return i + 1;
    return 0;
}

/* ---- The shop --------------------------------------------------------------------------------- */

void document_shop_init(struct document_shop *shop)
{
    const struct oh_ledger_options options = { .items_max = 16,
                                               .positions_max = 64,
                                               .reservations_max = 64,
                                               .claims_max = 64,
                                               .keys_max = 64,
                                               .history_max = 64,
                                               .text_size_max = 64u << 20 };
    *shop = (struct document_shop){ .ledger = ledger_arena_create(&options), .version = 1 };
    shop->source = (struct oh_document_source){ source_version, source_get, source_next, source_class, shop };
}

void document_shop_fini(struct document_shop *shop)
{
    for (uint32_t i = 0; i < shop->row_count; i++)
        free(shop->rows[i].text);
    free(shop->rows);
    oh_ledger_destroy(&shop->ledger);
}

static void shop_apply(struct document_shop *shop, const struct oh_command *command)
{
    struct oh_answer answer;
    struct oh_record record;
    assert_int_equal(oh_ledger_apply(shop->ledger, NOW_US, command, &answer), OH_OK);
    assert_true(oh_verdict_is_success(answer.verdict));
    oh_ledger_take_record(shop->ledger, &record);
    shop->version++;
}

void document_shop_node(struct document_shop *shop, const char *node, const char *time_zone,
                        const char *region)
{
    const struct oh_command command = { .type = OH_COMMAND_NODE,
                                        .node = { .node = oh_bytes_of(node),
                                                  .time_zone = oh_bytes_of(time_zone),
                                                  .region = oh_bytes_of(region),
                                                  .ships = true,
                                                  .enabled = true } };
    shop_apply(shop, &command);
}

void document_shop_channel(struct document_shop *shop, const char *channel)
{
    const struct oh_command command = { .type = OH_COMMAND_CHANNEL,
                                        .channel = { .channel = oh_bytes_of(channel) } };
    shop_apply(shop, &command);
}

static struct document_row *shop_row(struct document_shop *shop, enum oh_document_kind kind, const char *id)
{
    for (uint32_t i = 0; i < shop->row_count; i++)
        if (shop->rows[i].kind == kind && strcmp(shop->rows[i].id, id) == 0)
            return &shop->rows[i];
    shop->rows = realloc(shop->rows, (shop->row_count + 1) * sizeof(*shop->rows));
    assert_non_null(shop->rows);
    struct document_row *row = &shop->rows[shop->row_count++];
    *row = (struct document_row){ .kind = kind };
    assert_true(strlen(id) < sizeof(row->id));
    memcpy(row->id, id, strlen(id) + 1);
    return row;
}

void document_shop_put(struct document_shop *shop, enum oh_document_kind kind, const char *id,
                       const char *text)
{
    struct document_row *row = shop_row(shop, kind, id);
    free(row->text);
    row->text = text == NULL ? NULL : strdup(text);
    row->version = ++shop->version;
}
