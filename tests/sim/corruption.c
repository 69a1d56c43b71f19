/*
 * corruption.c - damage is found, or it is where nothing depends on it.
 *
 *     corruption [--damages N] [--seed S]             N damages, from seed S on
 *     corruption --seed S --damage I                  the one that a failure named
 *
 * A seed makes a data directory (several files, snapshots, power losses behind it, a torn tail or not), and keeps
 * it as it was at earlier moments. Each damage (damage.h) is done to a copy, and the copy is opened as a server
 * opens it. What has to come of it follows from where the damage is (stored_map.h):
 *
 *   - What comes back is the history as it was, up to some record. Never another one; but for a newest file that is,
 *     to its end, as it was at an earlier time: that is a journal in its own right.
 *   - Nothing is lost that what is left of the files proves: a snapshot, a newer file, a later frame.
 *   - Damage to what a start reads and something proves is refused; the sentence names the file, and a byte of a
 *     part that is damaged.
 *   - Damage to what no start reads changes nothing. Verify finds it, unless nothing at all depends on it: zeros
 *     behind the last record of a file, a proof frame.
 */
#include "base/assert.h"
#include "sim/damage.h"
#include "sim/durable.h"
#include "sim/stored_map.h"
#include "storage/snapshot.h"
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAMAGES_PER_SEED   250u
#define SECTOR             512u
#define TURNS_MIN          120
#define TURNS_MAX          600
#define MOMENTS_MAX        24u
#define TURNS_PER_MOMENT   9
#define SNAPSHOTS_MAX      8u
#define DAMAGE_SECONDS_MAX 60u

/* A data directory, and what is known of it. */
struct specimen {
    struct storage_image image;
    struct storage_image moments[MOMENTS_MAX];
    size_t moments_count;
    struct ledger_states *states;
    struct oh_journal_options journal_options;
    struct stored_map map;
    uint64_t last_seq; /* what the whole image brings back */
};

enum outcome { OUTCOME_REFUSED, OUTCOME_SAME, OUTCOME_SAME_VERIFY_FINDS, OUTCOME_CUT, OUTCOMES };

struct run {
    uint64_t damages_wanted;
    uint64_t seed;
    uint64_t damage_wanted; /* 0: all */
    uint64_t damages_count;
    uint64_t nothing_count; /* damages that changed nothing */
    uint64_t outcomes[DAMAGE_KINDS][OUTCOMES];
    bool has_failed;
};

static char repeat_line[160];

static void die_loudly(int number)
{
    ssize_t ignored = write(STDERR_FILENO, repeat_line, strlen(repeat_line));
    (void)ignored;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* ---- Specimens -------------------------------------------------------------------------------- */

static void moment_keep(struct specimen *specimen, const struct storage_disk *disk, struct oh_prng *prng)
{
    size_t at = specimen->moments_count < MOMENTS_MAX ? specimen->moments_count++
                                                      : (size_t)oh_prng_below(prng, MOMENTS_MAX);
    storage_image_take(&specimen->moments[at], disk);
}

/* Ends the process in one of three ways; after a power loss the tail may be torn. */
static void process_end(struct durable *durable, uint64_t way)
{
    durable_stop(durable, way == 0);
    if (way == 2)
        storage_disk_crash(durable->disk, false);
}

static bool is_worth_damaging(const struct storage_disk *disk)
{
    return storage_disk_files(disk, ".ohj") >= 3 && storage_disk_files(disk, ".ohs") >= 2;
}

static void specimen_live(struct specimen *specimen, struct durable *durable, struct oh_prng *prng)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        if (durable->stored.journal == NULL && durable_start(durable) != OH_OK)
            storage_disk_set_space(durable->disk, UINT64_MAX);
        if (durable->stored.journal == NULL)
            continue;
        bool is_alive = durable_turn(durable);
        if (turn % TURNS_PER_MOMENT == 0)
            moment_keep(specimen, durable->disk, prng);
        if (turn >= TURNS_MIN && is_worth_damaging(durable->disk) && is_alive)
            break;
        if (!is_alive || oh_prng_below(prng, 30) == 0)
            process_end(durable, is_alive ? oh_prng_below(prng, 3) : 1);
    }
}

/* What the whole image brings back. */
static bool specimen_recover(struct specimen *specimen)
{
    struct stored stored;
    struct ledger_state state;
    struct storage_disk *disk = storage_disk_create(1);
    storage_image_put(&specimen->image, disk);
    enum oh_err err = stored_open(&stored, storage_disk_io(disk), &specimen->journal_options);
    bool is_right = err == OH_OK;
    if (is_right) {
        specimen->last_seq = oh_ledger_seq(stored.ledger);
        ledger_state_of(stored.ledger, &state);
        const struct ledger_state *expected = ledger_states_get(specimen->states, specimen->last_seq);
        is_right = expected != NULL && ledger_states_are_equal(&state, expected);
    }
    if (!is_right)
        fprintf(stderr, "undamaged, and not as it was: %s\n", stored.diag.text);
    storage_disk_set_gone(disk, true);
    stored_close(&stored);
    storage_disk_destroy(disk);
    return is_right;
}

static bool specimen_make(struct specimen *specimen, uint64_t seed)
{
    static struct durable durable;
    static struct random_commands commands;
    struct storage_image nothing = { .count = 0 };
    struct oh_prng prng;
    oh_prng_init(&prng, seed);
    random_commands_init(&commands, seed, 6, 4);
    *specimen = (struct specimen){ .states = ledger_states_create() };
    const struct durable_options options = {
        .seed = seed,
        .durability = seed % 2 == 0 ? OH_DURABILITY_PROCESS : OH_DURABILITY_DISK,
        .frame_align = seed % 8 == 7 ? 4096 : 512,
        .snapshot_bytes = 8192 + oh_prng_below(&prng, 16) * 1024,
        .states = specimen->states,
        .commands = &commands,
    };
    durable_begin(&durable, &options, &nothing);
    specimen->journal_options = durable.journal_options;
    specimen_live(specimen, &durable, &prng);
    if (durable.stored.journal != NULL)
        process_end(&durable, oh_prng_below(&prng, 3));
    storage_image_take(&specimen->image, durable.disk);
    durable_end(&durable);
    if (!specimen_recover(specimen))
        return false;
    stored_map_make(&specimen->map, &specimen->image, specimen->last_seq);
    return true;
}

static void specimen_fini(struct specimen *specimen)
{
    storage_image_fini(&specimen->image);
    for (size_t i = 0; i < specimen->moments_count; i++)
        storage_image_fini(&specimen->moments[i]);
    ledger_states_destroy(&specimen->states);
}

/* ---- What has to come of it ------------------------------------------------------------------- */

struct harm {
    const struct specimen *specimen;
    struct storage_image *image;
    enum damage damage;
    uint64_t first_seq;    /* of the oldest journal file that is left */
    uint64_t journal_seq;  /* first seq of the newest journal file that is left */
    uint64_t snapshot_seq; /* of the newest snapshot that is left; 0: none */
    uint64_t start_seq;    /* the file that a start begins to read */
    uint64_t verify_seq;   /* the file that verify begins to read */
    bool is_rolled_back;   /* the newest journal file, to its end, is as it was once: a journal of its own */
    bool is_any;           /* something is other than it was */
    bool is_any_file_missing;
    bool is_needed_hurt;    /* a start reads something that is damaged or missing */
    bool has_to_be_refused; /* it is proven, too */
    bool has_to_be_found;   /* by verify, if not by a start */
    uint64_t proven_seq;    /* by what is left */
    uint64_t whole_seq;     /* records before the first frame that is damaged */
};

static const struct storage_file *file_left(const struct harm *harm, const struct part *part)
{
    return storage_image_find(harm->image, part->file->path);
}

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
    uint64_t at = 0;
    while (at < size && bytes[at] == 0)
        at++;
    return at == size;
}

/* Zeros behind the end of a journal file are as good as zeros in it. Behind the end of a snapshot there is nothing. */
static bool is_hurt(const struct harm *harm, const struct part *part)
{
    const struct storage_file *file = file_left(harm, part);
    uint64_t to = part->to < part->file->size ? part->to : part->file->size;
    if (file == NULL)
        return true;
    if (part->kind == PART_BLOCK && to == part->file->size && file->size > to)
        return true;
    uint64_t left = file->size < to ? file->size : to;
    if (left < to && (part->kind == PART_BLOCK || part->kind == PART_HEADER))
        return true;
    left = left < part->from ? part->from : left;
    return !is_zero(part->file->bytes + left, to - left) ||
           (left > part->from &&
            memcmp(file->bytes + part->from, part->file->bytes + part->from, left - part->from) != 0);
}

static bool has_records(const struct part *part)
{
    return part->kind == PART_FRAME && part->last_seq >= part->first_seq;
}

/*
 * The last record that cannot be read without this frame, as far as the frame itself says: its own; behind a proof
 * frame the next one, when its file has it. 0: none.
 */
static uint64_t record_of(const struct harm *harm, const struct part *part)
{
    const struct part *next = part + 1;
    if (has_records(part))
        return part->last_seq;
    bool is_followed = part->kind == PART_FRAME &&
                       next < harm->specimen->map.parts + harm->specimen->map.count &&
                       next->file == part->file && has_records(next);
    return is_followed ? part->first_seq : 0;
}

static void left_find(struct harm *harm)
{
    harm->first_seq = UINT64_MAX;
    for (size_t i = 0; i < harm->image->count; i++) {
        uint64_t seq;
        if (stored_file_seq(&harm->image->files[i], ".ohj", &seq)) {
            harm->journal_seq = seq > harm->journal_seq ? seq : harm->journal_seq;
            harm->first_seq = seq < harm->first_seq ? seq : harm->first_seq;
        }
        if (stored_file_seq(&harm->image->files[i], ".ohs", &seq) && seq > harm->snapshot_seq)
            harm->snapshot_seq = seq;
    }
}

/* The file that holds this record, by the names of the files. */
static uint64_t file_of(const struct harm *harm, uint64_t record)
{
    uint64_t from = 0;
    for (size_t i = 0; i < harm->image->count; i++) {
        uint64_t seq;
        if (stored_file_seq(&harm->image->files[i], ".ohj", &seq) && seq <= record && seq > from)
            from = seq;
    }
    return from;
}

/* Verify begins with record 1, or else with the oldest snapshot that the journal continues. 0: with record 1. */
static uint64_t oldest_base(const struct harm *harm)
{
    uint64_t base = harm->first_seq == 1 ? 0 : harm->snapshot_seq;
    for (size_t i = 0; i < harm->image->count; i++) {
        uint64_t seq;
        if (stored_file_seq(&harm->image->files[i], ".ohs", &seq) && seq + 1 >= harm->first_seq && seq < base)
            base = seq;
    }
    return base;
}

static bool is_needed(const struct harm *harm, const struct part *part)
{
    uint64_t seq;
    if (stored_file_seq(part->file, ".ohs", &seq))
        return seq == harm->snapshot_seq;
    if (!stored_file_seq(part->file, ".ohj", &seq))
        return false;
    if (part->kind == PART_HEADER || seq == harm->journal_seq)
        return true;
    /* Where the next frame would be, a reader looks before it takes the next file. */
    bool is_end = part->kind == PART_TAIL && part[-1].kind != PART_TAIL;
    return (part->kind == PART_FRAME || is_end) && seq >= harm->start_seq;
}

/* Does something that is left say that this record was on the disk? */
static bool is_proven(const struct harm *harm, const struct part *part, uint64_t record)
{
    const struct stored_map *map = &harm->specimen->map;
    uint64_t seq = 0;
    (void)stored_file_seq(part->file, ".ohj", &seq);
    if (record == 0)
        return false;
    if (!has_records(part) && !is_hurt(harm, part + 1))
        return true; /* it is right behind this proof frame, which was synced before it was written */
    if (seq < harm->journal_seq || record <= harm->snapshot_seq)
        return true;
    for (size_t i = 0; i < map->count; i++) {
        const struct part *later = &map->parts[i];
        if (later->file == part->file && later->kind == PART_FRAME && later->from > part->from &&
            later->synced_seq >= record && !is_hurt(harm, later))
            return true;
    }
    return false;
}

static void part_judge(struct harm *harm, const struct part *part)
{
    uint64_t seq = 0;
    bool is_of_newest = stored_file_seq(part->file, ".ohj", &seq) && seq == harm->journal_seq;
    if (!is_hurt(harm, part)) {
        if (is_of_newest && part->kind == PART_FRAME && part->synced_seq > harm->proven_seq)
            harm->proven_seq = part->synced_seq;
        return;
    }
    bool is_left = file_left(harm, part) != NULL;
    bool is_vital =
        part->kind == PART_HEADER || part->kind == PART_BLOCK || is_proven(harm, part, record_of(harm, part));
    harm->is_any = true;
    harm->is_any_file_missing = harm->is_any_file_missing || !is_left;
    if (is_needed(harm, part)) {
        harm->is_needed_hurt = true;
        harm->has_to_be_refused = harm->has_to_be_refused || (is_left && is_vital);
    }
    bool is_read = part->kind == PART_HEADER || part->kind == PART_BLOCK || seq >= harm->verify_seq;
    harm->has_to_be_found = harm->has_to_be_found || (is_left && is_vital && is_read);
    if (is_of_newest && part->kind == PART_FRAME && part->first_seq - 1 < harm->whole_seq)
        harm->whole_seq = part->first_seq - 1;
}

/* From its first difference on, is the file as the moment had it? */
static bool is_of_moment(const struct storage_file *good, const struct storage_file *file,
                         const struct storage_file *moment)
{
    size_t at = 0;
    if (moment == NULL || moment->size != file->size)
        return false;
    while (at < file->size && at < good->size && file->bytes[at] == good->bytes[at])
        at++;
    at = at / SECTOR * SECTOR;
    return at < file->size && memcmp(file->bytes + at, moment->bytes + at, file->size - at) == 0;
}

static bool is_rolled_back(const struct harm *harm)
{
    const struct storage_file *good = harm->specimen->map.newest_journal;
    const struct storage_file *file = storage_image_find(harm->image, good->path);
    bool is_old = false;
    /* One sector alone is never enough. */
    if (harm->damage != DAMAGE_OLD_FILE && harm->damage != DAMAGE_STALE_RUN)
        return false;
    for (size_t i = 0; file != NULL && !is_old && i < harm->specimen->moments_count; i++) {
        struct storage_image *moment = (struct storage_image *)(uintptr_t)&harm->specimen->moments[i];
        is_old = is_of_moment(good, file, storage_image_find(moment, good->path));
    }
    return is_old;
}

/* The only file is gone, or another ledger's: nothing is left that could say so. */
static bool nothing_is_left(const struct harm *harm)
{
    size_t count = 0;
    for (size_t i = 0; i < harm->image->count; i++) {
        const char *path = harm->image->files[i].path;
        count += strstr(path, ".ohj") != NULL || strstr(path, ".ohs") != NULL ? 1 : 0;
    }
    return (harm->damage == DAMAGE_FOREIGN && count == 1) || (harm->damage == DAMAGE_MISSING && count == 0);
}

static void harm_judge(struct harm *harm)
{
    const struct stored_map *map = &harm->specimen->map;
    left_find(harm);
    harm->is_rolled_back = is_rolled_back(harm);
    harm->whole_seq = harm->specimen->last_seq;
    harm->proven_seq =
        harm->snapshot_seq > harm->journal_seq - 1 ? harm->snapshot_seq : harm->journal_seq - 1;
    harm->start_seq = file_of(harm, harm->snapshot_seq);
    harm->verify_seq = file_of(harm, oldest_base(harm));
    for (size_t i = 0; i < map->count; i++)
        part_judge(harm, &map->parts[i]);
    if (harm->journal_seq < map->newest_journal_seq)
        harm->whole_seq = map->newest_journal_seq - 1;
}

/* ---- Did it? ---------------------------------------------------------------------------------- */

static bool complain(const struct harm *harm, const char *what, const char *detail)
{
    fprintf(stderr, "%s%s%s\n", what, detail[0] == '\0' ? "" : ": ", detail);
    fprintf(stderr,
            "  whole: %" PRIu64 " records, newest file from %" PRIu64 ", snapshot %" PRIu64
            "; proven %" PRIu64 "; whole in the newest file %" PRIu64 "\n",
            harm->specimen->last_seq, harm->journal_seq, harm->snapshot_seq, harm->proven_seq,
            harm->whole_seq);
    return false;
}

/* Whoever reads a file to its end and misses a record names the end, which belongs to the last part. */
static bool is_hurt_at(const struct harm *harm, const char *path, uint64_t at)
{
    const struct stored_map *map = &harm->specimen->map;
    for (size_t i = 0; i < map->count; i++) {
        const struct part *part = &map->parts[i];
        bool is_here = at < part->to || (at == part->to && at == part->file->size);
        if (strcmp(part->file->path, path) == 0 && at >= part->from && is_here && is_hurt(harm, part))
            return true;
    }
    return false;
}

/*
 * "path: byte N: ...": is a part damaged there? A frame that does not fit to the one before it names both. A file that
 * is gone can only be missed somewhere else. Whose id counts is that of the newest file: when that is the stranger,
 * the others seem to be.
 */
static bool names_the_place(const struct harm *harm, const char *text)
{
    char path[STORAGE_IMAGE_PATH_SIZE];
    const char *colon = strchr(text, ':');
    if (harm->is_any_file_missing)
        return text[0] != '\0';
    if (colon == NULL || (size_t)(colon - text) >= sizeof(path) || strncmp(colon, ": byte ", 7) != 0)
        return false;
    (void)snprintf(path, sizeof(path), "%.*s", (int)(colon - text), text);
    const char *other = strstr(text, "at byte ");
    uint64_t at = strtoull(colon + 7, NULL, 10);
    return is_hurt_at(harm, path, at) || (harm->damage == DAMAGE_FOREIGN && at == 0) ||
           (other != NULL && is_hurt_at(harm, path, strtoull(other + 8, NULL, 10)));
}

static bool is_history(const struct harm *harm, struct oh_ledger *ledger)
{
    struct ledger_state state;
    uint64_t seq = oh_ledger_seq(ledger);
    const struct ledger_state *expected = ledger_states_get(harm->specimen->states, seq);
    ledger_state_of(ledger, &state);
    if (harm->is_rolled_back)
        return true;
    /* A sector that brings back what a power loss took brings back records that were issued (seed 2718). */
    if (expected != NULL && ledger_states_are_equal(&state, expected))
        return true;
    if (expected != NULL)
        ledger_states_explain(harm->specimen->states, seq, ledger, stderr);
    return complain(harm, "ANOTHER HISTORY", "");
}

static bool opened_judge(const struct harm *harm, const struct stored *stored)
{
    uint64_t seq = oh_ledger_seq(stored->ledger);
    char text[64];
    (void)snprintf(text, sizeof(text), "%" PRIu64 " records came back", seq);
    if (!is_history(harm, stored->ledger))
        return false;
    if (harm->has_to_be_refused)
        return complain(harm, "damage to proven records was not refused", text);
    if (seq < harm->proven_seq || seq < harm->whole_seq)
        return complain(harm, "records were lost", text);
    if (!harm->is_needed_hurt && seq != harm->specimen->last_seq)
        return complain(harm, "nothing that is needed is damaged, and records were lost", text);
    return true;
}

/* ---- As verify reads it ----------------------------------------------------------------------- */

static enum oh_err snapshot_read(const struct oh_directory *directory, uint64_t seq, struct oh_diag *diag)
{
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    struct oh_bytes object;
    enum oh_err err = oh_snapshot_reader_open(directory, seq, &reader, &info, diag);
    if (err != OH_OK)
        return err;
    while (err == OH_OK) /* bounded by the file */
        err = oh_snapshot_reader_next(reader, &object, diag);
    oh_snapshot_reader_close(&reader);
    return err == OH_E_AGAIN ? OH_OK : err;
}

/* Every snapshot, then the journal from as far back as it goes. */
static enum oh_err verify_read(const struct harm *harm, struct stored *stored, const struct oh_io *io)
{
    uint64_t seqs[SNAPSHOTS_MAX];
    size_t count = 0;
    struct oh_directory *directory = NULL;
    struct oh_diag diag = { "" };
    *stored = (struct stored){ .journal = NULL };
    enum oh_err err = oh_directory_open(io, "d", OH_DIRECTORY_READ, &directory, &diag);
    if (err == OH_OK)
        err = oh_snapshot_list(directory, seqs, SNAPSHOTS_MAX, &count, &diag);
    for (size_t i = 0; err == OH_OK && i < count; i++)
        err = snapshot_read(directory, seqs[i], &diag);
    oh_directory_close(&directory);
    if (err != OH_OK) {
        stored->diag = diag;
        return err;
    }
    const struct oh_recovery_options options = { .ignores_snapshots = harm->first_seq == 1,
                                                 .snapshot_seq = oldest_base(harm) };
    return stored_read(stored, io, &options);
}

/* A start took it; verify has to find what the start did not look at. */
static bool verify_judge(const struct harm *harm, uint64_t seq, enum outcome *out_outcome)
{
    struct stored stored;
    struct storage_disk *disk = storage_disk_create(2);
    storage_image_put(harm->image, disk);
    enum oh_err err = verify_read(harm, &stored, storage_disk_io(disk));
    bool is_right = true;
    if (err == OH_OK && harm->has_to_be_found)
        is_right = complain(harm, "verify did not find it", "");
    else if (err == OH_OK && oh_ledger_seq(stored.ledger) != seq)
        is_right = complain(harm, "verify sees other records than a start", "");
    else if (err == OH_OK)
        is_right = is_history(harm, stored.ledger);
    else if (!names_the_place(harm, stored.diag.text))
        is_right = complain(harm, "verify names another place", stored.diag.text);
    *out_outcome = err != OH_OK                     ? OUTCOME_SAME_VERIFY_FINDS
                   : seq < harm->specimen->last_seq ? OUTCOME_CUT
                                                    : OUTCOME_SAME;
    stored_close(&stored);
    storage_disk_destroy(disk);
    return is_right;
}

static bool start_judge(struct harm *harm, enum outcome *out_outcome)
{
    struct stored stored;
    struct storage_disk *disk = storage_disk_create(1);
    storage_image_put(harm->image, disk);
    enum oh_err err = stored_open(&stored, storage_disk_io(disk), &harm->specimen->journal_options);
    bool is_right = true;
    uint64_t seq = 0;
    if (err == OH_OK) {
        seq = oh_ledger_seq(stored.ledger);
        is_right = opened_judge(harm, &stored);
    } else if (!harm->is_needed_hurt) {
        is_right = complain(harm, "nothing that is needed is damaged, and it was refused", stored.diag.text);
    } else if (!names_the_place(harm, stored.diag.text)) {
        is_right = complain(harm, "it was refused, and another place was named", stored.diag.text);
    }
    *out_outcome = OUTCOME_REFUSED;
    storage_disk_set_gone(disk, true);
    stored_close(&stored);
    storage_disk_destroy(disk);
    return is_right && (err != OH_OK || verify_judge(harm, seq, out_outcome));
}

/* ---- Runs ------------------------------------------------------------------------------------- */

static void damage_try(struct run *run, const struct specimen *specimen, const struct specimen *foreign,
                       uint64_t number)
{
    static struct storage_image image;
    char words[DAMAGE_WORDS_SIZE];
    const struct damage_sources sources = { specimen->moments, specimen->moments_count, &foreign->image };
    (void)snprintf(repeat_line, sizeof(repeat_line),
                   "repeat with: corruption --seed %" PRIu64 " --damage %" PRIu64 "\n", run->seed, number);
    (void)alarm(DAMAGE_SECONDS_MAX);
    storage_image_copy(&image, &specimen->image);
    struct harm harm = { .specimen = specimen, .image = &image };
    harm.damage = damage_make(&image, &sources, run->seed * 1000003 + number, words);
    harm_judge(&harm);
    enum outcome outcome = OUTCOME_SAME;
    run->damages_count++;
    run->nothing_count += harm.is_any ? 0 : 1;
    if (run->damage_wanted != 0)
        fprintf(stderr, "%s\n", words);
    if (nothing_is_left(&harm) || start_judge(&harm, &outcome)) {
        run->outcomes[harm.damage][outcome] += harm.is_any ? 1 : 0;
        return;
    }
    fprintf(stderr, "%s\n%s", words, repeat_line);
    run->has_failed = true;
}

static void seed_run(struct run *run)
{
    static struct specimen specimen;
    static struct specimen foreign;
    bool is_made = specimen_make(&specimen, run->seed) && specimen_make(&foreign, run->seed + 500000);
    if (!is_made) {
        fprintf(stderr, "repeat with: corruption --seed %" PRIu64 " --damages 1\n", run->seed);
        run->has_failed = true;
    }
    if (run->damage_wanted != 0 && is_made)
        damage_try(run, &specimen, &foreign, run->damage_wanted);
    for (uint64_t i = 1; run->damage_wanted == 0 && i <= DAMAGES_PER_SEED && !run->has_failed &&
                         run->damages_count < run->damages_wanted;
         i++)
        damage_try(run, &specimen, &foreign, i);
    specimen_fini(&specimen);
    specimen_fini(&foreign);
}

static void report(const struct run *run)
{
    printf("%" PRIu64 " damages, %" PRIu64 " of them to bytes that were the same before\n",
           run->damages_count, run->nothing_count);
    printf("%-42s %9s %9s %9s %9s\n", "", "refused", "verify", "cut", "no matter");
    for (int i = 0; i < DAMAGE_KINDS; i++)
        printf("%-42s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", damage_text((enum damage)i),
               run->outcomes[i][OUTCOME_REFUSED], run->outcomes[i][OUTCOME_SAME_VERIFY_FINDS],
               run->outcomes[i][OUTCOME_CUT], run->outcomes[i][OUTCOME_SAME]);
}

static bool arguments_read(int argc, char **argv, struct run *run)
{
    static const struct option options[] = { { "damages", required_argument, NULL, 'n' },
                                             { "seed", required_argument, NULL, 's' },
                                             { "damage", required_argument, NULL, 'd' },
                                             { NULL, 0, NULL, 0 } };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        char *end = NULL;
        if (option == '?')
            return false;
        uint64_t value = strtoull(optarg, &end, 10);
        if (*end != '\0')
            return false;
        if (option == 'n')
            run->damages_wanted = value;
        else if (option == 's')
            run->seed = value;
        else
            run->damage_wanted = value;
    }
    return optind == argc && run->damages_wanted > 0;
}

int main(int argc, char **argv)
{
    static struct run run = { .damages_wanted = 10000, .seed = 1 };
    if (!arguments_read(argc, argv, &run)) {
        fputs("usage: corruption [--damages N] [--seed S] [--damage I]\n", stderr);
        return 2;
    }
    static const int loud[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM };
    for (size_t i = 0; i < sizeof(loud) / sizeof(loud[0]); i++)
        (void)signal(loud[i], die_loudly);
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 20); /* the same memory again and again, and no new pages */
    (void)mallopt(M_TRIM_THRESHOLD, 512 << 20);
    do {
        seed_run(&run);
        run.seed++;
    } while (run.damage_wanted == 0 && run.damages_count < run.damages_wanted && !run.has_failed);
    report(&run);
    return run.has_failed ? 1 : 0;
}
