#include "storage/projector.h"
#include "base/log.h"
#include "storage/file_name.h"
#include "storage/projector_session.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BACKLOG_LOOK_US 1000000

struct oh_projector {
    struct oh_projector_options options;
    struct projector_session session;
    pthread_t thread;
    int stop_fd;                 /* readable: end at once */
    _Atomic uint64_t drain_seq;  /* UINT64_MAX: go on; else end when this is projected */
    pthread_mutex_t mutex;       /* of status */
    struct oh_projector_status status;
    int64_t backlog_looked_at_us;
    int64_t retry_ms;
};

const char *oh_projector_state_text(enum oh_projector_state state)
{
    static const char *const texts[OH_PROJECTOR_STATE_COUNT] = {
#define STATE_TEXT(name, number, text) [number] = (text),
        OH_PROJECTOR_STATES(STATE_TEXT)
#undef STATE_TEXT
    };
    return texts[state];
}

/* ---- What others see ---------------------------------------------------------------------------- */

/* Changes the state and says so once in the log: a reason that stays the same is not news. */
static void state_set(struct oh_projector *projector, enum oh_projector_state state, const char *reason)
{
    (void)pthread_mutex_lock(&projector->mutex);
    struct oh_projector_status *status = &projector->status;
    bool is_news = status->state != state || !oh_bytes_equal(oh_bytes_of(status->reason.text), oh_bytes_of(reason));
    status->state = state;
    oh_diag_set(&status->reason, "%s", reason);
    uint64_t seq = status->seq;
    (void)pthread_mutex_unlock(&projector->mutex);
    if (!is_news)
        return;
    enum oh_log_level level = state == OH_PROJECTOR_REFUSED || state == OH_PROJECTOR_FAILED ? OH_LOG_ERROR
                              : state == OH_PROJECTOR_UNAVAILABLE                            ? OH_LOG_WARN
                                                                                             : OH_LOG_INFO;
    OH_LOG(level, OH_LOG_EVENT("projection"), OH_LOG_TEXT("state", oh_projector_state_text(state)),
           OH_LOG_U64("seq", seq), OH_LOG_U64("synced_seq", oh_journal_synced_seq(projector->options.journal)),
           OH_LOG_TEXT("reason", reason));
}

static void progress_set(struct oh_projector *projector, uint64_t records)
{
    (void)pthread_mutex_lock(&projector->mutex);
    projector->status.has_seq = true;
    projector->status.seq = projector->session.seq;
    projector->status.records_count += records;
    projector->status.batches_count += records > 0 ? 1 : 0;
    (void)pthread_mutex_unlock(&projector->mutex);
}

/* Journal files that hold a record which is not in the tables. An unreadable folder leaves the figure as it was. */
static void backlog_look(struct oh_projector *projector)
{
    struct oh_seq_list list;
    struct oh_diag diag;
    int64_t now_us = projector->options.now_us();
    if (now_us - projector->backlog_looked_at_us < BACKLOG_LOOK_US && now_us >= projector->backlog_looked_at_us)
        return;
    projector->backlog_looked_at_us = now_us;
    const struct oh_directory *directory = projector->options.directory;
    if (oh_seq_list_read(oh_directory_io(directory), oh_directory_journal_path(directory), OH_FILE_SUFFIX_JOURNAL,
                         OH_JOURNAL_SEGMENTS_MAX, &list, &diag) != OH_OK)
        return;
    uint64_t done = projector->session.seq;
    uint64_t files = oh_journal_synced_seq(projector->options.journal) > done ? 1 : 0;
    for (size_t i = 0; i + 1 < list.count; i++)
        files += list.seqs[i + 1] > done + 1 ? 1 : 0;
    oh_seq_list_fini(&list);
    (void)pthread_mutex_lock(&projector->mutex);
    projector->status.backlog_bytes = files * projector->options.segment_size;
    (void)pthread_mutex_unlock(&projector->mutex);
}

void oh_projector_status(struct oh_projector *projector, struct oh_projector_status *out_status)
{
    int64_t now_us = projector->options.now_us();
    (void)pthread_mutex_lock(&projector->mutex);
    *out_status = projector->status;
    (void)pthread_mutex_unlock(&projector->mutex);
    int64_t pending_at_us = atomic_load(&projector->session.pending_at_us);
    out_status->lag_us = pending_at_us < now_us ? now_us - pending_at_us : 0;
}

/* ---- The thread --------------------------------------------------------------------------------- */

static bool is_drained(const struct oh_projector *projector)
{
    return projector->session.seq >= atomic_load(&projector->drain_seq);
}

/* Batch after batch, until an error. OH_E_STOPPED: told to, or drained. */
static enum oh_err follow(struct oh_projector *projector, struct oh_diag *diag)
{
    int64_t idle_ms = OH_PROJECTOR_IDLE_MS_MIN;
    for (;;) { /* the thread's loop: as long as it is connected */
        uint64_t records = 0;
        enum oh_err err = projector_session_batch(&projector->session, &records, diag);
        if (err != OH_OK)
            return err;
        progress_set(projector, records);
        backlog_look(projector);
        if (records > 0) {
            projector->retry_ms = OH_PROJECTOR_RETRY_MS_MIN;
            idle_ms = OH_PROJECTOR_IDLE_MS_MIN;
        }
        state_set(projector, OH_PROJECTOR_FOLLOWING, "");
        if (is_drained(projector))
            return OH_E_STOPPED;
        if (records >= OH_PROJECTOR_BUSY_RECORDS)
            continue;
        err = oh_pg_pause(projector->stop_fd, idle_ms);
        if (err != OH_OK)
            return err;
        if (records == 0 && idle_ms < OH_PROJECTOR_IDLE_MS_MAX)
            idle_ms *= 2;
    }
}

static enum oh_err connected_run(struct oh_projector *projector, struct oh_diag *diag)
{
    bool needs_snapshot = false;
    enum oh_err err = projector_session_open(&projector->session, &needs_snapshot, diag);
    if (err == OH_OK && needs_snapshot) {
        state_set(projector, OH_PROJECTOR_LOADING, "");
        err = projector_session_load(&projector->session, diag);
    }
    if (err == OH_OK)
        err = projector_session_begin(&projector->session, diag);
    if (err != OH_OK)
        return err;
    progress_set(projector, 0);
    return follow(projector, diag);
}

static void failure_take(struct oh_projector *projector, enum oh_err err, const char *reason)
{
    bool is_outage = err == OH_E_UNAVAILABLE;
    bool is_ours = err == OH_E_CORRUPT || err == OH_E_IO || err == OH_E_NOMEM;
    (void)pthread_mutex_lock(&projector->mutex);
    projector->status.failures_count++;
    (void)pthread_mutex_unlock(&projector->mutex);
    state_set(projector, is_outage ? OH_PROJECTOR_UNAVAILABLE : is_ours ? OH_PROJECTOR_FAILED : OH_PROJECTOR_REFUSED,
              reason[0] == '\0' ? oh_err_text(err) : reason);
}

/* The journal grows meanwhile, so that it is looked at in between. False: told to stop. */
static bool retry_pause(struct oh_projector *projector)
{
    for (int64_t left_ms = projector->retry_ms; left_ms > 0; left_ms -= BACKLOG_LOOK_US / 1000) {
        backlog_look(projector);
        int64_t ms = left_ms < BACKLOG_LOOK_US / 1000 ? left_ms : BACKLOG_LOOK_US / 1000;
        if (oh_pg_pause(projector->stop_fd, ms) != OH_OK)
            return false;
    }
    return true;
}

static void *projector_run(void *context)
{
    struct oh_projector *projector = context;
    for (;;) { /* the life of the thread */
        struct oh_diag diag = { "" };
        enum oh_err err = connected_run(projector, &diag);
        projector_session_close(&projector->session);
        if (err == OH_E_STOPPED)
            return NULL;
        failure_take(projector, err, diag.text);
        if (!retry_pause(projector) || is_drained(projector))
            return NULL;
        projector->retry_ms = projector->retry_ms * 2 > OH_PROJECTOR_RETRY_MS_MAX ? OH_PROJECTOR_RETRY_MS_MAX
                                                                                  : projector->retry_ms * 2;
    }
}

/* ---- Life --------------------------------------------------------------------------------------- */

enum oh_err oh_projector_create(const struct oh_projector_options *options, struct oh_projector **out_projector)
{
    struct oh_projector *projector = calloc(1, sizeof(*projector));
    if (projector == NULL)
        return OH_E_NOMEM;
    projector->options = *options;
    if (options->batch_effects == 0 || options->batch_effects > OH_PROJECTOR_BATCH_EFFECTS_MAX)
        projector->options.batch_effects = OH_PROJECTOR_BATCH_EFFECTS_MAX;
    projector->retry_ms = OH_PROJECTOR_RETRY_MS_MIN;
    atomic_store(&projector->drain_seq, UINT64_MAX);
    projector->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&projector->mutex, NULL);
    oh_journal_keep_from(options->journal, 0); /* everything, until the tables have said how far they are */
    enum oh_err err = projector->stop_fd < 0 ? OH_E_IO : OH_OK;
    if (err == OH_OK)
        err = projector_session_init(&projector->session, &projector->options, projector->stop_fd);
    if (err == OH_OK && pthread_create(&projector->thread, NULL, projector_run, projector) != 0) {
        projector_session_fini(&projector->session);
        err = OH_E_IO;
    }
    if (err == OH_OK) {
        *out_projector = projector;
        return OH_OK;
    }
    if (projector->stop_fd >= 0)
        (void)close(projector->stop_fd);
    (void)pthread_mutex_destroy(&projector->mutex);
    free(projector);
    return err;
}

/* The thread ends by itself when it has projected everything; waits for that, at most drain_ms. */
static void drain(struct oh_projector *projector, int64_t drain_ms)
{
    int64_t until_us = projector->options.now_us() + drain_ms * 1000;
    uint64_t target = oh_journal_synced_seq(projector->options.journal);
    atomic_store(&projector->drain_seq, target);
    enum oh_err err = OH_OK;
    while (err == OH_OK && projector->options.now_us() < until_us) {
        struct oh_projector_status status;
        oh_projector_status(projector, &status);
        if (status.state != OH_PROJECTOR_FOLLOWING || status.seq >= target)
            return;
        err = oh_pg_pause(-1, OH_PROJECTOR_IDLE_MS_MIN);
    }
}

void oh_projector_destroy(struct oh_projector **projector, int64_t drain_ms)
{
    struct oh_projector *doomed = *projector;
    *projector = NULL;
    if (doomed == NULL)
        return;
    if (drain_ms > 0)
        drain(doomed, drain_ms);
    uint64_t one = 1;
    while (write(doomed->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    (void)pthread_join(doomed->thread, NULL);
    projector_session_fini(&doomed->session);
    (void)close(doomed->stop_fd);
    (void)pthread_mutex_destroy(&doomed->mutex);
    free(doomed);
}
