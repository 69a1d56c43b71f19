/*
 * handle_import.h - POST /v1/import/{kind}: rows of any number, in constant memory; GET /v1/import/{import}.
 *
 * Rows are applied in groups of up to OH_IMPORT_GROUP_MAX. Each group and how far the import has come are one
 * record, so an import that broke off resumes exactly where it durably was. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_HANDLE_IMPORT_H
#define ONHAND_SERVER_HANDLE_IMPORT_H

#include "server/exchange.h"
#include "server/router.h"

#define OH_IMPORT_GROUP_MAX 1000u
#define OH_IMPORT_REJECTIONS_MAX 10000u /* told in the reply; the others are only counted */

extern const struct oh_stream_handlers oh_import_nodes;
extern const struct oh_stream_handlers oh_import_items;
extern const struct oh_stream_handlers oh_import_groups;
extern const struct oh_stream_handlers oh_import_stock;
extern const struct oh_stream_handlers oh_import_supplies;
extern const struct oh_stream_handlers oh_import_postal_codes;

void oh_handle_import_get(void *app, struct oh_exchange *exchange);

#endif
