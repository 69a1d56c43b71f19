/*
 * The checker on histories made by hand: each of histories/bad.txt must be
 * refused for the reason it states, each of histories/good.txt must pass.
 */
#include "linear/linear.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 1024
#define BAD_MIN   100u
#define GOOD_MIN  40u

/* A section of a file: its title, and what its lines told. */
struct section {
    char title[LINE_SIZE];
    struct lin_history *history;
    unsigned number;
    unsigned wrong;
};

/* "== name : verdict at=3" */
static bool section_is_right(const struct section *section, const struct lin_result *result)
{
    const char *colon = strstr(section->title, " : ");
    const char *at = colon == NULL ? NULL : strstr(colon, " at=");
    const char *wanted = colon == NULL ? "good" : colon + 3;
    size_t size = strcspn(wanted, " \n");
    const char *word = lin_verdict_word(result->verdict);
    if (strlen(word) != size || strncmp(word, wanted, size) != 0)
        return false;
    return at == NULL || strtoul(at + 4, NULL, 10) == result->op;
}

static void section_begin(struct section *section, const char *title)
{
    memcpy(section->title, title, strlen(title) + 1);
    section->title[strcspn(section->title, "\n")] = '\0';
    section->history = lin_create(NULL);
    assert_non_null(section->history);
    const char *problem;
    assert_true(lin_read_line(section->history, "nodes n1 n2 n3", &problem));
    section->number++;
}

static void section_end(struct section *section)
{
    struct lin_result result;
    if (section->history == NULL)
        return;
    lin_check(section->history, &result);
    if (!section_is_right(section, &result)) {
        section->wrong++;
        print_message("%s\n    is %s at=%d: %s\n", section->title, lin_verdict_word(result.verdict),
                      (int)result.op, result.sentence);
    }
    lin_destroy(&section->history);
}

/* What was read is written and read again: both must be the same text. */
static void check_text(const struct section *section)
{
    char text[LINE_SIZE];
    char again[LINE_SIZE];
    const char *problem;
    uint32_t count = lin_count(section->history);
    (void)lin_write_op(section->history, lin_op_at(section->history, count - 1), text, sizeof text);
    struct lin_history *copy = lin_create(NULL);
    assert_non_null(copy);
    assert_true(lin_read_line(copy, "nodes n1 n2 n3", &problem));
    if (!lin_read_line(copy, text, &problem))
        fail_msg("cannot be read back: %s", text);
    (void)lin_write_op(copy, lin_op_at(copy, 0), again, sizeof again);
    assert_string_equal(text, again);
    lin_destroy(&copy);
}

static void take_line(struct section *section, const char *line)
{
    const char *problem;
    uint32_t before;
    if (strncmp(line, "== ", 3) == 0) {
        section_end(section);
        section_begin(section, line);
        return;
    }
    if (section->history == NULL) {
        assert_true(line[0] == '#' || line[0] == '\n');
        return;
    }
    before = lin_count(section->history);
    if (!lin_read_line(section->history, line, &problem))
        fail_msg("%s: cannot be read: %s", section->title, line);
    if (lin_count(section->history) > before)
        check_text(section);
}

static unsigned check_file(const char *path)
{
    struct section section = { .number = 0 };
    char line[LINE_SIZE];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        take_line(&section, line);
    section_end(&section);
    (void)fclose(file);
    print_message("%s: %u histories\n", path, section.number);
    assert_int_equal(section.wrong, 0);
    return section.number;
}

static void test_linear_refuses_bad_histories_for_the_right_reason(void **state)
{
    (void)state;
    assert_true(check_file("tests/linear/histories/bad.txt") >= BAD_MIN);
}

static void test_linear_accepts_good_histories(void **state)
{
    (void)state;
    assert_true(check_file("tests/linear/histories/good.txt") >= GOOD_MIN);
}

static void test_linear_says_that_a_history_contradicts_itself(void **state)
{
    static const char *const lines[][2] = {
        { "1 0 10 k1 adjust A@n1 5 -> ok", "1 20 30 k1 adjust A@n1 6 -> ok" }, /* one key, two requests */
        { "1 10 0 adjust A@n1 5 -> ok", "" }, /* answered before it was sent */
        { "1 0 - adjust A@n1 5 -> ok", "" },  /* an answer at no time */
        { "1 0 10 adjust A@n1 5", "" },       /* a time and no answer */
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct lin_result result;
        const char *problem;
        struct lin_history *history = lin_create(NULL);
        assert_non_null(history);
        assert_true(lin_read_line(history, lines[i][0], &problem));
        assert_true(lin_read_line(history, lines[i][1], &problem));
        lin_check(history, &result);
        assert_int_equal(result.verdict, LIN_MALFORMED);
        lin_destroy(&history);
    }
}

static void test_linear_does_not_read_nonsense(void **state)
{
    static const char *const lines[] = {
        "1",
        "x 0 10 adjust A@n1 5 -> ok",
        "1 0 10 adjoust A@n1 5 -> ok",
        "1 0 10 adjust A 5 -> ok",
        "1 0 10 adjust A@n1 -> ok",
        "1 0 10 adjust A@n1 5 -> okay",
        "1 0 10 adjust A@n1 5 -> ok B@n1=5",
        "1 0 10 adjust A@n1 5 -> ok seq=",
        "1 0 10 reserve r A@n1 5 -> ok",
        "crash",
        "crash 5 6",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *problem;
        struct lin_history *history = lin_create(NULL);
        assert_non_null(history);
        if (lin_read_line(history, lines[i], &problem))
            fail_msg("was read: %s", lines[i]);
        lin_destroy(&history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_refuses_bad_histories_for_the_right_reason),
        cmocka_unit_test(test_linear_accepts_good_histories),
        cmocka_unit_test(test_linear_says_that_a_history_contradicts_itself),
        cmocka_unit_test(test_linear_does_not_read_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
