#include "server/metrics.h"
#include "support/test.h"
#include <stdio.h>
#include <string.h>

static const char *exposition(const struct oh_metrics *metrics)
{
    static char text[1 << 18];
    struct oh_strbuf out;
    oh_strbuf_init(&out, sizeof(text) - 1);
    oh_metrics_write(metrics, &out);
    assert_false(out.is_overflowed);
    memcpy(text, out.data, out.size);
    text[out.size] = '\0';
    oh_strbuf_fini(&out);
    return text;
}

static void assert_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    if (at == NULL || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line '%s'", line);
}

static void test_metrics_writes_counters_and_gauges_with_their_labels(void **state)
{
    static struct oh_metrics metrics;
    (void)state;
    metrics.connections_accepted_total = UINT64_MAX;
    metrics.replies_waiting = -3;
    metrics.connections[OH_CONNECTION_stream] = 7;
    metrics.connections_closed_total[OH_CLOSE_idle_timeout] = 9;
    const char *text = exposition(&metrics);
    assert_line(text, "# TYPE onhand_connections_accepted_total counter");
    assert_line(text, "onhand_connections_accepted_total 18446744073709551615");
    assert_line(text, "# TYPE onhand_replies_waiting gauge");
    assert_line(text, "onhand_replies_waiting -3");
    assert_line(text, "onhand_connections{state=\"stream\"} 7");
    assert_line(text, "onhand_connections_closed_total{reason=\"idle_timeout\"} 9");
}

static void test_metrics_puts_a_value_into_the_bucket_that_holds_it(void **state)
{
    static struct oh_metrics metrics;
    struct oh_metric_histogram *histogram = &metrics.request_seconds[OH_ROUTE_READ];
    (void)state;
    oh_metric_record(histogram, -5, 1);
    oh_metric_record(histogram, 10, 1);
    oh_metric_record(histogram, 11, 2);
    oh_metric_record(histogram, 10000000, 1);
    oh_metric_record(histogram, 10000001, 1);
    const char *text = exposition(&metrics);
    assert_line(text, "onhand_request_seconds_bucket{class=\"read\",le=\"0.00001\"} 2");
    assert_line(text, "onhand_request_seconds_bucket{class=\"read\",le=\"0.000025\"} 4");
    assert_line(text, "onhand_request_seconds_bucket{class=\"read\",le=\"2.5\"} 4");
    assert_line(text, "onhand_request_seconds_bucket{class=\"read\",le=\"10\"} 5");
    assert_line(text, "onhand_request_seconds_bucket{class=\"read\",le=\"+Inf\"} 6");
    assert_line(text, "onhand_request_seconds_sum{class=\"read\"} 20.000033");
    assert_line(text, "onhand_request_seconds_count{class=\"read\"} 6");
    assert_line(text, "onhand_request_seconds_count{class=\"write\"} 0");
}

/* name{labels} value, the name of a family whose HELP and TYPE came just before. */
static void assert_sample(const char *line, size_t size, const char *family)
{
    size_t name_size = strcspn(line, "{ ");
    assert_memory_equal(line, family, strlen(family));
    assert_true(name_size <= size);
    for (size_t i = 0; i < name_size; i++)
        assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789_", line[i]));
    const char *space = memchr(line, ' ', size);
    assert_non_null(space);
    assert_true(space[1] == '-' || (space[1] >= '0' && space[1] <= '9'));
}

static void test_metrics_exposition_is_well_formed(void **state)
{
    static struct oh_metrics metrics;
    char family[128] = "";
    (void)state;
    unsigned families = 0;
    for (const char *line = exposition(&metrics); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        assert_true(line[size] == '\n');
        if (strncmp(line, "# HELP ", 7) == 0) {
            size_t name_size = strcspn(line + 7, " ");
            assert_true(name_size < sizeof(family));
            memcpy(family, line + 7, name_size);
            family[name_size] = '\0';
            families++;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_memory_equal(line + 7, family, strlen(family));
        } else {
            assert_sample(line, size, family);
        }
        line += size + 1;
    }
    assert_true(families > 10);
}

static void test_metrics_names_tell_their_kind(void **state)
{
    static struct oh_metrics metrics;
    (void)state;
    for (const char *line = strstr(exposition(&metrics), "# TYPE "); line != NULL;
         line = strstr(line + 1, "# TYPE ")) {
        char name[128];
        char kind[32];
        assert_int_equal(sscanf(line, "# TYPE %127s %31s", name, kind), 2);
        size_t size = strlen(name);
        bool ends_in_total = size > 6 && strcmp(name + size - 6, "_total") == 0;
        assert_int_equal(ends_in_total, strcmp(kind, "counter") == 0);
        if (strcmp(kind, "histogram") == 0)
            assert_string_equal(name + size - 8, "_seconds");
    }
}

static void test_metrics_document_is_the_one_in_docs(void **state)
{
    static char committed[1 << 18];
    struct oh_strbuf text;
    FILE *file = fopen("docs/METRICS.md", "re");
    (void)state;
    assert_non_null(file);
    size_t size = fread(committed, 1, sizeof(committed), file);
    assert_int_equal(fclose(file), 0);
    oh_strbuf_init(&text, 1 << 18);
    oh_metrics_write_document(&text);
    /* Written by: onhand help metrics > docs/METRICS.md */
    assert_int_equal(text.size, size);
    assert_memory_equal(text.data, committed, size);
    oh_strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_writes_counters_and_gauges_with_their_labels),
        cmocka_unit_test(test_metrics_puts_a_value_into_the_bucket_that_holds_it),
        cmocka_unit_test(test_metrics_exposition_is_well_formed),
        cmocka_unit_test(test_metrics_names_tell_their_kind),
        cmocka_unit_test(test_metrics_document_is_the_one_in_docs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
