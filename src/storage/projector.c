#include "storage/projector.h"
#include "base/log.h"
#include "base/thread.h"
#include "storage/file_name.h"
#include "storage/projected_seq.h"
#include "storage/projector_session.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BACKLOG_LOOK_US 1000000
#define REMEMBER_US 1000000 /* how old what is written down of the tables may be */
#define DRAIN_LOOK_MS 5

struct oh_projector {
    struct oh_projector_options options;
    struct projector_session session;
    pthread_t thread;
    int stop_fd;                 /* readable: end at once */
    _Atomic uint64_t drain_seq;  /* UINT64_MAX: go on; else end when this is projected */
    pthread_mutex_t mutex;       /* of status */
    struct oh_projector_status status;
    int64_t backlog_looked_at_us;
    uint64_t looked_bytes;       /* under the mutex: backlog_bytes then, */
    uint64_t looked_at_byte;     /* and how many bytes of journal had been written */
    int64_t complete_at_us;      /* under the mutex: the tables have everything of until then; at first, the start */
    uint64_t remembered_seq;     /* is written down: the tables have it, as far as anybody knows */
    int64_t remembered_at_us;
    bool is_open;                /* connected, and the tables have said how far they are */
    int64_t pause_ms;            /* until the next step */
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

/* Of the journal, since the start. */
static uint64_t bytes_written(const struct oh_projector *projector)
{
    struct oh_journal_stats stats;
    oh_journal_stats(projector->options.journal, &stats);
    return stats.frame_bytes;
}

static void progress_set(struct oh_projector *projector, const struct projector_batch *batch, int64_t began_at_us)
{
    (void)pthread_mutex_lock(&projector->mutex);
    projector->status.has_seq = true;
    projector->status.seq = projector->session.seq;
    projector->status.records_count += batch->records;
    projector->status.batches_count += batch->records > 0 ? 1 : 0;
    if (batch->has_all)
        projector->complete_at_us = began_at_us;
    else if (batch->records > 0)
        projector->complete_at_us = batch->at_us;
    (void)pthread_mutex_unlock(&projector->mutex);
}

/* Tables that went back are news at once. What cannot be written down is tried again. */
static void remember(struct oh_projector *projector, int64_t every_us)
{
    int64_t now_us = projector->options.now_us();
    uint64_t seq = projector->session.seq;
    int64_t age_us = now_us - projector->remembered_at_us;
    bool is_old = age_us >= every_us || age_us < 0;
    bool is_due = seq < projector->remembered_seq || (seq > projector->remembered_seq && is_old);
    if (!is_due || !oh_projected_seq_write(projector->options.directory, seq))
        return;
    projector->remembered_seq = seq;
    projector->remembered_at_us = now_us;
}

/*
 * Until the tables say how far they are, they are where they were when that was written down: that is less than they
 * have, or these are other tables. Only the backlog goes by it; the journal keeps everything until they have spoken.
 */
static void recall(struct oh_projector *projector)
{
    uint64_t seq = oh_projected_seq_read(projector->options.directory);
    projector->remembered_seq = seq;
    projector->remembered_at_us = projector->options.now_us();
    if (seq > oh_journal_synced_seq(projector->options.journal))
        return;
    projector->session.seq = seq;
    projector->status.seq = seq;
}

/* Journal files that hold a record which is not in the tables. After an unreadable folder the figure only grows. */
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
    uint64_t written = bytes_written(projector);
    uint64_t done = projector->session.seq;
    uint64_t files = oh_journal_synced_seq(projector->options.journal) > done ? 1 : 0;
    for (size_t i = 0; i + 1 < list.count; i++)
        files += list.seqs[i + 1] > done + 1 ? 1 : 0;
    oh_seq_list_fini(&list);
    (void)pthread_mutex_lock(&projector->mutex);
    projector->looked_bytes = files * projector->options.segment_size;
    projector->looked_at_byte = written;
    (void)pthread_mutex_unlock(&projector->mutex);
}

/*
 * The thread may be held up for a minute by a server that is silent, longer by a name server: what the journal has got
 * meanwhile counts from here.
 */
void oh_projector_status(struct oh_projector *projector, struct oh_projector_status *out_status)
{
    int64_t now_us = projector->options.now_us();
    uint64_t written = bytes_written(projector);
    uint64_t synced_seq = oh_journal_synced_seq(projector->options.journal);
    uint64_t segment_size = projector->options.segment_size;
    (void)pthread_mutex_lock(&projector->mutex);
    *out_status = projector->status;
    uint64_t grown = written > projector->looked_at_byte ? written - projector->looked_at_byte : 0;
    out_status->backlog_bytes = projector->looked_bytes + grown / segment_size * segment_size;
    int64_t lag_us = now_us - projector->complete_at_us;
    (void)pthread_mutex_unlock(&projector->mutex);
    out_status->lag_us = synced_seq > out_status->seq && lag_us > 0 ? lag_us : 0;
}

/* ---- The thread --------------------------------------------------------------------------------- */

static bool is_drained(const struct oh_projector *projector)
{
    return projector->session.seq >= atomic_load(&projector->drain_seq);
}

/* What is left of the time between two batches. The clock may have been set meanwhile. */
static int64_t pace_ms(const struct oh_projector *projector, int64_t began_at_us)
{
    int64_t spent_ms = (projector->options.now_us() - began_at_us) / 1000;
    if (spent_ms >= OH_PROJECTOR_PACE_MS)
        return 0;
    return OH_PROJECTOR_PACE_MS - (spent_ms > 0 ? spent_ms : 0);
}

/* Connects, and stands before the first record that the tables lack. */
static enum oh_err session_start(struct oh_projector *projector, struct oh_diag *diag)
{
    bool needs_snapshot = false;
    enum oh_err err = projector_session_open(&projector->session, &needs_snapshot, diag);
    if (err == OH_OK && needs_snapshot) {
        state_set(projector, OH_PROJECTOR_LOADING, "");
        err = projector_session_load(&projector->session, diag);
    }
    if (err == OH_OK)
        err = projector_session_begin(&projector->session, diag);
    if (err == OH_OK)
        progress_set(projector, &(struct projector_batch){ .records = 0 }, 0);
    return err;
}

/* One batch. OH_E_STOPPED: told to, or drained. */
static enum oh_err follow(struct oh_projector *projector, struct oh_diag *diag)
{
    struct projector_batch batch = { 0 };
    int64_t began_at_us = projector->options.now_us();
    enum oh_err err = projector_session_batch(&projector->session, &batch, diag);
    if (err != OH_OK)
        return err;
    progress_set(projector, &batch, began_at_us);
    if (batch.records > 0)
        projector->retry_ms = OH_PROJECTOR_RETRY_MS_MIN;
    state_set(projector, OH_PROJECTOR_FOLLOWING, "");
    projector->pause_ms = batch.records > 0 && !batch.has_all ? 0 : pace_ms(projector, began_at_us);
    return is_drained(projector) ? OH_E_STOPPED : OH_OK;
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

/* A connection that is made, or a batch; after an error the next try waits longer each time. */
static enum oh_err step(struct oh_projector *projector)
{
    struct oh_diag diag = { "" };
    enum oh_err err = projector->is_open ? follow(projector, &diag) : session_start(projector, &diag);
    projector->is_open = err == OH_OK;
    if (err == OH_OK)
        return OH_OK;
    projector_session_close(&projector->session);
    if (err == OH_E_STOPPED)
        return err;
    failure_take(projector, err, diag.text);
    projector->pause_ms = projector->retry_ms;
    projector->retry_ms = projector->retry_ms * 2 > OH_PROJECTOR_RETRY_MS_MAX ? OH_PROJECTOR_RETRY_MS_MAX
                                                                              : projector->retry_ms * 2;
    return is_drained(projector) ? OH_E_STOPPED : OH_OK;
}

/* The journal grows while a long pause lasts, so that it is looked at in between. */
int64_t oh_projector_work(struct oh_projector *projector)
{
    if (projector->pause_ms == 0 && step(projector) != OH_OK)
        return -1;
    remember(projector, REMEMBER_US);
    backlog_look(projector);
    int64_t ms = projector->pause_ms < BACKLOG_LOOK_US / 1000 ? projector->pause_ms : BACKLOG_LOOK_US / 1000;
    projector->pause_ms -= ms;
    return ms;
}

static void *projector_run(void *context)
{
    struct oh_projector *projector = context;
    oh_thread_name("projector");
    oh_thread_give_way();
    for (;;) { /* the life of the thread */
        int64_t ms = oh_projector_work(projector);
        if (ms < 0 || oh_pg_pause(projector->stop_fd, ms) != OH_OK)
            return NULL;
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
    projector->complete_at_us = options->now_us();
    projector->looked_at_byte = bytes_written(projector);
    atomic_store(&projector->drain_seq, UINT64_MAX);
    projector->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&projector->mutex, NULL);
    oh_journal_keep_from(options->journal, 0); /* everything, until the tables have said how far they are */
    enum oh_err err = projector->stop_fd < 0 ? OH_E_IO : OH_OK;
    if (err == OH_OK)
        err = projector_session_init(&projector->session, &projector->options, projector->stop_fd);
    if (err == OH_OK)
        recall(projector);
    if (err == OH_OK && !options->is_manual &&
        !oh_thread_start(projector_run, projector, &projector->thread)) {
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

/* How many milliseconds went by, or should have; negative: the thread has ended. */
static int64_t drain_wait(struct oh_projector *projector)
{
    if (projector->options.is_manual)
        return oh_projector_work(projector);
    return oh_pg_pause(-1, DRAIN_LOOK_MS) == OH_OK ? DRAIN_LOOK_MS : -1;
}

/* The thread ends by itself when it has projected everything; waits for that, at most drain_ms. */
static void drain(struct oh_projector *projector, int64_t drain_ms)
{
    uint64_t target = oh_journal_synced_seq(projector->options.journal);
    atomic_store(&projector->drain_seq, target);
    int64_t waited_ms = 0;
    while (waited_ms < drain_ms) {
        struct oh_projector_status status;
        oh_projector_status(projector, &status);
        if (status.state != OH_PROJECTOR_FOLLOWING || status.seq >= target)
            return;
        int64_t ms = drain_wait(projector);
        if (ms < 0)
            return;
        waited_ms += ms;
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
    if (!doomed->options.is_manual)
        (void)pthread_join(doomed->thread, NULL);
    remember(doomed, 0);
    projector_session_fini(&doomed->session);
    (void)close(doomed->stop_fd);
    (void)pthread_mutex_destroy(&doomed->mutex);
    free(doomed);
}
