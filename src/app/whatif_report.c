#include "app/whatif_report.h"
#include "base/assert.h"
#include "codec/decimal.h"
#include "codec/json_text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIFFERENCES_FIRST 1024u
#define US_PER_HOUR       3600e6

void oh_whatif_report_init(struct oh_whatif_report *report)
{
    memset(report, 0, sizeof(*report));
}

void oh_whatif_report_fini(struct oh_whatif_report *report)
{
    free(report->differences_us);
    report->differences_us = NULL;
}

/* ---- Counting --------------------------------------------------------------------------------- */

/* Stops at the end of the range: a figure that large is wrong by more than this. */
static void sum_add(int64_t *sum, int64_t value)
{
    if (__builtin_add_overflow(*sum, value, sum))
        *sum = value < 0 ? INT64_MIN : INT64_MAX;
}

void oh_whatif_report_unasked(struct oh_whatif_report *report, const char *text)
{
    uint32_t at = 0;
    while (at < report->unasked_kind_count && strcmp(report->unasked[at].text, text) != 0)
        at++;
    if (at == OH_WHATIF_REASONS_MAX)
        at--;
    report->unasked[at].text = at < report->unasked_kind_count ? report->unasked[at].text : text;
    report->unasked[at].count++;
    report->unasked_count++;
    report->unasked_kind_count += at == report->unasked_kind_count ? 1 : 0;
}

void oh_whatif_report_refused(struct oh_whatif_report *report, const struct oh_promise_answer *answer)
{
    report->refused_count++;
    for (uint32_t i = 0; i < OH_REASON_COUNT; i++)
        report->reason_counts[i] += answer->reason_counts[i] > 0 ? 1 : 0;
}

static struct oh_whatif_cost *cost_of(struct oh_whatif_report *report, const char *currency)
{
    uint32_t at = 0;
    while (at < report->cost_count && strcmp(report->costs[at].currency, currency) != 0)
        at++;
    if (at == OH_WHATIF_CURRENCIES_MAX)
        return &report->costs[at - 1];
    if (at == report->cost_count) {
        (void)snprintf(report->costs[at].currency, sizeof(report->costs[at].currency), "%s", currency);
        report->cost_count++;
    }
    return &report->costs[at];
}

/* What is collected costs nothing, and is no currency of its own. */
static void costs_add(struct oh_whatif_report *report, const struct oh_promise_figures *before,
                      const struct oh_promise_figures *after)
{
    if (before->cost_milli != 0)
        sum_add(&cost_of(report, before->currency)->before_milli, before->cost_milli);
    if (after->cost_milli != 0)
        sum_add(&cost_of(report, after->currency)->after_milli, after->cost_milli);
}

static void side_add(struct oh_whatif_sum *sum, const struct oh_promise_figures *figures)
{
    sum->box_count += figures->box_count;
    sum->incomplete_count += figures->is_complete ? 0 : 1;
}

static void distances_add(struct oh_whatif_report *report, int64_t before_m, int64_t after_m)
{
    if (before_m < 0 || after_m < 0)
        return;
    report->distance_count++;
    sum_add(&report->before.distance_m, before_m);
    sum_add(&report->after.distance_m, after_m);
}

static enum oh_err difference_add(struct oh_whatif_report *report, int64_t difference_us)
{
    if (report->difference_count == report->difference_room) {
        size_t room = report->difference_room == 0 ? DIFFERENCES_FIRST : report->difference_room * 2;
        int64_t *grown = realloc(report->differences_us, room * sizeof(*grown));
        if (grown == NULL)
            return OH_E_NOMEM;
        report->differences_us = grown;
        report->difference_room = room;
    }
    report->differences_us[report->difference_count++] = difference_us;
    report->is_sorted = false;
    return OH_OK;
}

enum oh_err oh_whatif_report_compare(struct oh_whatif_report *report, const struct oh_promise_figures *before,
                                     const struct oh_promise_figures *after)
{
    int64_t difference_us = after->until_us - before->until_us; /* of two times: it fits */
    enum oh_err err = difference_add(report, difference_us);
    if (err != OH_OK)
        return err;
    report->same_count += difference_us == 0 ? 1 : 0;
    report->earlier_count += difference_us < 0 ? 1 : 0;
    report->later_count += difference_us > 0 ? 1 : 0;
    report->moved_count += strcmp(before->nodes, after->nodes) != 0 ? 1 : 0;
    side_add(&report->before, before);
    side_add(&report->after, after);
    costs_add(report, before, after);
    distances_add(report, before->distance_m, after->distance_m);
    return OH_OK;
}

/* ---- Ranks ------------------------------------------------------------------------------------ */

uint64_t oh_whatif_report_compared(const struct oh_whatif_report *report)
{
    return report->difference_count;
}

static int difference_compare(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

int64_t oh_whatif_report_percentile_us(struct oh_whatif_report *report, uint32_t percent)
{
    size_t count = report->difference_count;
    OH_ASSERT(percent >= 1 && percent <= 100);
    if (count == 0)
        return 0;
    if (!report->is_sorted)
        qsort(report->differences_us, count, sizeof(*report->differences_us), difference_compare);
    report->is_sorted = true;
    return report->differences_us[(count * percent + 99) / 100 - 1];
}

double oh_whatif_report_mean_hours(const struct oh_whatif_report *report)
{
    double sum = 0;
    for (size_t i = 0; i < report->difference_count; i++)
        sum += (double)report->differences_us[i] / US_PER_HOUR;
    return report->difference_count == 0 ? 0 : sum / (double)report->difference_count;
}

static double mean_of(double sum, uint64_t count)
{
    return count == 0 ? 0 : sum / (double)count;
}

/* ---- Text ------------------------------------------------------------------------------------- */

static void replay_put_text(struct oh_strbuf *buf, const struct oh_recovery_report *replay)
{
    oh_strbuf_printf(buf, "journal: records %" PRIu64 " to %" PRIu64 ", replayed from ",
                     replay->last_seq + 1 - replay->record_count, replay->last_seq);
    if (replay->has_snapshot)
        oh_strbuf_printf(buf, "snapshot %" PRIu64 "\n", replay->snapshot_seq);
    else
        oh_strbuf_put_text(buf, "the first one\n");
}

static void promises_put_text(struct oh_strbuf *buf, const struct oh_whatif_report *report)
{
    oh_strbuf_printf(buf, "promises: %" PRIu64 " held", report->held_count);
    if (report->replaced_count > 0)
        oh_strbuf_printf(buf, ", and %" PRIu64 " replacements, which are not asked again", report->replaced_count);
    oh_strbuf_put_char(buf, '\n');
    for (uint32_t i = 0; i < report->unasked_kind_count; i++)
        oh_strbuf_printf(buf, "  left out: %" PRIu64 " cannot be asked again (%s)\n", report->unasked[i].count,
                         report->unasked[i].text);
    if (report->otherwise_count > 0)
        oh_strbuf_printf(buf, "  left out: %" PRIu64 " not promised the same again by the policy as it was\n",
                         report->otherwise_count);
    oh_strbuf_printf(buf, "compared: %" PRIu64 ", promised the same again by the policy as it was\n",
                     oh_whatif_report_compared(report) + report->refused_count);
}

static void reasons_put_text(struct oh_strbuf *buf, const struct oh_whatif_report *report)
{
    static const char first[] = "    why not, by how many of them: ";
    const char *before = first;
    for (uint32_t i = 0; i < OH_REASON_COUNT; i++) {
        if (report->reason_counts[i] == 0)
            continue;
        oh_strbuf_printf(buf, "%s%s %" PRIu64, before, oh_reason_text((enum oh_reason)i), report->reason_counts[i]);
        before = ", ";
    }
    if (before != first)
        oh_strbuf_put_char(buf, '\n');
}

static void dates_put_text(struct oh_strbuf *buf, struct oh_whatif_report *report)
{
    oh_strbuf_printf(buf,
                     "  promised until: %" PRIu64 " the same, %" PRIu64 " earlier, %" PRIu64 " later, %" PRIu64
                     " not promisable\n",
                     report->same_count, report->earlier_count, report->later_count, report->refused_count);
    reasons_put_text(buf, report);
    oh_strbuf_printf(buf, "  difference in hours: mean %+.2f, p50 %+.2f, p90 %+.2f\n",
                     oh_whatif_report_mean_hours(report),
                     (double)oh_whatif_report_percentile_us(report, 50) / US_PER_HOUR,
                     (double)oh_whatif_report_percentile_us(report, 90) / US_PER_HOUR);
    if (report->gone_count > 0)
        oh_strbuf_printf(buf, "  the option that was chosen is not there: %" PRIu64 ", compared by the first one\n",
                         report->gone_count);
    if (report->before.incomplete_count + report->after.incomplete_count > 0)
        oh_strbuf_printf(buf, "  incomplete: %" PRIu64 " -> %" PRIu64 "\n", report->before.incomplete_count,
                         report->after.incomplete_count);
}

static void cost_put_text(struct oh_strbuf *buf, const struct oh_whatif_cost *cost)
{
    oh_strbuf_put_text(buf, "  cost: ");
    oh_milli_put(buf, cost->before_milli);
    oh_strbuf_put_text(buf, " -> ");
    oh_milli_put(buf, cost->after_milli);
    oh_strbuf_printf(buf, " %s\n", cost->currency[0] == '\0' ? "(no currency)" : cost->currency);
}

static void sums_put_text(struct oh_strbuf *buf, const struct oh_whatif_report *report)
{
    uint64_t count = oh_whatif_report_compared(report);
    oh_strbuf_printf(buf, "  parcels: %" PRIu64 " -> %" PRIu64 " (mean %.2f -> %.2f)\n", report->before.box_count,
                     report->after.box_count, mean_of((double)report->before.box_count, count),
                     mean_of((double)report->after.box_count, count));
    for (uint32_t i = 0; i < report->cost_count; i++)
        cost_put_text(buf, &report->costs[i]);
    if (report->distance_count > 0)
        oh_strbuf_printf(buf, "  distance: %.1f -> %.1f km, of %" PRIu64 " whose distance is known\n",
                         (double)report->before.distance_m / 1000, (double)report->after.distance_m / 1000,
                         report->distance_count);
    oh_strbuf_printf(buf, "  from other nodes: %" PRIu64 "\n", report->moved_count);
}

void oh_whatif_report_put_text(struct oh_strbuf *buf, struct oh_whatif_report *report)
{
    replay_put_text(buf, &report->replay);
    promises_put_text(buf, report);
    oh_strbuf_printf(buf, "under the policy %s:\n", report->policy_path);
    dates_put_text(buf, report);
    sums_put_text(buf, report);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void put_hours(struct oh_strbuf *buf, const char *name, double hours)
{
    oh_json_member(buf, name);
    oh_real_put(buf, hours);
}

static void put_difference(struct oh_strbuf *buf, struct oh_whatif_report *report)
{
    oh_json_member(buf, "difference_hours");
    oh_strbuf_put_char(buf, '{');
    put_hours(buf, "mean", oh_whatif_report_mean_hours(report));
    put_hours(buf, "p50", (double)oh_whatif_report_percentile_us(report, 50) / US_PER_HOUR);
    put_hours(buf, "p90", (double)oh_whatif_report_percentile_us(report, 90) / US_PER_HOUR);
    oh_strbuf_put_char(buf, '}');
}

static void put_pair(struct oh_strbuf *buf, const char *name, uint64_t before, uint64_t after)
{
    oh_json_member(buf, name);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "before", before);
    oh_json_member_u64(buf, "after", after);
    oh_strbuf_put_char(buf, '}');
}

static void put_costs(struct oh_strbuf *buf, const struct oh_whatif_report *report)
{
    oh_json_member(buf, "cost");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < report->cost_count; i++) {
        oh_json_separate(buf);
        oh_strbuf_put_char(buf, '{');
        oh_json_member_text(buf, "currency", report->costs[i].currency);
        oh_json_member_milli(buf, "before", report->costs[i].before_milli);
        oh_json_member_milli(buf, "after", report->costs[i].after_milli);
        oh_strbuf_put_char(buf, '}');
    }
    oh_strbuf_put_char(buf, ']');
}

static void put_distance(struct oh_strbuf *buf, const struct oh_whatif_report *report)
{
    oh_json_member(buf, "distance_km");
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "promises", report->distance_count);
    oh_json_member_milli(buf, "before", report->before.distance_m);
    oh_json_member_milli(buf, "after", report->after.distance_m);
    oh_strbuf_put_char(buf, '}');
}

static void put_reasons(struct oh_strbuf *buf, const struct oh_whatif_report *report)
{
    oh_json_member(buf, "not_promisable_reasons");
    oh_strbuf_put_char(buf, '{');
    for (uint32_t i = 0; i < OH_REASON_COUNT; i++) {
        if (report->reason_counts[i] > 0)
            oh_json_member_u64(buf, oh_reason_text((enum oh_reason)i), report->reason_counts[i]);
    }
    oh_strbuf_put_char(buf, '}');
}

static void put_unasked(struct oh_strbuf *buf, const struct oh_whatif_report *report)
{
    oh_json_member(buf, "not_asked");
    oh_strbuf_put_char(buf, '{');
    for (uint32_t i = 0; i < report->unasked_kind_count; i++)
        oh_json_member_u64(buf, report->unasked[i].text, report->unasked[i].count);
    oh_strbuf_put_char(buf, '}');
}

static void put_journal(struct oh_strbuf *buf, const struct oh_recovery_report *replay)
{
    oh_json_member(buf, "journal");
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "first_seq", replay->last_seq + 1 - replay->record_count);
    oh_json_member_u64(buf, "last_seq", replay->last_seq);
    oh_json_member_u64(buf, "replayed_from", replay->snapshot_seq);
    oh_strbuf_put_char(buf, '}');
}

void oh_whatif_report_put_json(struct oh_strbuf *buf, struct oh_whatif_report *report)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "directory", oh_bytes_of(report->path));
    oh_json_member_string(buf, "policy", oh_bytes_of(report->policy_path));
    put_journal(buf, &report->replay);
    oh_json_member_u64(buf, "held", report->held_count);
    oh_json_member_u64(buf, "replacements", report->replaced_count);
    put_unasked(buf, report);
    oh_json_member_u64(buf, "not_reproduced", report->otherwise_count);
    oh_json_member_u64(buf, "reproduced", oh_whatif_report_compared(report) + report->refused_count);
    oh_json_member_u64(buf, "same", report->same_count);
    oh_json_member_u64(buf, "earlier", report->earlier_count);
    oh_json_member_u64(buf, "later", report->later_count);
    oh_json_member_u64(buf, "not_promisable", report->refused_count);
    put_reasons(buf, report);
    oh_json_member_u64(buf, "option_gone", report->gone_count);
    oh_json_member_u64(buf, "other_nodes", report->moved_count);
    put_difference(buf, report);
    put_pair(buf, "parcels", report->before.box_count, report->after.box_count);
    put_pair(buf, "incomplete", report->before.incomplete_count, report->after.incomplete_count);
    put_costs(buf, report);
    put_distance(buf, report);
    oh_strbuf_put_text(buf, "}\n");
}
