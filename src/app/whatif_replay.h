/*
 * whatif_replay.h - asks the promises of a journal again, each just before the record that held it, on the ledger and
 * the documents as they were then: by the policy as it was, and by another (docs/spec/promise.md, WI1 to WI5).
 *
 * The ledger follows the journal: what the other policy would have taken is never taken. One thread.
 */
#ifndef ONHAND_APP_WHATIF_REPLAY_H
#define ONHAND_APP_WHATIF_REPLAY_H

#include "app/whatif_report.h"
#include "codec/json_document.h"
#include "onhand/promise.h"
#include "timetable/builder.h"

struct oh_whatif_options {
    struct oh_bytes policy;  /* a sourcing document, judged already */
    struct oh_bytes channel; /* whose promises; empty: all */
    uint32_t horizon_days;
    uint32_t steps_max;
    bool writes_each; /* a line of JSON for each promise to standard output */
};

struct oh_whatif_replay {
    struct oh_whatif_options options;
    struct oh_whatif_report report;
    struct oh_ledger *ledger;
    struct oh_promise_engine *engine;
    struct oh_timetable_builder *builder;
    struct oh_json_document *document;
    const struct oh_sourcing *draft;
    uint64_t draft_version; /* of the timetable it was compiled for; 0: none */
    struct oh_strbuf line;
    struct oh_diag diag;
};

/* Errors: OH_E_NOMEM. Owner: borrows what the options name until fini, which also comes after an error. */
OH_MUST_CHECK enum oh_err oh_whatif_replay_init(struct oh_whatif_replay *replay,
                                                const struct oh_whatif_options *options);
void oh_whatif_replay_fini(struct oh_whatif_replay *replay);

/*
 * oh_whatif_replay_run - from the oldest state that the files have to the newest, counting into replay->report.
 *
 * Errors: as oh_recovery_run, OH_E_TOO_LARGE (the timetable), OH_E_IO (standard output); replay->diag says more, when
 *         it is not empty.
 */
OH_MUST_CHECK enum oh_err oh_whatif_replay_run(struct oh_whatif_replay *replay, const struct oh_directory *directory);

#endif
