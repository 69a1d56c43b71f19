/*
 * document_shop.h - a ledger with nodes and channels, and a list of documents
 * beside it, for tests of timetables.
 *
 * Failing is the test's failure: these functions do not return then.
 */
#ifndef ONHAND_TESTS_SUPPORT_DOCUMENT_SHOP_H
#define ONHAND_TESTS_SUPPORT_DOCUMENT_SHOP_H

#include "timetable/builder.h"

struct document_row;
struct document_shop {
    struct oh_ledger *ledger;
    struct document_row *rows;
    uint32_t row_count;
    uint64_t version;
    const char *classes[8]; /* class_index of classes[i] is i + 1 */
    struct oh_document_source source;
};

/* Gives: document_shop_fini. */
void document_shop_init(struct document_shop *shop);
void document_shop_fini(struct document_shop *shop);

void document_shop_node(struct document_shop *shop, const char *node, const char *time_zone,
                        const char *region);
void document_shop_channel(struct document_shop *shop, const char *channel);
/* Stores, or with NULL removes, a document; it need not be a good one. */
void document_shop_put(struct document_shop *shop, enum oh_document_kind kind, const char *id,
                       const char *text);

#endif
