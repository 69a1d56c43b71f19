/*
 * progress.h - how far a long command is, for the person who waits: a bar that
 * redraws itself on a terminal, a plain line now and then elsewhere.
 *
 * Writes to standard error, so that results on standard output stay clean.
 * One thread.
 */
#ifndef ONHAND_APP_PROGRESS_H
#define ONHAND_APP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_PROGRESS_TERMINAL_INTERVAL_NS 100000000ull  /* 0.1 s */
#define OH_PROGRESS_PLAIN_INTERVAL_NS    5000000000ull /* 5 s */

/* Nanoseconds of a clock that never steps. */
uint64_t oh_monotonic_ns(void);

struct oh_progress {
    const char *label; /* borrowed while the progress is used */
    bool is_terminal;
    bool is_drawn; /* a bar stands on the last line of the terminal */
    uint64_t started_ns;
    uint64_t drawn_ns;
    uint64_t done_first; /* where the work began: what was done before is not our speed */
    uint64_t rows_first;
};

/* What to show. `done` of `total` is any measure of the whole work, 0 of 0 when it is not known. */
struct oh_progress_state {
    uint64_t done;
    uint64_t total;
    uint64_t rows;
    uint64_t bytes;
};

void oh_progress_init(struct oh_progress *progress, const char *label);

/* Work begins, or begins again, at this state. */
void oh_progress_start(struct oh_progress *progress, const struct oh_progress_state *state);

/* Draws when the last drawing is old enough; cheap otherwise. */
void oh_progress_update(struct oh_progress *progress, const struct oh_progress_state *state);

/* Takes the bar away, so that something else can be written. */
void oh_progress_clear(struct oh_progress *progress);

/*
 * The text of a state, NUL-terminated, cut to `size`:
 * "stock.csv  [#####.....]  52 %  44,120 rows  2.1 MB  81,000 rows/s  ETA 0:04"
 */
void oh_progress_format(char *text, size_t size, const char *label, const struct oh_progress_state *state,
                        double rows_per_second, double eta_s, bool has_bar);

#endif
