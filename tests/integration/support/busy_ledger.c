/*
 * busy_ledger.c - a data directory with a busy history, and what a ledger recovered from one holds.
 *
 *     busy_ledger fill DIR SEED COUNT AT_S   COUNT random commands more, at that Unix time or later
 *     busy_ledger objects DIR                every object of the ledger, one a line: in words, then its bytes
 *
 * The ledger remembers 1,024 movements (random_ledger_create). Claims are numbered within their reservation, so that
 * the lines may be sorted. For test_rebuild_law.py.
 */
#include "app/dump_effect.h"
#include "base/assert.h"
#include "codec/effect_names.h"
#include "codec/record.h"
#include "storage/journal.h"
#include "storage/recovery.h"
#include "support/random_commands.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_MAX 1000000u
#define LINE_SIZE    ((size_t)64 << 20)
#define HOLDS_STEP   20u

struct busy {
    struct oh_directory *directory;
    struct oh_journal *journal;
    struct oh_ledger *ledger;
    struct oh_strbuf bytes;
    struct oh_strbuf line;
    struct oh_effect_names names;
    unsigned claim_number;
    struct oh_diag diag;
};

static enum oh_err busy_open(struct busy *busy, const char *path)
{
    const struct oh_journal_options options = { .durability = OH_DURABILITY_PROCESS, .is_manual = true };
    struct oh_recovery_options recovery = { .last_seq = 0 };
    struct oh_recovery_report report;
    enum oh_err err = oh_directory_open(oh_io_posix(), path, OH_DIRECTORY_WRITE, &busy->directory, &busy->diag);
    if (err == OH_OK)
        err = oh_journal_open(busy->directory, &options, &busy->journal, &busy->diag);
    busy->ledger = random_ledger_create();
    return err == OH_OK ? oh_recovery_run(busy->directory, busy->ledger, &recovery, &report, &busy->diag) : err;
}

/* ---- Filling ---------------------------------------------------------------------------------- */

static void journal_work(struct busy *busy)
{
    oh_journal_submit(busy->journal);
    for (int i = 0; i < 2; i++) /* twice: a new file has to be prepared before it is written */
        oh_journal_work(busy->journal, OH_JOURNAL_WORK_WRITE | OH_JOURNAL_WORK_PREPARE);
}

static void record_take(struct busy *busy)
{
    struct oh_record record;
    if (!oh_ledger_take_record(busy->ledger, &record))
        return;
    oh_strbuf_clear(&busy->bytes);
    enum oh_err err = oh_record_encode(&record, &busy->bytes);
    OH_ASSERT(err == OH_OK);
    err = oh_journal_append(busy->journal, record.seq, oh_strbuf_bytes(&busy->bytes));
    OH_ASSERT(err == OH_OK);
    journal_work(busy);
}

static void fill(struct busy *busy, uint64_t seed, uint64_t count, int64_t at_us)
{
    static struct random_commands commands;
    random_commands_init(&commands, seed, 60, 12);
    commands.now_us = at_us > oh_ledger_time_us(busy->ledger) ? at_us : oh_ledger_time_us(busy->ledger);
    for (uint64_t i = 0; i < count; i++) {
        struct oh_command command;
        struct oh_answer answer;
        while (oh_ledger_advance(busy->ledger, commands.now_us, HOLDS_STEP) > 0)
            record_take(busy);
        random_commands_next(&commands, &command);
        enum oh_err err = oh_ledger_apply(busy->ledger, commands.now_us, &command, &answer);
        OH_ASSERT(err == OH_OK);
        random_commands_answered(&commands, &answer);
        record_take(busy);
    }
}

/* ---- Showing ---------------------------------------------------------------------------------- */

static void object_learn(void *ctx, const struct oh_effect *object)
{
    struct busy *busy = ctx;
    enum oh_err err = oh_effect_names_learn(&busy->names, object);
    OH_ASSERT(err == OH_OK);
}

/* What a rule does not say has no value: random commands give it one, the tables do not. */
static void unsaid_clear(struct oh_rule_values *values)
{
    struct oh_rule_values said = { .mask = values->mask };
    said.safety_stock_milli = (values->mask & OH_RULE_SAFETY_STOCK) != 0 ? values->safety_stock_milli : 0;
    said.threshold_milli = (values->mask & OH_RULE_THRESHOLD) != 0 ? values->threshold_milli : 0;
    said.min_quantity_milli = (values->mask & OH_RULE_MIN_QUANTITY) != 0 ? values->min_quantity_milli : 0;
    said.max_quantity_milli = (values->mask & OH_RULE_MAX_QUANTITY) != 0 ? values->max_quantity_milli : 0;
    said.increment_milli = (values->mask & OH_RULE_INCREMENT) != 0 ? values->increment_milli : 0;
    said.backorder_limit_milli = (values->mask & OH_RULE_BACKORDER_LIMIT) != 0 ? values->backorder_limit_milli : 0;
    said.low_stock_milli = (values->mask & OH_RULE_LOW_STOCK) != 0 ? values->low_stock_milli : 0;
    said.pickup_allowed = (values->mask & OH_RULE_PICKUP_ALLOWED) != 0 && values->pickup_allowed;
    said.ship_allowed = (values->mask & OH_RULE_SHIP_ALLOWED) != 0 && values->ship_allowed;
    said.preorder = (values->mask & OH_RULE_PREORDER) != 0 && values->preorder;
    *values = said;
}

static void object_show(void *ctx, const struct oh_effect *shown)
{
    struct busy *busy = ctx;
    struct oh_effect copy = *shown;
    const struct oh_effect *object = &copy;
    if (shown->type == OH_EFFECT_RULE)
        unsaid_clear(&copy.rule.values);
    busy->claim_number = object->type == OH_EFFECT_CLAIM ? busy->claim_number + 1 : 0;
    oh_strbuf_clear(&busy->bytes);
    oh_strbuf_clear(&busy->line);
    enum oh_err err = oh_object_encode(object, &busy->bytes);
    OH_ASSERT(err == OH_OK);
    oh_dump_put_effect(&busy->line, &busy->names, object);
    oh_strbuf_printf(&busy->line, " %u ", busy->claim_number);
    for (size_t i = 0; i < busy->bytes.size; i++)
        oh_strbuf_printf(&busy->line, "%02x", (unsigned char)busy->bytes.data[i]);
    OH_ASSERT(!busy->line.is_overflowed);
    (void)printf("%.*s\n", (int)busy->line.size, busy->line.data);
}

/* Puts what was restored in order first: a ledger is exported when it has been asked something. */
static void objects_show(struct busy *busy)
{
    (void)oh_ledger_advance(busy->ledger, oh_ledger_time_us(busy->ledger), 0);
    oh_effect_names_init(&busy->names);
    oh_ledger_export(busy->ledger, object_learn, busy);
    oh_ledger_export(busy->ledger, object_show, busy);
    oh_effect_names_fini(&busy->names);
}

int main(int argc, char **argv)
{
    struct busy busy = { .directory = NULL };
    bool is_fill = argc == 6 && strcmp(argv[1], "fill") == 0;
    uint64_t count = is_fill ? strtoull(argv[4], NULL, 10) : 0;
    if ((!is_fill && (argc != 3 || strcmp(argv[1], "objects") != 0)) || count > COMMANDS_MAX) {
        (void)fprintf(stderr, "usage: busy_ledger fill DIR SEED COUNT AT_S\n       busy_ledger objects DIR\n");
        return 2;
    }
    oh_strbuf_init(&busy.bytes, LINE_SIZE);
    oh_strbuf_init(&busy.line, LINE_SIZE);
    enum oh_err err = busy_open(&busy, argv[2]);
    if (err != OH_OK)
        (void)fprintf(stderr, "busy_ledger: %s\n", busy.diag.text);
    else if (is_fill)
        fill(&busy, strtoull(argv[3], NULL, 10), count, strtoll(argv[5], NULL, 10) * 1000000);
    else
        objects_show(&busy);
    oh_journal_close(&busy.journal);
    oh_directory_close(&busy.directory);
    oh_ledger_destroy(&busy.ledger);
    oh_strbuf_fini(&busy.bytes);
    oh_strbuf_fini(&busy.line);
    return err == OH_OK ? 0 : 1;
}
