#include "server/metrics.h"
#include "base/assert.h"
#include <string.h>

static const int64_t bucket_bounds_us[] = {
#define METRIC_BOUND(us, text) us,
    OH_METRIC_BUCKETS(METRIC_BOUND)
#undef METRIC_BOUND
};

static const char *const bucket_texts[] = {
#define METRIC_BOUND(us, text) text,
    OH_METRIC_BUCKETS(METRIC_BOUND)
#undef METRIC_BOUND
};

_Static_assert(sizeof(bucket_bounds_us) / sizeof(bucket_bounds_us[0]) == OH_METRIC_BUCKET_COUNT - 1,
               "one bucket per bound and one for the rest");

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
};

static const char *const kind_texts[] = { "counter", "gauge", "histogram" };

/* What the exposition and the document need to know of a row. count 0: kept elsewhere. */
struct metric_row {
    enum metric_kind kind;
    const char *name;
    const char *label; /* NULL when there is none */
    size_t offset;
    size_t count;
    const char *(*label_text)(size_t index);
    const char *unit;
    const char *help;
};

static const struct metric_row rows[] = {
#define OH_METRIC(kind_, name_, unit_, help_) \
    { METRIC_##kind_, #name_, NULL, offsetof(struct oh_metrics, name_), 1, NULL, unit_, help_ },
#define OH_METRIC_BY(kind_, name_, label_, count_, text_, unit_, help_) \
    { METRIC_##kind_, #name_, label_, offsetof(struct oh_metrics, name_), count_, text_, unit_, help_ },
#define OH_METRIC_TEXT(kind_, name_, labels_, unit_, help_) \
    { METRIC_##kind_, #name_, labels_, 0, 0, NULL, unit_, help_ },
#include "server/metrics.def"
#undef OH_METRIC
#undef OH_METRIC_BY
#undef OH_METRIC_TEXT
};

#define METRIC_ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const char *const route_class_names[] = {
#define METRIC_CLASS_NAME(name, number, label) [name] = label,
    OH_ROUTE_CLASSES(METRIC_CLASS_NAME)
#undef METRIC_CLASS_NAME
};

const char *oh_route_class_name(size_t route_class)
{
    return route_class < OH_ROUTE_CLASS_COUNT ? route_class_names[route_class] : NULL;
}

void oh_metric_record(struct oh_metric_histogram *histogram, int64_t value_us, uint64_t count)
{
    int64_t value = value_us < 0 ? 0 : value_us;
    size_t bucket = 0;
    while (bucket < OH_METRIC_BUCKET_COUNT - 1 && value > bucket_bounds_us[bucket])
        bucket++;
    histogram->counts[bucket] += count;
    histogram->sum_us += (uint64_t)value * count;
}

static void metric_write_head(const struct metric_row *row, struct oh_strbuf *out)
{
    oh_strbuf_put_text(out, "# HELP onhand_");
    oh_strbuf_put_text(out, row->name);
    oh_strbuf_put_char(out, ' ');
    oh_strbuf_put_text(out, row->help);
    oh_strbuf_put_text(out, "\n# TYPE onhand_");
    oh_strbuf_put_text(out, row->name);
    oh_strbuf_put_char(out, ' ');
    oh_strbuf_put_text(out, kind_texts[row->kind]);
    oh_strbuf_put_char(out, '\n');
}

/* "onhand_<name><suffix>{label="text",le="bound"} ", leaving out the labels that are NULL. */
static void metric_write_name(const struct metric_row *row, const char *suffix, const char *text,
                              const char *bound, struct oh_strbuf *out)
{
    oh_strbuf_put_text(out, "onhand_");
    oh_strbuf_put_text(out, row->name);
    oh_strbuf_put_text(out, suffix);
    if (text != NULL || bound != NULL)
        oh_strbuf_put_char(out, '{');
    if (text != NULL)
        oh_strbuf_printf(out, "%s=\"%s\"", row->label, text);
    if (text != NULL && bound != NULL)
        oh_strbuf_put_char(out, ',');
    if (bound != NULL)
        oh_strbuf_printf(out, "le=\"%s\"", bound);
    if (text != NULL || bound != NULL)
        oh_strbuf_put_char(out, '}');
    oh_strbuf_put_char(out, ' ');
}

static void metric_write_histogram(const struct metric_row *row, const char *text,
                                   const struct oh_metric_histogram *histogram, struct oh_strbuf *out)
{
    uint64_t total = 0;
    for (size_t i = 0; i < OH_METRIC_BUCKET_COUNT; i++) {
        total += histogram->counts[i];
        metric_write_name(row, "_bucket", text, i < OH_METRIC_BUCKET_COUNT - 1 ? bucket_texts[i] : "+Inf",
                          out);
        oh_strbuf_put_u64(out, total);
        oh_strbuf_put_char(out, '\n');
    }
    metric_write_name(row, "_sum", text, NULL, out);
    oh_strbuf_printf(out, "%llu.%06llu\n", (unsigned long long)(histogram->sum_us / 1000000),
                     (unsigned long long)(histogram->sum_us % 1000000));
    metric_write_name(row, "_count", text, NULL, out);
    oh_strbuf_put_u64(out, total);
    oh_strbuf_put_char(out, '\n');
}

static void metric_write_number(const struct metric_row *row, const char *text, const void *value,
                                struct oh_strbuf *out)
{
    metric_write_name(row, "", text, NULL, out);
    if (row->kind == METRIC_COUNTER)
        oh_strbuf_put_u64(out, *(const uint64_t *)value);
    else
        oh_strbuf_put_i64(out, *(const int64_t *)value);
    oh_strbuf_put_char(out, '\n');
}

static void metric_write(const struct metric_row *row, const struct oh_metrics *metrics,
                         struct oh_strbuf *out)
{
    size_t size = row->kind == METRIC_HISTOGRAM ? sizeof(struct oh_metric_histogram) : sizeof(uint64_t);
    metric_write_head(row, out);
    for (size_t i = 0; i < row->count; i++) {
        const char *text = row->label_text == NULL ? NULL : row->label_text(i);
        if (row->label_text != NULL && text == NULL)
            continue;
        const void *value = (const char *)metrics + row->offset + i * size;
        if (row->kind == METRIC_HISTOGRAM)
            metric_write_histogram(row, text, value, out);
        else
            metric_write_number(row, text, value, out);
    }
}

void oh_metrics_write(const struct oh_metrics *metrics, struct oh_strbuf *out)
{
    for (size_t i = 0; i < METRIC_ROW_COUNT; i++) {
        if (rows[i].count > 0)
            metric_write(&rows[i], metrics, out);
    }
}

void oh_metrics_write_head(const char *name, struct oh_strbuf *out)
{
    size_t i = 0;
    while (i < METRIC_ROW_COUNT && strcmp(rows[i].name, name) != 0)
        i++;
    OH_ASSERT(i < METRIC_ROW_COUNT);
    metric_write_head(&rows[i], out);
}

void oh_metrics_write_document(struct oh_strbuf *out)
{
    oh_strbuf_put_text(
        out, "# Metrics\n\n"
             "Generated from `src/server/metrics.def` by `onhand help metrics`; a test compares the two.\n\n"
             "`GET /metrics` answers in the Prometheus text format, version 0.0.4. Every name begins with "
             "`onhand_`.\n\n"
             "| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < METRIC_ROW_COUNT; i++)
        oh_strbuf_printf(out, "| `onhand_%s` | %s | %s | %s | %s |\n", rows[i].name, kind_texts[rows[i].kind],
                         rows[i].unit, rows[i].label == NULL ? "" : rows[i].label, rows[i].help);
    oh_strbuf_put_text(out, "\nReasons of `onhand_connections_closed_total` "
                            "(an error is one that somebody should look at):\n\n"
                            "| reason | error | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < OH_CLOSE_REASON_COUNT; i++)
        oh_strbuf_printf(out, "| `%s` | %s | %s |\n", oh_close_reason_name(i),
                         oh_close_reason_is_error(i) ? "yes" : "no", oh_close_reason_sentence(i));
}
