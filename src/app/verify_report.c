#include "app/verify_report.h"
#include "codec/json_reply.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void oh_verify_find(struct oh_verify_report *report, const char *format, ...)
{
    va_list args;
    report->finding_count++;
    if (report->finding_count > OH_VERIFY_FINDINGS_MAX)
        return;
    struct oh_diag *finding = &report->findings[report->finding_count - 1];
    va_start(args, format);
    (void)vsnprintf(finding->text, sizeof(finding->text), format, args);
    va_end(args);
}

static size_t findings_kept(const struct oh_verify_report *report)
{
    return report->finding_count < OH_VERIFY_FINDINGS_MAX ? (size_t)report->finding_count
                                                          : OH_VERIFY_FINDINGS_MAX;
}

/* ---- Text ------------------------------------------------------------------------------------- */

static void journal_put_text(struct oh_strbuf *buf, const struct oh_recovery_report *replay)
{
    if (replay->last_seq < replay->first_seq)
        oh_strbuf_put_text(buf, "journal: no records");
    else
        oh_strbuf_printf(buf, "journal: records %" PRIu64 " to %" PRIu64, replay->first_seq,
                         replay->last_seq);
    if (replay->torn_bytes > 0)
        oh_strbuf_printf(buf, ", then %" PRIu64 " bytes of an unfinished write, which a start cuts",
                         replay->torn_bytes);
    oh_strbuf_put_char(buf, '\n');
    if (replay->has_snapshot)
        oh_strbuf_printf(buf, "replay: snapshot %" PRIu64 " (%" PRIu64 " objects), then ",
                         replay->snapshot_seq, replay->object_count);
    else
        oh_strbuf_put_text(buf, "replay: from the first record, ");
    oh_strbuf_printf(buf, "%" PRIu64 " records with %" PRIu64 " effects\n", replay->record_count,
                     replay->effect_count);
}

static void snapshot_put_text(struct oh_strbuf *buf, const struct oh_verify_snapshot *snapshot)
{
    const char *said = "read whole; the journal does not reach back to compare it";
    if (snapshot->is_compared)
        said = snapshot->is_equal ? "equal to the replay at its record"
                                  : "DIFFERS from the replay at its record";
    oh_strbuf_printf(buf, "snapshot %" PRIu64 ": %" PRIu64 " objects, %s\n", snapshot->seq,
                     snapshot->object_count, said);
}

static void findings_put_text(struct oh_strbuf *buf, const struct oh_verify_report *report)
{
    size_t kept = findings_kept(report);
    for (size_t i = 0; i < kept; i++)
        oh_strbuf_printf(buf, "WRONG: %s\n", report->findings[i].text);
    if (report->finding_count > kept)
        oh_strbuf_printf(buf, "and %" PRIu64 " more\n", report->finding_count - kept);
}

static void ledger_put_text(struct oh_strbuf *buf, const struct oh_verify_report *report)
{
    oh_strbuf_printf(buf,
                     "ledger: %" PRIu64 " positions, %" PRIu64 " reservations, %" PRIu64
                     " claims; each position checked against its movements and claims\n",
                     report->position_count, report->reservation_count, report->claim_count);
}

void oh_verify_report_put_text(struct oh_strbuf *buf, const struct oh_verify_report *report)
{
    if (report->replay.first_seq > 0)
        journal_put_text(buf, &report->replay);
    for (size_t i = 0; i < report->snapshot_count; i++)
        snapshot_put_text(buf, &report->snapshots[i]);
    if (report->is_restart_compared)
        oh_strbuf_put_text(buf,
                           "restart: newest snapshot and the records after it lead to the same ledger\n");
    if (report->is_ledger_checked)
        ledger_put_text(buf, report);
    findings_put_text(buf, report);
    oh_strbuf_put_text(buf, report->finding_count == 0 ? "ok\n" : "not ok\n");
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void journal_put_json(struct oh_strbuf *buf, const struct oh_recovery_report *replay)
{
    oh_json_member(buf, "journal");
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "first_seq", replay->first_seq);
    oh_json_member_u64(buf, "last_seq", replay->last_seq);
    oh_json_member_u64(buf, "torn_bytes", replay->torn_bytes);
    oh_json_member_u64(buf, "replayed_from", replay->has_snapshot ? replay->snapshot_seq : 0);
    oh_json_member_u64(buf, "records", replay->record_count);
    oh_json_member_u64(buf, "effects", replay->effect_count);
    oh_json_member_u64(buf, "bytes", replay->record_bytes);
    oh_strbuf_put_char(buf, '}');
}

static void snapshots_put_json(struct oh_strbuf *buf, const struct oh_verify_report *report)
{
    oh_json_member(buf, "snapshots");
    oh_strbuf_put_char(buf, '[');
    for (size_t i = 0; i < report->snapshot_count; i++) {
        const struct oh_verify_snapshot *snapshot = &report->snapshots[i];
        oh_json_separate(buf);
        oh_strbuf_put_char(buf, '{');
        oh_json_member_u64(buf, "seq", snapshot->seq);
        oh_json_member_time(buf, "at", snapshot->at_us);
        oh_json_member_u64(buf, "objects", snapshot->object_count);
        oh_json_member_bool(buf, "compared", snapshot->is_compared);
        if (snapshot->is_compared)
            oh_json_member_bool(buf, "equal", snapshot->is_equal);
        oh_strbuf_put_char(buf, '}');
    }
    oh_strbuf_put_char(buf, ']');
}

static void findings_put_json(struct oh_strbuf *buf, const struct oh_verify_report *report)
{
    size_t kept = findings_kept(report);
    oh_json_member_u64(buf, "finding_count", report->finding_count);
    oh_json_member(buf, "findings");
    oh_strbuf_put_char(buf, '[');
    for (size_t i = 0; i < kept; i++) {
        oh_json_separate(buf);
        oh_json_put_string(buf, oh_bytes_of(report->findings[i].text));
    }
    oh_strbuf_put_char(buf, ']');
}

void oh_verify_report_put_json(struct oh_strbuf *buf, const struct oh_verify_report *report)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_bool(buf, "ok", report->finding_count == 0);
    oh_json_member_string(buf, "directory", oh_bytes_of(report->path));
    journal_put_json(buf, &report->replay);
    snapshots_put_json(buf, report);
    oh_json_member_bool(buf, "restart_compared", report->is_restart_compared);
    oh_json_member_bool(buf, "ledger_checked", report->is_ledger_checked);
    oh_json_member_u64(buf, "positions", report->position_count);
    oh_json_member_u64(buf, "reservations", report->reservation_count);
    oh_json_member_u64(buf, "claims", report->claim_count);
    findings_put_json(buf, report);
    oh_strbuf_put_text(buf, "}\n");
}
