#include "codec/json_request.h"
#include "base/assert.h"
#include "codec/json_bind.h"
#include "codec/shape_table.h"
#include <stdio.h>

/* Clears the document and makes *out an empty command of the type. */
static void request_begin(struct oh_json_document *document, enum oh_command_type type,
                          struct oh_command *out)
{
    oh_json_document_clear(document);
    out->type = type;
    out->key = OH_BYTES_NONE;
}

/* ---- Reference data --------------------------------------------------------------------------- */

/*
 * Binds, then takes the id of the path; a body that names another is refused. `own` is where the body's id
 * is.
 */
static enum oh_err request_put(struct oh_json_document *document, const struct oh_shape *shape,
                               struct oh_bytes id, const char *name, struct oh_bytes body, void *object,
                               struct oh_bytes *own, struct oh_fault *fault)
{
    if (oh_json_bind(document, shape, body, object, fault) != OH_OK)
        return OH_E_SYNTAX;
    if (!oh_bytes_is_empty(*own) && !oh_bytes_equal(*own, id)) {
        oh_fault_set(fault, OH_FAULT_INVALID_VALUE, oh_bytes_of(name), "%s is not the one of the path.",
                     name);
        return OH_E_SYNTAX;
    }
    if (id.size > OH_ID_SIZE_MAX) {
        oh_fault_set(fault, OH_FAULT_TOO_LONG, oh_bytes_of(name), "%s has at most %u bytes of UTF-8.", name,
                     OH_ID_SIZE_MAX);
        return OH_E_SYNTAX;
    }
    *own = id;
    return OH_OK;
}

enum oh_err oh_request_node(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                            struct oh_command *out, struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_NODE, out);
    return request_put(document, &oh_shape_node, id, "node", body, &out->node, &out->node.node, fault);
}

enum oh_err oh_request_item(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                            struct oh_command *out, struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_ITEM, out);
    return request_put(document, &oh_shape_item, id, "sku", body, &out->item, &out->item.sku, fault);
}

enum oh_err oh_request_group(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                             struct oh_command *out, struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_GROUP, out);
    return request_put(document, &oh_shape_group, id, "group", body, &out->group, &out->group.group, fault);
}

enum oh_err oh_request_channel(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                               struct oh_command *out, struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_CHANNEL, out);
    if (request_put(document, &oh_shape_channel, id, "channel", body, &out->channel, &out->channel.channel,
                    fault) != OH_OK)
        return OH_E_SYNTAX;
    if (out->channel.node_count + out->channel.group_count <= OH_CHANNEL_MEMBERS_MAX)
        return OH_OK;
    oh_fault_set(fault, OH_FAULT_TOO_MANY, OH_BYTES("groups"), "nodes and groups are at most %u together.",
                 OH_CHANNEL_MEMBERS_MAX);
    return OH_E_SYNTAX;
}

enum oh_err oh_request_rule(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                            struct oh_command *out, struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_RULE, out);
    return request_put(document, &oh_shape_rule, id, "rule", body, &out->rule, &out->rule.rule, fault);
}

enum oh_err oh_request_fence(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                             struct oh_command *out, struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_FENCE, out);
    return request_put(document, &oh_shape_fence, id, "fence", body, &out->fence, &out->fence.fence, fault);
}

enum oh_err oh_request_supply(struct oh_json_document *document, struct oh_bytes id, struct oh_bytes body,
                              struct oh_command *out, struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_SUPPLY, out);
    return request_put(document, &oh_shape_supply, id, "supply", body, &out->supply, &out->supply.supply,
                       fault);
}

/* ---- Stock ------------------------------------------------------------------------------------ */

enum oh_err oh_request_adjust(struct oh_json_document *document, struct oh_bytes body, struct oh_command *out,
                              struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_ADJUST, out);
    return oh_json_bind(document, &oh_shape_adjust, body, &out->adjust, fault);
}

enum oh_err oh_request_sync(struct oh_json_document *document, struct oh_bytes body, struct oh_command *out,
                            struct oh_fault *fault)
{
    request_begin(document, OH_COMMAND_SYNC, out);
    return oh_json_bind(document, &oh_shape_sync, body, &out->sync, fault);
}

/* ---- Deliveries ------------------------------------------------------------------------------- */

enum oh_err oh_request_deliveries(struct oh_json_document *document, struct oh_bytes body, struct oh_command *out,
                                  struct oh_fault *fault)
{
    struct oh_deliveries_form form;
    request_begin(document, OH_COMMAND_DELIVERIES, out);
    if (oh_json_bind(document, &oh_shape_deliveries, body, &form, fault) != OH_OK)
        return OH_E_SYNTAX;
    struct oh_delivery_report *reports = oh_json_document_allocate(document, form.delivery_count, sizeof(*reports));
    if (reports == NULL) {
        oh_json_document_full(fault);
        return OH_E_SYNTAX;
    }
    for (uint32_t i = 0; i < form.delivery_count; i++)
        reports[i] = form.deliveries[i].report;
    out->deliveries = (struct oh_deliveries_command){ reports, form.delivery_count };
    return OH_OK;
}

/* ---- Reservations ----------------------------------------------------------------------------- */

/* The point of a near, or false: the ledger has no such postal code. */
static bool near_resolve(const struct oh_ledger *ledger, const struct oh_near_form *form, struct oh_near *out)
{
    struct oh_postal_code_command place;
    enum oh_postal_match match;
    *out = (struct oh_near){ .is_set = form->is_set, .point = form->point, .radius_km = form->radius_km };
    if (!form->is_set || form->has_point)
        return true;
    if (ledger == NULL || !oh_postal_code_resolve(ledger, form->country, form->postal_code, &place, &match))
        return false;
    out->point = place.point;
    return true;
}

static enum oh_err refuse_postal_code(const struct oh_near_form *form, struct oh_fault *fault)
{
    oh_fault_set_postal_code(fault, OH_BYTES("near.postal_code"), form->country, form->postal_code);
    return OH_E_SYNTAX;
}

/* Makes the command of a form, whose lines are the document's to change. False: unknown postal code. */
static bool reserve_from_form(const struct oh_ledger *ledger, const struct oh_reserve_form *form,
                              struct oh_command *out)
{
    struct oh_reserve_line *lines = (struct oh_reserve_line *)form->reserve.lines;
    for (uint32_t i = 0; i < form->reserve.line_count; i++)
        if (lines[i].line == 0)
            lines[i].line = i + 1;
    out->type = OH_COMMAND_RESERVE;
    out->key = form->key;
    out->reserve = form->reserve;
    return near_resolve(ledger, &form->near, &out->reserve.near);
}

enum oh_err oh_request_reserve(struct oh_json_document *document, const struct oh_ledger *ledger,
                               struct oh_bytes body, struct oh_command *out, struct oh_fault *fault)
{
    struct oh_reserve_form form;
    oh_json_document_clear(document);
    if (oh_json_bind(document, &oh_shape_reserve, body, &form, fault) != OH_OK)
        return OH_E_SYNTAX;
    return reserve_from_form(ledger, &form, out) ? OH_OK : refuse_postal_code(&form.near, fault);
}

/* The reservation with which a batch has too many lines; `count` when it has not. */
static uint32_t batch_overflow(const struct oh_batch_form *form)
{
    uint32_t line_count = 0;
    for (uint32_t i = 0; i < form->reservation_count; i++) {
        line_count += form->reservations[i].reserve.line_count;
        if (line_count > OH_BATCH_LINES_MAX)
            return i;
    }
    return form->reservation_count;
}

static enum oh_err refuse_batch_lines(uint32_t index, struct oh_fault *fault)
{
    char field[OH_FAULT_FIELD_SIZE];
    snprintf(field, sizeof(field), "reservations[%u].lines", (unsigned)index);
    oh_fault_set(fault, OH_FAULT_TOO_MANY, oh_bytes_of(field), "A batch has at most %u lines.",
                 OH_BATCH_LINES_MAX);
    return OH_E_SYNTAX;
}

enum oh_err oh_request_batch(struct oh_json_document *document, const struct oh_ledger *ledger,
                             struct oh_bytes body, struct oh_batch_entry **out_entries, uint32_t *out_count,
                             struct oh_fault *fault)
{
    struct oh_batch_form form;
    oh_json_document_clear(document);
    if (oh_json_bind(document, &oh_shape_batch, body, &form, fault) != OH_OK)
        return OH_E_SYNTAX;
    uint32_t overflow = batch_overflow(&form);
    if (overflow != form.reservation_count)
        return refuse_batch_lines(overflow, fault);
    struct oh_batch_entry *entries =
        oh_json_document_allocate(document, form.reservation_count, sizeof(*entries));
    if (entries == NULL) {
        oh_json_document_full(fault);
        return OH_E_SYNTAX;
    }
    for (uint32_t i = 0; i < form.reservation_count; i++) {
        bool is_known = reserve_from_form(ledger, &form.reservations[i], &entries[i].command);
        entries[i].verdict = is_known ? OH_OK_DONE : OH_V_UNKNOWN_POSTAL_CODE;
        entries[i].field = is_known ? OH_FIELD_NONE : OH_FIELD_NEAR;
    }
    *out_entries = entries;
    *out_count = form.reservation_count;
    return OH_OK;
}

static bool action_can_be_whole(enum oh_command_type type)
{
    return type == OH_COMMAND_CONFIRM || type == OH_COMMAND_RELEASE || type == OH_COMMAND_FULFIL;
}

enum oh_err oh_request_action(struct oh_json_document *document, enum oh_command_type type,
                              struct oh_bytes id, struct oh_bytes body, struct oh_command *out,
                              struct oh_fault *fault)
{
    const struct oh_shape *shape = oh_shape_of_action(type);
    OH_ASSERT(shape != NULL);
    request_begin(document, type, out);
    oh_shape_prepare(shape, &out->action);
    bool is_whole = oh_bytes_is_empty(body) && action_can_be_whole(type);
    if (!is_whole && oh_json_bind(document, shape, body, &out->action, fault) != OH_OK)
        return OH_E_SYNTAX;
    out->action.id = id;
    return OH_OK;
}

/* ---- Questions -------------------------------------------------------------------------------- */

/* How many figures the answer has. */
static uint64_t availability_cells(const struct oh_availability_request *request)
{
    uint64_t per_sku = request->near.is_set ? request->near_limit : request->node_count;
    return request->sku_count * (per_sku == 0 ? 1 : per_sku);
}

enum oh_err oh_request_availability(struct oh_json_document *document, const struct oh_ledger *ledger,
                                    struct oh_bytes body, struct oh_availability_request *out,
                                    struct oh_fault *fault)
{
    struct oh_availability_form form;
    oh_json_document_clear(document);
    if (oh_json_bind(document, &oh_shape_availability, body, &form, fault) != OH_OK)
        return OH_E_SYNTAX;
    bool is_known = near_resolve(ledger, &form.near, &form.request.near);
    form.request.near_limit = form.near.is_set ? form.near.limit : OH_NEAR_LIMIT_DEFAULT;
    if (!is_known)
        return refuse_postal_code(&form.near, fault);
    if (availability_cells(&form.request) > OH_CELLS_MAX) {
        oh_fault_set(fault, OH_FAULT_TOO_MANY, OH_BYTES("skus"),
                     "skus times nodes (or near.limit) is at most %u.", OH_CELLS_MAX);
        return OH_E_SYNTAX;
    }
    *out = form.request;
    return OH_OK;
}
