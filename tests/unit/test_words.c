/*
 * test_words.c - the words of the API: each value has one, each word is read back, nothing else is a word.
 */
#include "onhand/effect.h"
#include "support/test.h"
#include <string.h>

struct word { int value; const char *text; };

#define WORD_ROW(name, number, text) { name, text },
#define DOCUMENT_ROW(name, number, text, most) { name, text },
#define DOCUMENT_KINDS(row) OH_DOCUMENT_KINDS(DOCUMENT_ROW)
#define WORDS(table) ((const struct word[]){ table(WORD_ROW) { -1, NULL } })

static int word_count(const struct word *words)
{
    int count = 0;
    while (words[count].text != NULL)
        count++;
    return count;
}

#define ASSERT_TEXTS(words, text_of, enum_type, unknown)                        \
    do {                                                                        \
        const struct word *list = (words);                                      \
        for (; list->text != NULL; list++)                                      \
            assert_string_equal(text_of((enum_type)list->value), list->text);   \
        assert_string_equal(text_of((enum_type)9999), unknown);                 \
    } while (0)

static void test_words_names_each_value_and_no_other(void **state)
{
    (void)state;
    ASSERT_TEXTS(WORDS(OH_NODE_TYPES), oh_node_type_text, enum oh_node_type, "unknown");
    ASSERT_TEXTS(WORDS(OH_STATES), oh_state_text, enum oh_state, "unknown");
    ASSERT_TEXTS(WORDS(OH_KINDS), oh_kind_text, enum oh_kind, "unknown");
    ASSERT_TEXTS(WORDS(OH_STATUSES), oh_status_text, enum oh_status, "unknown");
    ASSERT_TEXTS(WORDS(OH_BANDS), oh_band_text, enum oh_band, "unknown");
    ASSERT_TEXTS(WORDS(OH_POLICIES), oh_policy_text, enum oh_policy, "unknown");
    ASSERT_TEXTS(WORDS(OH_FENCE_POLICIES), oh_fence_policy_text, enum oh_fence_policy, "unknown");
    ASSERT_TEXTS(WORDS(OH_FIELDS), oh_field_text, enum oh_field, "");
    ASSERT_TEXTS(WORDS(OH_EFFECTS), oh_effect_type_text, enum oh_effect_type, "unknown");
    ASSERT_TEXTS(WORDS(OH_STEPS), oh_step_text, enum oh_step, "unknown");
    ASSERT_TEXTS(WORDS(OH_UNITS), oh_unit_text, enum oh_unit, "unknown");
    ASSERT_TEXTS(WORDS(DOCUMENT_KINDS), oh_document_kind_text, enum oh_document_kind, "unknown");
}

#define ASSERT_PARSES(words, parse, enum_type)                                                             \
    do {                                                                                                   \
        const struct word *list = (words);                                                                 \
        for (; list->text != NULL; list++) {                                                               \
            enum_type value = (enum_type)9999;                                                             \
            assert_false(parse((struct oh_bytes){ list->text, strlen(list->text) - 1 }, &value));          \
            assert_int_equal(value, 9999);                                                                 \
            assert_true(parse(oh_bytes_of(list->text), &value));                                           \
            assert_int_equal(value, list->value);                                                          \
        }                                                                                                  \
        enum_type none = (enum_type)9999;                                                                  \
        assert_false(parse(OH_BYTES("nothing"), &none));                                                   \
        assert_false(parse(OH_BYTES_NONE, &none));                                                         \
        assert_int_equal(none, 9999);                                                                      \
    } while (0)

static void test_words_has_a_limit_for_each_kind_of_document(void **state)
{
    (void)state;
    assert_int_equal(oh_document_kind_max(OH_DOCUMENT_SOURCING), 256);
    assert_int_equal(oh_document_kind_max((enum oh_document_kind)9999), 0);
}

static void test_words_reads_each_word_and_no_other(void **state)
{
    (void)state;
    ASSERT_PARSES(WORDS(OH_NODE_TYPES), oh_node_type_parse, enum oh_node_type);
    ASSERT_PARSES(WORDS(OH_STATES), oh_state_parse, enum oh_state);
    ASSERT_PARSES(WORDS(OH_KINDS), oh_kind_parse, enum oh_kind);
    ASSERT_PARSES(WORDS(OH_STATUSES), oh_status_parse, enum oh_status);
    ASSERT_PARSES(WORDS(OH_POLICIES), oh_policy_parse, enum oh_policy);
    ASSERT_PARSES(WORDS(OH_FENCE_POLICIES), oh_fence_policy_parse, enum oh_fence_policy);
    ASSERT_PARSES(WORDS(OH_UNITS), oh_unit_parse, enum oh_unit);
    ASSERT_PARSES(WORDS(DOCUMENT_KINDS), oh_document_kind_parse, enum oh_document_kind);
}

struct verdict_row { enum oh_verdict verdict; const char *code; int http; const char *title; };

static void test_words_gives_each_verdict_its_own_code_and_a_status_that_fits(void **state)
{
    (void)state;
#define VERDICT_ROW(name, number, code, http, title) { name, code, http, title },
    static const struct verdict_row rows[] = { OH_VERDICTS(VERDICT_ROW) };
    const size_t count = sizeof(rows) / sizeof(rows[0]);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(oh_verdict_code(rows[i].verdict), rows[i].code);
        assert_string_equal(oh_verdict_title(rows[i].verdict), rows[i].title);
        assert_int_equal(oh_verdict_http_status(rows[i].verdict), rows[i].http);
        assert_int_equal(oh_verdict_is_success(rows[i].verdict), rows[i].http == 200);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rows[j].code, rows[i].code);
    }
    assert_string_equal(oh_verdict_code((enum oh_verdict)9999), "unknown");
    assert_string_equal(oh_verdict_title((enum oh_verdict)9999), "Unknown");
    assert_int_equal(oh_verdict_http_status((enum oh_verdict)9999), 500);
}

/* The contract, spelled out: a word that changes in the table breaks clients. */
static void test_words_are_those_of_the_contract(void **state)
{
    (void)state;
    assert_int_equal(word_count(WORDS(OH_STATES)), OH_STATE_COUNT);
    assert_string_equal(oh_node_type_text(OH_NODE_PICKUP_POINT), "pickup_point");
    assert_string_equal(oh_state_text(OH_STATE_QUALITY_CONTROL), "quality_control");
    assert_string_equal(oh_kind_text(OH_KIND_COLLECT), "collect");
    assert_string_equal(oh_status_text(OH_STATUS_FULFILLED), "fulfilled");
    assert_string_equal(oh_band_text(OH_BAND_LOW_STOCK), "low_stock");
    assert_string_equal(oh_policy_text(OH_POLICY_FEWEST_SPLITS), "fewest_splits");
    assert_string_equal(oh_fence_policy_text(OH_FENCE_RESTRICT), "restrict");
    assert_string_equal(oh_field_text(OH_FIELD_TTL), "ttl_seconds");
    assert_string_equal(oh_verdict_code(OH_V_INSUFFICIENT), "insufficient_stock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_names_each_value_and_no_other),
        cmocka_unit_test(test_words_reads_each_word_and_no_other),
        cmocka_unit_test(test_words_has_a_limit_for_each_kind_of_document),
        cmocka_unit_test(test_words_gives_each_verdict_its_own_code_and_a_status_that_fits),
        cmocka_unit_test(test_words_are_those_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
