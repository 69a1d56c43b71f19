/*
 * crash_images.c - after a crash at any moment, nothing that was promised is lost and nothing else is there.
 *
 *     crash_images [--images N] [--seed S]            N different images, from seed S on
 *     crash_images --images N --seed S --image I[.J]  the one image that a failure named
 *
 * A life is a server's storage at work on a disk that writes down everything it is told: first start, files that
 * fill and follow one another, snapshots, forgotten files, a full disk, failed syncs, restarts and kills. At every
 * step of it, what a crash there could leave on the disk (crash_model.h) is opened and judged (crash_check.h). The
 * next life begins with one of these images. From some images the recovery is written down as well, and every step
 * of that is a place to crash, too: image 17.3 is the third of the recovery from image 17.
 *
 * An image counts once, however many crashes lead to it.
 */
#include "base/assert.h"
#include "sim/crash_check.h"
#include "sim/crash_model.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIVES_PER_SEED    3
#define TURNS_PER_LIFE    130
#define IMAGES_PER_SEED   25000u
#define SEEDS_MAX         100000u
#define RECOVERY_SHARE    12u /* of so many images, the recovery of one is written down */
#define RECOVERY_IMAGES   3u  /* for each step of a recovery */
#define DEEP_SHARE        12u /* at one step of so many, what was saved at the others is spent */
#define IMAGE_SECONDS_MAX 120u
#define COVERING_IMAGES   5000u
#define UNKNOWN_SEQ       UINT64_MAX

/* ---- Images that were seen -------------------------------------------------------------------- */

/* How it is called to repeat it: image 17, or the third of the recovery from image 17. */
struct image_name {
    uint64_t number;
    uint64_t nested; /* 0: the image itself */
};

struct seen {
    uint64_t hash; /* 0: an empty slot */
    uint64_t seq;  /* what came back */
    struct image_name name;
};

struct seen_images {
    struct seen *slots; /* a power of two, at most half of them full */
    size_t capacity;
    size_t count;
};

static struct seen *seen_slot(const struct seen_images *images, uint64_t hash)
{
    size_t at = (size_t)hash & (images->capacity - 1);
    while (images->slots[at].hash != 0 && images->slots[at].hash != hash)
        at = (at + 1) & (images->capacity - 1);
    return &images->slots[at];
}

/* The slot of the image; its hash is 0 when it is new. */
static struct seen *seen_find(struct seen_images *images, uint64_t hash)
{
    if (images->count * 2 >= images->capacity) {
        struct seen_images grown = { .capacity = images->capacity == 0 ? 4096 : images->capacity * 2 };
        grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
        OH_ASSERT(grown.slots != NULL);
        for (size_t i = 0; i < images->capacity; i++) {
            if (images->slots[i].hash != 0)
                *seen_slot(&grown, images->slots[i].hash) = images->slots[i];
        }
        grown.count = images->count;
        free(images->slots);
        *images = grown;
    }
    return seen_slot(images, hash);
}

/* ---- The run ---------------------------------------------------------------------------------- */

struct run {
    uint64_t images_wanted;
    uint64_t seed;
    struct image_name wanted; /* number 0: all of them */
    struct seen_images seen;  /* by this seed */
    struct seen_images all;   /* by all of them; only hashes */
    struct crash_checker checker;
    struct oh_prng prng;              /* which images of a step are taken */
    struct image_name name;           /* of the newest image */
    uint64_t counts[CRASH_KINDS + 1]; /* by kind; the last one: of recoveries */
    uint64_t steps_count;
    uint64_t snapshots_count;
    uint64_t refused_count;
    uint64_t kills_count;
    uint64_t failures_count;
    uint64_t forgotten_count;
    uint64_t rotations_count;
    bool has_failed;
};

/* One line that repeats the present image, ready for a signal handler. */
static char repeat_line[256];

static void repeat_line_set(const struct run *run, struct image_name name)
{
    char nested[32] = "";
    if (name.nested > 0)
        (void)snprintf(nested, sizeof(nested), ".%" PRIu64, name.nested);
    (void)snprintf(repeat_line, sizeof(repeat_line),
                   "repeat with: crash_images --images %" PRIu64 " --seed %" PRIu64 " --image %" PRIu64
                   "%s\n",
                   run->images_wanted, run->seed, name.number, nested);
}

/* An assertion, a fault or a hang in the product: says how to have it again. */
static void die_loudly(int number)
{
    ssize_t ignored = write(STDERR_FILENO, repeat_line, strlen(repeat_line));
    (void)ignored;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static bool is_done(const struct run *run)
{
    return run->has_failed || (run->wanted.number == 0 && run->all.count >= run->images_wanted);
}

/* ---- One image -------------------------------------------------------------------------------- */

/* Where the images come from. */
struct source {
    const struct crash_trace *trace;
    struct crash_model *model;
    struct storage_image image;
    struct seen_images
        *seen; /* a recovery has its own, so that it can be left out when one image is repeated */
    bool is_recovery;
};

static void failure_report(struct run *run, const struct source *source, const struct crash_image_info *info)
{
    static const char *const kinds[CRASH_KINDS] = { "none or all of the unsynced", "some unsynced sectors",
                                                    "a torn write", "a garbage sector" };
    size_t step = crash_model_step(source->model);
    fprintf(stderr, "a crash %s step %zu of %zu, with %s%s\n",
            source->is_recovery ? "of the recovery at" : "at", step, source->trace->count, kinds[info->kind],
            info->is_kill ? " (as kill -9)" : "");
    for (size_t i = step > 10 ? step - 10 : 0; i < source->trace->count && i < step + 2; i++)
        fprintf(stderr, "  %s step %zu: %s\n", i < step ? "   " : "not", i + 1,
                crash_step_text(&source->trace->steps[i]));
    fputs(repeat_line, stderr);
    run->has_failed = true;
}

static void image_list(const struct storage_image *image)
{
    for (size_t i = 0; i < image->count; i++)
        fprintf(stderr, "  %s: %zu bytes\n", image->files[i].path, image->files[i].size);
}

/* A new image gets a name, and counts, when no other seed has had it. */
static struct seen *image_note(struct run *run, const struct source *source, enum crash_kind kind,
                               bool *out_is_new)
{
    uint64_t hash = storage_image_hash(&source->image) | 1;
    struct seen *seen = seen_find(source->seen, hash);
    *out_is_new = seen->hash == 0;
    if (seen->hash != 0)
        return seen;
    run->name.number += source->is_recovery ? 0 : 1;
    run->name.nested += source->is_recovery ? 1 : 0;
    *seen = (struct seen){ .hash = hash, .seq = UNKNOWN_SEQ, .name = run->name };
    source->seen->count++;
    struct seen *of_all = seen_find(&run->all, hash);
    if (of_all->hash == 0) {
        of_all->hash = hash;
        run->all.count++;
        run->counts[source->is_recovery ? CRASH_KINDS : kind]++;
    }
    return seen;
}

/* All of them, each once; or the one that is wanted, and the one it is the recovery of, whenever they come along. */
static bool is_to_be_checked(const struct run *run, const struct seen *seen)
{
    if (run->wanted.number == 0)
        return seen->seq == UNKNOWN_SEQ;
    return run->wanted.number == seen->name.number &&
           (seen->name.nested == 0 || run->wanted.nested == seen->name.nested);
}

static bool image_check(struct run *run, const struct source *source, struct seen *seen, uint64_t floor_seq,
                        uint64_t ceiling_seq)
{
    (void)alarm(IMAGE_SECONDS_MAX);
    if (run->wanted.number != 0)
        image_list(&source->image);
    return crash_check(&run->checker, &source->image, floor_seq, ceiling_seq, &seen->seq);
}

/* What came back from the same image before, when less was promised, has to be enough now, too. */
static bool is_within(const struct seen *seen, uint64_t floor_seq, uint64_t ceiling_seq)
{
    if (seen->seq == UNKNOWN_SEQ || (seen->seq >= floor_seq && seen->seq <= ceiling_seq))
        return true;
    fprintf(stderr, "recovered %" PRIu64 " records; promised were %" PRIu64 ", issued %" PRIu64 "\n",
            seen->seq, floor_seq, ceiling_seq);
    return false;
}

/* Takes image `index` of the source's step. True: it is new. *out_seq: what came back, if anyone looked. */
static bool image_take(struct run *run, struct source *source, uint64_t index, uint64_t *out_seq)
{
    bool is_new;
    struct crash_image_info info;
    crash_model_image(source->model, index, &source->image, &info);
    struct crash_promise promise = crash_trace_promise(source->trace, crash_model_step(source->model));
    uint64_t floor_seq = info.is_kill ? promise.written_seq : promise.synced_seq;
    struct seen *seen = image_note(run, source, info.kind, &is_new);
    repeat_line_set(run, seen->name);
    bool is_right = is_to_be_checked(run, seen)
                        ? image_check(run, source, seen, floor_seq, promise.issued_seq)
                        : is_within(seen, floor_seq, promise.issued_seq);
    if (!is_right)
        failure_report(run, source, &info);
    *out_seq = seen->seq;
    return is_new;
}

/* ---- Recoveries ------------------------------------------------------------------------------- */

static void recovery_enumerate(struct run *run, const struct storage_image *image, uint64_t seq)
{
    struct crash_trace trace;
    struct seen_images seen = { .count = 0 };
    struct oh_prng prng;
    oh_prng_init(&prng, run->seed + run->name.number);
    crash_trace_recovery(&run->checker, image, seq, &trace);
    struct source source = {
        .trace = &trace, .model = crash_model_create(&trace), .seen = &seen, .is_recovery = true
    };
    do {
        uint64_t basic;
        uint64_t ignored;
        uint64_t count = crash_model_count(source.model, &basic);
        for (uint64_t i = 0; i < RECOVERY_IMAGES && !run->has_failed; i++)
            (void)image_take(run, &source, oh_prng_below(&prng, count), &ignored);
    } while (!run->has_failed && crash_model_advance(source.model));
    run->name.nested = 0;
    free(seen.slots);
    storage_image_fini(&source.image);
    crash_model_destroy(&source.model);
    crash_trace_fini(&trace);
}

/* ---- Lives ------------------------------------------------------------------------------------ */

/* How many images a step may have: few at most of them, many at some. */
struct budget {
    uint64_t saved_milli;
    uint64_t share_milli;
};

static uint64_t budget_draw(struct run *run, struct budget *budget, uint64_t count)
{
    budget->saved_milli += budget->share_milli;
    bool is_deep = oh_prng_below(&run->prng, DEEP_SHARE) == 0;
    uint64_t allowed = (is_deep ? budget->saved_milli : budget->saved_milli / DEEP_SHARE) / 1000;
    allowed = allowed < count ? allowed : count;
    budget->saved_milli -= allowed * 1000;
    return allowed;
}

/* The image that the next life begins with. */
struct heir {
    struct storage_image image;
    uint64_t seq;
    uint64_t candidates_count;
};

static void heir_offer(struct run *run, struct heir *heir, const struct storage_image *image)
{
    heir->candidates_count++;
    if (oh_prng_below(&run->prng, heir->candidates_count) == 0)
        storage_image_copy(&heir->image, image);
}

static void step_enumerate(struct run *run, struct source *source, struct budget *budget, struct heir *heir)
{
    uint64_t basic;
    uint64_t count = crash_model_count(source->model, &basic);
    uint64_t allowed = budget_draw(run, budget, count);
    bool is_late = crash_model_step(source->model) > source->trace->count / 2;
    for (uint64_t i = 0; i < allowed && !is_done(run); i++) {
        /* All of them when they are few enough; else half of it basic ones, and any. */
        bool is_in_turn = allowed == count || (i < basic && i < allowed / 2);
        uint64_t seq;
        bool is_new = image_take(run, source, is_in_turn ? i : oh_prng_below(&run->prng, count), &seq);
        bool is_chosen = oh_prng_below(&run->prng, RECOVERY_SHARE) == 0;
        if (is_chosen && is_late)
            heir_offer(run, heir, &source->image);
        if (is_chosen && is_new && seq != UNKNOWN_SEQ && !run->has_failed)
            recovery_enumerate(run, &source->image, seq);
    }
}

static void life_enumerate(struct run *run, const struct crash_trace *trace, uint64_t images,
                           struct heir *heir)
{
    struct budget budget = { .share_milli = images * 1000 / (trace->count + 1) };
    struct source source = { .trace = trace, .model = crash_model_create(trace), .seen = &run->seen };
    do {
        step_enumerate(run, &source, &budget, heir);
    } while (!is_done(run) && crash_model_advance(source.model));
    run->steps_count += crash_model_step(source.model);
    storage_image_fini(&source.image);
    crash_model_destroy(&source.model);
}

static void restart(struct run *run, struct durable *durable, bool is_gentle)
{
    struct oh_journal_stats stats;
    oh_journal_stats(durable->stored.journal, &stats);
    run->rotations_count += stats.rotations_count;
    run->forgotten_count += stats.forgotten_count;
    durable_stop(durable, is_gentle);
    run->kills_count += is_gentle ? 0 : 1;
}

/* A disk that fails, or is full, may keep the process from starting; nothing else may. */
static void process_start(struct run *run, struct durable *durable)
{
    if (oh_prng_below(&run->prng, 6) == 0)
        storage_disk_fail(durable->disk, STORAGE_FSYNC, 1, 1, EIO);
    enum oh_err err = durable_start(durable);
    run->failures_count += err == OH_OK ? 0 : 1;
    storage_disk_set_space(durable->disk, UINT64_MAX); /* someone has cleared up */
    if (err == OH_OK || err == OH_E_IO || err == OH_E_NO_SPACE)
        return;
    fprintf(stderr, "%s\nrepeat with: crash_images --images %" PRIu64 " --seed %" PRIu64 "\n",
            durable->stored.diag.text, run->images_wanted, run->seed);
    run->has_failed = true;
}

/* Works for some turns, with restarts in between, all of it written down. */
static void life_run(struct run *run, struct durable *durable, const struct durable_options *options,
                     const struct storage_image *start, struct crash_trace *trace)
{
    durable_begin(durable, options, start);
    crash_trace_begin(trace, durable->disk, durable_interleave, durable_promise, durable);
    for (int turn = 0; turn < TURNS_PER_LIFE && !run->has_failed; turn++) {
        if (durable->stored.journal == NULL)
            process_start(run, durable);
        if (durable->stored.journal == NULL)
            continue;
        bool is_alive = durable_turn(durable);
        run->failures_count += is_alive ? 0 : 1;
        uint64_t draw = oh_prng_below(&run->prng, 100);
        if (!is_alive || draw < 2)
            restart(run, durable, is_alive && draw == 0);
    }
    if (durable->stored.journal != NULL)
        restart(run, durable, oh_prng_below(&run->prng, 2) == 0);
    run->snapshots_count += durable->snapshot_count;
    run->refused_count += durable->refused_count;
    crash_trace_end(trace, durable->disk);
    durable_end(durable);
}

/* Three lives, one after the other, each on what is left of the one before. */
static void seed_run(struct run *run, uint64_t images)
{
    static struct random_commands commands;
    static struct durable durable;
    struct heir heir = { .seq = 0 };
    struct storage_image start = { .count = 0 };
    struct ledger_states *states = ledger_states_create();
    oh_prng_init(&run->prng, run->seed);
    random_commands_init(&commands, run->seed, 6, 4);
    run->name = (struct image_name){ 0, 0 };
    free(run->seen.slots);
    run->seen = (struct seen_images){ .count = 0 };
    run->checker.states = states;
    struct durable_options options = { .durability =
                                           run->seed % 2 == 0 ? OH_DURABILITY_PROCESS : OH_DURABILITY_DISK,
                                       .frame_align = run->seed % 4 == 3 ? 4096 : 512,
                                       .snapshot_bytes = 4096 + oh_prng_below(&run->prng, 8) * 1024,
                                       .is_nagging = run->seed % 5 == 4,
                                       .states = states,
                                       .commands = &commands };
    for (int life = 0; life < LIVES_PER_SEED && !is_done(run); life++) {
        struct crash_trace trace;
        options.seed = oh_prng_next(&run->prng);
        options.last_seq = heir.seq;
        storage_image_copy(&start, &heir.image);
        heir.candidates_count = 0;
        life_run(run, &durable, &options, &start, &trace);
        run->checker.journal_options = durable.journal_options;
        life_enumerate(run, &trace, images / LIVES_PER_SEED, &heir);
        if (!is_done(run) && !crash_check(&run->checker, &heir.image, 0, UINT64_MAX, &heir.seq))
            run->has_failed = true;
        crash_trace_fini(&trace);
    }
    storage_image_fini(&start);
    storage_image_fini(&heir.image);
    ledger_states_destroy(&states);
}

/* ---- Command ---------------------------------------------------------------------------------- */

/* A run that never came near something proves nothing about it. A short one, under a sanitizer, may. */
static bool has_covered(const struct run *run)
{
    if (run->images_wanted < COVERING_IMAGES)
        return true;
    const struct crash_checker *checker = &run->checker;
    bool is_covered = run->snapshots_count > 0 && run->refused_count > 0 && run->kills_count > 0 &&
                      run->rotations_count > 0 && run->forgotten_count > 0 && checker->torn_count > 0 &&
                      checker->snapshot_count > 0 && checker->new_count > 0;
    for (int i = 0; i <= CRASH_KINDS; i++)
        is_covered = is_covered && run->counts[i] > 0;
    return is_covered;
}

static void report(const struct run *run)
{
    const struct crash_checker *checker = &run->checker;
    printf("%zu different images after crashes at %" PRIu64 " steps: %" PRIu64 " of none or all, %" PRIu64
           " of some sectors, %" PRIu64 " torn, %" PRIu64 " garbage, %" PRIu64 " during recovery\n",
           run->all.count, run->steps_count, run->counts[CRASH_BASIC], run->counts[CRASH_SECTORS],
           run->counts[CRASH_TORN], run->counts[CRASH_GARBAGE], run->counts[CRASH_KINDS]);
    printf("opened: %" PRIu64 " without a journal yet, %" PRIu64 " with a torn tail, %" PRIu64
           " from a snapshot\n",
           checker->new_count, checker->torn_count, checker->snapshot_count);
    printf("lived through: %" PRIu64 " changes of file, %" PRIu64 " files forgotten, %" PRIu64
           " snapshots, %" PRIu64 " commands refused by a full disk, %" PRIu64
           " failed syncs and writes, %" PRIu64 " kills\n",
           run->rotations_count, run->forgotten_count, run->snapshots_count, run->refused_count,
           run->failures_count, run->kills_count);
}

static int usage(void)
{
    fputs("usage: crash_images [--images N] [--seed S] [--image I[.J]]\n", stderr);
    return 2;
}

static bool arguments_read(int argc, char **argv, struct run *run)
{
    static const struct option options[] = { { "images", required_argument, NULL, 'n' },
                                             { "seed", required_argument, NULL, 's' },
                                             { "image", required_argument, NULL, 'i' },
                                             { NULL, 0, NULL, 0 } };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        char *end = NULL;
        if (option == '?')
            return false;
        uint64_t value = strtoull(optarg, &end, 10);
        if (option == 'n')
            run->images_wanted = value;
        else if (option == 's')
            run->seed = value;
        else
            run->wanted.number = value;
        if (option == 'i' && *end == '.')
            run->wanted.nested = strtoull(end + 1, &end, 10);
        if (*end != '\0')
            return false;
    }
    return optind == argc && run->images_wanted > 0;
}

int main(int argc, char **argv)
{
    static struct run run = { .images_wanted = 5000, .seed = 1 };
    if (!arguments_read(argc, argv, &run))
        return usage();
    static const int loud[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM };
    for (size_t i = 0; i < sizeof(loud) / sizeof(loud[0]); i++)
        (void)signal(loud[i], die_loudly);
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 20); /* the same memory again and again, and no new pages */
    (void)mallopt(M_TRIM_THRESHOLD, 512 << 20);
    uint64_t seeds = (run.images_wanted + IMAGES_PER_SEED - 1) / IMAGES_PER_SEED;
    uint64_t images_per_seed = run.images_wanted / seeds;
    if (run.wanted.number != 0) {
        seed_run(&run, images_per_seed);
        printf("image %" PRIu64 ": %s\n", run.wanted.number, run.has_failed ? "FAILED" : "as it has to be");
        return run.has_failed ? 1 : 0;
    }
    for (uint64_t i = 0; i < SEEDS_MAX && !is_done(&run); i++) {
        seed_run(&run, images_per_seed);
        run.seed++;
    }
    report(&run);
    free(run.seen.slots);
    free(run.all.slots);
    if (!run.has_failed && !has_covered(&run)) {
        fputs("this run did not see everything that it has to see: more images\n", stderr);
        return 1;
    }
    return run.has_failed ? 1 : 0;
}
