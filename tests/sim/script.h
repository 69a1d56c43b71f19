/*
 * script.h - what one client does, from an empty server on: every kind of request, restarts, and the passing of time.
 *
 * The same steps in the same order every time, so that the nth allocation of a run is the nth of the next one. Writes
 * can be repeated: each has a key, or an Import-Id.
 */
#ifndef ONHAND_TESTS_SIM_SCRIPT_H
#define ONHAND_TESTS_SIM_SCRIPT_H

#include "base/strbuf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_STEPS_MAX 256u

enum step_type {
    STEP_READ,
    STEP_WRITE,
    STEP_IMPORT, /* a write that answers what became of its rows: other words the second time */
    STEP_BATCH,  /* a write whose parts have a status each */
    STEP_SLOW,   /* a read by a client that takes a little at a time */
    STEP_PASS,   /* time passes */
    STEP_RECONNECT,
    STEP_RESTART,    /* SIGTERM, and a start */
    STEP_POWER_LOSS, /* and a start */
};

struct step {
    enum step_type type;
    int status;              /* of the first answer */
    char name[64];           /* "PUT /v1/nodes/n1" */
    struct oh_bytes request; /* lent by the script */
    int64_t pass_us;
};

struct script {
    struct step steps[SCRIPT_STEPS_MAX];
    uint32_t count;
    const char *prefix; /* of its keys */
    struct oh_strbuf text;
};

static inline bool step_is_write(const struct step *step)
{
    return step->type == STEP_WRITE || step->type == STEP_IMPORT || step->type == STEP_BATCH;
}

/* The whole life of a shop. */
void script_make(struct script *script);

/* Nothing but writes, to fill a journal: they are not those of the other script. */
void script_make_filling(struct script *script, uint32_t count);

void script_fini(struct script *script);

#endif
