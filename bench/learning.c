/*
 * learning.c - what the ledger learns of transit, for learning.py.
 *
 * Standard input, a line each: "d,service,origin,destination,weekday,seconds" reports a delivery,
 * "q,service,origin,destination,weekday,percentile" asks; the answer is a line with seconds, or "-" for too few
 * reports.
 */
#include "app/memory.h"
#include "onhand/ledger.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US    2000000000000000ll
#define SECOND_US 1000000ll
#define FIELDS    6

struct line { char text[512]; const char *fields[FIELDS]; };

static bool line_read(struct line *line)
{
    if (fgets(line->text, sizeof(line->text), stdin) == NULL)
        return false;
    char *rest = line->text;
    rest[strcspn(rest, "\n")] = '\0';
    for (unsigned i = 0; i < FIELDS; i++)
        line->fields[i] = rest == NULL ? "" : strsep(&rest, ",");
    return true;
}

static bool line_report(struct oh_ledger *ledger, const struct line *line)
{
    struct oh_answer answer;
    struct oh_record record;
    const struct oh_delivery_report report = {
        .service = oh_bytes_of(line->fields[1]),
        .origin_region = oh_bytes_of(line->fields[2]),
        .destination_region = oh_bytes_of(line->fields[3]),
        .weekday = (uint32_t)strtoul(line->fields[4], NULL, 10) % 7,
        .handed_over_at_us = NOW_US - strtoll(line->fields[5], NULL, 10) * SECOND_US,
        .delivered_at_us = NOW_US,
    };
    struct oh_command command = { .type = OH_COMMAND_DELIVERIES, .deliveries = { &report, 1 } };
    bool is_done = oh_ledger_apply(ledger, NOW_US, &command, &answer) == OH_OK && answer.verdict == OH_OK_DONE;
    (void)oh_ledger_take_record(ledger, &record);
    if (!is_done)
        fprintf(stderr, "refused: %s %s\n", oh_verdict_code(answer.verdict), oh_field_text(answer.field));
    return is_done;
}

static void line_ask(const struct oh_ledger *ledger, const struct line *line)
{
    int64_t transit_us;
    if (oh_transit_quantile(ledger, oh_bytes_of(line->fields[1]), oh_bytes_of(line->fields[2]),
                            oh_bytes_of(line->fields[3]), (uint32_t)strtoul(line->fields[4], NULL, 10) % 7,
                            (uint32_t)strtoul(line->fields[5], NULL, 10), &transit_us))
        printf("%lld\n", (long long)(transit_us / SECOND_US));
    else
        printf("-\n");
}

int main(void)
{
    const struct oh_ledger_options options = { .items_max = 16, .positions_max = 16, .reservations_max = 16,
                                               .claims_max = 16, .keys_max = 16, .history_max = 16,
                                               .text_size_max = (uint64_t)64 << 20 };
    const struct oh_allocator allocator = oh_memory_allocator();
    struct oh_ledger *ledger = NULL;
    struct line line;
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* each question is answered at once */
    bool is_good = oh_ledger_create(&options, &allocator, &ledger) == OH_OK;
    while (is_good && line_read(&line)) { /* bounded by the input */
        if (line.fields[0][0] == 'd')
            is_good = line_report(ledger, &line);
        else
            line_ask(ledger, &line);
    }
    oh_ledger_destroy(&ledger);
    return is_good ? 0 : 1;
}
