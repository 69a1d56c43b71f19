/*
 * whatif_report.h - what promises would have been under another policy, counted, as lines for people or as one JSON
 * object for machines. Reads nothing and asks nobody: pairs of figures come in, sums and ranks go out. One thread.
 */
#ifndef ONHAND_APP_WHATIF_REPORT_H
#define ONHAND_APP_WHATIF_REPORT_H

#include "base/strbuf.h"
#include "codec/json_figures.h"
#include "storage/recovery.h"

#define OH_WHATIF_CURRENCIES_MAX 64u /* more are added up under the last */
#define OH_WHATIF_REASONS_MAX    16u /* as well */

struct oh_whatif_reason {
    const char *text; /* a constant */
    uint64_t count;
};

/* Cost of the promises that are compared, in one currency. */
struct oh_whatif_cost {
    char currency[OH_FIGURES_CURRENCY_SIZE];
    int64_t before_milli;
    int64_t after_milli;
};

/* A policy on either side. */
struct oh_whatif_sum {
    uint64_t box_count;
    uint64_t incomplete_count; /* options that leave something out */
    int64_t distance_m;        /* of those whose distance is known on both sides */
};

struct oh_whatif_report {
    const char *path;
    const char *policy_path;
    struct oh_recovery_report replay;

    uint64_t held_count;     /* promises that were held, of the channel that is looked at */
    uint64_t replaced_count; /* parts of promises that were sourced anew: not asked again (WI4) */
    struct oh_whatif_reason unasked[OH_WHATIF_REASONS_MAX];
    uint32_t unasked_kind_count;
    uint64_t unasked_count;
    uint64_t otherwise_count; /* the policy as it was does not answer what was promised: not compared (WI2) */

    uint64_t refused_count; /* under the other policy there is no option */
    uint64_t reason_counts[OH_REASON_COUNT]; /* of those, how many had a node, service or store with that reason */
    uint64_t gone_count;    /* the option that was chosen by name is not there: the first is compared */
    uint64_t same_count;    /* by when it is promised */
    uint64_t earlier_count;
    uint64_t later_count;
    uint64_t moved_count; /* from other nodes */
    uint64_t distance_count;
    struct oh_whatif_sum before;
    struct oh_whatif_sum after;
    struct oh_whatif_cost costs[OH_WHATIF_CURRENCIES_MAX];
    uint32_t cost_count;

    int64_t *differences_us; /* of `until`, after - before */
    size_t difference_count;
    size_t difference_room;
    bool is_sorted;
};

void oh_whatif_report_init(struct oh_whatif_report *report);
void oh_whatif_report_fini(struct oh_whatif_report *report);

/* A promise that cannot be asked, and why; `text` is a constant. */
void oh_whatif_report_unasked(struct oh_whatif_report *report, const char *text);

/* A promise that the other policy cannot make: the answer to the question with its explanation. */
void oh_whatif_report_refused(struct oh_whatif_report *report, const struct oh_promise_answer *answer);

/* A promise that both policies can make. Errors: OH_E_NOMEM, nothing counted. */
OH_MUST_CHECK enum oh_err oh_whatif_report_compare(struct oh_whatif_report *report,
                                                   const struct oh_promise_figures *before,
                                                   const struct oh_promise_figures *after);

/* Promises that are compared by both policies' options. */
uint64_t oh_whatif_report_compared(const struct oh_whatif_report *report);

/* Of `until`: the smallest difference that p of 100 do not exceed; 0 when there is none. 1 <= percent <= 100. */
int64_t oh_whatif_report_percentile_us(struct oh_whatif_report *report, uint32_t percent);
/* The mean of them in hours; 0 when there is none. */
double oh_whatif_report_mean_hours(const struct oh_whatif_report *report);

void oh_whatif_report_put_text(struct oh_strbuf *buf, struct oh_whatif_report *report);
void oh_whatif_report_put_json(struct oh_strbuf *buf, struct oh_whatif_report *report);

#endif
