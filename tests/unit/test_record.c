#include "codec/record.h"
#include "base/prng.h"
#include "support/failing_malloc.h"
#include "support/random_effects.h"
#include "support/test.h"
#include <stdlib.h>
#include <string.h>

#define NOW_US          INT64_C(1795352400123456)
#define BUFFER_SIZE_MAX (4u << 20)

static struct random_record made;

static void encode(const struct oh_record *record, struct oh_strbuf *out)
{
    oh_strbuf_clear(out);
    assert_int_equal(oh_record_encode(record, out), OH_OK);
}

/* Bytes in memory of their own exact size, so that a sanitizer sees a read past them. */
static char *exact_copy(struct oh_bytes bytes)
{
    char *copy = malloc(bytes.size == 0 ? 1 : bytes.size);
    assert_non_null(copy);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return copy;
}

static enum oh_err decode(const char *data, size_t size, struct oh_record_decoder *decoder,
                          struct oh_record *out_record)
{
    char *copy = exact_copy((struct oh_bytes){ data, size });
    enum oh_err err = oh_record_decode((struct oh_bytes){ copy, size }, decoder, out_record);
    free(copy);
    return err;
}

static void test_record_reads_back_every_field_it_wrote(void **state)
{
    (void)state;
    struct oh_prng prng;
    struct oh_strbuf bytes;
    struct oh_strbuf again;
    struct oh_record_decoder decoder;
    oh_prng_init(&prng, 1);
    oh_strbuf_init(&bytes, BUFFER_SIZE_MAX);
    oh_strbuf_init(&again, BUFFER_SIZE_MAX);
    oh_record_decoder_init(&decoder, 0);
    for (int i = 0; i < 20000; i++) {
        struct oh_record read;
        random_record_make(&prng, &made);
        encode(&made.record, &bytes);
        assert_int_equal(oh_record_decode(oh_strbuf_bytes(&bytes), &decoder, &read), OH_OK);
        assert_true(records_are_equal(&made.record, &read));
        encode(&read, &again);
        assert_true(oh_bytes_equal(oh_strbuf_bytes(&bytes), oh_strbuf_bytes(&again)));
    }
    oh_record_decoder_fini(&decoder);
    oh_strbuf_fini(&again);
    oh_strbuf_fini(&bytes);
}

static void test_record_reads_back_every_object_it_wrote(void **state)
{
    (void)state;
    struct oh_prng prng;
    struct oh_strbuf bytes;
    struct oh_record_decoder decoder;
    oh_prng_init(&prng, 2);
    oh_strbuf_init(&bytes, BUFFER_SIZE_MAX);
    oh_record_decoder_init(&decoder, 0);
    for (unsigned i = 0; i < 20000; i++) {
        struct oh_effect read;
        random_effect_make(&prng, (enum oh_effect_type)(1 + i % OH_EFFECT_TRANSIT), &made);
        oh_strbuf_clear(&bytes);
        assert_int_equal(oh_object_encode(&made.effects[0], &bytes), OH_OK);
        assert_int_equal(oh_object_decode(oh_strbuf_bytes(&bytes), &decoder, &read), OH_OK);
        assert_true(effects_are_equal(&made.effects[0], &read));
        assert_int_equal(oh_object_decode((struct oh_bytes){ bytes.data, bytes.size - 1 }, &decoder, &read),
                         OH_E_CORRUPT);
    }
    oh_record_decoder_fini(&decoder);
    oh_strbuf_fini(&bytes);
}

static void test_record_refuses_every_prefix_of_a_record(void **state)
{
    (void)state;
    struct oh_prng prng;
    struct oh_strbuf bytes;
    struct oh_record_decoder decoder;
    oh_prng_init(&prng, 3);
    oh_strbuf_init(&bytes, BUFFER_SIZE_MAX);
    oh_record_decoder_init(&decoder, 0);
    for (int i = 0; i < 100; i++) {
        random_record_make(&prng, &made);
        encode(&made.record, &bytes);
        for (size_t size = 0; size < bytes.size; size++) {
            struct oh_record read = { .seq = 77 };
            assert_int_equal(decode(bytes.data, size, &decoder, &read), OH_E_CORRUPT);
            assert_int_equal(read.seq, 77);
        }
    }
    oh_record_decoder_fini(&decoder);
    oh_strbuf_fini(&bytes);
}

/* What a changed byte decodes to may be wrong (frames have checksums) but is always within bounds. */
static void test_record_survives_any_changed_byte_and_any_bytes(void **state)
{
    (void)state;
    struct oh_prng prng;
    struct oh_strbuf bytes;
    struct oh_strbuf again;
    struct oh_record_decoder decoder;
    struct oh_record read;
    char noise[300];
    oh_prng_init(&prng, 4);
    oh_strbuf_init(&bytes, BUFFER_SIZE_MAX);
    oh_strbuf_init(&again, BUFFER_SIZE_MAX);
    oh_record_decoder_init(&decoder, 0);
    for (int i = 0; i < 200; i++) {
        random_record_make(&prng, &made);
        encode(&made.record, &bytes);
        for (size_t at = 0; at < bytes.size; at++) {
            char *copy = exact_copy(oh_strbuf_bytes(&bytes));
            copy[at] = (char)oh_prng_next(&prng);
            if (oh_record_decode((struct oh_bytes){ copy, bytes.size }, &decoder, &read) == OH_OK)
                encode(&read, &again);
            free(copy);
        }
    }
    for (int i = 0; i < 200000; i++) {
        size_t size = (size_t)oh_prng_below(&prng, sizeof(noise));
        for (size_t at = 0; at < size; at++)
            noise[at] = (char)(oh_prng_next(&prng) >> oh_prng_below(&prng, 8));
        if (size > 0)
            noise[0] = OH_RECORD_VERSION;
        (void)!decode(noise, size, &decoder, &read);
    }
    oh_record_decoder_fini(&decoder);
    oh_strbuf_fini(&again);
    oh_strbuf_fini(&bytes);
}

/* A customer's usual reservation: one line, held for half an hour, under an idempotency key. */
static void usual_reservation(struct oh_effect effects[3])
{
    effects[0] = (struct oh_effect){ .type = OH_EFFECT_RESERVATION,
                                     .reservation = { .id = OH_BYTES("r-0123456789abcdef"),
                                                      .customer = OH_BYTES("c-104711"),
                                                      .kind = OH_KIND_COLLECT,
                                                      .channel = 1,
                                                      .created_at_us = NOW_US,
                                                      .expires_at_us = NOW_US + INT64_C(1800000000),
                                                      .ended_at_us = OH_TIME_US_NONE } };
    effects[1] = (struct oh_effect){ .type = OH_EFFECT_CLAIM,
                                     .claim = { .due_at_us = OH_TIME_US_NONE, .id = OH_BYTES("r-0123456789abcdef"),
                                                .line = 1,
                                                .item = 1234567,
                                                .node = 812,
                                                .quantity_milli = 2000,
                                                .held_milli = 2000 } };
    effects[2] = (struct oh_effect){ .type = OH_EFFECT_KEY,
                                     .key = { .key = OH_BYTES("k5b2b7c9e-cart-104711"),
                                              .fingerprint = UINT64_C(0x1122334455667788),
                                              .seq = 1000000,
                                              .at_us = NOW_US,
                                              .answer = OH_BYTES("ab") } };
}

static void test_record_of_one_line_takes_at_most_100_bytes(void **state)
{
    (void)state;
    struct oh_effect effects[3];
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, 4096);
    usual_reservation(effects);
    encode(&(struct oh_record){ 1000000, NOW_US, effects, 2 }, &bytes);
    assert_in_range(bytes.size, 1, 70);
    encode(&(struct oh_record){ 1000000, NOW_US, effects, 3 }, &bytes);
    assert_in_range(bytes.size, 1, 110);
    oh_strbuf_fini(&bytes);
}

static void test_record_has_these_bytes_in_version_1(void **state)
{
    (void)state;
    static const unsigned char expected[] = {
        1,    0xac, 0x02, 0x80, 0x89, 0x7a, 2, /* version, seq 300, at 1 s, 2 effects */
        12,   9,    0x09, 2,    'r',  '7',  2,    0,
        0x80, 0x89, 0x7a,                               /* cart, channel 1, created now, until + 1 s */
        13,   8,    0x39, 1,    7,    0,    0xb8, 0x17,
        0xe8, 0x07,                                     /* ended, 0.5 expired, of the same id; line 1 */
    };
    struct oh_effect effects[2] = {
        { .type = OH_EFFECT_RESERVATION,
          .reservation = { .id = OH_BYTES("r7"),
                           .kind = OH_KIND_CART,
                           .channel = 1,
                           .created_at_us = 1000000,
                           .expires_at_us = 2000000,
                           .ended_at_us = OH_TIME_US_NONE } },
        { .type = OH_EFFECT_CLAIM,
          .claim = { .due_at_us = OH_TIME_US_NONE, .id = OH_BYTES("r7"),
                     .line = 1,
                     .item = 6,
                     .node = OH_NODE_NONE,
                     .quantity_milli = 1500,
                     .expired_milli = 500 } },
    };
    struct oh_strbuf bytes;
    oh_strbuf_init(&bytes, 4096);
    encode(&(struct oh_record){ 300, 1000000, effects, 2 }, &bytes);
    assert_int_equal(bytes.size, sizeof(expected));
    assert_memory_equal(bytes.data, expected, sizeof(expected));
    oh_strbuf_fini(&bytes);
}

static void test_record_is_of_a_later_version_when_it_has_something_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum oh_err err;
    } rows[] = {
#define ROW(text, err) { text, sizeof(text) - 1, err }
        ROW("\x01\x01\x00\x01\x0f\x02\x00\x00", OH_OK),            /* extend, no expiry, id "" */
        ROW("\x02\x01\x00\x01\x0f\x02\x00\x00", OH_E_VERSION),     /* format version 2 */
        ROW("\x01\x01\x00\x01\x19\x02\x00\x00", OH_E_VERSION),     /* effect type 25 */
        ROW("\x01\x01\x00\x01\x00\x02\x00\x00", OH_E_VERSION),     /* effect type 0 */
        ROW("\x01\x01\x00\x01\x0f\x02\x08\x00", OH_E_VERSION),     /* an unknown flag */
        ROW("\x01\x01\x00\x01\x0f\x03\x00\x00\x00", OH_E_VERSION), /* one more field */
        ROW("\x01\x01\x00\x01\x0f\x01\x00\x00", OH_E_CORRUPT),     /* a field less, a byte between effects */
        ROW("\x01\x01\x00\x01\x0f\x02\x00\x00\x00", OH_E_CORRUPT), /* a byte behind the last effect */
        ROW("\x01\x01\x00\x00", OH_E_CORRUPT),                     /* no effects */
        ROW("\x01\x01\x00\x02\x0f\x02\x00\x00", OH_E_CORRUPT),     /* one effect too few */
        ROW("\x01\x01\x00\x01\x0f\x03\x00\x80\x00", OH_E_CORRUPT), /* a number longer than needed */
        ROW("", OH_E_CORRUPT),
#undef ROW
    };
    struct oh_record_decoder decoder;
    oh_record_decoder_init(&decoder, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oh_record read;
        assert_int_equal(decode(rows[i].bytes, rows[i].size, &decoder, &read), rows[i].err);
    }
    oh_record_decoder_fini(&decoder);
}

static void test_record_carries_the_largest_group_and_channel(void **state)
{
    (void)state;
    static uint16_t nodes[OH_GROUP_NODES_MAX];
    static int32_t priorities[OH_GROUP_NODES_MAX];
    for (uint32_t i = 0; i < OH_GROUP_NODES_MAX; i++) {
        nodes[i] = (uint16_t)(OH_GROUP_NODES_MAX - i);
        priorities[i] = (i % 2 == 0) ? INT32_MIN : INT32_MAX;
    }
    struct oh_effect effects[2] = {
        { .type = OH_EFFECT_GROUP,
          .group = { .group = OH_BYTES("all"),
                     .nodes = nodes,
                     .priorities = priorities,
                     .node_count = OH_GROUP_NODES_MAX } },
        { .type = OH_EFFECT_CHANNEL,
          .channel = { .channel = OH_BYTES("web"),
                       .nodes = nodes,
                       .node_count = OH_CHANNEL_MEMBERS_MAX,
                       .groups = nodes,
                       .group_count = 1 } },
    };
    struct oh_record record = { 1, 2, effects, 2 };
    struct oh_strbuf bytes;
    struct oh_record_decoder decoder;
    struct oh_record read;
    oh_strbuf_init(&bytes, BUFFER_SIZE_MAX);
    oh_record_decoder_init(&decoder, 0);
    encode(&record, &bytes);
    assert_int_equal(oh_record_decode(oh_strbuf_bytes(&bytes), &decoder, &read), OH_OK);
    assert_true(records_are_equal(&record, &read));
    oh_record_decoder_fini(&decoder);
    oh_strbuf_fini(&bytes);
}

static void test_record_leaves_the_buffer_as_it_was_when_it_does_not_fit(void **state)
{
    (void)state;
    struct oh_effect effects[3];
    struct oh_strbuf bytes;
    usual_reservation(effects);
    for (size_t size_max = 1; size_max < 500; size_max++) {
        oh_strbuf_init(&bytes, size_max);
        oh_strbuf_put_char(&bytes, 'x');
        enum oh_err err = oh_record_encode(&(struct oh_record){ 1, NOW_US, effects, 3 }, &bytes);
        assert_true(err == OH_OK || (err == OH_E_TOO_LARGE && bytes.size == 1));
        assert_false(bytes.is_overflowed);
        assert_int_equal(bytes.data[0], 'x');
        oh_strbuf_fini(&bytes);
    }
}

static void test_record_is_refused_when_larger_than_the_decoder_reads(void **state)
{
    (void)state;
    struct oh_effect effects[3];
    struct oh_strbuf bytes;
    struct oh_record_decoder decoder;
    struct oh_record read;
    oh_strbuf_init(&bytes, 4096);
    usual_reservation(effects);
    encode(&(struct oh_record){ 1, NOW_US, effects, 3 }, &bytes);
    oh_record_decoder_init(&decoder, bytes.size - 1);
    assert_int_equal(oh_record_decode(oh_strbuf_bytes(&bytes), &decoder, &read), OH_E_TOO_LARGE);
    decoder.size_max = bytes.size;
    assert_int_equal(oh_record_decode(oh_strbuf_bytes(&bytes), &decoder, &read), OH_OK);
    oh_record_decoder_fini(&decoder);
    oh_strbuf_fini(&bytes);
}

static void test_record_says_so_when_memory_runs_out(void **state)
{
    (void)state;
    struct oh_prng prng;
    struct oh_strbuf bytes;
    oh_prng_init(&prng, 9);
    oh_strbuf_init(&bytes, BUFFER_SIZE_MAX);
    random_effect_make(&prng, OH_EFFECT_GROUP, &made);
    made.effects[0].group.node_count = 5;
    encode(&made.record, &bytes);
    size_t nth = 1;
    for (;; nth++) {
        struct oh_record_decoder decoder;
        struct oh_record read = { .seq = 77 };
        oh_record_decoder_init(&decoder, 0);
        failing_malloc_arm(nth);
        enum oh_err err = oh_record_decode(oh_strbuf_bytes(&bytes), &decoder, &read);
        bool has_failed = failing_malloc_disarm();
        assert_int_equal(err, has_failed ? OH_E_NOMEM : OH_OK);
        assert_int_equal(read.seq, has_failed ? 77 : 1);
        if (has_failed)
            assert_int_equal(oh_record_decode(oh_strbuf_bytes(&bytes), &decoder, &read), OH_OK);
        oh_record_decoder_fini(&decoder);
        if (!has_failed)
            break;
    }
    assert_int_equal(nth, 3);
    oh_strbuf_fini(&bytes);
}

static void test_record_head_is_read_alone(void **state)
{
    (void)state;
    struct oh_effect effects[3];
    struct oh_strbuf bytes;
    uint64_t seq = 0;
    int64_t at_us = 0;
    oh_strbuf_init(&bytes, 4096);
    usual_reservation(effects);
    encode(&(struct oh_record){ 42, NOW_US, effects, 3 }, &bytes);
    assert_int_equal(oh_record_decode_head(oh_strbuf_bytes(&bytes), &seq, &at_us), OH_OK);
    assert_int_equal(seq, 42);
    assert_true(at_us == NOW_US);
    assert_int_equal(oh_record_decode_head((struct oh_bytes){ bytes.data, 3 }, &seq, &at_us), OH_E_CORRUPT);
    oh_strbuf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_reads_back_every_field_it_wrote),
        cmocka_unit_test(test_record_reads_back_every_object_it_wrote),
        cmocka_unit_test(test_record_refuses_every_prefix_of_a_record),
        cmocka_unit_test(test_record_survives_any_changed_byte_and_any_bytes),
        cmocka_unit_test(test_record_of_one_line_takes_at_most_100_bytes),
        cmocka_unit_test(test_record_has_these_bytes_in_version_1),
        cmocka_unit_test(test_record_is_of_a_later_version_when_it_has_something_unknown),
        cmocka_unit_test(test_record_carries_the_largest_group_and_channel),
        cmocka_unit_test(test_record_leaves_the_buffer_as_it_was_when_it_does_not_fit),
        cmocka_unit_test(test_record_is_refused_when_larger_than_the_decoder_reads),
        cmocka_unit_test(test_record_says_so_when_memory_runs_out),
        cmocka_unit_test(test_record_head_is_read_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
