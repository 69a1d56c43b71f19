/*
 * test_reference_data.c - nodes, items, groups, channels, rules and postal codes: what is the same, what is refused,
 * how many there may be.
 */
#include "support/shop.h"
#include "support/test.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is the same ------------------------------------------------------------------------- */

static struct oh_command node_command(void)
{
    struct oh_command command = { .type = OH_COMMAND_NODE };
    command.node = (struct oh_node_command){
        .node = OH_BYTES("n"), .name = OH_BYTES("Node"), .gln = OH_BYTES("4006381333931"), .country = OH_BYTES("FR"),
        .time_zone = OH_BYTES("Europe/Paris"), .city = OH_BYTES("Paris"), .region = OH_BYTES("IDF"),
        .postal_code = OH_BYTES("75011"), .type = OH_NODE_STORE, .has_point = true, .point = { 48.0, 2.0 },
        .ships = true, .collects = true, .enabled = true,
    };
    return command;
}

/* Each field alone makes it another node; none of them makes it the same. */
static void test_reference_data_node_is_unchanged_only_when_every_field_is_the_same(void **state)
{
    (void)state;
    static const size_t texts[] = {
        offsetof(struct oh_node_command, name), offsetof(struct oh_node_command, gln),
        offsetof(struct oh_node_command, country), offsetof(struct oh_node_command, time_zone),
        offsetof(struct oh_node_command, city), offsetof(struct oh_node_command, region),
        offsetof(struct oh_node_command, postal_code),
    };
    static const size_t flags[] = {
        offsetof(struct oh_node_command, has_point), offsetof(struct oh_node_command, ships),
        offsetof(struct oh_node_command, collects), offsetof(struct oh_node_command, enabled),
    };
    struct shop *shop = shop_open(NULL);
    struct oh_command right = node_command();
    assert_int_equal(shop_do(shop, &right), OH_OK_DONE);
    assert_true(shop->answer.is_created);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) + sizeof(flags) / sizeof(flags[0]) + 2; i++) {
        struct oh_command other = node_command();
        unsigned char *bytes = (unsigned char *)&other.node;
        size_t flag = i - sizeof(texts) / sizeof(texts[0]);
        if (i < sizeof(texts) / sizeof(texts[0]))
            memset(bytes + texts[i], 0, sizeof(struct oh_bytes));
        else if (flag < sizeof(flags) / sizeof(flags[0]))
            bytes[flags[flag]] = 0;
        else if (flag == sizeof(flags) / sizeof(flags[0]))
            other.node.type = OH_NODE_WAREHOUSE;
        else
            other.node.point.longitude = 3.0;
        assert_int_equal(shop_do(shop, &other), OH_OK_DONE);
        assert_false(shop->answer.is_created);
        assert_int_equal(shop_do(shop, &other), OH_V_UNCHANGED);
        assert_int_equal(shop_do(shop, &right), OH_OK_DONE);
        assert_int_equal(shop_do(shop, &right), OH_V_UNCHANGED);
    }
    shop_close(shop);
}

static void test_reference_data_group_put_over_other_priorities_is_a_change(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_group_id group;
    shop_node(shop, "a");
    shop_node(shop, "b");
    assert_false(oh_group_find(shop->ledger, OH_BYTES("g"), &group));
    shop_member(shop, "g", "a", 10);
    shop_member(shop, "g", "b", 20);
    assert_int_equal(shop_member(shop, "g", "b", 20), OH_V_UNCHANGED);
    assert_int_equal(shop_group(shop, "g", "a b"), OH_OK_DONE); /* the same nodes, ranked 1 and 2 */
    assert_int_equal(shop_group(shop, "g", "a b"), OH_V_UNCHANGED);
    assert_true(oh_group_find(shop->ledger, OH_BYTES("g"), &group));
    assert_int_equal(group.index, 0);
    assert_true(oh_bytes_equal(oh_group_name(shop->ledger, group), OH_BYTES("g")));
    shop_close(shop);
}

static void test_reference_data_channel_is_unchanged_only_when_every_field_is_the_same(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    shop_node(shop, "a");
    shop_node(shop, "b");
    shop_group(shop, "g", "a");
    shop_group(shop, "h", "b");
    const struct { enum oh_policy policy; const char *nodes, *groups; } rows[] = {
        { OH_POLICY_PRIORITY, "a", "g" },   { OH_POLICY_NEAREST, "a", "g" },   { OH_POLICY_PRIORITY, "b", "g" },
        { OH_POLICY_PRIORITY, "a", "h" },   { OH_POLICY_PRIORITY, "a b", "g" }, { OH_POLICY_PRIORITY, "b a", "g" },
        { OH_POLICY_PRIORITY, "a", "g h" }, { OH_POLICY_PRIORITY, "a", "" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(shop_channel(shop, "c", rows[i].policy, rows[i].nodes, rows[i].groups), OH_OK_DONE);
        assert_int_equal(shop_channel(shop, "c", rows[i].policy, rows[i].nodes, rows[i].groups), OH_V_UNCHANGED);
        if (i > 0)
            assert_int_equal(shop_channel(shop, "c", rows[0].policy, rows[0].nodes, rows[0].groups), OH_OK_DONE);
    }
    struct oh_command named = { .type = OH_COMMAND_CHANNEL, .channel = { .channel = OH_BYTES("d") } };
    assert_int_equal(shop_do(shop, &named), OH_OK_DONE);
    named.channel.name = OH_BYTES("Web");
    assert_int_equal(shop_do(shop, &named), OH_OK_DONE);
    assert_int_equal(shop_do(shop, &named), OH_V_UNCHANGED);
    shop_close(shop);
}

/* ---- Large groups ----------------------------------------------------------------------------- */

static void nodes_make(struct shop *shop, uint32_t count, char (*names)[16])
{
    for (uint32_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "n%u", i);
        shop_node(shop, names[i]);
    }
}

static void test_reference_data_group_keeps_members_whose_numbers_are_high(void **state)
{
    (void)state;
    static char names[700][16];
    struct shop *shop = shop_open(NULL);
    struct oh_availability in_group;
    struct oh_group_id group;
    shop_item(shop, "s");
    nodes_make(shop, 700, names);
    const uint32_t members[] = { 0, 255, 256, 300, 511, 512, 699 };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        shop_adjust(shop, "s", names[members[i]], 1);
        shop_adjust(shop, "s", names[members[i] > 0 ? members[i] - 1 : 1], 100); /* next to it: not a member */
        assert_int_equal(shop_member(shop, "g", names[members[i]], -(int32_t)i), OH_OK_DONE);
    }
    assert_true(oh_group_find(shop->ledger, OH_BYTES("g"), &group));
    oh_available_in_group(shop->ledger, shop_item_id(shop, "s"), group, shop_asker(shop, "", OH_KIND_ANY),
                          shop->now_us, &in_group);
    assert_int_equal(in_group.available_milli, 207 * 1000); /* 255 and 511 are both */
    shop_close(shop);
}

/* ---- What may be a number of GS1, a country, a postal code, a name ----------------------------- */

struct text_row { const char *text; bool is_right; };

static enum oh_verdict node_with(struct shop *shop, struct oh_bytes gln, struct oh_bytes country, struct oh_bytes name)
{
    struct oh_command command = { .type = OH_COMMAND_NODE };
    command.node = (struct oh_node_command){ .node = OH_BYTES("n"), .name = name, .gln = gln, .country = country };
    return shop_do(shop, &command) == OH_V_UNCHANGED ? OH_OK_DONE : shop->answer.verdict;
}

static enum oh_verdict gtin(struct shop *shop, struct oh_bytes text)
{
    struct oh_command command = { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("s"), .gtin = text } };
    return shop_do(shop, &command) == OH_V_UNCHANGED ? OH_OK_DONE : shop->answer.verdict;
}

static void test_reference_data_takes_numbers_with_a_right_check_digit(void **state)
{
    (void)state;
    static const struct text_row gtins[] = {
        { "", true },          { "96385074", true },       { "96385075", false },      { "036000291452", true },
        { "036000291453", false }, { "4006381333931", true }, { "4006381333930", false }, { "00012345600012", true },
        { "00012345600013", false }, { "0", false },       { "00000000", true },       { "000000000", false },
        { "0000000000", false }, { "00000000000", false }, { "000000000000000", false }, { "9638507a", false },
        { "9638507/", false }, { ":6385074", false },      { "0000000", false },
        /* no digits, but ten more and ten less than the 0 they stand for */
        { "96385:74", false }, { "96385&74", false },      { "4:06381333931", false }, { "4&06381333931", false },
    };
    struct shop *shop = shop_open(NULL);
    for (size_t i = 0; i < sizeof(gtins) / sizeof(gtins[0]); i++) {
        size_t size = strlen(gtins[i].text);
        bool is_gln = gtins[i].is_right && (size == 13 || size == 0);
        assert_int_equal(gtin(shop, oh_bytes_of(gtins[i].text)), gtins[i].is_right ? OH_OK_DONE : OH_V_INVALID_VALUE);
        assert_int_equal(node_with(shop, oh_bytes_of(gtins[i].text), OH_BYTES_NONE, OH_BYTES_NONE),
                         is_gln ? OH_OK_DONE : OH_V_INVALID_VALUE);
    }
    shop_close(shop);
}

static void test_reference_data_takes_countries_of_two_capitals(void **state)
{
    (void)state;
    static const struct text_row countries[] = {
        { "", true },    { "AA", true },  { "ZZ", true },  { "AZ", true },  { "@A", false }, { "[A", false },
        { "A@", false }, { "A[", false }, { "fr", false }, { "F", false },  { "FRA", false },
    };
    struct shop *shop = shop_open(NULL);
    for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++)
        assert_int_equal(node_with(shop, OH_BYTES_NONE, oh_bytes_of(countries[i].text), OH_BYTES_NONE),
                         countries[i].is_right ? OH_OK_DONE : OH_V_INVALID_VALUE);
    shop_close(shop);
}

static void test_reference_data_files_postal_codes_without_blanks_in_capitals(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_postal_code_command found;
    static const struct text_row codes[] = {
        { "sw1a 1aa", true },         { "", false },       { " - ", false }, { "1234567890abcdef", true },
        { "1 2-3 4-5 6-7 8-9 0-abcdef", true }, { "1234567890abcdefg", false }, { "a\nb", false }, { "`{", true },
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct oh_command command = { .type = OH_COMMAND_POSTAL_CODE };
        command.postal_code.country = OH_BYTES("GB");
        command.postal_code.postal_code = oh_bytes_of(codes[i].text);
        enum oh_verdict verdict = shop_do(shop, &command);
        assert_int_equal(verdict == OH_OK_DONE || verdict == OH_V_UNCHANGED, codes[i].is_right);
        assert_int_equal(oh_postal_code_find(shop->ledger, OH_BYTES("GB"), oh_bytes_of(codes[i].text), &found),
                         codes[i].is_right);
    }
    assert_true(oh_postal_code_find(shop->ledger, OH_BYTES("GB"), OH_BYTES("Sw1A1a-A"), &found));
    assert_true(oh_bytes_equal(found.postal_code, OH_BYTES("SW1A1AA")));
    assert_false(oh_postal_code_find(shop->ledger, OH_BYTES("FR"), OH_BYTES("SW1A1AA"), &found));
    shop_close(shop);
}

static void postal_code_put(struct shop *shop, const char *country, const char *code, double latitude)
{
    struct oh_command command = { .type = OH_COMMAND_POSTAL_CODE };
    command.postal_code = (struct oh_postal_code_command){ oh_bytes_of(country), oh_bytes_of(code), OH_BYTES("place"),
                                                           { latitude, 1 } };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
}

/* GE1: the code, else the outward part of a full code of the country, else nothing. */
static void test_reference_data_finds_a_destination_by_its_outward_part(void **state)
{
    (void)state;
    static const struct { const char *country, *code, *found; enum oh_postal_match match; } rows[] = {
        { "GB", "SW1A 2AA", "SW1A2AA", OH_POSTAL_EXACT }, { "GB", "sw1a-2aa", "SW1A2AA", OH_POSTAL_EXACT },
        { "GB", "SW1A 1AA", "SW1A", OH_POSTAL_OUTWARD },  { "GB", " s w1a1a a", "SW1A", OH_POSTAL_OUTWARD },
        { "GB", "SW1A", "SW1A", OH_POSTAL_EXACT },        { "GB", "m1 1ae", "M1", OH_POSTAL_OUTWARD },
        { "GB", "M11A", NULL, OH_POSTAL_EXACT },          { "GB", "SW1A 1AAX", NULL, OH_POSTAL_EXACT },
        { "GB", "M2 1AE", NULL, OH_POSTAL_EXACT },        { "GG", "GY1 1AA", "GY1", OH_POSTAL_OUTWARD },
        { "IM", "IM2 1AA", "IM2", OH_POSTAL_OUTWARD },    { "JE", "je2-3ab", "JE2", OH_POSTAL_OUTWARD },
        { "NL", "1011 ab", "1011", OH_POSTAL_OUTWARD },   { "NL", "1011A", NULL, OH_POSTAL_EXACT },
        { "IE", "D02 X285", "D02", OH_POSTAL_OUTWARD },   { "IE", "D02X28", NULL, OH_POSTAL_EXACT },
        { "CA", "m5v-3l9", "M5V", OH_POSTAL_OUTWARD },    { "MT", "VLT 1117", "VLT", OH_POSTAL_OUTWARD },
        { "US", "10001-1234", "10001", OH_POSTAL_OUTWARD }, { "US", "10001123", NULL, OH_POSTAL_EXACT },
        { "US", "10002", NULL, OH_POSTAL_EXACT },         { "FR", "SW1A 1AA", NULL, OH_POSTAL_EXACT },
        { "FR", "", NULL, OH_POSTAL_EXACT },              { "GB", "", NULL, OH_POSTAL_EXACT },
        { "", "SW1A", NULL, OH_POSTAL_EXACT },            { "GB", "12345678901234567", NULL, OH_POSTAL_EXACT },
    };
    static const char *const known[][2] = {
        { "GB", "SW1A" }, { "GB", "SW1A 2AA" }, { "GB", "M1" },    { "GG", "GY1" }, { "IM", "IM2" }, { "JE", "JE2" },
        { "NL", "1011" }, { "IE", "D02" },      { "CA", "M5V" },   { "MT", "VLT" }, { "US", "10001" },
    };
    struct shop *shop = shop_open(NULL);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        postal_code_put(shop, known[i][0], known[i][1], (double)i);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oh_postal_code_command found = { .place = OH_BYTES("untouched") };
        enum oh_postal_match match = OH_POSTAL_EXACT;
        bool is_found = oh_postal_code_resolve(shop->ledger, oh_bytes_of(rows[i].country), oh_bytes_of(rows[i].code),
                                               &found, &match);
        if (is_found != (rows[i].found != NULL))
            fail_msg("%s %s", rows[i].country, rows[i].code);
        assert_true(oh_bytes_equal(found.place, is_found ? OH_BYTES("place") : OH_BYTES("untouched")));
        assert_true(!is_found || oh_bytes_equal(found.postal_code, oh_bytes_of(rows[i].found)));
        assert_int_equal(match, rows[i].match);
    }
    shop_close(shop);
}

static void test_reference_data_takes_names_that_can_be_printed(void **state)
{
    (void)state;
    static const struct text_row names[] = {
        { " ~", true },         { "\x1f", false },      { "\x7f", false },         { "\xc3\xa9", true },
        { "\xff", false },      { "a\tb", false },      { "\xed\xa0\x80", false }, { "\xf4\x8f\xbf\xbf", true },
    };
    char longest[OH_TEXT_SIZE_MAX + 1];
    struct shop *shop = shop_open(NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(node_with(shop, OH_BYTES_NONE, OH_BYTES_NONE, oh_bytes_of(names[i].text)),
                         names[i].is_right ? OH_OK_DONE : OH_V_INVALID_VALUE);
    memset(longest, 'x', sizeof(longest));
    for (size_t size = OH_TEXT_SIZE_MAX - 1; size <= sizeof(longest); size++)
        assert_int_equal(node_with(shop, OH_BYTES_NONE, OH_BYTES_NONE, (struct oh_bytes){ longest, size }),
                         size <= OH_TEXT_SIZE_MAX ? OH_OK_DONE : OH_V_INVALID_VALUE);
    for (size_t size = 0; size <= OH_ID_SIZE_MAX + 1; size++) {
        struct oh_command command = { .type = OH_COMMAND_ITEM, .item = { .sku = { longest, size } } };
        bool is_id = size >= 1 && size <= OH_ID_SIZE_MAX;
        if (size > 3 && size < OH_ID_SIZE_MAX - 1)
            continue;
        assert_int_equal(shop_do(shop, &command), is_id ? OH_OK_DONE : OH_V_INVALID_ID);
    }
    shop_close(shop);
}

/* ---- What is refused -------------------------------------------------------------------------- */

static void test_reference_data_refuses_more_members_than_there_may_be(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    static struct oh_bytes names[OH_GROUP_NODES_MAX + 1];
    struct oh_command channel = { .type = OH_COMMAND_CHANNEL }, group = { .type = OH_COMMAND_GROUP };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        names[i] = OH_BYTES("none");
    group.group = (struct oh_group_command){ OH_BYTES("g"), OH_BYTES_NONE, names, OH_GROUP_NODES_MAX + 1 };
    assert_int_equal(shop_do(shop, &group), OH_V_TOO_MANY);
    group.group.node_count--;
    assert_int_equal(shop_do(shop, &group), OH_V_UNKNOWN_NODE);
    channel.channel = (struct oh_channel_command){ .channel = OH_BYTES("c"), .nodes = names, .groups = names };
    channel.channel.node_count = OH_CHANNEL_MEMBERS_MAX + 1;
    assert_int_equal(shop_do(shop, &channel), OH_V_TOO_MANY);
    channel.channel.node_count = OH_CHANNEL_MEMBERS_MAX;
    channel.channel.group_count = 1;
    assert_int_equal(shop_do(shop, &channel), OH_V_TOO_MANY);
    channel.channel.group_count = 0;
    assert_int_equal(shop_do(shop, &channel), OH_V_UNKNOWN_NODE);
    shop_close(shop);
}

static void test_reference_data_rule_names_the_value_that_is_out_of_range(void **state)
{
    (void)state;
    static const struct { uint32_t attribute; int64_t least; enum oh_field field; } rows[] = {
        { OH_RULE_SAFETY_STOCK, 0, OH_FIELD_SAFETY_STOCK },       { OH_RULE_THRESHOLD, 0, OH_FIELD_THRESHOLD },
        { OH_RULE_MIN_QUANTITY, 1, OH_FIELD_MIN_QUANTITY },       { OH_RULE_MAX_QUANTITY, 1, OH_FIELD_MAX_QUANTITY },
        { OH_RULE_INCREMENT, 1, OH_FIELD_INCREMENT },             { OH_RULE_LOW_STOCK, 0, OH_FIELD_LOW_STOCK },
        { OH_RULE_BACKORDER_LIMIT, 0, OH_FIELD_BACKORDER_LIMIT },
    };
    struct shop *shop = shop_open(NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int64_t values[] = { rows[i].least - 1, rows[i].least, OH_QUANTITY_MILLI_MAX, OH_QUANTITY_MILLI_MAX + 1 };
        for (size_t v = 0; v < 4; v++) {
            struct oh_command command = { .type = OH_COMMAND_RULE };
            command.rule.rule = OH_BYTES("r");
            command.rule.values = (struct oh_rule_values){
                rows[i].attribute, values[v], values[v], values[v], values[v], values[v], values[v], values[v],
                false, false, false };
            bool is_right = v == 1 || v == 2;
            assert_int_equal(shop_do(shop, &command), is_right ? OH_OK_DONE : OH_V_INVALID_QUANTITY);
            assert_int_equal(shop->answer.field, is_right ? OH_FIELD_NONE : rows[i].field);
        }
    }
    assert_int_equal(shop_rule(shop, "r", "", "", "", 1u << 10, 0), OH_V_INVALID_QUANTITY);
    assert_int_equal(shop->answer.field, OH_FIELD_VALUES);
    assert_int_equal(shop_rule(shop, "r", "", "", "nowhere", OH_RULE_THRESHOLD, 1), OH_V_UNKNOWN_CHANNEL);
    shop_close(shop);
}

static void test_reference_data_finds_nothing_that_is_not_there(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_item_id item = { 7 };
    struct oh_node_id node = { 7 };
    struct oh_group_id group = { 7 };
    struct oh_channel_id channel = { 7 };
    struct oh_effect_rule rule;
    struct oh_effect_fence fence;
    struct oh_effect_supply supply;
    struct oh_effect_import import;
    struct oh_reservation_id reservation = { 7 };
    int64_t live;
    struct oh_bytes name = OH_BYTES("nothing");
    assert_false(oh_item_find(shop->ledger, name, &item));
    assert_false(oh_node_find(shop->ledger, name, &node));
    assert_false(oh_group_find(shop->ledger, name, &group));
    assert_false(oh_channel_find(shop->ledger, name, &channel));
    assert_false(oh_rule_get(shop->ledger, name, &rule));
    assert_false(oh_fence_get(shop->ledger, name, &fence, &live));
    assert_false(oh_supply_get(shop->ledger, name, &supply));
    assert_false(oh_import_get(shop->ledger, name, &import));
    assert_false(oh_reservation_find(shop->ledger, name, &reservation));
    assert_true(item.index == 7 && node.index == 7 && group.index == 7 && channel.index == 7);
    assert_int_equal(reservation.index, 7);
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    assert_true(oh_channel_find(shop->ledger, OH_BYTES("c"), &channel));
    assert_true(oh_bytes_equal(oh_channel_name(shop->ledger, channel), OH_BYTES("c")));
    shop_close(shop);
}

static void test_reference_data_supply_and_fence_are_put_replaced_and_removed(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    int64_t eta_us = SHOP_NOW_US + SHOP_DAY_US;
    shop_item(shop, "s");
    shop_item(shop, "t");
    shop_node(shop, "n");
    shop_channel(shop, "c", OH_POLICY_PRIORITY, "", "");
    assert_int_equal(shop_supply(shop, "p", "", "", 0, 0), OH_V_UNKNOWN_SUPPLY);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 0, 0), OH_V_UNCHANGED);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, eta_us), OH_OK_DONE);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, eta_us), OH_V_UNCHANGED);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 1, eta_us + 1), OH_OK_DONE);
    assert_int_equal(shop_supply(shop, "p", "s", "n", 2, eta_us + 1), OH_OK_DONE);
    assert_int_equal(shop_supply(shop, "q", "s", "n", 3, eta_us + 1), OH_OK_DONE);
    assert_int_equal(shop_supply(shop, "p", "t", "n", 2, eta_us + 1), OH_OK_DONE);
    assert_int_equal(shop_ask(shop, "s", "n", "", OH_KIND_ANY).supply_milli, 3000);
    assert_int_equal(shop_supply(shop, "q", "", "", 0, 0), OH_OK_DONE);
    assert_int_equal(shop_ask(shop, "s", "n", "", OH_KIND_ANY).supply_eta_us, OH_TIME_US_NONE);
    assert_int_equal(shop_fence(shop, "f", "", "", "", 0, OH_FENCE_REGULAR), OH_V_UNKNOWN_FENCE);
    assert_int_equal(shop_fence(shop, "f", "s", "n", "c", 0, OH_FENCE_REGULAR), OH_V_UNCHANGED);
    assert_int_equal(shop_fence(shop, "f", "s", "n", "c", 1, OH_FENCE_REGULAR), OH_OK_DONE);
    assert_int_equal(shop_fence(shop, "g", "s", "n", "c", 1, OH_FENCE_REGULAR), OH_V_RULE_CONFLICT);
    assert_int_equal(shop_fence(shop, "f", "t", "n", "c", 1, OH_FENCE_REGULAR), OH_OK_DONE);
    assert_int_equal(shop_fence(shop, "g", "s", "n", "c", 1, OH_FENCE_REGULAR), OH_OK_DONE);
    assert_int_equal(shop_fence(shop, "f", "s", "n", "c", 1, OH_FENCE_REGULAR), OH_V_RULE_CONFLICT);
    assert_int_equal(shop_fence(shop, "g", "", "", "", 0, OH_FENCE_REGULAR), OH_OK_DONE);
    assert_int_equal(shop_stats(shop).fences, 1);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_data_node_is_unchanged_only_when_every_field_is_the_same),
        cmocka_unit_test(test_reference_data_group_put_over_other_priorities_is_a_change),
        cmocka_unit_test(test_reference_data_channel_is_unchanged_only_when_every_field_is_the_same),
        cmocka_unit_test(test_reference_data_group_keeps_members_whose_numbers_are_high),
        cmocka_unit_test(test_reference_data_takes_numbers_with_a_right_check_digit),
        cmocka_unit_test(test_reference_data_takes_countries_of_two_capitals),
        cmocka_unit_test(test_reference_data_files_postal_codes_without_blanks_in_capitals),
        cmocka_unit_test(test_reference_data_finds_a_destination_by_its_outward_part),
        cmocka_unit_test(test_reference_data_takes_names_that_can_be_printed),
        cmocka_unit_test(test_reference_data_refuses_more_members_than_there_may_be),
        cmocka_unit_test(test_reference_data_rule_names_the_value_that_is_out_of_range),
        cmocka_unit_test(test_reference_data_finds_nothing_that_is_not_there),
        cmocka_unit_test(test_reference_data_supply_and_fence_are_put_replaced_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
