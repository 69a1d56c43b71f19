#include "app/whatif_replay.h"
#include "app/memory.h"
#include "codec/json_text.h"
#include "storage/snapshot.h"
#include "timetable/ledger_source.h"
#include <stdio.h>
#include <string.h>

/* Of one promise, with room to spare: two options of figures. */
#define LINE_SIZE_MAX 16384u
#define UNREADABLE    "unreadable"

/* With room for whatever the largest server can have written. */
static enum oh_err memory_create(struct oh_whatif_replay *replay)
{
    struct oh_ledger_options options = { .keys_max = 67108864u };
    struct oh_allocator allocator = oh_memory_allocator();
    enum oh_err err = oh_ledger_create(&options, &allocator, &replay->ledger);
    if (err == OH_OK)
        err = oh_promise_engine_create(&allocator, &replay->engine);
    if (err == OH_OK)
        err = oh_timetable_builder_create(replay->options.horizon_days, &replay->builder);
    return err == OH_OK ? oh_json_document_create(&replay->document) : err;
}

enum oh_err oh_whatif_replay_init(struct oh_whatif_replay *replay, const struct oh_whatif_options *options)
{
    memset(replay, 0, sizeof(*replay));
    replay->options = *options;
    oh_whatif_report_init(&replay->report);
    oh_strbuf_init(&replay->line, LINE_SIZE_MAX);
    return memory_create(replay);
}

void oh_whatif_replay_fini(struct oh_whatif_replay *replay)
{
    oh_strbuf_fini(&replay->line);
    oh_json_document_destroy(&replay->document);
    oh_timetable_builder_destroy(&replay->builder);
    oh_promise_engine_destroy(&replay->engine);
    oh_ledger_destroy(&replay->ledger);
    oh_whatif_report_fini(&replay->report);
}

/* ---- One promise ------------------------------------------------------------------------------ */

enum outcome { OUTCOME_UNASKED, OUTCOME_OTHERWISE, OUTCOME_REFUSED, OUTCOME_COMPARED };

struct question {
    const struct oh_record *record;
    struct oh_bytes id;
    struct oh_promise_body body;
    struct oh_promise_names names;
    enum outcome outcome;
    const char *reason; /* why it cannot be asked */
    bool has_again;
    struct oh_promise_figures promised; /* when it was held */
    struct oh_promise_figures again;    /* by the policy as it was */
    struct oh_promise_figures after;    /* by the other */
};

/* The other policy, compiled when the documents or the day have changed. */
static enum oh_err documents_refresh(struct oh_whatif_replay *replay, struct question *question)
{
    const struct oh_document_source source = oh_ledger_source(replay->ledger);
    struct oh_fault fault = { .detail = "" };
    enum oh_err err = oh_timetable_refresh(replay->builder, replay->ledger, &source, question->record->at_us,
                                           &question->names.timetable);
    if (err != OH_OK || question->names.timetable->version == replay->draft_version)
        return err;
    err = oh_timetable_draft(replay->builder, replay->ledger, &source, replay->options.policy, &replay->draft, &fault);
    if (err == OH_OK)
        replay->draft_version = question->names.timetable->version;
    return err;
}

static void ask(const struct oh_whatif_replay *replay, struct question *question, const struct oh_sourcing *draft,
                struct oh_promise_answer *out)
{
    question->body.request.draft = draft;
    oh_promise(replay->engine, replay->ledger, question->names.timetable, &question->body.request,
               question->record->at_us, out);
}

/* False: it cannot be asked, or the answer is not what was promised. */
static bool ask_again(const struct oh_whatif_replay *replay, struct question *question)
{
    struct oh_promise_answer answer;
    ask(replay, question, NULL, &answer);
    if (answer.verdict != OH_OK_DONE) {
        question->reason = oh_verdict_code(answer.verdict);
        return false;
    }
    question->outcome = OUTCOME_OTHERWISE;
    uint32_t option = oh_option_find(&question->names, &answer, question->body.hold.select);
    question->has_again = option != OH_INDEX_NONE;
    if (question->has_again)
        oh_promise_figures_of(&question->names, &answer, option, &question->again);
    return question->has_again && oh_promise_figures_equal(&question->promised, &question->again);
}

/* The same choice where there is it, else the first. */
static void ask_otherwise(struct oh_whatif_replay *replay, struct question *question)
{
    struct oh_promise_answer answer;
    ask(replay, question, replay->draft, &answer);
    if (answer.option_count == 0) {
        question->outcome = OUTCOME_REFUSED;
        question->body.request.explain = OH_EXPLAIN_SUMMARY;
        ask(replay, question, replay->draft, &answer);
        oh_whatif_report_refused(&replay->report, &answer);
        return;
    }
    question->outcome = OUTCOME_COMPARED;
    uint32_t option = oh_option_find(&question->names, &answer, question->body.hold.select);
    replay->report.gone_count += option == OH_INDEX_NONE ? 1 : 0;
    oh_promise_figures_of(&question->names, &answer, option == OH_INDEX_NONE ? 0 : option, &question->after);
}

static bool question_read(const struct oh_whatif_replay *replay, struct oh_bytes kept, struct question *question)
{
    struct oh_bytes text;
    struct oh_fault fault;
    if (!oh_promise_figures_kept(replay->document, kept, &question->promised, &text) ||
        oh_request_promise(replay->document, text, &question->body, &fault) != OH_OK || !question->body.hold.is_set)
        return false;
    question->body.request.explain = OH_EXPLAIN_NONE;
    question->body.request.steps_max = replay->options.steps_max;
    question->names.ledger = replay->ledger;
    question->names.request = &question->body.request;
    return true;
}

/* ---- A line of JSON --------------------------------------------------------------------------- */

static void put_figures(struct oh_strbuf *buf, const char *name, const struct oh_promise_figures *figures)
{
    oh_json_member(buf, name);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_text(buf, "option", figures->option);
    oh_json_member_time(buf, "until", figures->until_us);
    oh_json_member_text(buf, "nodes", figures->nodes);
    oh_json_member_u64(buf, "parcels", figures->box_count);
    oh_json_member_milli(buf, "cost", figures->cost_milli);
    oh_json_member_string_if_any(buf, "currency", oh_bytes_of(figures->currency));
    if (figures->distance_m >= 0)
        oh_json_member_milli(buf, "distance_km", figures->distance_m);
    oh_json_member_bool(buf, "complete", figures->is_complete);
    oh_strbuf_put_char(buf, '}');
}

static void put_question(struct oh_strbuf *buf, const struct question *question)
{
    static const char *const words[] = { "not_asked", "not_reproduced", "not_promisable", "compared" };
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "seq", question->record->seq);
    oh_json_member_time(buf, "at", question->record->at_us);
    oh_json_member_string(buf, "promise", question->id);
    oh_json_member_text(buf, "outcome", words[question->outcome]);
    if (question->outcome == OUTCOME_UNASKED)
        oh_json_member_text(buf, "reason", question->reason);
    if (question->promised.option[0] != '\0')
        put_figures(buf, "before", &question->promised);
    if (question->outcome == OUTCOME_OTHERWISE && question->has_again)
        put_figures(buf, "again", &question->again);
    if (question->outcome == OUTCOME_COMPARED)
        put_figures(buf, "after", &question->after);
    oh_strbuf_put_text(buf, "}\n");
}

static enum oh_err line_write(struct oh_whatif_replay *replay, const struct question *question)
{
    oh_strbuf_clear(&replay->line);
    put_question(&replay->line, question);
    enum oh_err err = OH_OK;
    if (replay->line.is_overflowed)
        err = OH_E_NOMEM;
    else if (fwrite(replay->line.data, 1, replay->line.size, stdout) != replay->line.size)
        err = OH_E_IO;
    if (err != OH_OK)
        oh_diag_set(&replay->diag, "standard output: %s", oh_err_text(err));
    return err;
}

/* ---- The journal ------------------------------------------------------------------------------ */

static enum oh_err question_count(struct oh_whatif_replay *replay, const struct question *question)
{
    struct oh_whatif_report *report = &replay->report;
    switch (question->outcome) {
    case OUTCOME_UNASKED:
        oh_whatif_report_unasked(report, question->reason);
        return OH_OK;
    case OUTCOME_OTHERWISE:
        report->otherwise_count++;
        return OH_OK;
    case OUTCOME_REFUSED: /* counted when it was asked why */
        return OH_OK;
    case OUTCOME_COMPARED:
        return oh_whatif_report_compare(report, &question->promised, &question->after);
    }
    return OH_E_INVALID;
}

static enum oh_err promise_take(struct oh_whatif_replay *replay, const struct oh_record *record,
                                const struct oh_effect_promise *promise)
{
    struct question question = { .record = record, .id = promise->id, .reason = UNREADABLE };
    replay->report.held_count++;
    if (question_read(replay, promise->body, &question)) {
        enum oh_err err = documents_refresh(replay, &question);
        if (err != OH_OK)
            return err;
        if (ask_again(replay, &question))
            ask_otherwise(replay, &question);
    }
    enum oh_err err = question_count(replay, &question);
    return err == OH_OK && replay->options.writes_each ? line_write(replay, &question) : err;
}

static bool is_of_channel(const struct oh_whatif_replay *replay, uint16_t channel)
{
    return oh_bytes_is_empty(replay->options.channel) ||
           (channel < oh_channel_count(replay->ledger) &&
            oh_bytes_equal(oh_channel_name(replay->ledger, (struct oh_channel_id){ channel }),
                           replay->options.channel));
}

/* A promise that comes with its reservation was held; one that comes without replaces a part of it. */
static enum oh_err record_take(void *ctx, const struct oh_record *record)
{
    struct oh_whatif_replay *replay = ctx;
    const struct oh_effect_reservation *reservation = NULL;
    enum oh_err err = OH_OK;
    for (uint32_t i = 0; err == OH_OK && i < record->effect_count; i++) {
        const struct oh_effect *effect = &record->effects[i];
        if (effect->type == OH_EFFECT_RESERVATION)
            reservation = &effect->reservation;
        if (effect->type != OH_EFFECT_PROMISE)
            continue;
        if (reservation == NULL || !oh_bytes_equal(reservation->id, effect->promise.id))
            replay->report.replaced_count++;
        else if (is_of_channel(replay, reservation->channel))
            err = promise_take(replay, record, &effect->promise);
    }
    return err;
}

enum oh_err oh_whatif_replay_run(struct oh_whatif_replay *replay, const struct oh_directory *directory)
{
    struct oh_recovery_options options = { .record_begin = record_take, .ctx = replay };
    uint64_t seqs[OH_SNAPSHOTS_MAX];
    size_t count = 0;
    enum oh_err err = oh_snapshot_list(directory, seqs, OH_SNAPSHOTS_MAX, &count, &replay->diag);
    if (err == OH_OK)
        err = oh_recovery_choose_oldest(directory, seqs, count, &options, &replay->diag);
    if (err == OH_OK)
        err = oh_recovery_run(directory, replay->ledger, &options, &replay->report.replay, &replay->diag);
    return err;
}
