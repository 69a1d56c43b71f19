#include "app/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_BAR_WIDTH  20
#define PROGRESS_TEXT_SIZE  256
#define PROGRESS_COUNT_SIZE 32
#define PROGRESS_ETA_S_MAX  359999.0 /* 99:59:59 */

uint64_t oh_monotonic_ns(void)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* 1234567 as "1,234,567". */
static void count_format(char text[PROGRESS_COUNT_SIZE], uint64_t count)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t at = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

static void bar_format(char text[PROGRESS_BAR_WIDTH + 1], double share)
{
    for (int i = 0; i < PROGRESS_BAR_WIDTH; i++)
        text[i] = (double)i < share * PROGRESS_BAR_WIDTH ? '#' : '.';
    text[PROGRESS_BAR_WIDTH] = '\0';
}

static void eta_format(char *text, size_t size, double eta_s)
{
    unsigned seconds = (unsigned)(eta_s > PROGRESS_ETA_S_MAX ? PROGRESS_ETA_S_MAX : eta_s);
    if (eta_s < 0)
        text[0] = '\0';
    else if (seconds >= 3600)
        (void)snprintf(text, size, "  ETA %u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
    else
        (void)snprintf(text, size, "  ETA %u:%02u", seconds / 60, seconds % 60);
}

void oh_progress_format(char *text, size_t size, const char *label, const struct oh_progress_state *state,
                        double rows_per_second, double eta_s, bool has_bar)
{
    char rows[PROGRESS_COUNT_SIZE];
    char speed[PROGRESS_COUNT_SIZE];
    char share_text[PROGRESS_BAR_WIDTH + 16] = "";
    char eta[32];
    count_format(rows, state->rows);
    count_format(speed, (uint64_t)rows_per_second);
    eta_format(eta, sizeof eta, eta_s);
    if (state->total > 0) {
        double share = (double)state->done / (double)state->total;
        char bar[PROGRESS_BAR_WIDTH + 1];
        share = share > 1 ? 1 : share;
        bar_format(bar, share);
        if (has_bar)
            (void)snprintf(share_text, sizeof share_text, "  [%s] %3u %%", bar, (unsigned)(share * 100));
        else
            (void)snprintf(share_text, sizeof share_text, "  %u %%", (unsigned)(share * 100));
    }
    (void)snprintf(text, size, "%s%s  %s rows  %.1f MB  %s rows/s%s", label, share_text, rows,
                   (double)state->bytes / 1e6, speed, eta);
}

void oh_progress_init(struct oh_progress *progress, const char *label)
{
    *progress = (struct oh_progress){ .label = label, .is_terminal = isatty(STDERR_FILENO) == 1 };
}

void oh_progress_start(struct oh_progress *progress, const struct oh_progress_state *state)
{
    progress->started_ns = oh_monotonic_ns();
    progress->drawn_ns = progress->started_ns;
    progress->done_first = state->done;
    progress->rows_first = state->rows;
}

static void progress_draw(struct oh_progress *progress, const struct oh_progress_state *state,
                          uint64_t now_ns)
{
    char text[PROGRESS_TEXT_SIZE];
    double elapsed_s = (double)(now_ns - progress->started_ns) / 1e9;
    double done = (double)(state->done - progress->done_first);
    double rows = (double)(state->rows - progress->rows_first);
    double eta_s = -1;
    if (state->total > state->done && done > 0)
        eta_s = elapsed_s * (double)(state->total - state->done) / done;
    oh_progress_format(text, sizeof text, progress->label, state, elapsed_s > 0 ? rows / elapsed_s : 0, eta_s,
                       progress->is_terminal);
    fprintf(stderr, progress->is_terminal ? "\r%s\033[K" : "%s\n", text);
    progress->is_drawn = progress->is_terminal;
    progress->drawn_ns = now_ns;
}

void oh_progress_update(struct oh_progress *progress, const struct oh_progress_state *state)
{
    uint64_t interval_ns =
        progress->is_terminal ? OH_PROGRESS_TERMINAL_INTERVAL_NS : OH_PROGRESS_PLAIN_INTERVAL_NS;
    uint64_t now_ns = oh_monotonic_ns();
    if (now_ns - progress->drawn_ns >= interval_ns)
        progress_draw(progress, state, now_ns);
}

void oh_progress_clear(struct oh_progress *progress)
{
    if (progress->is_drawn)
        fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}
