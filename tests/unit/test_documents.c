/*
 * test_documents.c - documents, classes of items and what is kept of a promise: what the ledger takes, keeps and lends
 * (docs/spec/promise.md, DO1 to DO4).
 */
#include "support/shop.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum oh_verdict put(struct shop *shop, enum oh_document_kind kind, const char *id, struct oh_bytes body)
{
    struct oh_command command = { .type = OH_COMMAND_DOCUMENT, .document = { kind, oh_bytes_of(id), body } };
    return shop_do(shop, &command);
}

static enum oh_verdict put_text(struct shop *shop, enum oh_document_kind kind, const char *id, const char *body)
{
    return put(shop, kind, id, oh_bytes_of(body));
}

static struct oh_bytes body_of(const struct shop *shop, enum oh_document_kind kind, const char *id)
{
    struct oh_bytes body = OH_BYTES_NONE;
    uint64_t version;
    (void)oh_document_get(shop->ledger, kind, oh_bytes_of(id), &body, &version);
    return body;
}

/* What no ledger has written, into one like it. */
static enum oh_err replay_effect(const struct shop *shop, const struct oh_effect *effect)
{
    struct oh_diag diag = { "" };
    struct oh_record record = { oh_ledger_seq(shop->replica) + 1, shop->now_us, effect, 1 };
    return oh_ledger_replay(shop->replica, &record, &diag);
}

static enum oh_err replay(const struct shop *shop, enum oh_document_kind kind, const char *id, struct oh_bytes body)
{
    struct oh_effect effect = { .type = OH_EFFECT_DOCUMENT };
    effect.document = (struct oh_document_command){ kind, oh_bytes_of(id), body };
    return replay_effect(shop, &effect);
}

static void test_documents_are_kept_as_they_came(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    uint64_t version = oh_documents_version(shop->ledger);
    assert_int_equal(put_text(shop, OH_DOCUMENT_CALENDAR, "c", "{ }"), OH_OK_DONE);
    assert_true(shop->answer.is_created);
    assert_true(oh_documents_version(shop->ledger) > version);
    version = oh_documents_version(shop->ledger);
    assert_int_equal(put_text(shop, OH_DOCUMENT_CALENDAR, "c", "{ }"), OH_V_UNCHANGED);
    assert_int_equal(oh_documents_version(shop->ledger), version);
    assert_int_equal(put_text(shop, OH_DOCUMENT_ZONE, "c", "{\"matches\":[]}"), OH_OK_DONE); /* another kind */
    assert_int_equal(put_text(shop, OH_DOCUMENT_CALENDAR, "c", "{}"), OH_OK_DONE);
    assert_false(shop->answer.is_created);
    assert_true(oh_bytes_equal(body_of(shop, OH_DOCUMENT_CALENDAR, "c"), OH_BYTES("{}")));
    assert_true(oh_bytes_equal(body_of(shop, OH_DOCUMENT_ZONE, "c"), OH_BYTES("{\"matches\":[]}")));
    assert_int_equal(put_text(shop, OH_DOCUMENT_CALENDAR, "c", ""), OH_OK_DONE);
    assert_int_equal(body_of(shop, OH_DOCUMENT_CALENDAR, "c").size, 0);
    assert_int_equal(put_text(shop, OH_DOCUMENT_CALENDAR, "c", ""), OH_V_UNKNOWN_DOCUMENT);
    shop_close(shop);
}

static void test_documents_are_of_nodes_and_channels_that_there_are(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    char id[OH_ID_SIZE_MAX + 2];
    memset(id, 'x', sizeof(id));
    id[OH_ID_SIZE_MAX + 1] = '\0';
    assert_int_equal(put_text(shop, OH_DOCUMENT_SCHEDULE, "n", "{}"), OH_V_UNKNOWN_NODE);
    assert_int_equal(put_text(shop, OH_DOCUMENT_SOURCING, "web", "{}"), OH_V_UNKNOWN_CHANNEL);
    shop_node(shop, "n");
    shop_channel(shop, "web", OH_POLICY_PRIORITY, "n", "");
    assert_int_equal(put_text(shop, OH_DOCUMENT_SCHEDULE, "n", "{}"), OH_OK_DONE);
    assert_int_equal(put_text(shop, OH_DOCUMENT_SOURCING, "web", "{}"), OH_OK_DONE);
    assert_int_equal(put_text(shop, (enum oh_document_kind)OH_DOCUMENT_KIND_COUNT, "c", "{}"), OH_V_INVALID_VALUE);
    assert_int_equal(put_text(shop, OH_DOCUMENT_LANE, id, "{}"), OH_V_INVALID_ID);
    id[OH_ID_SIZE_MAX] = '\0';
    assert_int_equal(put_text(shop, OH_DOCUMENT_LANE, id, "{}"), OH_OK_DONE);
    shop_close(shop);
}

static void test_documents_have_a_limit_in_size_and_in_number(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    char *text = malloc(OH_DOCUMENT_SIZE_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', OH_DOCUMENT_SIZE_MAX + 1);
    struct oh_bytes body = { text, OH_DOCUMENT_SIZE_MAX };
    assert_int_equal(put(shop, OH_DOCUMENT_ZONE, "z", body), OH_OK_DONE);
    body.size++;
    assert_int_equal(put(shop, OH_DOCUMENT_ZONE, "z", body), OH_V_TOO_MANY);
    uint32_t most = oh_document_kind_max(OH_DOCUMENT_SERVICE);
    char id[16];
    for (uint32_t i = 0; i <= most; i++) {
        (void)snprintf(id, sizeof(id), "s%u", (unsigned)i);
        assert_int_equal(put_text(shop, OH_DOCUMENT_SERVICE, id, "{}"), i < most ? OH_OK_DONE : OH_V_LEDGER_FULL);
    }
    assert_int_equal(put_text(shop, OH_DOCUMENT_SERVICE, "s7", "{ }"), OH_OK_DONE); /* replaced, not added */
    assert_int_equal(put_text(shop, OH_DOCUMENT_SERVICE, "s8", ""), OH_OK_DONE);
    assert_int_equal(put_text(shop, OH_DOCUMENT_SERVICE, id, "{}"), OH_OK_DONE);
    assert_int_equal(replay(shop, OH_DOCUMENT_ZONE, "z", body), OH_E_CORRUPT);
    assert_int_equal(replay(shop, OH_DOCUMENT_SERVICE, "one more", OH_BYTES("{}")), OH_E_CORRUPT);
    free(text);
    shop_drop(shop);
}

static void test_documents_are_listed_page_by_page(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    put_text(shop, OH_DOCUMENT_LANE, "a", "{}");
    put_text(shop, OH_DOCUMENT_ZONE, "z", "{}");
    put_text(shop, OH_DOCUMENT_LANE, "gone", "{}");
    put_text(shop, OH_DOCUMENT_LANE, "b", "{ }");
    put_text(shop, OH_DOCUMENT_LANE, "gone", "");
    struct oh_document_view views[4];
    uint32_t cursor = 0;
    assert_int_equal(oh_document_list(shop->ledger, OH_DOCUMENT_LANE, 1, &cursor, views), 1);
    assert_true(oh_bytes_equal(views[0].id, OH_BYTES("a")));
    assert_int_not_equal(cursor, 0);
    uint32_t same = 0;
    assert_true(oh_document_cursor(shop->ledger, OH_DOCUMENT_LANE, OH_BYTES("a"), &same));
    assert_false(oh_document_cursor(shop->ledger, OH_DOCUMENT_LANE, OH_BYTES("gone"), &same));
    assert_int_equal(same, cursor);
    assert_int_equal(oh_document_list(shop->ledger, OH_DOCUMENT_LANE, 4, &cursor, views), 1);
    assert_true(oh_bytes_equal(views[0].body, OH_BYTES("{ }")));
    assert_int_equal(cursor, 0);
    shop_close(shop);
}

/* ---- Classes and traits ----------------------------------------------------------------------- */

static enum oh_verdict item(struct shop *shop, const char *sku, const char *class, uint32_t weight_grams)
{
    struct oh_command command = { .type = OH_COMMAND_ITEM };
    command.item = (struct oh_item_command){ .sku = oh_bytes_of(sku), .class = oh_bytes_of(class),
                                             .weight_grams = weight_grams };
    return shop_do(shop, &command);
}

static struct oh_item_traits traits_of(const struct shop *shop, const char *sku)
{
    struct oh_item_traits traits;
    oh_item_traits(shop->ledger, shop_item_id(shop, sku), &traits);
    return traits;
}

static void test_items_have_traits_and_may_lose_them(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    item(shop, "a", "large", 500);
    item(shop, "b", "", 0);
    item(shop, "c", "large", 0);
    item(shop, "d", "", 70);
    struct oh_command big = { .type = OH_COMMAND_ITEM };
    big.item = (struct oh_item_command){ .sku = OH_BYTES("e"), .side_mm = 7 };
    assert_int_equal(shop_do(shop, &big), OH_OK_DONE);
    big.item = (struct oh_item_command){ .sku = OH_BYTES("f"), .volume_cm3 = 7 };
    assert_int_equal(shop_do(shop, &big), OH_OK_DONE);
    assert_int_equal(traits_of(shop, "f").volume_cm3, 7);
    assert_int_equal(traits_of(shop, "a").weight_grams, 500);
    assert_int_equal(traits_of(shop, "a").class_index, traits_of(shop, "c").class_index);
    assert_int_equal(traits_of(shop, "b").class_index, 0);
    assert_int_equal(traits_of(shop, "d").class_index, 0);
    assert_int_equal(oh_class_count(shop->ledger), 1);
    uint32_t index = 0;
    assert_true(oh_class_find(shop->ledger, OH_BYTES("large"), &index));
    assert_true(oh_bytes_equal(oh_class_name(shop->ledger, index), OH_BYTES("large")));
    assert_int_equal(oh_class_name(shop->ledger, 0).size, 0);
    assert_false(oh_class_find(shop->ledger, OH_BYTES("small"), &index));
    assert_int_equal(item(shop, "a", "small", 500), OH_OK_DONE);
    assert_int_equal(item(shop, "a", "", 0), OH_OK_DONE);
    assert_int_equal(traits_of(shop, "a").weight_grams, 0);
    assert_int_equal(item(shop, "a", "", 0), OH_V_UNCHANGED);
    struct oh_item_command value;
    oh_item_get(shop->ledger, shop_item_id(shop, "c"), &value);
    assert_true(oh_bytes_equal(value.class, OH_BYTES("large")));
    shop_close(shop);
}

static void test_traits_have_limits(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_item_command most = { .sku = OH_BYTES("a"), .class = OH_BYTES("c"), .weight_grams = OH_WEIGHT_GRAMS_MAX,
                                    .side_mm = OH_SIDE_MM_MAX, .volume_cm3 = OH_VOLUME_CM3_MAX };
    struct oh_command command = { .type = OH_COMMAND_ITEM, .item = most };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_int_equal(shop_do(shop, &command), OH_V_UNCHANGED);
    struct oh_item_command wrong[4] = { most, most, most, most };
    const enum oh_field fields[4] = { OH_FIELD_CLASS, OH_FIELD_WEIGHT, OH_FIELD_SIDE, OH_FIELD_VOLUME };
    wrong[0].class = OH_BYTES("a\nb");
    wrong[1].weight_grams++;
    wrong[2].side_mm++;
    wrong[3].volume_cm3++;
    for (uint32_t i = 0; i < 4; i++) {
        command.item = wrong[i];
        assert_int_equal(shop_do(shop, &command), OH_V_INVALID_VALUE);
        assert_int_equal(shop->answer.field, fields[i]);
    }
    struct oh_item_command less[3] = { most, most, most };
    less[0].weight_grams--;
    less[1].side_mm--;
    less[2].volume_cm3--;
    for (uint32_t i = 0; i < 3; i++) { /* each is a change of the one before */
        command.item = less[i];
        assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
        assert_int_equal(shop_do(shop, &command), OH_V_UNCHANGED);
        command.item = most;
        assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    }
    shop_close(shop);
}

static void test_keys_tell_documents_and_traits_apart(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    struct oh_command command = { .type = OH_COMMAND_DOCUMENT, .key = OH_BYTES("k") };
    command.document = (struct oh_document_command){ OH_DOCUMENT_ZONE, OH_BYTES("z"), OH_BYTES("{}") };
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_int_equal(shop_do(shop, &command), OH_OK_DONE);
    assert_true(shop->answer.is_repeat);
    command.document.body = OH_BYTES("{ }");
    assert_int_equal(shop_do(shop, &command), OH_V_IDEMPOTENCY_MISMATCH);
    command.document.body = OH_BYTES("{}");
    command.document.kind = OH_DOCUMENT_LANE;
    assert_int_equal(shop_do(shop, &command), OH_V_IDEMPOTENCY_MISMATCH);
    struct oh_command other = { .type = OH_COMMAND_ITEM, .key = OH_BYTES("i") };
    other.item = (struct oh_item_command){ .sku = OH_BYTES("a"), .weight_grams = 1 };
    assert_int_equal(shop_do(shop, &other), OH_OK_DONE);
    other.item.side_mm = 1;
    assert_int_equal(shop_do(shop, &other), OH_V_IDEMPOTENCY_MISMATCH);
    shop_close(shop);
}

static void test_what_no_ledger_has_written_is_refused(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    char *text = calloc(OH_PROMISE_SIZE_MAX + 1, 1);
    assert_non_null(text);
    shop_item(shop, "s");
    shop_node(shop, "n");
    shop_adjust(shop, "s", "n", 1);
    shop_reserve(shop, "R", "", "s=1@n");
    struct oh_effect promise = { .type = OH_EFFECT_PROMISE, .promise = { OH_BYTES("R"), OH_BYTES_NONE } };
    assert_int_equal(replay_effect(shop, &promise), OH_E_CORRUPT);
    promise.promise.body = (struct oh_bytes){ text, OH_PROMISE_SIZE_MAX + 1 };
    assert_int_equal(replay_effect(shop, &promise), OH_E_CORRUPT);
    struct oh_ledger *ledger = shop_ledger_create(NULL);
    struct oh_diag diag = { "" };
    struct oh_effect head = { .type = OH_EFFECT_HEAD, .head = { 9, shop->now_us, 0, OH_TIME_US_NONE } };
    struct oh_effect removal = { .type = OH_EFFECT_DOCUMENT };
    removal.document = (struct oh_document_command){ OH_DOCUMENT_ZONE, OH_BYTES("z"), OH_BYTES_NONE };
    assert_int_equal(oh_ledger_restore(ledger, &head, &diag), OH_OK);
    assert_int_equal(oh_ledger_restore(ledger, &removal, &diag), OH_E_CORRUPT); /* a snapshot removes nothing */
    oh_ledger_destroy(&ledger);
    free(text);
    shop_drop(shop);
}

static void test_classes_have_a_limit(void **state)
{
    (void)state;
    struct shop *shop = shop_open(NULL);
    char class[16];
    for (uint32_t i = 0; i <= OH_CLASSES_MAX; i++) {
        (void)snprintf(class, sizeof(class), "c%u", (unsigned)i);
        assert_int_equal(item(shop, "a", class, 1), i < OH_CLASSES_MAX ? OH_OK_DONE : OH_V_LEDGER_FULL);
    }
    assert_int_equal(item(shop, "b", "c7", 1), OH_OK_DONE);
    assert_int_equal(item(shop, "b", "", 1), OH_OK_DONE);
    struct oh_effect effect = { .type = OH_EFFECT_ITEM };
    effect.item = (struct oh_effect_item){ 0, { .sku = OH_BYTES("a"), .class = OH_BYTES("one more") } };
    assert_int_equal(replay_effect(shop, &effect), OH_E_CORRUPT);
    shop_drop(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_are_kept_as_they_came),
        cmocka_unit_test(test_documents_are_of_nodes_and_channels_that_there_are),
        cmocka_unit_test(test_documents_have_a_limit_in_size_and_in_number),
        cmocka_unit_test(test_documents_are_listed_page_by_page),
        cmocka_unit_test(test_items_have_traits_and_may_lose_them),
        cmocka_unit_test(test_traits_have_limits),
        cmocka_unit_test(test_keys_tell_documents_and_traits_apart),
        cmocka_unit_test(test_what_no_ledger_has_written_is_refused),
        cmocka_unit_test(test_classes_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
