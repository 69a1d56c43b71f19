#include "base/log.h"
#include "support/test.h"
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static int pipe_ends[2];
static int64_t now_us;
static char text[65536];

static int64_t fake_clock(void)
{
    return now_us;
}

static int setup(void **state)
{
    (void)state;
    now_us = INT64_C(1782086820123456);
    if (pipe(pipe_ends) != 0)
        return -1;
    oh_log_init(pipe_ends[1], OH_LOG_INFO, fake_clock);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    oh_log_init(STDERR_FILENO, OH_LOG_INFO, NULL);
    close(pipe_ends[0]);
    return 0;
}

/* Everything logged since setup; ends the log. */
static const char *log_text(void)
{
    close(pipe_ends[1]);
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0) {
        got = read(pipe_ends[0], text + size, sizeof(text) - 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    text[size] = '\0';
    return text;
}

static size_t line_count(const char *lines)
{
    size_t count = 0;
    for (; *lines != '\0'; lines++)
        count += *lines == '\n';
    return count;
}

static void test_log_writes_one_logfmt_line_per_event(void **state)
{
    (void)state;
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("snapshot_done"), OH_LOG_U64("seq", UINT64_MAX), OH_LOG_I64("delta", -5),
           OH_LOG_TEXT("file", "a-1.snap"));
    assert_string_equal(log_text(), "ts=2026-06-22T00:07:00.123456Z level=info event=snapshot_done "
                                    "seq=18446744073709551615 delta=-5 file=a-1.snap\n");
}

static void test_log_has_no_time_when_there_is_no_clock(void **state)
{
    (void)state;
    oh_log_init(pipe_ends[1], OH_LOG_DEBUG, NULL);
    OH_LOG(OH_LOG_DEBUG, OH_LOG_EVENT("ready"));
    assert_string_equal(log_text(), "level=debug event=ready\n");
}

static void test_log_escapes_bytes_from_outside(void **state)
{
    (void)state;
    oh_log_init(pipe_ends[1], OH_LOG_INFO, NULL);
    OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("refused"), OH_LOG_TEXT("a", "x y\n\"z\"\\ level=error"),
           OH_LOG_BYTES("b", OH_BYTES("\0\x1b[2J\xc3\xa9")), OH_LOG_TEXT("c", ""), OH_LOG_TEXT("d", "e=f"));
    assert_string_equal(log_text(), "level=warn event=refused a=\"x y\\n\\\"z\\\"\\\\ level=error\" "
                                    "b=\"\\x00\\x1b[2J\\xc3\\xa9\" c=\"\" d=\"e=f\"\n");
}

static void test_log_leaves_out_lines_below_the_level(void **state)
{
    (void)state;
    oh_log_set_level(OH_LOG_ERROR);
    OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("quiet"));
    OH_LOG(OH_LOG_ERROR, OH_LOG_EVENT("loud"));
    const char *lines = log_text();
    assert_null(strstr(lines, "quiet"));
    assert_non_null(strstr(lines, "level=error event=loud"));
}

static void test_log_counts_repeats_within_a_second_and_says_how_many(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++)
        OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("slow_reader"));
    OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("another_event"));
    now_us += 1000000;
    OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("slow_reader"));
    OH_LOG(OH_LOG_WARN, OH_LOG_EVENT("slow_reader"));
    const char *lines = log_text();
    assert_int_equal(line_count(lines), OH_LOG_REPEATS_PER_SECOND_MAX + 3);
    assert_non_null(strstr(lines, "event=another_event\n"));
    const char *marked = strstr(lines, "event=slow_reader repeats_suppressed=15\n");
    assert_non_null(marked);
    assert_null(strstr(marked + strlen("event=slow_reader repeats_suppressed"), "repeats_suppressed"));
}

static void test_log_cuts_a_line_that_is_too_long(void **state)
{
    (void)state;
    static char long_text[OH_LOG_LINE_SIZE_MAX * 2];
    memset(long_text, 'x', sizeof(long_text) - 1);
    OH_LOG(OH_LOG_INFO, OH_LOG_EVENT("long"), OH_LOG_TEXT("text", long_text), OH_LOG_U64("after", 1));
    const char *lines = log_text();
    size_t size = strlen(lines);
    assert_true(size <= OH_LOG_LINE_SIZE_MAX);
    assert_int_equal(line_count(lines), 1);
    assert_string_equal(lines + size - 7, " cut=1\n");
    assert_null(strstr(lines, "after="));
}

static void test_log_knows_the_names_of_its_levels(void **state)
{
    (void)state;
    enum oh_log_level level = OH_LOG_DEBUG;
    assert_true(oh_log_level_parse(OH_BYTES("error"), &level));
    assert_int_equal(level, OH_LOG_ERROR);
    assert_false(oh_log_level_parse(OH_BYTES("Error"), &level));
    assert_false(oh_log_level_parse(OH_BYTES_NONE, &level));
    assert_int_equal(level, OH_LOG_ERROR);
}

#define log_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(test_log_writes_one_logfmt_line_per_event),
        log_test(test_log_has_no_time_when_there_is_no_clock),
        log_test(test_log_escapes_bytes_from_outside),
        log_test(test_log_leaves_out_lines_below_the_level),
        log_test(test_log_counts_repeats_within_a_second_and_says_how_many),
        log_test(test_log_cuts_a_line_that_is_too_long),
        log_test(test_log_knows_the_names_of_its_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
