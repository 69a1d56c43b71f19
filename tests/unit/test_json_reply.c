#include "base/prng.h"
#include "codec/json_guard.h"
#include "codec/json_reply.h"
#include "support/small_ledger.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_US          INT64_C(1795352400000000) /* 2026-11-22T13:00:00Z */
#define NOW             "\"2026-11-22T13:00:00Z\""

static struct oh_ledger *ledger;
static struct oh_strbuf buf;

static int ledger_setup(void **state)
{
    (void)state;
    oh_strbuf_init(&buf, 1u << 22);
    ledger = small_ledger_create();
    return ledger == NULL ? -1 : 0;
}

static int ledger_teardown(void **state)
{
    (void)state;
    oh_strbuf_fini(&buf);
    oh_ledger_destroy(&ledger);
    return 0;
}

/* What was written is JSON, and is this text. Empties the buffer. */
static void assert_written(const char *text)
{
    struct oh_fault fault;
    assert_false(buf.is_overflowed);
    if (oh_json_guard(oh_strbuf_bytes(&buf), &fault) != OH_OK)
        fail_msg("not JSON: %.*s: %s", (int)buf.size, buf.data, fault.detail);
    if (!oh_bytes_equal(oh_strbuf_bytes(&buf), oh_bytes_of(text)))
        fail_msg("\n%.*s is not\n%s", (int)buf.size, buf.data, text);
    oh_strbuf_clear(&buf);
}

/* ---- Pieces ------------------------------------------------------------------------------------ */

static void test_json_reply_escapes_what_a_string_must_not_hold(void **state)
{
    (void)state;
    static const struct {
        struct oh_bytes text;
        const char *json;
    } rows[] = {
        { { "", 0 }, "\"\"" },
        { { NULL, 0 }, "\"\"" },
        { { "plain", 5 }, "\"plain\"" },
        { { "a\"b\\c", 5 }, "\"a\\\"b\\\\c\"" },
        { { "\n\t\x01\x1f", 4 }, "\"\\u000a\\u0009\\u0001\\u001f\"" },
        { { "\xc3\xa9/\x7f", 4 }, "\"\xc3\xa9/\x7f\"" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        oh_json_put_string(&buf, rows[i].text);
        assert_written(rows[i].json);
    }
}

/* Writes `before` bytes, the special ones, `after` bytes. */
static void assert_escaped(size_t before, const char *special, const char *escaped, size_t after)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char text[128];
    char json[128];
    int size = snprintf(text, sizeof(text), "%.*s%s%.*s", (int)before, plain, special, (int)after, plain);
    snprintf(json, sizeof(json), "\"%.*s%s%.*s\"", (int)before, plain, escaped, (int)after, plain);
    char *exact = malloc((size_t)size); /* so that a sanitizer sees a read past the end */
    assert_non_null(exact);
    memcpy(exact, text, (size_t)size);
    oh_json_put_string(&buf, (struct oh_bytes){ exact, (size_t)size });
    free(exact);
    assert_written(json);
}

static void test_json_reply_escapes_at_every_place_of_texts_of_every_size(void **state)
{
    (void)state;
    static const struct { const char *special, *escaped; } rows[] = {
        { "y", "y" }, { "\"", "\\\"" }, { "\\", "\\\\" }, { "\x1f", "\\u001f" }, { "\xc3\xa9", "\xc3\xa9" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t size = 0; size <= 35; size++)
            for (size_t at = 0; at <= size; at++)
                assert_escaped(at, rows[i].special, rows[i].escaped, size - at);
}

/* The room that is asked for at once is more than a text takes: what just fits must fit all the same. */
static void test_json_reply_writes_a_string_that_just_fits(void **state)
{
    (void)state;
    for (size_t size_max = 1; size_max <= 40; size_max++) {
        struct oh_strbuf small;
        struct oh_bytes text = { "0123456789\"abcdefghijklmnopqrstuvwxyz0123456789", size_max };
        size_t wanted = size_max + 2 + (size_max > 10 ? 1 : 0);
        oh_strbuf_init(&small, wanted);
        oh_json_put_string(&small, text);
        assert_false(small.is_overflowed);
        assert_int_equal(small.size, wanted);
        oh_strbuf_fini(&small);
        oh_strbuf_init(&small, wanted - 1);
        oh_json_put_string(&small, text);
        assert_true(small.is_overflowed);
        oh_strbuf_fini(&small);
    }
}

static void test_json_reply_separates_members(void **state)
{
    (void)state;
    oh_strbuf_put_char(&buf, '{');
    oh_json_member_string(&buf, "a", OH_BYTES("x{"));
    oh_json_member_string_if_any(&buf, "b", OH_BYTES_NONE);
    oh_json_member_milli(&buf, "c", 1500);
    oh_json_member_bool(&buf, "d", false);
    oh_json_member_time(&buf, "e", OH_TIME_US_NONE);
    oh_json_member_time(&buf, "f", NOW_US);
    oh_json_member(&buf, "g");
    oh_strbuf_put_char(&buf, '[');
    oh_json_separate(&buf);
    oh_strbuf_put_char(&buf, '1');
    oh_json_separate(&buf);
    oh_strbuf_put_text(&buf, "2]");
    oh_reply_put_seq_end(&buf, UINT64_C(9007199254740993));
    struct oh_strbuf copy = buf;
    buf.size -= strlen(",\"seq\":9007199254740993}"); /* more digits than the guard of requests takes */
    oh_strbuf_put_char(&buf, '}');
    assert_written("{\"a\":\"x{\",\"c\":1.5,\"d\":false,\"e\":null,\"f\":" NOW ",\"g\":[1,2]}");
    assert_true(copy.size > 0);
}

static void test_json_reply_ends_a_page(void **state)
{
    (void)state;
    oh_strbuf_put_text(&buf, "{\"nodes\":[");
    oh_reply_put_page_end(&buf, OH_BYTES_NONE, 5);
    assert_written("{\"nodes\":[],\"next\":null,\"seq\":5}");
    oh_strbuf_put_text(&buf, "{\"nodes\":[1");
    oh_reply_put_page_end(&buf, OH_BYTES("n\"1"), 5);
    assert_written("{\"nodes\":[1],\"next\":\"n\\\"1\",\"seq\":5}");
}

/* ---- Reference data ---------------------------------------------------------------------------- */

static void test_json_reply_writes_reference_data(void **state)
{
    (void)state;
    const struct oh_node_command node = {
        .node = OH_BYTES("n0"),
        .name = OH_BYTES("Lyon"),
        .type = OH_NODE_STORE,
        .has_point = true,
        .point = { 45.764, -4.8357 },
        .country = OH_BYTES("FR"),
        .ships = true,
    };
    oh_reply_put_node(&buf, &node, 7);
    assert_written("{\"node\":\"n0\",\"name\":\"Lyon\",\"type\":\"store\",\"lat\":45.764,\"lon\":-4.8357,"
                   "\"country\":\"FR\","
                   "\"ships\":true,\"collects\":false,\"enabled\":false,\"seq\":7}");
    const struct oh_item_command item = { .sku = OH_BYTES("A"), .gtin = OH_BYTES("4012345678901") };
    oh_reply_put_item(&buf, &item, OH_REPLY_NO_SEQ);
    assert_written("{\"sku\":\"A\",\"gtin\":\"4012345678901\"}");
    const struct oh_item_command large = {
        .sku = OH_BYTES("A"), .class = OH_BYTES("large"), .weight_grams = 1, .side_mm = 2, .volume_cm3 = 3
    };
    oh_reply_put_item(&buf, &large, 7);
    assert_written("{\"sku\":\"A\",\"class\":\"large\",\"weight_grams\":1,\"side_mm\":2,\"volume_cm3\":3,\"seq\":7}");
    struct oh_effect_group group;
    oh_group_get(ledger, (struct oh_group_id){ 0 }, &group);
    oh_reply_put_group(&buf, ledger, &group, 7);
    assert_written("{\"group\":\"g0\",\"nodes\":[\"n0\",\"n1\"],\"seq\":7}");
    const uint16_t members[] = { 1 };
    const uint16_t groups[] = { 0 };
    const struct oh_effect_channel channel = { .channel = OH_BYTES("web"),
                                               .policy = OH_POLICY_FEWEST_SPLITS,
                                               .nodes = members,
                                               .node_count = 1,
                                               .groups = groups,
                                               .group_count = 1 };
    oh_reply_put_channel(&buf, ledger, &channel, 7);
    assert_written("{\"channel\":\"web\",\"policy\":\"fewest_splits\",\"nodes\":[\"n1\"],\"groups\":[\"g0\"],"
                   "\"seq\":7}");
}

static void test_json_reply_writes_rules_fences_and_supplies(void **state)
{
    (void)state;
    struct oh_effect_rule rule = {
        .rule = OH_BYTES("r"), .item = 1, .node = OH_NODE_NONE, .channel = OH_NODE_NONE
    };
    rule.values =
        (struct oh_rule_values){ .mask = OH_RULE_SAFETY_STOCK | OH_RULE_PREORDER | OH_RULE_INCREMENT,
                                 .safety_stock_milli = 1500,
                                 .increment_milli = 1,
                                 .threshold_milli = 9 };
    oh_reply_put_rule(&buf, ledger, &rule, 7);
    assert_written("{\"rule\":\"r\",\"sku\":\"B\\\"\\\\\",\"safety_stock\":1.5,\"quantity_increment\":0.001,"
                   "\"preorder\":false,\"seq\":7}");
    rule = (struct oh_effect_rule){ .rule = OH_BYTES("r"), .item = OH_INDEX_NONE, .node = 0, .channel = 0 };
    rule.values = (struct oh_rule_values){ .mask = OH_RULE_PICKUP_ALLOWED | OH_RULE_SHIP_ALLOWED,
                                           .ship_allowed = true };
    oh_reply_put_rule(&buf, ledger, &rule, 7);
    assert_written(
        "{\"rule\":\"r\",\"node\":\"n0\",\"channel\":\"web\",\"pickup_allowed\":false,\"ship_allowed\":true,"
        "\"seq\":7}");
    const struct oh_effect_fence fence = { .fence = OH_BYTES("f"),
                                           .item = 0,
                                           .node = 1,
                                           .channel = 0,
                                           .quantity_milli = 5000,
                                           .policy = OH_FENCE_RESTRICT };
    oh_reply_put_fence(&buf, ledger, &fence, 2000, 7);
    assert_written("{\"fence\":\"f\",\"channel\":\"web\",\"sku\":\"A\",\"node\":\"n1\",\"quantity\":5,"
                   "\"policy\":\"restrict\",\"used\":2,\"seq\":7}");
    const struct oh_effect_supply supply = {
        .supply = OH_BYTES("s"), .item = 0, .node = 1, .quantity_milli = 5000, .eta_us = NOW_US
    };
    oh_reply_put_supply(&buf, ledger, &supply, 7);
    assert_written("{\"supply\":\"s\",\"sku\":\"A\",\"node\":\"n1\",\"quantity\":5,\"eta\":" NOW
                   ",\"seq\":7}");
    const struct oh_effect_import import = { .import = OH_BYTES("i"), .row_count = 10, .rejected_count = 1 };
    oh_reply_put_import(&buf, &import, 7);
    assert_written("{\"import\":\"i\",\"rows\":10,\"rejected\":1,\"seq\":7}");
}

/* ---- Positions and availability ---------------------------------------------------------------- */

static void test_json_reply_writes_a_position(void **state)
{
    (void)state;
    struct oh_position_view view = { .item = { 0 },
                                     .node = { 1 },
                                     .states_milli = { -1000, 2000, 3000, 4000, 5500 },
                                     .on_hand_milli = 13500,
                                     .held_milli = 1,
                                     .confirmed_milli = 2,
                                     .safety_stock_milli = 3,
                                     .fenced_milli = 4,
                                     .available_milli = 0,
                                     .short_milli = 1000,
                                     .as_of_us = OH_TIME_US_NONE };
    oh_reply_put_position(&buf, ledger, &view, 7);
    assert_written(
        "{\"sku\":\"A\",\"node\":\"n1\",\"on_hand\":13.5,\"sellable\":-1,\"damaged\":2,\"quality_control\":3,"
        "\"display\":4,\"returned\":5.5,\"held\":0.001,\"confirmed\":0.002,\"safety_stock\":0.003,"
        "\"fenced\":0.004,\"available\":0,\"short\":1,\"as_of\":null,\"seq\":7}");
}

static void test_json_reply_writes_an_availability(void **state)
{
    (void)state;
    struct oh_availability_question question = { .sku = OH_BYTES("A"),
                                                 .place_name = "node",
                                                 .place = OH_BYTES("n0") };
    struct oh_availability availability = { .available_milli = 5500,
                                            .band = OH_BAND_IN_STOCK,
                                            .supply_eta_us = OH_TIME_US_NONE };
    oh_reply_put_availability(&buf, &question, &availability, 7);
    assert_written("{\"sku\":\"A\",\"node\":\"n0\",\"available\":5.5,\"status\":\"in_stock\",\"seq\":7}");
    question.has_min_quantity = true;
    question.min_quantity_milli = 6500;
    question.explain = true;
    availability.backorder_milli = 1000;
    availability.reason = OH_V_NODE_DISABLED;
    availability.supply_milli = 10000;
    availability.supply_eta_us = NOW_US;
    availability.safety_stock_milli = 2000;
    availability.safety_stock_rule = OH_BYTES("r1");
    oh_reply_put_availability(&buf, &question, &availability, 7);
    assert_written(
        "{\"sku\":\"A\",\"node\":\"n0\",\"available\":5.5,\"backorder\":1,\"status\":\"in_stock\","
        "\"reason\":\"node_disabled\",\"sufficient\":true,\"next_supply\":{\"quantity\":10,\"eta\":" NOW "},"
        "\"rules\":{\"safety_stock\":{\"rule\":\"r1\",\"value\":2}},\"seq\":7}");
    question = (struct oh_availability_question){ .sku = OH_BYTES("A"),
                                                  .place_name = "group",
                                                  .place = OH_BYTES("g"),
                                                  .has_min_quantity = true,
                                                  .min_quantity_milli = 6501 };
    availability.supply_eta_us = OH_TIME_US_NONE;
    availability.reason = OH_OK_DONE;
    oh_reply_put_availability(&buf, &question, &availability, 7);
    assert_written("{\"sku\":\"A\",\"group\":\"g\",\"available\":5.5,\"backorder\":1,\"status\":\"in_stock\","
                   "\"sufficient\":false,\"seq\":7}");
}

static void test_json_reply_writes_cells_from_their_heads_as_it_writes_them_whole(void **state)
{
    (void)state;
    const struct oh_bytes nodes[] = { OH_BYTES("n1"), OH_BYTES("a \"node\" with a name of more than sixteen bytes") };
    struct oh_json_document *document = NULL;
    assert_int_equal(oh_json_document_create(&document), OH_OK);
    const struct oh_bytes *heads = oh_reply_cell_heads(document, nodes, COUNT_OF(nodes));
    assert_non_null(heads);
    oh_strbuf_put_char(&buf, '[');
    for (size_t i = 0; i < 2 * COUNT_OF(nodes); i++)
        oh_reply_put_cell_of(&buf, heads[i % COUNT_OF(nodes)], (int64_t)i * 500);
    oh_strbuf_put_char(&buf, ']');
    oh_strbuf_put_char(&buf, '\0');
    char *text = strdup(buf.data);
    assert_non_null(text);
    oh_strbuf_clear(&buf);
    oh_strbuf_put_char(&buf, '[');
    for (size_t i = 0; i < 2 * COUNT_OF(nodes); i++)
        oh_reply_put_cell(&buf, nodes[i % COUNT_OF(nodes)], (int64_t)i * 500);
    oh_strbuf_put_char(&buf, ']');
    assert_written(text);
    free(text);
    oh_json_document_destroy(&document);
}

static void test_json_reply_writes_rows_of_lists(void **state)
{
    (void)state;
    const struct oh_availability availability = { .available_milli = 1000, .band = OH_BAND_LOW_STOCK };
    oh_strbuf_put_char(&buf, '[');
    oh_reply_put_node_availability(&buf, OH_BYTES("n0"), &availability);
    oh_reply_put_cell(&buf, OH_BYTES("n1"), 0);
    oh_reply_put_sku_availability(&buf, OH_BYTES("A"), &availability);
    oh_reply_put_sku_verdict(&buf, OH_BYTES("Z"), OH_V_UNKNOWN_ITEM);
    oh_strbuf_put_char(&buf, ']');
    assert_written(
        "[{\"node\":\"n0\",\"available\":1,\"status\":\"low_stock\"},{\"node\":\"n1\",\"available\":0},"
        "{\"sku\":\"A\",\"available\":1,\"status\":\"low_stock\"},{\"sku\":\"Z\",\"verdict\":\"unknown_"
        "item\"}]");
    const struct oh_near_row rows[] = { { { 0 }, 0.0004, 1000 }, { { 1 }, 12.3456, 2500 } };
    oh_reply_put_near(&buf, ledger, OH_BYTES("A"), (struct oh_point){ 48.85, 2.35 }, rows, 2, 7);
    assert_written(
        "{\"sku\":\"A\",\"near\":{\"lat\":48.85,\"lon\":2.35},\"nodes\":[{\"node\":\"n0\",\"distance_km\":0,"
        "\"available\":1},{\"node\":\"n1\",\"distance_km\":12.346,\"available\":2.5}],\"seq\":7}");
}

/* ---- Answers ----------------------------------------------------------------------------------- */

static const struct oh_answer_line created_lines[] = {
    { .line = 2, .item = { 1 }, .node = { 1 }, .requested_milli = 5000, .quantity_milli = 2000 },
    { .line = 1, .item = { 0 }, .node = { 0 }, .requested_milli = 1500, .quantity_milli = 1500 },
    { .line = 2, .item = { 1 }, .node = { 0 }, .requested_milli = 5000, .quantity_milli = 1000 },
    { .line = 2, .item = { 1 }, .node = { OH_NODE_NONE }, .requested_milli = 5000, .quantity_milli = 2000 },
};

static struct oh_answer created_answer(void)
{
    return (struct oh_answer){
        .type = OH_COMMAND_RESERVE,
        .verdict = OH_OK_DONE,
        .fault_index = OH_INDEX_NONE,
        .is_created = true,
        .seq = 42,
        .id = OH_BYTES("r1"),
        .kind = OH_KIND_SHIP,
        .status = OH_STATUS_HELD,
        .created_at_us = NOW_US,
        .expires_at_us = OH_TIME_US_NONE,
        .lines = created_lines,
        .line_count = COUNT_OF(created_lines),
    };
}

#define CREATED                                                                                      \
    "{\"id\":\"r1\",\"kind\":\"ship\",\"status\":\"held\",\"created_at\":" NOW                       \
    ",\"expires_at\":null,\"lines\":["                                                               \
    "{\"line\":1,\"sku\":\"A\",\"requested\":1.5,\"quantity\":1.5,\"claims\":[{\"node\":\"n0\","     \
    "\"quantity\":1.5}]},"                                                                           \
    "{\"line\":2,\"sku\":\"B\\\"\\\\\",\"requested\":5,\"quantity\":3,\"claims\":[{\"node\":\"n1\"," \
    "\"quantity\":2},"                                                                               \
    "{\"node\":\"n0\",\"quantity\":1}]}],\"seq\":42}"

static void test_json_reply_gathers_the_claims_of_a_line(void **state)
{
    (void)state;
    struct oh_answer answer = created_answer();
    oh_reply_put_answer(&buf, ledger, &answer);
    assert_written(CREATED);
}

static void test_json_reply_writes_what_an_action_did(void **state)
{
    (void)state;
    static const struct oh_answer_line lines[] = {
        { .line = 2, .item = { 1 }, .node = { 1 }, .quantity_milli = 2000, .returned_milli = 500 },
        { .line = 1, .item = { 0 }, .node = { 0 }, .quantity_milli = 1500 },
    };
    struct oh_answer answer = created_answer();
    answer.type = OH_COMMAND_CONFIRM;
    answer.status = OH_STATUS_CONFIRMED;
    answer.expires_at_us = NOW_US + 500000;
    answer.lines = lines;
    answer.line_count = COUNT_OF(lines);
    oh_reply_put_answer(&buf, ledger, &answer);
    assert_written(
        "{\"id\":\"r1\",\"kind\":\"ship\",\"status\":\"confirmed\",\"created_at\":" NOW ",\"expires_at\":"
        "\"2026-11-22T13:00:00.500Z\",\"lines\":[{\"line\":2,\"sku\":\"B\\\"\\\\\",\"node\":\"n1\","
        "\"quantity\":2,\"returned\":0.5},{\"line\":1,\"sku\":\"A\",\"node\":\"n0\",\"quantity\":1.5}],"
        "\"seq\":42}");
}

static void test_json_reply_writes_the_entries_of_an_adjust(void **state)
{
    (void)state;
    static const struct oh_answer_line lines[] = {
        { .line = 0,
          .item = { 0 },
          .node = { 0 },
          .quantity_milli = -1500,
          .available_milli = 0,
          .short_milli = 500 },
        { .line = 1, .item = { 1 }, .node = { 1 }, .verdict = OH_V_STALE, .available_milli = 3000 },
    };
    const struct oh_answer answer = { .type = OH_COMMAND_ADJUST, .seq = 9, .lines = lines, .line_count = 2 };
    oh_reply_put_answer(&buf, ledger, &answer);
    assert_written(
        "{\"entries\":[{\"sku\":\"A\",\"node\":\"n0\",\"verdict\":\"ok\",\"quantity\":-1.5,\"available\":0,"
        "\"short\":0.5},{\"sku\":\"B\\\"\\\\\",\"node\":\"n1\",\"verdict\":\"stale\",\"quantity\":0,"
        "\"available\":3}],\"seq\":9}");
    const struct oh_answer removed = { .type = OH_COMMAND_RULE, .seq = 9 };
    oh_reply_put_answer(&buf, ledger, &removed);
    assert_written("{\"seq\":9}");
}

static void test_json_reply_names_the_field_of_a_refusal(void **state)
{
    (void)state;
    static const struct {
        enum oh_command_type type;
        enum oh_verdict verdict;
        enum oh_field field;
        uint32_t index;
        const char *path;
    } rows[] = {
        { OH_COMMAND_RESERVE, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, 2, "lines[2].quantity" },
        { OH_COMMAND_RESERVE, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE, "channel" },
        { OH_COMMAND_RESERVE, OH_V_INSUFFICIENT, OH_FIELD_LINES, OH_INDEX_NONE, "lines" },
        { OH_COMMAND_RESERVE, OH_V_INSUFFICIENT, OH_FIELD_LINES, 0, "lines[0]" },
        { OH_COMMAND_MOVE, OH_V_SAME_NODE, OH_FIELD_TO_NODE, 0, "lines[0].to_node" },
        { OH_COMMAND_SYNC, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, 9, "entries[9].node" },
        { OH_COMMAND_ADJUST, OH_V_INVALID_ID, OH_FIELD_SOURCE, OH_INDEX_NONE, "source" },
        { OH_COMMAND_GROUP, OH_V_UNKNOWN_NODE, OH_FIELD_NODES, 3, "nodes[3]" },
        { OH_COMMAND_CHANNEL, OH_V_UNKNOWN_GROUP, OH_FIELD_GROUPS, 1, "groups[1]" },
        { OH_COMMAND_NODE, OH_V_INVALID_VALUE, OH_FIELD_GLN, OH_INDEX_NONE, "gln" },
        { OH_COMMAND_RULE, OH_V_LEDGER_FULL, OH_FIELD_NONE, OH_INDEX_NONE, "" },
        { OH_COMMAND_CONFIRM, OH_V_EXPIRED, OH_FIELD_NONE, OH_INDEX_NONE, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct oh_answer answer = { .type = rows[i].type,
                                          .verdict = rows[i].verdict,
                                          .field = rows[i].field,
                                          .fault_index = rows[i].index };
        struct oh_fault fault;
        oh_fault_from_answer(&answer, &fault);
        assert_string_equal(fault.field, rows[i].path);
        assert_string_equal(fault.code, oh_verdict_code(rows[i].verdict));
        assert_int_equal(fault.http_status, oh_verdict_http_status(rows[i].verdict));
        assert_true(strlen(fault.detail) > 3);
    }
}

#define REFUSED                                                                                          \
    "{\"type\":\"urn:onhand:problem:insufficient_stock\",\"title\":\"Not enough stock\",\"status\":409," \
    "\"detail\":\"Not enough stock.\",\"code\":\"insufficient_stock\",\"field\":\"lines\",\"lines\":["   \
    "{\"line\":1,\"sku\":\"A\",\"requested\":5,\"available\":2,\"verdict\":\"insufficient_stock\"},"     \
    "{\"line\":2,\"node\":\"n1\",\"requested\":1,\"available\":0,\"verdict\":\"unknown_item\"}],\"seq\":42}"

static void test_json_reply_writes_the_results_of_a_batch(void **state)
{
    (void)state;
    static const struct oh_answer_line lines[] = {
        { .line = 1,
          .item = { 0 },
          .node = { OH_NODE_NONE },
          .verdict = OH_V_INSUFFICIENT,
          .requested_milli = 5000,
          .available_milli = 2000 },
        { .line = 2,
          .item = { OH_INDEX_NONE },
          .node = { 1 },
          .verdict = OH_V_UNKNOWN_ITEM,
          .requested_milli = 1000 },
    };
    struct oh_answer refused = { .type = OH_COMMAND_RESERVE,
                                 .verdict = OH_V_INSUFFICIENT,
                                 .field = OH_FIELD_LINES,
                                 .fault_index = OH_INDEX_NONE,
                                 .seq = 42,
                                 .lines = lines,
                                 .line_count = 2 };
    struct oh_answer created = created_answer();
    struct oh_answer repeated = created_answer();
    struct oh_fault fault;
    repeated.is_repeat = true;
    oh_fault_set(&fault, OH_FAULT_UNKNOWN_POSTAL_CODE, OH_BYTES("near"), "Never seen.");
    oh_reply_put_problem(&buf, ledger, &refused);
    assert_written(REFUSED);
    oh_strbuf_put_char(&buf, '[');
    oh_reply_put_batch_result(&buf, ledger, &created);
    oh_reply_put_batch_result(&buf, ledger, &repeated);
    oh_reply_put_batch_result(&buf, ledger, &refused);
    oh_reply_put_batch_fault(&buf, &fault);
    oh_strbuf_put_char(&buf, ']');
    assert_written(
        "[{\"status\":201,\"reservation\":" CREATED "},{\"status\":200,\"reservation\":" CREATED "},"
        "{\"status\":409,\"problem\":" REFUSED "},{\"status\":422,\"problem\":{\"type\":"
        "\"urn:onhand:problem:unknown_postal_code\",\"title\":\"No such postal code\",\"status\":422,"
        "\"detail\":\"Never seen.\",\"code\":\"unknown_postal_code\",\"field\":\"near\"}}]");
}

/* ---- Reservations ------------------------------------------------------------------------------ */

static void test_json_reply_writes_a_reservation(void **state)
{
    (void)state;
    const struct oh_reservation_view view = { .id = OH_BYTES("r1"),
                                              .customer = OH_BYTES("c"),
                                              .channel = { 0 },
                                              .kind = OH_KIND_COLLECT,
                                              .status = OH_STATUS_CONFIRMED,
                                              .created_at_us = NOW_US,
                                              .expires_at_us = OH_TIME_US_NONE };
    const struct oh_claim_view claims[] = {
        { .line = 3,
          .item = { 1 },
          .node = { 0 },
          .status = OH_STATUS_CONFIRMED,
          .quantity_milli = 3000,
          .confirmed_milli = 1000,
          .fulfilled_milli = 500,
          .released_milli = 1500,
          .due_at_us = NOW_US },
        { .line = 1,
          .item = { 0 },
          .node = { OH_NODE_NONE },
          .quantity_milli = 1000,
          .due_at_us = OH_TIME_US_NONE },
        { .line = 3,
          .item = { 1 },
          .node = { 1 },
          .status = OH_STATUS_EXPIRED,
          .quantity_milli = 250,
          .expired_milli = 250,
          .due_at_us = OH_TIME_US_NONE },
    };
    const struct oh_booking_view bookings[] = {
        { OH_BYTES("slot/evening"), { 1 }, OH_UNIT_PARCELS, 0, NOW_US, 1000 },
        { OH_BYTES("node/n0"), { 0 }, OH_UNIT_LINES, 0, NOW_US, 1500 },
    };
    const struct oh_reservation_parts parts = { claims, COUNT_OF(claims), bookings, COUNT_OF(bookings) };
    oh_reply_put_reservation(&buf, ledger, &view, &parts, 8);
    assert_written(
        "{\"id\":\"r1\",\"kind\":\"collect\",\"channel\":\"web\",\"customer\":\"c\",\"status\":\"confirmed\","
        "\"created_at\":" NOW ",\"expires_at\":null,\"lines\":["
        "{\"line\":1,\"sku\":\"A\",\"requested\":1,\"quantity\":0,\"claims\":[]},"
        "{\"line\":3,\"sku\":\"B\\\"\\\\\",\"requested\":3.25,\"quantity\":1.5,\"claims\":["
        "{\"node\":\"n0\",\"status\":\"confirmed\",\"quantity\":3,\"held\":0,\"confirmed\":1,\"fulfilled\":0."
        "5,"
        "\"released\":1.5,\"expired\":0,\"due_at\":" NOW "},"
        "{\"node\":\"n1\",\"status\":\"expired\",\"quantity\":0.25,\"held\":"
        "0,"
        "\"confirmed\":0,\"fulfilled\":0,\"released\":0,\"expired\":0.25}]}],\"bookings\":["
        "{\"resource\":\"slot/evening\",\"node\":\"n1\",\"unit\":\"parcels\","
        "\"from\":\"1970-01-01T00:00:00Z\","
        "\"until\":" NOW ",\"quantity\":1},"
        "{\"resource\":\"node/n0\",\"node\":\"n0\",\"unit\":\"lines\",\"from\":\"1970-01-01T00:00:00Z\","
        "\"until\":" NOW ",\"quantity\":1.5}],\"seq\":8}");
}

/* The interface makes none, a file may hold one. */
static void test_json_reply_leaves_the_channel_out_when_a_reservation_has_none(void **state)
{
    (void)state;
    const struct oh_reservation_view view = { .id = OH_BYTES("r"),
                                              .channel = { OH_NODE_NONE },
                                              .kind = OH_KIND_STAFF,
                                              .expires_at_us = OH_TIME_US_NONE };
    oh_reply_put_reservation(&buf, ledger, &view, &(struct oh_reservation_parts){ 0 }, 8);
    assert_written("{\"id\":\"r\",\"kind\":\"staff\",\"status\":\"held\",\"created_at\":\"1970-01-01T00:00:00Z\","
                   "\"expires_at\":null,\"lines\":[],\"seq\":8}");
}

/* Claims in any order: lines ascend, and the claims of a line stay in the order they were made. */
static void test_json_reply_keeps_the_order_of_claims_within_a_line(void **state)
{
    (void)state;
    const uint64_t seed = 4096;
    static struct oh_claim_view claims[OH_CLAIMS_MAX];
    const struct oh_reservation_view view = { .id = OH_BYTES("r"),
                                              .channel = { 0 },
                                              .expires_at_us = OH_TIME_US_NONE };
    struct oh_prng prng;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    for (uint32_t count = 1; count <= OH_CLAIMS_MAX; count = count * 2 + count % 3) {
        for (uint32_t i = 0; i < count; i++)
            claims[i] = (struct oh_claim_view){ .line = (uint32_t)oh_prng_below(&prng, 20) + 1,
                                                .quantity_milli = (int64_t)(i + 1) * 1000,
                                                .due_at_us = OH_TIME_US_NONE };
        const struct oh_reservation_parts parts = { .claims = claims, .claim_count = count };
        oh_reply_put_reservation(&buf, ledger, &view, &parts, 1);
        oh_strbuf_put_char(&buf, '\0');
        uint32_t last_line = 0;
        uint32_t last_claim = 0;
        uint32_t seen = 0;
        for (const char *at = strchr(buf.data, '['); (at = strpbrk(at, "lq")) != NULL; at++) {
            unsigned number;
            if (sscanf(at, "line\":%u", &number) == 1 && at[-1] == '"') {
                assert_true(number > last_line);
                last_line = number;
                last_claim = 0;
            } else if (sscanf(at, "quantity\":%u,\"held", &number) == 1 && strstr(at, ",\"held") != NULL &&
                       memcmp(strchr(at, ','), ",\"held", 6) == 0) {
                assert_true(number > last_claim);
                assert_int_equal(claims[number - 1].line, last_line);
                last_claim = number;
                seen++;
            }
        }
        assert_int_equal(seen, count);
        oh_strbuf_clear(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_reply_escapes_what_a_string_must_not_hold),
        cmocka_unit_test(test_json_reply_escapes_at_every_place_of_texts_of_every_size),
        cmocka_unit_test(test_json_reply_writes_a_string_that_just_fits),
        cmocka_unit_test(test_json_reply_separates_members),
        cmocka_unit_test(test_json_reply_ends_a_page),
        cmocka_unit_test(test_json_reply_writes_reference_data),
        cmocka_unit_test(test_json_reply_writes_rules_fences_and_supplies),
        cmocka_unit_test(test_json_reply_writes_a_position),
        cmocka_unit_test(test_json_reply_writes_an_availability),
        cmocka_unit_test(test_json_reply_writes_cells_from_their_heads_as_it_writes_them_whole),
        cmocka_unit_test(test_json_reply_writes_rows_of_lists),
        cmocka_unit_test(test_json_reply_gathers_the_claims_of_a_line),
        cmocka_unit_test(test_json_reply_writes_what_an_action_did),
        cmocka_unit_test(test_json_reply_writes_the_entries_of_an_adjust),
        cmocka_unit_test(test_json_reply_names_the_field_of_a_refusal),
        cmocka_unit_test(test_json_reply_writes_the_results_of_a_batch),
        cmocka_unit_test(test_json_reply_writes_a_reservation),
        cmocka_unit_test(test_json_reply_leaves_the_channel_out_when_a_reservation_has_none),
        cmocka_unit_test(test_json_reply_keeps_the_order_of_claims_within_a_line),
    };
    return cmocka_run_group_tests(tests, ledger_setup, ledger_teardown);
}
