/*
 * edition.h - one timetable and the contents it is made of. A new edition is
 * built beside the old one and takes over what is still as it was; neither is
 * changed by the other, so that a build that fails leaves nothing behind.
 * Inside src/timetable only. One thread.
 */
#ifndef ONHAND_TIMETABLE_EDITION_H
#define ONHAND_TIMETABLE_EDITION_H

#include "timetable/compile.h"

/* Ascending by id. */
struct oh_contents {
    struct oh_content **at;
    uint32_t count;
};

struct oh_edition {
    struct oh_timetable table;
    struct oh_contents calendars;
    struct oh_contents zones;
    struct oh_contents services;
    struct oh_contents lanes;
    struct oh_schedule_content **schedules; /* [node < table.node_count] */
    struct oh_sourcing_content **sourcing;  /* [channel < table.channel_count] */
    struct oh_sourcing_content *sourcing_default;
    struct oh_arena arena;     /* of the arrays of the table, and of those above */
    uint32_t *service_indexes; /* [number in compiler->services]: its index in the table */
    uint32_t service_number_count;
};

/*
 * oh_edition_build - of everything the source and the ledger have.
 *
 * `old` lends what has not changed; NULL when it is of another compiler. Errors: OH_E_NOMEM, OH_E_TOO_LARGE.
 * Post: the pickups of schedules that are new point at no service yet: oh_edition_commit.
 */
OH_MUST_CHECK enum oh_err oh_edition_build(struct oh_compiler *compiler, const struct oh_ledger *ledger,
                                           const struct oh_document_source *source,
                                           const struct oh_edition *old, struct oh_edition **out_edition);

/* The edition is the one: its schedules get the indexes of its services. The old one must not be used any more. */
void oh_edition_commit(struct oh_edition *edition);
void oh_edition_destroy(struct oh_edition **edition);

/* A draft (timetable/builder.h), compiled for this edition. */
OH_MUST_CHECK enum oh_err oh_edition_draft(const struct oh_edition *edition, struct oh_compiler *compiler,
                                           const struct oh_ledger *ledger,
                                           const struct oh_document_source *source, struct oh_bytes text,
                                           struct oh_sourcing_content **out);

#endif
