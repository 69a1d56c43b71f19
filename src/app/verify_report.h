/*
 * verify_report.h - what a verification saw, as lines for people or as one
 * JSON object for machines. One thread.
 */
#ifndef ONHAND_APP_VERIFY_REPORT_H
#define ONHAND_APP_VERIFY_REPORT_H

#include "base/strbuf.h"
#include "codec/record_digest.h"
#include "storage/recovery.h"
#include "storage/snapshot.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_VERIFY_FINDINGS_MAX 64u

/* One snapshot file. Its digest is that of its objects; compared: with a replay at its record. */
struct oh_verify_snapshot {
    uint64_t seq;
    int64_t at_us;
    uint64_t object_count;
    struct oh_record_digest digest;
    bool is_compared;
    bool is_equal;
};

struct oh_verify_report {
    const char *path;
    struct oh_recovery_report replay;                      /* the longest one the files allow */
    struct oh_verify_snapshot snapshots[OH_SNAPSHOTS_MAX]; /* newest first */
    size_t snapshot_count;
    bool is_restart_compared; /* newest snapshot and the records after it, against the longest replay */
    bool is_ledger_checked;   /* the figures below are known */
    uint64_t position_count;
    uint64_t claim_count;
    uint64_t reservation_count;
    uint64_t finding_count;
    struct oh_diag findings[OH_VERIFY_FINDINGS_MAX]; /* the first ones */
};

/* Writes down that something is wrong. */
void oh_verify_find(struct oh_verify_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void oh_verify_report_put_text(struct oh_strbuf *buf, const struct oh_verify_report *report);
void oh_verify_report_put_json(struct oh_strbuf *buf, const struct oh_verify_report *report);

#endif
