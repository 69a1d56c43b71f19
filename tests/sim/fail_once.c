/*
 * fail_once.c - everything fails once: each allocation, each storage call with each error, each recv and send.
 *
 *     fail_once                     a sample of 1,000 cases
 *     fail_once --count N           a sample of N
 *     fail_once --all [WORD]        every case; WORD: only those whose name contains it
 *     fail_once CASE [--tell]       one of them, as a failure prints it; --tell prints what happens
 *
 * A case is SCENARIO/WHAT:NUMBER[xTIMES][:ERROR], as in "full/memory:17x3" or "empty/fdatasync:5:EIO": in a run of the
 * script from an empty directory, the fifth fdatasync fails. Each case is a run in a process of its own (play.h), which
 * must end as if nothing had failed. ONHAND_SEED chooses the sample.
 *
 * Exit code 0: every law held. 1: one did not; the line that begins with "repeat with" repeats it.
 */
#include "base/assert.h"
#include "base/log.h"
#include "base/prng.h"
#include "sim/play.h"
#include "support/failing_malloc.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_COUNT 1000u
#define CASES_MAX    65536u
#define CASE_S       120u /* of one run, before it counts as hanging; with a sanitizer on a busy machine */

struct fault_case {
    bool is_full; /* the scenario */
    struct fault fault;
};

/* ---- Names ------------------------------------------------------------------------------------------------------ */

static const struct {
    int number;
    const char *text;
} errors[] = {
    { 0, "" },
    { FAILING_SHORT, "short" },
    { EIO, "EIO" },
    { ENOSPC, "ENOSPC" },
    { EMFILE, "EMFILE" },
    { EINTR, "EINTR" },
    { EAGAIN, "EAGAIN" },
    { ENOLCK, "ENOLCK" },
    { ECONNRESET, "ECONNRESET" },
    { EPIPE, "EPIPE" },
};

#define ERROR_COUNT (sizeof(errors) / sizeof(errors[0]))

static const char *what_text(const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_NONE:
        return "nothing";
    case FAULT_MEMORY:
        return "memory";
    case FAULT_STORAGE:
        return failing_call_text(fault->call);
    case FAULT_RECV:
        return "recv";
    case FAULT_SEND:
        return "send";
    }
    OH_UNREACHABLE();
}

static void case_put(const struct fault_case *one, char out[static 96])
{
    const char *error = "?";
    for (size_t i = 0; i < ERROR_COUNT; i++)
        error = errors[i].number == one->fault.error_number ? errors[i].text : error;
    char times[24] = "";
    if (one->fault.times != 1)
        (void)snprintf(times, sizeof(times), "x%" PRIu64, one->fault.times);
    (void)snprintf(out, 96, "%s/%s:%" PRIu64 "%s%s%s", one->is_full ? "full" : "empty", what_text(&one->fault),
                   one->fault.nth, times, error[0] == '\0' ? "" : ":", error);
}

static bool what_get(const char *text, size_t size, struct fault *out)
{
    struct fault fault = { .times = 1 };
    for (int kind = FAULT_NONE; kind <= FAULT_SEND; kind++) {
        int calls = kind == FAULT_STORAGE ? FAILING_CALL_COUNT : 1;
        for (int call = 0; call < calls; call++) {
            fault.kind = (enum fault_kind)kind;
            fault.call = (enum failing_call)call;
            if (strlen(what_text(&fault)) == size && memcmp(what_text(&fault), text, size) == 0) {
                *out = fault;
                return true;
            }
        }
    }
    return false;
}

static bool error_get(const char *text, int *out)
{
    for (size_t i = 0; i < ERROR_COUNT; i++) {
        if (strcmp(errors[i].text, text) == 0) {
            *out = errors[i].number;
            return true;
        }
    }
    return false;
}

static bool case_get(const char *text, struct fault_case *out)
{
    const char *slash = strchr(text, '/');
    const char *colon = slash == NULL ? NULL : strchr(slash, ':');
    if (colon == NULL || !what_get(slash + 1, (size_t)(colon - slash - 1), &out->fault))
        return false;
    out->is_full = strncmp(text, "full", 4) == 0;
    char *end;
    out->fault.nth = strtoull(colon + 1, &end, 10);
    if (*end == 'x')
        out->fault.times = strtoull(end + 1, &end, 10);
    return error_get(*end == ':' ? end + 1 : end, &out->fault.error_number);
}

/* ---- Which cases there are -------------------------------------------------------------------------------------- */

static struct fault_case cases[CASES_MAX];
static size_t case_count;

static void case_add(bool is_full, enum fault_kind kind, enum failing_call call, uint64_t nth, uint64_t times,
                     int error_number)
{
    OH_ASSERT(case_count < CASES_MAX);
    cases[case_count++] = (struct fault_case){
        .is_full = is_full,
        .fault = { .kind = kind, .call = call, .nth = nth, .times = times, .error_number = error_number },
    };
}

static void memory_add(bool is_full, const struct play_observation *observed)
{
    static const uint64_t times[] = { 1, 2, 5, 30 };
    for (uint64_t nth = 1; nth <= observed->memory; nth++) {
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
            case_add(is_full, FAULT_MEMORY, FAILING_OPEN, nth, times[i], 0);
    }
}

/* What each call may say; ended by 0. */
static const int call_errors[FAILING_CALL_COUNT][6] = {
    [FAILING_OPEN] = { EIO, ENOSPC, EMFILE, EINTR },
    [FAILING_CLOSE] = { EIO, EINTR },
    [FAILING_READ] = { EIO, EINTR, FAILING_SHORT },
    [FAILING_WRITE] = { EIO, ENOSPC, EINTR, FAILING_SHORT },
    [FAILING_FDATASYNC] = { EIO, ENOSPC, EINTR },
    [FAILING_FSYNC] = { EIO, ENOSPC, EINTR },
    [FAILING_SIZE] = { EIO },
    [FAILING_ALLOCATE] = { EIO, ENOSPC, EINTR },
    [FAILING_LOCK] = { EAGAIN, ENOLCK },
    [FAILING_FSYNC_DIRECTORY] = { EIO, EMFILE, EINTR },
    [FAILING_MAKE_DIRECTORY] = { EIO, ENOSPC },
    [FAILING_RENAME] = { EIO, ENOSPC },
    [FAILING_UNLINK] = { EIO },
    [FAILING_LIST] = { EIO, EMFILE, EINTR },
    [FAILING_RANDOM] = { EIO },
};

static void storage_add(bool is_full, const struct play_observation *observed)
{
    for (int call = 0; call < FAILING_CALL_COUNT; call++) {
        for (uint64_t nth = 1; nth <= observed->storage[call]; nth++) {
            for (const int *error = call_errors[call]; *error != 0; error++)
                case_add(is_full, FAULT_STORAGE, (enum failing_call)call, nth, 1, *error);
        }
    }
}

static void network_add(bool is_full, enum fault_kind kind, uint64_t count)
{
    for (uint64_t nth = 1; nth <= count; nth++) {
        case_add(is_full, kind, FAILING_OPEN, nth, 1, EAGAIN);
        case_add(is_full, kind, FAILING_OPEN, nth, 1, kind == FAULT_SEND ? EPIPE : ECONNRESET);
        case_add(is_full, kind, FAILING_OPEN, nth, 1, FAILING_SHORT);
    }
}

/* ---- One run in a process of its own ---------------------------------------------------------------------------- */

/* What the processes share: the run tells what it saw, and how it ended. */
struct shared {
    struct play_observation observations[2]; /* by scenario */
    struct play_result result;
};

static struct shared *shared;
static struct sim_world worlds[2];
static struct script script;

static void run_in_child(const struct fault_case *one, bool is_observing, bool is_told)
{
    static struct play play;
    struct play_observation *observation = &shared->observations[one->is_full];
    play = (struct play){
        .script = &script,
        .fault = one->fault,
        .observation = is_observing ? NULL : observation,
        .observed = is_observing ? observation : NULL,
        .is_told = is_told,
        .result = &shared->result,
        .world = &worlds[one->is_full],
    };
    (void)alarm(is_told ? 0 : CASE_S);
    play_run(&play);
    exit(0); /* with the leak checker of a sanitizer */
}

/* True when every law held; else *out_why says which did not. */
static bool case_run(const struct fault_case *one, bool is_observing, bool is_told, char out_why[static 1200])
{
    int status = 0;
    shared->result = (struct play_result){ .has_failed = false };
    (void)fflush(stdout);
    pid_t child = fork();
    OH_ASSERT(child >= 0);
    if (child == 0)
        run_in_child(one, is_observing, is_told);
    pid_t ended = waitpid(child, &status, 0);
    OH_ASSERT(ended == child);
    if (WIFSIGNALED(status))
        (void)snprintf(out_why, 1200, "it ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        (void)snprintf(out_why, 1200, "it ended with %d: a sanitizer", WEXITSTATUS(status));
    else
        (void)snprintf(out_why, 1200, "%s", shared->result.why);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && !shared->result.has_failed;
}

/* ---- All of them ------------------------------------------------------------------------------------------------ */

struct row {
    const char *what;
    uint64_t runs, reached, unnoticed, cut, refused, refused_start, stopped;
};

static struct row rows[FAULT_SEND + FAILING_CALL_COUNT + 1];

static struct row *row_of(const char *what)
{
    struct row *row = rows;
    while (row->what != NULL && strcmp(row->what, what) != 0)
        row++;
    row->what = what;
    return row;
}

static void count_result(const struct fault_case *one)
{
    const struct play_result *result = &shared->result;
    struct row *row = row_of(what_text(&one->fault));
    row->runs++;
    row->reached += result->is_reached;
    row->cut += result->has_cut;
    row->refused += result->has_refused;
    row->refused_start += result->has_refused_start;
    row->stopped += result->has_stopped;
    row->unnoticed += result->is_reached && !result->has_cut && !result->has_refused && !result->has_refused_start &&
                      !result->has_stopped;
}

static void rows_print(void)
{
    printf("%-16s %7s %8s %10s %7s %8s %8s %8s\n", "what fails", "runs", "reached", "unnoticed", "cut", "refused",
           "no start", "stopped");
    for (const struct row *row = rows; row->what != NULL; row++)
        printf("%-16s %7" PRIu64 " %8" PRIu64 " %10" PRIu64 " %7" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
               row->what, row->runs, row->reached, row->unnoticed, row->cut, row->refused, row->refused_start,
               row->stopped);
}

/* Both scenarios without a fault: what there is to fail, and the answers. */
static bool observe_all(void)
{
    for (int is_full = 0; is_full < 2; is_full++) {
        const struct fault_case nothing = { .is_full = is_full != 0, .fault = { .kind = FAULT_NONE } };
        const struct play_observation *observed = &shared->observations[is_full];
        char why[1200];
        if (!case_run(&nothing, true, false, why) || !case_run(&nothing, false, false, why)) {
            printf("the run without a fault fails: %s\n", why);
            return false;
        }
        memory_add(nothing.is_full, observed);
        storage_add(nothing.is_full, observed);
        network_add(nothing.is_full, FAULT_RECV, observed->recvs);
        network_add(nothing.is_full, FAULT_SEND, observed->sends);
    }
    return true;
}

static void case_swap(size_t i, size_t other)
{
    struct fault_case moved = cases[i];
    cases[i] = cases[other];
    cases[other] = moved;
}

/*
 * What was found before is in every sample: an allocation of an import that failed (empty/memory:102: the list of
 * refused rows was no JSON). Other findings have tests of their own. These come first; returns how many they are.
 */
static size_t cases_found(void)
{
    const struct play_observation *observed = &shared->observations[0];
    size_t count = 0;
    for (size_t i = 0; i < case_count; i++) {
        const struct fault *fault = &cases[i].fault;
        bool is_found = false;
        for (uint32_t step = 0; step < script.count && !is_found; step++)
            is_found = script.steps[step].type == STEP_IMPORT && fault->nth > observed->memory_before[step] &&
                       fault->nth <= observed->memory_before[step + 1];
        if (is_found && !cases[i].is_full && fault->kind == FAULT_MEMORY && fault->times == 1)
            case_swap(i, count++);
    }
    return count;
}

/* The first `count` become a sample, those before `from` stay. */
static void cases_shuffle(uint64_t seed, size_t from, size_t count)
{
    struct oh_prng prng;
    oh_prng_init(&prng, seed);
    for (size_t i = from; i < count; i++)
        case_swap(i, i + (size_t)oh_prng_below(&prng, case_count - i));
}

static int cases_run(size_t count, const char *word)
{
    size_t done = 0;
    size_t failed = 0;
    time_t start_s = time(NULL);
    for (size_t i = 0; i < count; i++) {
        char name[96];
        char why[1200];
        case_put(&cases[i], name);
        if (strstr(name, word) == NULL)
            continue;
        done++;
        if (!case_run(&cases[i], false, false, why)) {
            failed++;
            printf("repeat with: fail_once %s --tell\n    %s\n", name, why);
        }
        count_result(&cases[i]);
    }
    rows_print();
    printf("%zu of %zu cases, %zu failed, %lld s\n", done, case_count, failed, (long long)(time(NULL) - start_s));
    return failed == 0 && done > 0 ? 0 : 1;
}

static int case_run_told(const char *text, bool is_told)
{
    struct fault_case one;
    char why[1200];
    if (!case_get(text, &one)) {
        printf("'%s' is no case\n", text);
        return 2;
    }
    bool is_right = case_run(&one, false, is_told, why);
    printf("%s: %s\n", text, is_right ? (shared->result.is_reached ? "right" : "not reached") : why);
    return is_right ? 0 : 1;
}

static uint64_t sample_seed(void)
{
    const char *text = getenv("ONHAND_SEED");
    uint64_t seed = text == NULL ? (uint64_t)time(NULL) : strtoull(text, NULL, 10);
    printf("ONHAND_SEED=%" PRIu64 "\n", seed);
    return seed;
}

int main(int argc, char **argv)
{
    oh_log_init(-1, OH_LOG_ERROR, NULL); /* what servers say of the faults we make is not news */
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    OH_ASSERT(shared != MAP_FAILED);
    script_make(&script);
    play_make_world(&worlds[0], false);
    play_make_world(&worlds[1], true);
    if (!observe_all())
        return 1;
    if (argc > 1 && strcmp(argv[1], "--all") == 0)
        return cases_run(case_count, argc > 2 ? argv[2] : "");
    if (argc > 1 && argv[1][0] != '-')
        return case_run_told(argv[1], argc > 2);
    size_t count = argc > 2 && strcmp(argv[1], "--count") == 0 ? strtoull(argv[2], NULL, 10) : SAMPLE_COUNT;
    count = count < case_count ? count : case_count;
    cases_shuffle(sample_seed(), cases_found(), count);
    return cases_run(count, "");
}
