#include "base/civil.h"
#include "codec/shape_table.h"
#include "codec/shape_fields.h"
#include "codec/time_text.h"

#define LINE_MAX_NUMBER INT32_MAX
#define WHOLE_MAX       999999999999999ll /* 15 digits: what a JSON number keeps exactly */
#define DATE_SIZE       10 /* 2026-11-26 */
#define DAY_US          86400000000ll
#define RADIUS_KM_MAX   20040             /* half around the earth */

/* ---- Words ------------------------------------------------------------------------------------ */

static bool word_node_type(struct oh_bytes text, void *out)
{
    return oh_node_type_parse(text, (enum oh_node_type *)out);
}

static bool word_state(struct oh_bytes text, void *out)
{
    return oh_state_parse(text, (enum oh_state *)out);
}

static bool word_kind(struct oh_bytes text, void *out)
{
    return oh_kind_parse(text, (enum oh_kind *)out);
}

/* A reservation is for something: `any` is only for questions. */
static bool word_reserve_kind(struct oh_bytes text, void *out)
{
    enum oh_kind kind;
    if (!oh_kind_parse(text, &kind) || kind == OH_KIND_ANY)
        return false;
    *(enum oh_kind *)out = kind;
    return true;
}

static bool word_policy(struct oh_bytes text, void *out)
{
    return oh_policy_parse(text, (enum oh_policy *)out);
}

static bool word_fence_policy(struct oh_bytes text, void *out)
{
    return oh_fence_policy_parse(text, (enum oh_fence_policy *)out);
}

/* ---- Checks of a whole object ----------------------------------------------------------------- */

static bool refuse_missing(struct oh_fault *fault, const char *field, const char *reason)
{
    oh_fault_set(fault, OH_FAULT_MISSING_FIELD, oh_bytes_of(field), "%s", reason);
    return false;
}

static bool refuse_value(struct oh_fault *fault, const char *field, const char *reason)
{
    oh_fault_set(fault, OH_FAULT_INVALID_VALUE, oh_bytes_of(field), "%s", reason);
    return false;
}

static bool both_or_none(bool has_latitude, bool has_longitude, struct oh_fault *fault)
{
    return has_latitude == has_longitude ||
           refuse_missing(fault, has_latitude ? "lon" : "lat", "lat and lon come together.");
}

/* ---- Reference data --------------------------------------------------------------------------- */

enum node_field { NODE_TYPE = 2, NODE_LAT = 3, NODE_LON = 4, NODE_COLLECTS = 8 };

static const struct oh_shape_field node_fields[] = {
    ID(oh_node_command, node, "node", OPTIONAL),
    TEXT(oh_node_command, name, "name", OH_TEXT_SIZE_MAX),
    WORD(oh_node_command, type, "type", word_node_type, REQUIRED),
    DEGREES(oh_node_command, point.latitude, "lat", 90, OPTIONAL),
    DEGREES(oh_node_command, point.longitude, "lon", 180, OPTIONAL),
    TEXT(oh_node_command, country, "country", OH_ID_SIZE_MAX),
    TEXT(oh_node_command, time_zone, "time_zone", OH_ID_SIZE_MAX),
    BOOL(oh_node_command, ships, "ships"),
    BOOL(oh_node_command, collects, "collects"),
    BOOL(oh_node_command, enabled, "enabled"),
    TEXT(oh_node_command, city, "city", OH_TEXT_SIZE_MAX),
    TEXT(oh_node_command, region, "region", OH_TEXT_SIZE_MAX),
    TEXT(oh_node_command, postal_code, "postal_code", OH_ID_SIZE_MAX),
    TEXT(oh_node_command, gln, "gln", OH_ID_SIZE_MAX),
};

static const struct oh_node_command node_defaults = { .ships = true, .enabled = true };

static bool node_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    struct oh_node_command *node = object;
    bool has_latitude = (given >> NODE_LAT & 1) != 0;
    if (!both_or_none(has_latitude, (given >> NODE_LON & 1) != 0, fault))
        return false;
    node->has_point = has_latitude;
    if ((given >> NODE_COLLECTS & 1) == 0)
        node->collects = node->type == OH_NODE_STORE || node->type == OH_NODE_PICKUP_POINT;
    return true;
}

const struct oh_shape oh_shape_node = SHAPE(oh_node_command, node_fields, &node_defaults, node_finish);

static const struct oh_shape_field item_fields[] = {
    ID(oh_item_command, sku, "sku", OPTIONAL),
    TEXT(oh_item_command, name, "name", OH_TEXT_SIZE_MAX),
    TEXT(oh_item_command, gtin, "gtin", OH_ID_SIZE_MAX),
    TEXT(oh_item_command, class, "class", OH_ID_SIZE_MAX),
    FIELD(oh_item_command, weight_grams, "weight_grams", U32, .max = OH_WEIGHT_GRAMS_MAX),
    FIELD(oh_item_command, side_mm, "side_mm", U32, .max = OH_SIDE_MM_MAX),
    FIELD(oh_item_command, volume_cm3, "volume_cm3", U32, .max = OH_VOLUME_CM3_MAX),
};
const struct oh_shape oh_shape_item = SHAPE(oh_item_command, item_fields, NULL, NULL);

static const struct oh_shape_field group_fields[] = {
    ID(oh_group_command, group, "group", OPTIONAL),
    TEXT(oh_group_command, name, "name", OH_TEXT_SIZE_MAX),
    FIELD(oh_group_command, nodes, "nodes", IDS, REQUIRED, .max = OH_GROUP_NODES_MAX,
          .count_offset = offsetof(struct oh_group_command, node_count)),
};
const struct oh_shape oh_shape_group = SHAPE(oh_group_command, group_fields, NULL, NULL);

static const struct oh_shape_field group_member_fields[] = {
    ID(oh_group_member_command, group, "group", REQUIRED),
    ID(oh_group_member_command, node, "node", REQUIRED),
    FIELD(oh_group_member_command, priority, "priority", I32, .min = INT32_MIN, .max = INT32_MAX),
};
const struct oh_shape oh_shape_group_member = SHAPE(oh_group_member_command, group_member_fields, NULL, NULL);

static const struct oh_shape_field channel_fields[] = {
    ID(oh_channel_command, channel, "channel", OPTIONAL),
    TEXT(oh_channel_command, name, "name", OH_TEXT_SIZE_MAX),
    WORD(oh_channel_command, policy, "policy", word_policy, OPTIONAL),
    FIELD(oh_channel_command, nodes, "nodes", IDS, .max = OH_CHANNEL_MEMBERS_MAX,
          .count_offset = offsetof(struct oh_channel_command, node_count)),
    FIELD(oh_channel_command, groups, "groups", IDS, .max = OH_CHANNEL_MEMBERS_MAX,
          .count_offset = offsetof(struct oh_channel_command, group_count)),
};
const struct oh_shape oh_shape_channel = SHAPE(oh_channel_command, channel_fields, NULL, NULL);

/* The values first, in the order of the OH_RULE_ bits, so that `given` is the mask. */
static const struct oh_shape_field rule_fields[] = {
    QUANTITY(oh_rule_command, values.safety_stock_milli, "safety_stock", OPTIONAL),
    QUANTITY(oh_rule_command, values.threshold_milli, "threshold", OPTIONAL),
    QUANTITY(oh_rule_command, values.min_quantity_milli, "min_quantity", OPTIONAL),
    QUANTITY(oh_rule_command, values.max_quantity_milli, "max_quantity", OPTIONAL),
    QUANTITY(oh_rule_command, values.increment_milli, "quantity_increment", OPTIONAL),
    QUANTITY(oh_rule_command, values.backorder_limit_milli, "backorder_limit", OPTIONAL),
    QUANTITY(oh_rule_command, values.low_stock_milli, "low_stock", OPTIONAL),
    BOOL(oh_rule_command, values.pickup_allowed, "pickup_allowed"),
    BOOL(oh_rule_command, values.ship_allowed, "ship_allowed"),
    BOOL(oh_rule_command, values.preorder, "preorder"),
    ID(oh_rule_command, rule, "rule", OPTIONAL),
    ID(oh_rule_command, sku, "sku", OPTIONAL),
    ID(oh_rule_command, node, "node", OPTIONAL),
    ID(oh_rule_command, channel, "channel", OPTIONAL),
};
_Static_assert(OH_RULE_SAFETY_STOCK == 1u << 0 && OH_RULE_INCREMENT == 1u << 4 &&
                   OH_RULE_LOW_STOCK == 1u << 6 && OH_RULE_PREORDER == 1u << 9 &&
                   OH_RULE_ATTRIBUTE_COUNT == 10,
               "rule_fields must follow the bits of the mask");

static bool rule_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    struct oh_rule_command *rule = object;
    rule->values.mask = given & ((UINT32_C(1) << OH_RULE_ATTRIBUTE_COUNT) - 1);
    return rule->values.mask != 0 || refuse_missing(fault, "safety_stock", "A rule says at least one value.");
}

const struct oh_shape oh_shape_rule = SHAPE(oh_rule_command, rule_fields, NULL, rule_finish);

static const struct oh_shape_field fence_fields[] = {
    ID(oh_fence_command, fence, "fence", OPTIONAL),
    ID(oh_fence_command, channel, "channel", REQUIRED),
    ID(oh_fence_command, sku, "sku", REQUIRED),
    ID(oh_fence_command, node, "node", REQUIRED),
    QUANTITY(oh_fence_command, quantity_milli, "quantity", REQUIRED),
    WORD(oh_fence_command, policy, "policy", word_fence_policy, OPTIONAL),
};
const struct oh_shape oh_shape_fence = SHAPE(oh_fence_command, fence_fields, NULL, NULL);

static const struct oh_shape_field supply_fields[] = {
    ID(oh_supply_command, supply, "supply", OPTIONAL),
    ID(oh_supply_command, sku, "sku", REQUIRED),
    ID(oh_supply_command, node, "node", REQUIRED),
    QUANTITY(oh_supply_command, quantity_milli, "quantity", REQUIRED),
    FIELD(oh_supply_command, eta_us, "eta", TIME_OR_DATE, REQUIRED),
};
const struct oh_shape oh_shape_supply = SHAPE(oh_supply_command, supply_fields, NULL, NULL);

static const struct oh_shape_field postal_code_fields[] = {
    ID(oh_postal_code_command, country, "country", REQUIRED),
    ID(oh_postal_code_command, postal_code, "postal_code", REQUIRED),
    TEXT(oh_postal_code_command, place, "place", OH_TEXT_SIZE_MAX),
    DEGREES(oh_postal_code_command, point.latitude, "lat", 90, REQUIRED),
    DEGREES(oh_postal_code_command, point.longitude, "lon", 180, REQUIRED),
};
const struct oh_shape oh_shape_postal_code = SHAPE(oh_postal_code_command, postal_code_fields, NULL, NULL);

/* ---- Stock ------------------------------------------------------------------------------------ */

static const struct oh_shape_field adjust_entry_fields[] = {
    ID(oh_adjust_entry, id, "id", OPTIONAL),
    ID(oh_adjust_entry, sku, "sku", REQUIRED),
    ID(oh_adjust_entry, node, "node", REQUIRED),
    QUANTITY(oh_adjust_entry, quantity_milli, "quantity", REQUIRED),
    WORD(oh_adjust_entry, state, "state", word_state, OPTIONAL),
    FIELD(oh_adjust_entry, reason, "reason", ID, REQUIRED, .max = OH_TEXT_SIZE_MAX),
    FIELD(oh_adjust_entry, at_us, "at", TIME, OPTIONAL),
};
static const struct oh_adjust_entry adjust_entry_defaults = { .at_us = OH_TIME_US_NONE };
static const struct oh_shape adjust_entry_shape =
    SHAPE(oh_adjust_entry, adjust_entry_fields, &adjust_entry_defaults, NULL);

static const struct oh_shape_field adjust_fields[] = {
    ID(oh_adjust_command, source, "source", REQUIRED),
    FIELD(oh_adjust_command, entries, "entries", OBJECTS, REQUIRED, .min = 1, .max = OH_ENTRIES_MAX,
          .count_offset = offsetof(struct oh_adjust_command, entry_count), .object = &adjust_entry_shape),
};
const struct oh_shape oh_shape_adjust = SHAPE(oh_adjust_command, adjust_fields, NULL, NULL);

static const struct oh_shape_field sync_entry_fields[] = {
    ID(oh_sync_entry, sku, "sku", REQUIRED),
    ID(oh_sync_entry, node, "node", REQUIRED),
    QUANTITY(oh_sync_entry, quantity_milli, "quantity", REQUIRED),
    FIELD(oh_sync_entry, as_of_us, "as_of", TIME_OR_DATE, REQUIRED),
    WORD(oh_sync_entry, state, "state", word_state, OPTIONAL),
    FIELD(oh_sync_entry, source_seq, "source_seq", I64, .max = WHOLE_MAX,
          .flag_offset = offsetof(struct oh_sync_entry, has_source_seq)),
};
const struct oh_shape oh_shape_sync_entry = SHAPE(oh_sync_entry, sync_entry_fields, NULL, NULL);

static const struct oh_shape_field sync_fields[] = {
    ID(oh_sync_command, source, "source", REQUIRED),
    FIELD(oh_sync_command, entries, "entries", OBJECTS, REQUIRED, .min = 1, .max = OH_ENTRIES_MAX,
          .count_offset = offsetof(struct oh_sync_command, entry_count), .object = &oh_shape_sync_entry),
};
const struct oh_shape oh_shape_sync = SHAPE(oh_sync_command, sync_fields, NULL, NULL);

/* ---- Deliveries ------------------------------------------------------------------------------- */

enum delivery_field { DELIVERY_ORIGIN_NODE = 2, DELIVERY_ORIGIN_REGION, DELIVERY_DESTINATION_REGION,
                      DELIVERY_DESTINATION };

static const struct oh_shape_field destination_fields[] = {
    ID(oh_destination_form, country, "country", REQUIRED),
    ID(oh_destination_form, postal_code, "postal_code", REQUIRED),
};
static const struct oh_shape destination_shape =
    SHAPE(oh_destination_form, destination_fields, NULL, NULL);

static const struct oh_shape_field delivery_fields[] = {
    ID(oh_delivery_form, report.id, "id", OPTIONAL),
    ID(oh_delivery_form, report.service, "service", REQUIRED),
    ID(oh_delivery_form, report.origin_node, "origin_node", OPTIONAL),
    FIELD(oh_delivery_form, report.origin_region, "origin_region", ID, OPTIONAL, .max = OH_TEXT_SIZE_MAX),
    FIELD(oh_delivery_form, report.destination_region, "destination_region", ID, OPTIONAL, .max = OH_TEXT_SIZE_MAX),
    FIELD(oh_delivery_form, destination, "destination", OBJECT, .object = &destination_shape),
    ID(oh_delivery_form, handed_over_at, "handed_over_at", REQUIRED),
    FIELD(oh_delivery_form, report.delivered_at_us, "delivered_at", TIME, REQUIRED),
};

static bool one_of_two(uint32_t given, uint32_t first, uint32_t second, const char *field, const char *reason,
                       struct oh_fault *fault)
{
    bool has_first = (given >> first & 1) != 0;
    bool has_second = (given >> second & 1) != 0;
    if (has_first != has_second)
        return true;
    return has_first ? refuse_value(fault, field, reason) : refuse_missing(fault, field, reason);
}

static const struct oh_shape_field hand_over_field =
    FIELD(oh_delivery_form, report.handed_over_at_us, "handed_over_at", TIME, REQUIRED);

/* The weekday is that of the date as it is written, in whatever zone that is. */
static bool hand_over_read(struct oh_delivery_form *form, struct oh_fault *fault)
{
    int64_t midnight_us = 0;
    if (!oh_shape_set_string(&hand_over_field, form, form->handed_over_at, fault))
        return false;
    if (oh_time_or_date_parse((struct oh_bytes){ form->handed_over_at.data, DATE_SIZE }, &midnight_us) != OH_OK)
        return refuse_value(fault, "handed_over_at", "The date is from 1970-01-01.");
    form->report.weekday = oh_civil_weekday(midnight_us / DAY_US);
    return true;
}

static bool delivery_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    struct oh_delivery_form *form = object;
    form->report.country = form->destination.country;
    form->report.postal_code = form->destination.postal_code;
    return one_of_two(given, DELIVERY_ORIGIN_NODE, DELIVERY_ORIGIN_REGION, "origin_node",
                      "Either origin_node or origin_region.", fault) &&
           one_of_two(given, DELIVERY_DESTINATION_REGION, DELIVERY_DESTINATION, "destination",
                      "Either destination or destination_region.", fault) &&
           hand_over_read(form, fault);
}
static const struct oh_shape delivery_shape = SHAPE(oh_delivery_form, delivery_fields, NULL, delivery_finish);

static const struct oh_shape_field deliveries_fields[] = {
    FIELD(oh_deliveries_form, deliveries, "reports", OBJECTS, REQUIRED, .min = 1, .max = OH_REPORTS_MAX,
          .count_offset = offsetof(struct oh_deliveries_form, delivery_count), .object = &delivery_shape),
};
const struct oh_shape oh_shape_deliveries = SHAPE(oh_deliveries_form, deliveries_fields, NULL, NULL);

/* ---- Near ------------------------------------------------------------------------------------- */

enum near_field { NEAR_LAT = 0, NEAR_LON = 1, NEAR_POSTAL_CODE = 2, NEAR_COUNTRY = 3 };

static const struct oh_shape_field near_fields[] = {
    DEGREES(oh_near_form, point.latitude, "lat", 90, OPTIONAL),
    DEGREES(oh_near_form, point.longitude, "lon", 180, OPTIONAL),
    ID(oh_near_form, postal_code, "postal_code", OPTIONAL),
    ID(oh_near_form, country, "country", OPTIONAL),
    FIELD(oh_near_form, radius_km, "radius_km", REAL, .min = 0, .max = RADIUS_KM_MAX),
    FIELD(oh_near_form, limit, "limit", U32, .min = 1, .max = OH_NEAR_ROWS_MAX),
};
static const struct oh_near_form near_defaults = { .limit = OH_NEAR_LIMIT_DEFAULT };

static bool near_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    struct oh_near_form *near = object;
    bool has_latitude = (given >> NEAR_LAT & 1) != 0;
    bool has_postal_code = (given >> NEAR_POSTAL_CODE & 1) != 0;
    bool has_country = (given >> NEAR_COUNTRY & 1) != 0;
    if (!both_or_none(has_latitude, (given >> NEAR_LON & 1) != 0, fault))
        return false;
    if (has_latitude && (has_postal_code || has_country))
        return refuse_value(fault, has_postal_code ? "postal_code" : "country",
                            "Either lat and lon, or postal_code and country.");
    if (!has_latitude && !(has_postal_code && has_country))
        return refuse_missing(fault,
                              has_postal_code ? "country"
                              : has_country   ? "postal_code"
                                              : "lat",
                              "Either lat and lon, or postal_code and country.");
    near->is_set = true;
    near->has_point = has_latitude;
    return true;
}

/* A question takes `limit` too, a reservation does not. */
static const struct oh_shape near_question_shape =
    SHAPE(oh_near_form, near_fields, &near_defaults, near_finish);
static const struct oh_shape near_reserve_shape = {
    .fields = near_fields,
    .field_count = COUNT_OF(near_fields) - 1,
    .size = sizeof(struct oh_near_form),
    .defaults = &near_defaults,
    .finish = near_finish,
};

/* ---- Reservations ----------------------------------------------------------------------------- */

enum reserve_line_field { RESERVE_LINE_NODE = 3, RESERVE_LINE_GROUP = 4 };

static const struct oh_shape_field reserve_line_fields[] = {
    FIELD(oh_reserve_line, line, "line", U32, .min = 1, .max = LINE_MAX_NUMBER),
    ID(oh_reserve_line, sku, "sku", REQUIRED),
    QUANTITY(oh_reserve_line, quantity_milli, "quantity", REQUIRED),
    ID(oh_reserve_line, node, "node", OPTIONAL),
    ID(oh_reserve_line, group, "group", OPTIONAL),
};

static bool reserve_line_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)object;
    const uint32_t both = UINT32_C(1) << RESERVE_LINE_NODE | UINT32_C(1) << RESERVE_LINE_GROUP;
    return (given & both) != both ||
           refuse_value(fault, "group", "A line names a node or a group, not both.");
}

static const struct oh_shape reserve_line_shape =
    SHAPE(oh_reserve_line, reserve_line_fields, NULL, reserve_line_finish);

/* The key is for a batch; it is last, and the shape of a single reservation ends before it. */
static const struct oh_shape_field reserve_fields[] = {
    ID(oh_reserve_form, reserve.id, "id", OPTIONAL),
    WORD(oh_reserve_form, reserve.kind, "kind", word_reserve_kind, REQUIRED),
    ID(oh_reserve_form, reserve.channel, "channel", REQUIRED),
    ID(oh_reserve_form, reserve.customer, "customer", OPTIONAL),
    ID(oh_reserve_form, reserve.order, "order", OPTIONAL),
    FIELD(oh_reserve_form, reserve.ttl_us, "ttl_seconds", SECONDS, .max = OH_TTL_US_MAX),
    BOOL(oh_reserve_form, reserve.allow_partial, "allow_partial"),
    FIELD(oh_reserve_form, near, "near", OBJECT, .object = &near_reserve_shape),
    FIELD(oh_reserve_form, reserve.lines, "lines", OBJECTS, REQUIRED, .min = 1, .max = OH_LINES_MAX,
          .count_offset = offsetof(struct oh_reserve_form, reserve.line_count),
          .object = &reserve_line_shape),
    ID(oh_reserve_form, key, "idempotency_key", OPTIONAL),
};

const struct oh_shape oh_shape_reserve = {
    .fields = reserve_fields,
    .field_count = COUNT_OF(reserve_fields) - 1,
    .size = sizeof(struct oh_reserve_form),
};
static const struct oh_shape batch_reservation_shape = SHAPE(oh_reserve_form, reserve_fields, NULL, NULL);

static const struct oh_shape_field batch_fields[] = {
    FIELD(oh_batch_form, reservations, "reservations", OBJECTS, REQUIRED, .min = 1, .max = OH_BATCH_MAX,
          .count_offset = offsetof(struct oh_batch_form, reservation_count),
          .object = &batch_reservation_shape),
};
const struct oh_shape oh_shape_batch = SHAPE(oh_batch_form, batch_fields, NULL, NULL);

/* ---- Actions on a reservation ----------------------------------------------------------------- */

#define ACTION_LINE FIELD(oh_action_line, line, "line", U32, REQUIRED, .min = 1, .max = LINE_MAX_NUMBER)
#define ACTION_QUANTITY(...)                                          \
    QUANTITY(oh_action_line, quantity_milli, "quantity", __VA_ARGS__, \
             .flag_offset = offsetof(struct oh_action_line, has_quantity))
#define ACTION_LINES(line_shape, ...)                                                             \
    FIELD(oh_action_command, lines, "lines", OBJECTS, __VA_ARGS__, .min = 1, .max = OH_LINES_MAX, \
          .count_offset = offsetof(struct oh_action_command, line_count), .object = &(line_shape))

static const struct oh_action_command action_defaults = { .at_us = OH_TIME_US_NONE };

/* confirm, release, fulfil */
static const struct oh_shape_field part_line_fields[] = {
    ACTION_LINE,
    ID(oh_action_line, node, "node", OPTIONAL),
    ACTION_QUANTITY(OPTIONAL),
};
static const struct oh_shape part_line_shape = SHAPE(oh_action_line, part_line_fields, NULL, NULL);

static const struct oh_shape_field confirm_fields[] = {
    ACTION_LINES(part_line_shape, OPTIONAL),
    BOOL(oh_action_command, return_rest, "return_rest"),
};
static const struct oh_shape confirm_shape = SHAPE(oh_action_command, confirm_fields, &action_defaults, NULL);

static const struct oh_shape_field release_fields[] = { ACTION_LINES(part_line_shape, OPTIONAL) };
static const struct oh_shape release_shape = SHAPE(oh_action_command, release_fields, &action_defaults, NULL);

static const struct oh_shape_field fulfil_fields[] = {
    FIELD(oh_action_command, at_us, "at", TIME, OPTIONAL),
    ACTION_LINES(part_line_shape, OPTIONAL),
    BOOL(oh_action_command, return_rest, "return_rest"),
};
static const struct oh_shape fulfil_shape = SHAPE(oh_action_command, fulfil_fields, &action_defaults, NULL);

static const struct oh_shape_field extend_fields[] = {
    FIELD(oh_action_command, ttl_us, "ttl_seconds", SECONDS, REQUIRED, .max = OH_TTL_US_MAX),
};
static const struct oh_shape extend_shape = SHAPE(oh_action_command, extend_fields, &action_defaults, NULL);

static const struct oh_shape_field change_line_fields[] = {
    ACTION_LINE,
    ID(oh_action_line, node, "node", OPTIONAL),
    ACTION_QUANTITY(REQUIRED),
};
static const struct oh_shape change_line_shape = SHAPE(oh_action_line, change_line_fields, NULL, NULL);

static const struct oh_shape_field change_fields[] = { ACTION_LINES(change_line_shape, REQUIRED) };
static const struct oh_shape change_shape = SHAPE(oh_action_command, change_fields, &action_defaults, NULL);

static const struct oh_shape_field move_line_fields[] = {
    ACTION_LINE,
    ID(oh_action_line, node, "node", OPTIONAL),
    ID(oh_action_line, to_node, "to_node", REQUIRED),
    ACTION_QUANTITY(OPTIONAL),
};
static const struct oh_shape move_line_shape = SHAPE(oh_action_line, move_line_fields, NULL, NULL);

static const struct oh_shape_field move_fields[] = {
    ID(oh_action_command, to_node, "to_node", OPTIONAL),
    ACTION_LINES(move_line_shape, OPTIONAL),
};

static bool move_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    (void)object;
    if (given == 0)
        return refuse_missing(fault, "to_node", "Either to_node, or lines with a to_node each.");
    return given != 3 ||
           refuse_value(fault, "to_node", "Either to_node, or lines with a to_node each, not both.");
}

static const struct oh_shape move_shape =
    SHAPE(oh_action_command, move_fields, &action_defaults, move_finish);

const struct oh_shape *oh_shape_of_action(enum oh_command_type type)
{
    static const struct {
        enum oh_command_type type;
        const struct oh_shape *shape;
    } rows[] = {
        { OH_COMMAND_CONFIRM, &confirm_shape }, { OH_COMMAND_RELEASE, &release_shape },
        { OH_COMMAND_EXTEND, &extend_shape },   { OH_COMMAND_CHANGE, &change_shape },
        { OH_COMMAND_MOVE, &move_shape },       { OH_COMMAND_FULFIL, &fulfil_shape },
    };
    for (uint32_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].type == type)
            return rows[i].shape;
    return NULL;
}

/* ---- Questions -------------------------------------------------------------------------------- */

enum availability_field { AVAILABILITY_NODES = 1, AVAILABILITY_GROUP = 2, AVAILABILITY_NEAR = 3 };

static const struct oh_shape_field availability_fields[] = {
    FIELD(oh_availability_form, request.skus, "skus", IDS, REQUIRED, .min = 1, .max = OH_CELLS_MAX,
          .count_offset = offsetof(struct oh_availability_form, request.sku_count)),
    FIELD(oh_availability_form, request.nodes, "nodes", IDS, .min = 1, .max = OH_CELLS_MAX,
          .count_offset = offsetof(struct oh_availability_form, request.node_count)),
    ID(oh_availability_form, request.group, "group", OPTIONAL),
    FIELD(oh_availability_form, near, "near", OBJECT, .object = &near_question_shape),
    ID(oh_availability_form, request.channel, "channel", OPTIONAL),
    WORD(oh_availability_form, request.kind, "kind", word_kind, OPTIONAL),
    QUANTITY(oh_availability_form, request.min_quantity_milli, "min_quantity",
             .flag_offset = offsetof(struct oh_availability_form, request.has_min_quantity)),
    FIELD(oh_availability_form, request.by_us, "by", TIME, OPTIONAL),
};

static const struct oh_availability_form availability_defaults = { .request = { .by_us = OH_TIME_US_NONE } };

static bool availability_finish(void *object, uint32_t given, struct oh_fault *fault)
{
    const struct oh_availability_form *form = object;
    uint32_t selectors = (given >> AVAILABILITY_NODES & 1) + (given >> AVAILABILITY_GROUP & 1) +
                         (given >> AVAILABILITY_NEAR & 1);
    if (selectors > 1)
        return refuse_value(fault, (given >> AVAILABILITY_NEAR & 1) != 0 ? "near" : "group",
                            "At most one of nodes, group and near.");
    return form->request.min_quantity_milli >= 0 ||
           refuse_value(fault, "min_quantity", "min_quantity is 0 or more.");
}

const struct oh_shape oh_shape_availability =
    SHAPE(oh_availability_form, availability_fields, &availability_defaults, availability_finish);
