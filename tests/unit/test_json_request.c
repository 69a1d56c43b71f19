#include "base/prng.h"
#include "codec/json_document.h"
#include "codec/json_request.h"
#include "support/failing_malloc.h"
#include "support/small_ledger.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_16         "0123456789abcdef"
#define TEXT_64         TEXT_16 TEXT_16 TEXT_16 TEXT_16
#define TEXT_128        TEXT_64 TEXT_64
#define MUTATIONS       100000

static struct oh_json_document *document;

static int document_setup(void **state)
{
    (void)state;
    return oh_json_document_create(&document) == OH_OK ? 0 : -1;
}

static int document_teardown(void **state)
{
    (void)state;
    oh_json_document_destroy(&document);
    return 0;
}

static void assert_bytes(struct oh_bytes bytes, const char *text)
{
    if (!oh_bytes_equal(bytes, oh_bytes_of(text)))
        fail_msg("'%.*s' is not '%s'", (int)bytes.size, bytes.data, text);
}

/* ---- Every body, by a number ------------------------------------------------------------------- */

enum body_type {
    NODE,
    ITEM,
    GROUP,
    CHANNEL,
    RULE,
    FENCE,
    SUPPLY,
    ADJUST,
    SYNC,
    RESERVE,
    BATCH,
    CONFIRM,
    RELEASE,
    EXTEND,
    CHANGE,
    MOVE,
    FULFIL,
    AVAILABILITY,
    BODY_TYPE_COUNT
};

static enum oh_err read_put(enum body_type type, struct oh_bytes body, struct oh_command *out,
                            struct oh_fault *fault)
{
    static enum oh_err (*const functions[])(struct oh_json_document *, struct oh_bytes, struct oh_bytes,
                                            struct oh_command *, struct oh_fault *) = {
        [NODE] = oh_request_node,       [ITEM] = oh_request_item, [GROUP] = oh_request_group,
        [CHANNEL] = oh_request_channel, [RULE] = oh_request_rule, [FENCE] = oh_request_fence,
        [SUPPLY] = oh_request_supply,
    };
    return functions[type](document, OH_BYTES("id-1"), body, out, fault);
}

static enum oh_err read_body(enum body_type type, struct oh_bytes body, struct oh_command *out,
                             struct oh_fault *fault)
{
    static const enum oh_command_type actions[] = {
        [CONFIRM] = OH_COMMAND_CONFIRM, [RELEASE] = OH_COMMAND_RELEASE, [EXTEND] = OH_COMMAND_EXTEND,
        [CHANGE] = OH_COMMAND_CHANGE,   [MOVE] = OH_COMMAND_MOVE,       [FULFIL] = OH_COMMAND_FULFIL,
    };
    struct oh_batch_entry *entries;
    struct oh_availability_request request;
    uint32_t count;
    if (type <= SUPPLY)
        return read_put(type, body, out, fault);
    if (type == ADJUST)
        return oh_request_adjust(document, body, out, fault);
    if (type == SYNC)
        return oh_request_sync(document, body, out, fault);
    if (type == RESERVE)
        return oh_request_reserve(document, NULL, body, out, fault);
    if (type == BATCH)
        return oh_request_batch(document, NULL, body, &entries, &count, fault);
    if (type == AVAILABILITY)
        return oh_request_availability(document, NULL, body, &request, fault);
    return oh_request_action(document, actions[type], OH_BYTES("id-1"), body, out, fault);
}

/* One good body of each type, with every field. */
static const char *const good_bodies[] = {
    [NODE] = "{\"node\":\"id-1\",\"name\":\"Lyon\",\"type\":\"store\",\"lat\":45.764,\"lon\":4.8357,"
             "\"country\":\"FR\","
             "\"time_zone\":\"Europe/Paris\",\"city\":\"Lyon\",\"region\":\"ARA\",\"postal_code\":\"69001\","
             "\"gln\":\"4012345000009\",\"ships\":false,\"collects\":true,\"enabled\":false}",
    [ITEM] = "{\"sku\":\"id-1\",\"name\":\"A thing\",\"gtin\":\"4012345678901\",\"class\":\"large\","
             "\"weight_grams\":1200,\"side_mm\":300,\"volume_cm3\":9000}",
    [GROUP] = "{\"group\":\"id-1\",\"name\":\"North\",\"nodes\":[\"a\",\"b\"]}",
    [CHANNEL] =
        "{\"channel\":\"id-1\",\"name\":\"Web\",\"policy\":\"nearest\",\"nodes\":[\"a\"],\"groups\":[\"g\"]}",
    [RULE] = "{\"rule\":\"id-1\",\"sku\":\"A\",\"node\":\"n\",\"safety_stock\":1,\"threshold\":2,\"min_"
             "quantity\":3,"
             "\"max_quantity\":4,\"quantity_increment\":0.5,\"backorder_limit\":6,\"low_stock\":7,"
             "\"pickup_allowed\":true,\"ship_allowed\":false,\"preorder\":true}",
    [FENCE] = "{\"fence\":\"id-1\",\"channel\":\"web\",\"sku\":\"A\",\"node\":\"n\",\"quantity\":5,"
              "\"policy\":\"restrict\"}",
    [SUPPLY] = "{\"supply\":\"id-1\",\"sku\":\"A\",\"node\":\"n\",\"quantity\":5,\"eta\":\"2026-12-01\"}",
    [ADJUST] =
        "{\"source\":\"till\",\"entries\":[{\"id\":\"e1\",\"sku\":\"A\",\"node\":\"n\",\"quantity\":-1.5,"
        "\"state\":\"damaged\",\"reason\":\"sale\",\"at\":\"2026-11-22T13:00:00Z\"}]}",
    [SYNC] = "{\"source\":\"wms\",\"entries\":[{\"sku\":\"A\",\"node\":\"n\",\"quantity\":12,\"state\":"
             "\"sellable\","
             "\"as_of\":\"2026-11-22T13:00:00Z\",\"source_seq\":42}]}",
    [RESERVE] =
        "{\"id\":\"r1\",\"kind\":\"ship\",\"channel\":\"web\",\"customer\":\"c1\",\"order\":\"o1\","
        "\"ttl_seconds\":900.5,\"allow_partial\":true,\"near\":{\"lat\":45.7,\"lon\":4.8,\"radius_km\":50},"
        "\"lines\":[{\"line\":7,\"sku\":\"A\",\"quantity\":1.25,\"node\":\"n\"},"
        "{\"line\":8,\"sku\":\"B\",\"quantity\":2,\"group\":\"g\"}]}",
    [BATCH] =
        "{\"reservations\":[{\"idempotency_key\":\"k1\",\"kind\":\"cart\",\"channel\":\"web\",\"lines\":"
        "[{\"sku\":\"A\",\"quantity\":1}]},{\"kind\":\"staff\",\"channel\":\"app\",\"lines\":"
        "[{\"sku\":\"B\",\"quantity\":2}]}]}",
    [CONFIRM] = "{\"lines\":[{\"line\":1,\"node\":\"n\",\"quantity\":2}],\"return_rest\":true}",
    [RELEASE] = "{\"lines\":[{\"line\":1},{\"line\":2}]}",
    [EXTEND] = "{\"ttl_seconds\":60}",
    [CHANGE] = "{\"lines\":[{\"line\":1,\"quantity\":0}]}",
    [MOVE] = "{\"lines\":[{\"line\":1,\"node\":\"a\",\"to_node\":\"b\",\"quantity\":1}]}",
    [FULFIL] = "{\"at\":\"2026-11-22T13:00:00Z\",\"lines\":[{\"line\":1}],\"return_rest\":false}",
    [AVAILABILITY] = "{\"skus\":[\"A\",\"B\"],\"nodes\":[\"n\"],\"channel\":\"web\",\"kind\":\"ship\","
                     "\"min_quantity\":1,\"by\":\"2026-11-22T13:00:00Z\"}",
};

static void test_json_request_takes_every_field(void **state)
{
    (void)state;
    for (int type = 0; type < BODY_TYPE_COUNT; type++) {
        struct oh_fault fault;
        struct oh_command command;
        if (read_body((enum body_type)type, oh_bytes_of(good_bodies[type]), &command, &fault) != OH_OK)
            fail_msg("body %d: %s %s: %s", type, fault.code, fault.field, fault.detail);
    }
}

/* ---- What the values become -------------------------------------------------------------------- */

static void test_json_request_fills_a_reserve(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    assert_int_equal(read_body(RESERVE, oh_bytes_of(good_bodies[RESERVE]), &command, &fault), OH_OK);
    const struct oh_reserve_command *reserve = &command.reserve;
    assert_int_equal(command.type, OH_COMMAND_RESERVE);
    assert_true(oh_bytes_is_empty(command.key));
    assert_bytes(reserve->id, "r1");
    assert_int_equal(reserve->kind, OH_KIND_SHIP);
    assert_bytes(reserve->channel, "web");
    assert_bytes(reserve->customer, "c1");
    assert_bytes(reserve->order, "o1");
    assert_true(reserve->ttl_us == 900500000);
    assert_true(reserve->allow_partial);
    assert_true(reserve->near.is_set);
    assert_true(reserve->near.point.latitude == 45.7 && reserve->near.point.longitude == 4.8);
    assert_true(reserve->near.radius_km == 50);
    assert_int_equal(reserve->line_count, 2);
    assert_int_equal(reserve->lines[0].line, 7);
    assert_bytes(reserve->lines[0].sku, "A");
    assert_true(reserve->lines[0].quantity_milli == 1250);
    assert_bytes(reserve->lines[0].node, "n");
    assert_true(oh_bytes_is_empty(reserve->lines[0].group));
    assert_int_equal(reserve->lines[1].line, 8);
    assert_bytes(reserve->lines[1].group, "g");
}

static void test_json_request_numbers_lines_when_they_have_no_number(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    const char *body =
        "{\"kind\":\"cart\",\"channel\":\"w\",\"ttl_seconds\":null,\"near\":null,\"id\":null,\"lines\":["
        "{\"sku\":\"A\",\"quantity\":1},{\"sku\":\"B\",\"quantity\":1,\"line\":9},"
        "{\"sku\":\"C\",\"quantity\":1,\"line\":null,\"node\":null}]}";
    assert_int_equal(read_body(RESERVE, oh_bytes_of(body), &command, &fault), OH_OK);
    assert_int_equal(command.reserve.lines[0].line, 1);
    assert_int_equal(command.reserve.lines[1].line, 9);
    assert_int_equal(command.reserve.lines[2].line, 3);
    assert_true(command.reserve.ttl_us == 0);
    assert_false(command.reserve.near.is_set);
    assert_true(oh_bytes_is_empty(command.reserve.id));
}

static void test_json_request_fills_reference_data(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    assert_int_equal(read_body(NODE, oh_bytes_of(good_bodies[NODE]), &command, &fault), OH_OK);
    assert_bytes(command.node.node, "id-1");
    assert_bytes(command.node.time_zone, "Europe/Paris");
    assert_int_equal(command.node.type, OH_NODE_STORE);
    assert_true(command.node.has_point && command.node.point.latitude == 45.764);
    assert_true(!command.node.ships && command.node.collects && !command.node.enabled);
    assert_int_equal(read_body(GROUP, oh_bytes_of(good_bodies[GROUP]), &command, &fault), OH_OK);
    assert_int_equal(command.group.node_count, 2);
    assert_bytes(command.group.nodes[1], "b");
    assert_int_equal(read_body(GROUP, OH_BYTES("{\"nodes\":[]}"), &command, &fault), OH_OK);
    assert_int_equal(command.group.node_count, 0);
    assert_int_equal(read_body(CHANNEL, oh_bytes_of(good_bodies[CHANNEL]), &command, &fault), OH_OK);
    assert_int_equal(command.channel.policy, OH_POLICY_NEAREST);
    assert_bytes(command.channel.groups[0], "g");
    assert_int_equal(read_body(RULE, oh_bytes_of(good_bodies[RULE]), &command, &fault), OH_OK);
    assert_int_equal(command.rule.values.mask, (1u << OH_RULE_ATTRIBUTE_COUNT) - 1);
    assert_true(command.rule.values.increment_milli == 500 && command.rule.values.low_stock_milli == 7000);
    assert_true(command.rule.values.pickup_allowed && !command.rule.values.ship_allowed);
    assert_bytes(command.rule.node, "n");
    assert_int_equal(read_body(SUPPLY, oh_bytes_of(good_bodies[SUPPLY]), &command, &fault), OH_OK);
    assert_true(command.supply.eta_us == INT64_C(1796083200000000));
    assert_int_equal(read_body(FENCE, oh_bytes_of(good_bodies[FENCE]), &command, &fault), OH_OK);
    assert_int_equal(command.fence.policy, OH_FENCE_RESTRICT);
}

static void test_json_request_sets_defaults_of_a_node_by_its_type(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool collects;
    } rows[] = {
        { "{\"type\":\"store\"}", true },
        { "{\"type\":\"pickup_point\"}", true },
        { "{\"type\":\"warehouse\"}", false },
        { "{\"type\":\"supplier\"}", false },
        { "{\"type\":\"store\",\"collects\":false}", false },
        { "{\"type\":\"store\",\"collects\":null}", true },
        { "{\"collects\":true,\"type\":\"warehouse\"}", true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_fault fault;
        struct oh_command command;
        assert_int_equal(read_body(NODE, oh_bytes_of(rows[i].body), &command, &fault), OH_OK);
        assert_int_equal(command.node.collects, rows[i].collects);
        assert_true(command.node.ships && command.node.enabled);
        assert_false(command.node.has_point);
    }
}

static void test_json_request_fills_stock(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    assert_int_equal(read_body(ADJUST, oh_bytes_of(good_bodies[ADJUST]), &command, &fault), OH_OK);
    assert_true(command.adjust.entries[0].quantity_milli == -1500);
    assert_int_equal(command.adjust.entries[0].state, OH_STATE_DAMAGED);
    assert_true(command.adjust.entries[0].at_us == INT64_C(1795352400000000));
    assert_int_equal(read_body(ADJUST,
                               OH_BYTES("{\"source\":\"t\",\"entries\":[{\"sku\":\"A\",\"node\":\"n\","
                                        "\"quantity\":1,\"reason\":\"x\"}]}"),
                               &command, &fault),
                     OH_OK);
    assert_true(command.adjust.entries[0].at_us == OH_TIME_US_NONE);
    assert_int_equal(command.adjust.entries[0].state, OH_STATE_SELLABLE);
    assert_int_equal(read_body(SYNC, oh_bytes_of(good_bodies[SYNC]), &command, &fault), OH_OK);
    assert_true(command.sync.entries[0].has_source_seq && command.sync.entries[0].source_seq == 42);
    assert_int_equal(read_body(SYNC,
                               OH_BYTES("{\"source\":\"t\",\"entries\":[{\"sku\":\"A\",\"node\":\"n\","
                                        "\"quantity\":1,\"as_of\":\"2021-12-23\",\"source_seq\":null}]}"),
                               &command, &fault),
                     OH_OK);
    assert_false(command.sync.entries[0].has_source_seq);
    assert_true(command.sync.entries[0].as_of_us == INT64_C(1640217600000000));
}

static void test_json_request_fills_actions(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    assert_int_equal(read_body(CONFIRM, oh_bytes_of(good_bodies[CONFIRM]), &command, &fault), OH_OK);
    assert_int_equal(command.type, OH_COMMAND_CONFIRM);
    assert_bytes(command.action.id, "id-1");
    assert_true(command.action.return_rest && command.action.lines[0].has_quantity);
    assert_true(command.action.lines[0].quantity_milli == 2000);
    assert_int_equal(read_body(FULFIL, OH_BYTES_NONE, &command, &fault), OH_OK);
    assert_int_equal(command.type, OH_COMMAND_FULFIL);
    assert_int_equal(command.action.line_count, 0);
    assert_true(command.action.at_us == OH_TIME_US_NONE);
    assert_bytes(command.action.id, "id-1");
    assert_int_equal(read_body(RELEASE, OH_BYTES("{}"), &command, &fault), OH_OK);
    assert_int_equal(read_body(EXTEND, oh_bytes_of(good_bodies[EXTEND]), &command, &fault), OH_OK);
    assert_true(command.action.ttl_us == 60000000);
    assert_int_equal(read_body(CHANGE, oh_bytes_of(good_bodies[CHANGE]), &command, &fault), OH_OK);
    assert_true(command.action.lines[0].has_quantity && command.action.lines[0].quantity_milli == 0);
    assert_int_equal(read_body(MOVE, OH_BYTES("{\"to_node\":\"b\"}"), &command, &fault), OH_OK);
    assert_bytes(command.action.to_node, "b");
}

static void test_json_request_fills_a_batch(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_batch_entry *entries = NULL;
    uint32_t count = 0;
    const char *body =
        "{\"reservations\":[{\"idempotency_key\":\"k1\",\"kind\":\"cart\",\"channel\":\"web\",\"lines\":"
        "[{\"sku\":\"A\",\"quantity\":1}]},{\"kind\":\"staff\",\"channel\":\"app\",\"near\":"
        "{\"postal_code\":\"75011\",\"country\":\"FR\"},\"lines\":[{\"sku\":\"B\",\"quantity\":2}]}]}";
    assert_int_equal(oh_request_batch(document, NULL, oh_bytes_of(body), &entries, &count, &fault), OH_OK);
    assert_int_equal(count, 2);
    assert_bytes(entries[0].command.key, "k1");
    assert_int_equal(entries[0].verdict, OH_OK_DONE);
    assert_true(oh_bytes_is_empty(entries[1].command.key));
    assert_int_equal(entries[1].command.reserve.kind, OH_KIND_STAFF);
    assert_bytes(entries[1].command.reserve.lines[0].sku, "B");
    /* Without a ledger no postal code is known: that reservation alone is refused. */
    assert_int_equal(entries[1].verdict, OH_V_UNKNOWN_POSTAL_CODE);
    assert_int_equal(entries[1].field, OH_FIELD_NEAR);
}

static void test_json_request_looks_a_postal_code_up_in_the_ledger(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    struct oh_availability_request request;
    struct oh_ledger *ledger = small_ledger_create();
    assert_non_null(ledger);
    const char *reserve =
        "{\"kind\":\"ship\",\"channel\":\"web\",\"near\":{\"postal_code\":\"75011\",\"country\":"
        "\"FR\",\"radius_km\":5},\"lines\":[{\"sku\":\"A\",\"quantity\":1}]}";
    const char *question = "{\"skus\":[\"A\"],\"near\":{\"postal_code\":\"75011\",\"country\":\"FR\"}}";
    const char *unknown = "{\"skus\":[\"A\"],\"near\":{\"postal_code\":\"75011\",\"country\":\"DE\"}}";
    assert_int_equal(oh_request_reserve(document, ledger, oh_bytes_of(reserve), &command, &fault), OH_OK);
    assert_true(command.reserve.near.is_set && command.reserve.near.radius_km == 5);
    assert_true(command.reserve.near.point.latitude == 48.8589);
    assert_int_equal(oh_request_availability(document, ledger, oh_bytes_of(question), &request, &fault),
                     OH_OK);
    assert_true(request.near.is_set && request.near.point.longitude == 2.3781);
    assert_int_equal(oh_request_availability(document, ledger, oh_bytes_of(unknown), &request, &fault),
                     OH_E_SYNTAX);
    assert_string_equal(fault.code, "unknown_postal_code");
    assert_int_equal(fault.http_status, 422);
    oh_ledger_destroy(&ledger);
}

static void test_json_request_fills_a_question(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_availability_request request;
    assert_int_equal(
        oh_request_availability(document, NULL, oh_bytes_of(good_bodies[AVAILABILITY]), &request, &fault),
        OH_OK);
    assert_int_equal(request.sku_count, 2);
    assert_bytes(request.nodes[0], "n");
    assert_int_equal(request.kind, OH_KIND_SHIP);
    assert_true(request.has_min_quantity && request.min_quantity_milli == 1000);
    assert_true(request.by_us == INT64_C(1795352400000000));
    assert_int_equal(oh_request_availability(document, NULL,
                                             OH_BYTES("{\"skus\":[\"A\"],\"near\":{\"lat\":1,\"lon\":2}}"),
                                             &request, &fault),
                     OH_OK);
    assert_true(request.near.is_set);
    assert_int_equal(request.near_limit, OH_NEAR_LIMIT_DEFAULT);
    assert_int_equal(request.kind, OH_KIND_ANY);
    assert_false(request.has_min_quantity);
}

/* ---- Wrong bodies ------------------------------------------------------------------------------ */

#define LINE(members) \
    "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[{\"sku\":\"A\",\"quantity\":1},{" members "}]}"
#define WITH(members) \
    "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[{\"sku\":\"A\",\"quantity\":1}]," members "}"
#define COUNT_ENTRY(members) "{\"source\":\"s\",\"entries\":[{\"sku\":\"A\",\"node\":\"n\"," members "}]}"

struct wrong_body {
    enum body_type type;
    const char *body;
    const char *code;
    const char *field;
};

static const struct wrong_body wrong_bodies[] = {
    /* not JSON, not an object */
    { RESERVE, "", "empty_body", "" },
    { RESERVE, "kind=cart", "invalid_json", "" },
    { RESERVE, "[]", "wrong_type", "" },
    { RESERVE, "null", "wrong_type", "" },
    { RESERVE, "\"cart\"", "wrong_type", "" },
    { EXTEND, "", "empty_body", "" },
    { MOVE, "", "empty_body", "" },
    { CHANGE, "", "empty_body", "" },
    /* wrong type */
    { RESERVE, WITH("\"customer\":5"), "wrong_type", "customer" },
    { RESERVE, WITH("\"customer\":true"), "wrong_type", "customer" },
    { RESERVE, WITH("\"customer\":{}"), "wrong_type", "customer" },
    { RESERVE, WITH("\"customer\":[]"), "wrong_type", "customer" },
    { RESERVE, WITH("\"allow_partial\":1"), "wrong_type", "allow_partial" },
    { RESERVE, WITH("\"allow_partial\":\"true\""), "wrong_type", "allow_partial" },
    { RESERVE, WITH("\"near\":[]"), "wrong_type", "near" },
    { RESERVE, WITH("\"near\":\"75011\""), "wrong_type", "near" },
    { RESERVE, "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":{}}", "wrong_type", "lines" },
    { RESERVE, "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[5]}", "wrong_type", "lines[0]" },
    { RESERVE, "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[null]}", "wrong_type", "lines[0]" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":\"2\""), "wrong_type", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":5,\"quantity\":2"), "wrong_type", "lines[1].sku" },
    { GROUP, "{\"nodes\":[\"a\",5]}", "wrong_type", "nodes[1]" },
    { GROUP, "{\"nodes\":\"a\"}", "wrong_type", "nodes" },
    { SYNC, COUNT_ENTRY("\"quantity\":1,\"as_of\":5"), "wrong_type", "entries[0].as_of" },
    /* unknown, missing, twice */
    { RESERVE, WITH("\"lines2\":5"), "unknown_field", "lines2" },
    { RESERVE, WITH("\"idempotency_key\":\"k\""), "unknown_field", "idempotency_key" },
    { RESERVE, WITH("\"Customer\":\"c\""), "unknown_field", "Customer" },
    { RESERVE, WITH("\"\":1"), "unknown_field", "" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"qty\":2"), "unknown_field", "lines[1].qty" },
    { RESERVE, WITH("\"near\":{\"lat\":1,\"lon\":1,\"limit\":5}"), "unknown_field", "near.limit" },
    { CONFIRM, "{\"at\":\"2026-11-22T13:00:00Z\"}", "unknown_field", "at" },
    { RELEASE, "{\"return_rest\":true}", "unknown_field", "return_rest" },
    { RESERVE, "{}", "missing_field", "kind" },
    { RESERVE, "{\"kind\":\"cart\",\"channel\":\"w\"}", "missing_field", "lines" },
    { RESERVE, "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":null}", "missing_field", "lines" },
    { RESERVE, LINE("\"quantity\":1"), "missing_field", "lines[1].sku" },
    { RESERVE, LINE("\"sku\":\"A\""), "missing_field", "lines[1].quantity" },
    { SYNC, COUNT_ENTRY("\"quantity\":1"), "missing_field", "entries[0].as_of" },
    { SYNC, COUNT_ENTRY("\"quantity\":null,\"as_of\":\"2021-12-23\""), "missing_field",
      "entries[0].quantity" },
    { ADJUST, COUNT_ENTRY("\"quantity\":1"), "missing_field", "entries[0].reason" },
    { NODE, "{\"name\":\"x\"}", "missing_field", "type" },
    { NODE, "{\"type\":\"store\",\"lat\":5}", "missing_field", "lon" },
    { NODE, "{\"type\":\"store\",\"lon\":5,\"lat\":null}", "missing_field", "lat" },
    { RULE, "{\"sku\":\"A\"}", "missing_field", "safety_stock" },
    { MOVE, "{}", "missing_field", "to_node" },
    { MOVE, "{\"lines\":[{\"line\":1}]}", "missing_field", "lines[0].to_node" },
    { CHANGE, "{\"lines\":[{\"line\":1}]}", "missing_field", "lines[0].quantity" },
    { CONFIRM, "{\"lines\":[{\"quantity\":1}]}", "missing_field", "lines[0].line" },
    { EXTEND, "{}", "missing_field", "ttl_seconds" },
    { AVAILABILITY, "{}", "missing_field", "skus" },
    { RESERVE, WITH("\"near\":{}"), "missing_field", "near.lat" },
    { RESERVE, WITH("\"near\":{\"lat\":48.85661400000001,\"lon\":1,\"limit\":5}"), "unknown_field", "near.limit" },
    { RESERVE, WITH("\"ttl_seconds\":1.0000000000000001"), "number_not_exact", "ttl_seconds" },
    { RESERVE, WITH("\"near\":{\"lat\":1}"), "missing_field", "near.lon" },
    { RESERVE, WITH("\"near\":{\"postal_code\":\"75011\"}"), "missing_field", "near.country" },
    { RESERVE, WITH("\"kind\":\"ship\""), "duplicate_field", "kind" },
    { RESERVE, WITH("\"customer\":null,\"customer\":\"c\""), "duplicate_field", "customer" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"sku\":\"A\""), "duplicate_field", "lines[1].sku" },
    { RESERVE, WITH("\"k\\u0069nd\":\"ship\""), "duplicate_field", "kind" },
    /* too deep, too long, too many */
    { RESERVE, WITH("\"near\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"), "too_deep",
      "near[0][0][0][0][0][0][0][0][0][0]"
      "[0][0][0][0][0]" },
    { RESERVE, WITH("\"customer\":\"" TEXT_64 "x\""), "too_long", "customer" },
    { RESERVE, WITH("\"id\":\"" TEXT_64 "x\""), "too_long", "id" },
    { RESERVE, LINE("\"quantity\":1,\"sku\":\"" TEXT_64 "x\""), "too_long", "lines[1].sku" },
    { ITEM, "{\"name\":\"" TEXT_128 "x\"}", "too_long", "name" },
    { GROUP, "{\"nodes\":[\"a\",\"" TEXT_64 "x\"]}", "too_long", "nodes[1]" },
    { ADJUST, COUNT_ENTRY("\"quantity\":1,\"reason\":\"" TEXT_128 "x\""), "too_long", "entries[0].reason" },
    /* empty */
    { RESERVE, WITH("\"customer\":\"\""), "invalid_value", "customer" },
    { RESERVE, LINE("\"quantity\":1,\"sku\":\"\""), "invalid_value", "lines[1].sku" },
    { RESERVE, LINE("\"quantity\":1,\"sku\":\"A\",\"node\":\"\""), "invalid_value", "lines[1].node" },
    { GROUP, "{\"nodes\":[\"\"]}", "invalid_value", "nodes[0]" },
    { RESERVE, "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[]}", "invalid_value", "lines" },
    { RELEASE, "{\"lines\":[]}", "invalid_value", "lines" },
    { AVAILABILITY, "{\"skus\":[]}", "invalid_value", "skus" },
    { BATCH, "{\"reservations\":[]}", "invalid_value", "reservations" },
    /* numbers */
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":NaN"), "invalid_json", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":Infinity"), "invalid_json", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1e400"), "out_of_range", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1e300"), "out_of_range", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1000000000.001"), "out_of_range", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1.2345"), "number_not_exact", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":0.0001"), "number_not_exact", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1e-4"), "number_not_exact", "lines[1].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1.00000000000000001"), "number_not_exact",
      "lines[1].quantity" },
    { ADJUST, COUNT_ENTRY("\"reason\":\"r\",\"quantity\":-1000000000.001"), "out_of_range",
      "entries[0].quantity" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"line\":0"), "out_of_range", "lines[1].line" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"line\":-1"), "out_of_range", "lines[1].line" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"line\":2147483648"), "out_of_range", "lines[1].line" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"line\":1.5"), "invalid_value", "lines[1].line" },
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"line\":1e300"), "out_of_range", "lines[1].line" },
    { RESERVE, WITH("\"ttl_seconds\":-1"), "out_of_range", "ttl_seconds" },
    { RESERVE, WITH("\"ttl_seconds\":31536000.001"), "out_of_range", "ttl_seconds" },
    { RESERVE, WITH("\"ttl_seconds\":0.0001"), "number_not_exact", "ttl_seconds" },
    { RESERVE, WITH("\"near\":{\"lat\":90.001,\"lon\":0}"), "out_of_range", "near.lat" },
    { RESERVE, WITH("\"near\":{\"lat\":0,\"lon\":-180.1}"), "out_of_range", "near.lon" },
    { RESERVE, WITH("\"near\":{\"lat\":0,\"lon\":0,\"radius_km\":-1}"), "out_of_range", "near.radius_km" },
    { SYNC, COUNT_ENTRY("\"quantity\":1,\"as_of\":\"2021-12-23\",\"source_seq\":-1"), "out_of_range",
      "entries[0].source_seq" },
    { AVAILABILITY, "{\"skus\":[\"A\"],\"near\":{\"lat\":0,\"lon\":0,\"limit\":1001}}", "out_of_range",
      "near.limit" },
    { AVAILABILITY, "{\"skus\":[\"A\"],\"min_quantity\":-1}", "invalid_value", "min_quantity" },
    /* words and times */
    { RESERVE, "{\"kind\":\"any\",\"channel\":\"w\",\"lines\":[{\"sku\":\"A\",\"quantity\":1}]}",
      "invalid_value", "kind" },
    { RESERVE, "{\"kind\":\"CART\"}", "invalid_value", "kind" },
    { NODE, "{\"type\":\"shop\"}", "invalid_value", "type" },
    { CHANNEL, "{\"policy\":\"best\"}", "invalid_value", "policy" },
    { ADJUST, COUNT_ENTRY("\"state\":\"lost\""), "invalid_value", "entries[0].state" },
    { SYNC, COUNT_ENTRY("\"as_of\":\"yesterday\""), "invalid_time", "entries[0].as_of" },
    { SYNC, COUNT_ENTRY("\"as_of\":\"2021-02-30\""), "invalid_time", "entries[0].as_of" },
    { FULFIL, "{\"at\":\"2026-11-22\"}", "invalid_time", "at" },
    { SUPPLY, "{\"eta\":\"2300-01-01\"}", "invalid_time", "eta" },
    /* does not go together */
    { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1,\"node\":\"n\",\"group\":\"g\""), "invalid_value",
      "lines[1].group" },
    { RESERVE, WITH("\"near\":{\"lat\":1,\"lon\":1,\"country\":\"FR\"}"), "invalid_value", "near.country" },
    { RESERVE, WITH("\"near\":{\"postal_code\":\"75011\",\"country\":\"FR\"}"), "unknown_postal_code",
      "near.postal_code" },
    { MOVE, "{\"to_node\":\"b\",\"lines\":[{\"line\":1,\"to_node\":\"b\"}]}", "invalid_value", "to_node" },
    { AVAILABILITY, "{\"skus\":[\"A\"],\"group\":\"g\",\"nodes\":[\"n\"]}", "invalid_value", "group" },
    { NODE, "{\"node\":\"id-2\",\"type\":\"store\"}", "invalid_value", "node" },
    { ITEM, "{\"sku\":\"id-2\"}", "invalid_value", "sku" },
    /* inside a batch */
    { BATCH, "{\"reservations\":[" WITH("\"id\":\"r\"") "," LINE("\"sku\":\"A\"") "]}", "missing_field",
      "reservations[1].lines[1].quantity" },
    { BATCH, "{\"reservations\":[" WITH("\"near\":{\"lat\":1}") "]}", "missing_field",
      "reservations[0].near.lon" },
};

static void test_json_request_names_field_and_reason_when_it_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong_bodies); i++) {
        const struct wrong_body *row = &wrong_bodies[i];
        struct oh_fault fault = { .code = "ok" };
        struct oh_command command;
        enum oh_err err = read_body(row->type, oh_bytes_of(row->body), &command, &fault);
        if (err != OH_E_SYNTAX || strcmp(fault.code, row->code) != 0 || strcmp(fault.field, row->field) != 0)
            fail_msg("%s: %s, %s, '%s'", row->body, oh_err_text(err), fault.code, fault.field);
        assert_true(fault.detail[0] != '\0');
    }
}

static void test_json_request_takes_texts_and_numbers_of_exactly_the_limit(void **state)
{
    (void)state;
    static const struct {
        enum body_type type;
        const char *body;
    } rows[] = {
        { RESERVE, WITH("\"customer\":\"" TEXT_64 "\",\"ttl_seconds\":31536000") },
        { RESERVE, LINE("\"sku\":\"" TEXT_64 "\",\"quantity\":1000000000,\"line\":2147483647") },
        { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1e9") },
        { RESERVE, LINE("\"sku\":\"A\",\"quantity\":1.5000") },
        { RESERVE, LINE("\"sku\":\"A\",\"quantity\":15e-1") },
        { RESERVE, WITH("\"near\":{\"lat\":-90,\"lon\":180}") },
        { ADJUST, COUNT_ENTRY("\"reason\":\"" TEXT_128 "\",\"quantity\":-1000000000") },
        { ITEM, "{\"name\":\"" TEXT_128 "\"}" },
        /* Zero and less are the ledger's to judge: it may allow them. */
        { RESERVE, LINE("\"sku\":\"A\",\"quantity\":0") },
        { RESERVE, LINE("\"sku\":\"A\",\"quantity\":-1") },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_fault fault;
        struct oh_command command;
        if (read_body(rows[i].type, oh_bytes_of(rows[i].body), &command, &fault) != OH_OK)
            fail_msg("%s: %s %s", rows[i].body, fault.code, fault.field);
    }
}

/* ---- Limits of lists --------------------------------------------------------------------------- */

/* head, then `count` times `element` with commas, then tail. */
static char *repeated_body(const char *head, const char *element, uint32_t count, const char *tail)
{
    size_t size = strlen(head) + (strlen(element) + 1) * count + strlen(tail) + 1;
    char *body = malloc(size);
    assert_non_null(body);
    char *at = stpcpy(body, head);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ',';
        at = stpcpy(at, element);
    }
    stpcpy(at, tail);
    return body;
}

static void test_json_request_takes_as_many_elements_as_stated_and_not_one_more(void **state)
{
    (void)state;
    static const struct {
        enum body_type type;
        const char *head;
        const char *element;
        const char *tail;
        uint32_t max;
        const char *field;
    } rows[] = {
        { RESERVE, "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[", "{\"sku\":\"A\",\"quantity\":1}", "]}",
          OH_LINES_MAX, "lines" },
        { ADJUST, "{\"source\":\"s\",\"entries\":[",
          "{\"sku\":\"A\",\"node\":\"n\",\"quantity\":1,\"reason\":\"r\"}", "]}", OH_ENTRIES_MAX, "entries" },
        { SYNC, "{\"source\":\"s\",\"entries\":[",
          "{\"sku\":\"A\",\"node\":\"n\",\"quantity\":1,\"as_of\":\"2021-12-23\"}", "]}", OH_ENTRIES_MAX,
          "entries" },
        { GROUP, "{\"nodes\":[", "\"a\"", "]}", OH_GROUP_NODES_MAX, "nodes" },
        { CHANNEL, "{\"groups\":[", "\"a\"", "]}", OH_CHANNEL_MEMBERS_MAX, "groups" },
        { CHANNEL, "{\"nodes\":[\"x\",\"y\"],\"groups\":[", "\"a\"", "]}", OH_CHANNEL_MEMBERS_MAX - 2,
          "groups" },
        { BATCH, "{\"reservations\":[",
          "{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[{\"sku\":\"A\",\"quantity\":1}]}", "]}",
          OH_BATCH_MAX, "reservations" },
        { RELEASE, "{\"lines\":[", "{\"line\":1}", "]}", OH_LINES_MAX, "lines" },
        { AVAILABILITY, "{\"skus\":[", "\"a\"", "]}", OH_CELLS_MAX, "skus" },
        { AVAILABILITY, "{\"nodes\":[\"n\",\"m\"],\"skus\":[", "\"a\"", "]}", OH_CELLS_MAX / 2, "skus" },
        { AVAILABILITY, "{\"near\":{\"lat\":0,\"lon\":0,\"limit\":1000},\"skus\":[", "\"a\"", "]}", 100,
          "skus" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (uint32_t more = 0; more < 2; more++) {
            struct oh_fault fault = { .code = "ok" };
            struct oh_command command;
            char *body = repeated_body(rows[i].head, rows[i].element, rows[i].max + more, rows[i].tail);
            enum oh_err err = read_body(rows[i].type, oh_bytes_of(body), &command, &fault);
            if (err != (more == 0 ? OH_OK : OH_E_SYNTAX))
                fail_msg("row %zu, %u more: %s %s %s", i, more, fault.code, fault.field, fault.detail);
            if (more == 1) {
                assert_string_equal(fault.code, "too_many");
                assert_string_equal(fault.field, rows[i].field);
            }
            free(body);
        }
    }
}

static void test_json_request_limits_the_lines_of_a_whole_batch(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    char *one = repeated_body("{\"kind\":\"cart\",\"channel\":\"w\",\"lines\":[",
                              "{\"sku\":\"A\",\"quantity\":1}", OH_LINES_MAX, "]}");
    char *ten = repeated_body("{\"reservations\":[", one, 10, "]}");
    char *eleven = repeated_body("{\"reservations\":[", one, 11, "]}");
    assert_int_equal(read_body(BATCH, oh_bytes_of(ten), &command, &fault), OH_OK);
    assert_int_equal(read_body(BATCH, oh_bytes_of(eleven), &command, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "too_many");
    assert_string_equal(fault.field, "reservations[10].lines");
    free(one);
    free(ten);
    free(eleven);
}

/* Only a text with an escape needs memory of its own. */
static void test_json_request_says_too_many_when_the_memory_of_the_document_is_used_up(void **state)
{
    (void)state;
    struct oh_fault fault;
    struct oh_command command;
    size_t size = OH_JSON_ARENA_SIZE_MAX + 64;
    char *body = malloc(size);
    assert_non_null(body);
    memset(body, 'x', size);
    memcpy(body, "{\"name\":\"", 9);
    memcpy(body + size - 2, "\"}", 2);
    assert_int_equal(read_body(ITEM, (struct oh_bytes){ body, size }, &command, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "too_long");
    memcpy(body, "{\"name\":\"\\n", 11);
    assert_int_equal(read_body(ITEM, (struct oh_bytes){ body, size }, &command, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "too_many");
    free(body);
    /* The next request has all of it again. */
    assert_int_equal(read_body(RESERVE, oh_bytes_of(good_bodies[RESERVE]), &command, &fault), OH_OK);
}

/* ---- Memory and robustness --------------------------------------------------------------------- */

static void test_json_request_allocates_nothing_for_a_request(void **state)
{
    (void)state;
    for (int type = 0; type < BODY_TYPE_COUNT; type++) {
        struct oh_fault fault;
        struct oh_command command;
        failing_malloc_arm(1);
        enum oh_err err = read_body((enum body_type)type, oh_bytes_of(good_bodies[type]), &command, &fault);
        assert_false(failing_malloc_disarm());
        assert_int_equal(err, OH_OK);
    }
}

static void test_json_request_returns_an_error_when_there_is_no_memory_for_a_document(void **state)
{
    (void)state;
    for (size_t nth = 1;; nth++) {
        struct oh_json_document *another = NULL;
        failing_malloc_arm(nth);
        enum oh_err err = oh_json_document_create(&another);
        if (!failing_malloc_disarm()) {
            oh_json_document_destroy(&another);
            assert_null(another);
            break;
        }
        assert_int_equal(err, OH_E_NOMEM);
        assert_null(another);
    }
    struct oh_json_document *huge = NULL;
    assert_int_equal(oh_json_document_create_sized(SIZE_MAX / 4, &huge), OH_E_NOMEM); /* no such addresses */
    assert_null(huge);
}

/*
 * Bytes of a good body, changed at random: every outcome is a command or a fault with a code and a field of
 * text.
 */
static void test_json_request_answers_every_body(void **state)
{
    (void)state;
    static const char *const pieces[] = { "{",       "}",         "[",   "]",    ":",        ",",   "\"",
                                          "null",    "1e5",       "-",   "0",    "\\u0041",  "{}",  "[]",
                                          "\"sku\"", "\"lines\"", "1.5", "true", "\xc3\xa9", "\"\"" };
    const uint64_t seed = 99;
    struct oh_prng prng;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    for (int i = 0; i < MUTATIONS; i++) {
        enum body_type type = (enum body_type)oh_prng_below(&prng, BODY_TYPE_COUNT);
        const char *good = good_bodies[type];
        const char *piece = pieces[oh_prng_below(&prng, COUNT_OF(pieces))];
        size_t cut = oh_prng_below(&prng, strlen(good) + 1);
        size_t skip = oh_prng_below(&prng, 6);
        size_t rest = cut + skip < strlen(good) ? cut + skip : strlen(good);
        size_t size = cut + strlen(piece) + strlen(good) - rest;
        char *body = malloc(size + 1);
        assert_non_null(body);
        memcpy(body, good, cut);
        stpcpy(stpcpy(body + cut, piece), good + rest);
        char *exact = malloc(size); /* without the NUL, so that a sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, body, size);
        struct oh_fault fault = { .code = NULL };
        struct oh_command command;
        if (read_body(type, (struct oh_bytes){ exact, size }, &command, &fault) != OH_OK) {
            assert_non_null(fault.code);
            assert_true(strlen(fault.field) < OH_FAULT_FIELD_SIZE);
        }
        free(body);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_request_takes_every_field),
        cmocka_unit_test(test_json_request_fills_a_reserve),
        cmocka_unit_test(test_json_request_numbers_lines_when_they_have_no_number),
        cmocka_unit_test(test_json_request_fills_reference_data),
        cmocka_unit_test(test_json_request_sets_defaults_of_a_node_by_its_type),
        cmocka_unit_test(test_json_request_fills_stock),
        cmocka_unit_test(test_json_request_fills_actions),
        cmocka_unit_test(test_json_request_fills_a_batch),
        cmocka_unit_test(test_json_request_looks_a_postal_code_up_in_the_ledger),
        cmocka_unit_test(test_json_request_fills_a_question),
        cmocka_unit_test(test_json_request_names_field_and_reason_when_it_refuses),
        cmocka_unit_test(test_json_request_takes_texts_and_numbers_of_exactly_the_limit),
        cmocka_unit_test(test_json_request_takes_as_many_elements_as_stated_and_not_one_more),
        cmocka_unit_test(test_json_request_limits_the_lines_of_a_whole_batch),
        cmocka_unit_test(test_json_request_says_too_many_when_the_memory_of_the_document_is_used_up),
        cmocka_unit_test(test_json_request_allocates_nothing_for_a_request),
        cmocka_unit_test(test_json_request_returns_an_error_when_there_is_no_memory_for_a_document),
        cmocka_unit_test(test_json_request_answers_every_body),
    };
    return cmocka_run_group_tests(tests, document_setup, document_teardown);
}
