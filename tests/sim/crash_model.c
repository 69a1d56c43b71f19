#include "sim/crash_model.h"
#include "base/assert.h"
#include "base/prng.h"
#include <stdlib.h>
#include <string.h>

#define SECTOR          512u
#define NAMES_MAX       STORAGE_IMAGE_FILES_MAX
#define CHANGES_MAX     60u /* fewer than bits in a mask */
#define BITS_MAX        64u /* so many combinations of sectors are tried one by one */
#define RANDOM_COUNT    48u /* else so many of them */
#define BYTE_WISE_MAX   4096u
#define TORN_TAIL       512u
#define GARBAGE_MAX     4u
#define NAME_SETS_WHOLE 3u /* up to so many changes of names, every set of them */

struct file {
    uint32_t number; /* 0: free */
    bool is_directory;
    uint8_t *bytes; /* what is on the disk for certain; `capacity` of them, zeros behind size_safe */
    size_t capacity;
    size_t size_safe;
    size_t size;
};

/* One content that a sector had since the last sync. */
struct version {
    size_t step;
    uint8_t bytes[SECTOR];
};

struct sector {
    size_t file;
    size_t index;
    bool is_dirty; /* the next sync writes it */
    struct version *versions;
    size_t count;
    size_t capacity;
};

struct name {
    char path[STORAGE_IMAGE_PATH_SIZE];
    size_t file;
};

/* from "": a new name. to "": removed. */
struct change {
    char from[STORAGE_IMAGE_PATH_SIZE];
    char to[STORAGE_IMAGE_PATH_SIZE];
    size_t file;
};

struct crash_model {
    const struct crash_trace *trace;
    size_t step;
    struct file *files;
    size_t files_count;
    struct sector *sectors; /* those that are uncertain */
    size_t sectors_count;
    size_t sectors_capacity;
    struct name names[NAMES_MAX];
    size_t names_count;
    struct change changes[CHANGES_MAX];
    size_t changes_count;
};

static void *grown(void *memory, size_t count, size_t size)
{
    memory = realloc(memory, count * size);
    OH_ASSERT(memory != NULL);
    return memory;
}

/* ---- Files ------------------------------------------------------------------------------------ */

static size_t file_find(const struct crash_model *model, uint32_t number)
{
    for (size_t i = model->files_count; i > 0; i--) {
        if (model->files[i - 1].number == number)
            return i - 1;
    }
    OH_UNREACHABLE();
}

static size_t file_add(struct crash_model *model, uint32_t number, bool is_directory)
{
    model->files = grown(model->files, model->files_count + 1, sizeof(*model->files));
    model->files[model->files_count] = (struct file){ .number = number, .is_directory = is_directory };
    return model->files_count++;
}

static void file_reserve(struct file *file, size_t size)
{
    size_t capacity = (size + SECTOR - 1) / SECTOR * SECTOR;
    if (capacity <= file->capacity)
        return;
    file->bytes = grown(file->bytes, capacity, 1);
    memset(file->bytes + file->capacity, 0, capacity - file->capacity);
    file->capacity = capacity;
}

/* ---- Sectors ---------------------------------------------------------------------------------- */

static struct sector *sector_get(struct crash_model *model, size_t file, size_t index)
{
    for (size_t i = 0; i < model->sectors_count; i++) {
        if (model->sectors[i].file == file && model->sectors[i].index == index)
            return &model->sectors[i];
    }
    if (model->sectors_count == model->sectors_capacity) {
        model->sectors_capacity = model->sectors_capacity == 0 ? 64 : model->sectors_capacity * 2;
        model->sectors = grown(model->sectors, model->sectors_capacity, sizeof(*model->sectors));
    }
    model->sectors[model->sectors_count] = (struct sector){ .file = file, .index = index };
    return &model->sectors[model->sectors_count++];
}

static const uint8_t *sector_newest(const struct crash_model *model, const struct sector *sector)
{
    if (sector->count > 0)
        return sector->versions[sector->count - 1].bytes;
    return model->files[sector->file].bytes + sector->index * SECTOR;
}

/* The part of a write that falls into one sector. */
static void sector_write(struct crash_model *model, size_t file, size_t index, const uint8_t *bytes,
                         uint64_t offset, size_t size)
{
    struct sector *sector = sector_get(model, file, index);
    struct version version = { .step = model->step };
    uint64_t start = (uint64_t)index * SECTOR;
    uint64_t from = offset > start ? offset : start;
    uint64_t to = offset + size < start + SECTOR ? offset + size : start + SECTOR;
    memcpy(version.bytes, sector_newest(model, sector), SECTOR);
    memcpy(version.bytes + (from - start), bytes + (from - offset), (size_t)(to - from));
    sector->is_dirty = true;
    if (memcmp(version.bytes, sector_newest(model, sector), SECTOR) == 0)
        return;
    if (sector->count == sector->capacity) {
        sector->capacity = sector->capacity == 0 ? 2 : sector->capacity * 2;
        sector->versions = grown(sector->versions, sector->capacity, sizeof(*sector->versions));
    }
    sector->versions[sector->count++] = version;
}

/* Certain again. The last sector takes its place. */
static void sector_settle(struct crash_model *model, size_t at)
{
    struct sector *sector = &model->sectors[at];
    memcpy(model->files[sector->file].bytes + sector->index * SECTOR, sector_newest(model, sector), SECTOR);
    free(sector->versions);
    *sector = model->sectors[--model->sectors_count];
}

static void file_write(struct crash_model *model, const struct crash_step *step)
{
    size_t at = file_find(model, step->inode);
    struct file *file = &model->files[at];
    file_reserve(file, (size_t)step->offset + step->size);
    for (size_t i = (size_t)step->offset / SECTOR; i * SECTOR < step->offset + step->size; i++)
        sector_write(model, at, i, step->bytes, step->offset, step->size);
    if (step->offset + step->size > file->size)
        file->size = (size_t)step->offset + step->size;
}

static void file_sync(struct crash_model *model, const struct crash_step *step)
{
    size_t at = file_find(model, step->inode);
    for (size_t i = model->sectors_count; i > 0; i--) {
        struct sector *sector = &model->sectors[i - 1];
        if (sector->file != at || !sector->is_dirty)
            continue;
        sector->is_dirty = false;
        if (step->result >= 0)
            sector_settle(model, i - 1);
    }
    if (step->result >= 0)
        model->files[at].size_safe = model->files[at].size;
}

/* ---- Names ------------------------------------------------------------------------------------ */

static struct name *name_find(struct name *names, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i].path, path) == 0)
            return &names[i];
    }
    return NULL;
}

static void change_apply(struct name *names, size_t *count, const struct change *change)
{
    struct name *from = change->from[0] == '\0' ? NULL : name_find(names, *count, change->from);
    if (from != NULL)
        *from = names[--*count];
    if (change->to[0] == '\0')
        return;
    struct name *to = name_find(names, *count, change->to);
    if (to == NULL) {
        OH_ASSERT(*count < NAMES_MAX);
        to = &names[(*count)++];
    }
    memcpy(to->path, change->to, sizeof(to->path));
    to->file = change->file;
}

static void change_add(struct crash_model *model, const char *from, const char *to, size_t file)
{
    OH_ASSERT(model->changes_count < CHANGES_MAX);
    struct change *change = &model->changes[model->changes_count++];
    *change = (struct change){ .file = file };
    memcpy(change->from, from, strlen(from) + 1);
    memcpy(change->to, to, strlen(to) + 1);
}

/* Size of the path of the directory that holds `path`; 0: that is "." */
static size_t directory_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool is_in(const char *path, const char *directory)
{
    size_t size = strcmp(directory, ".") == 0 ? 0 : strlen(directory);
    return directory_size(path) == size && strncmp(path, directory, size) == 0;
}

static void directory_sync(struct crash_model *model, const char *directory)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->changes_count; i++) {
        const struct change change = model->changes[i];
        if (is_in(change.to[0] != '\0' ? change.to : change.from, directory))
            change_apply(model->names, &model->names_count, &change);
        else
            model->changes[kept++] = change;
    }
    model->changes_count = kept;
}

/* ---- Steps ------------------------------------------------------------------------------------ */

static void step_apply(struct crash_model *model, const struct crash_step *step)
{
    switch (step->operation) {
    case STORAGE_WRITE:
        file_write(model, step);
        return;
    case STORAGE_ALLOCATE: {
        struct file *file = &model->files[file_find(model, step->inode)];
        file_reserve(file, step->size);
        file->size = step->size > file->size ? step->size : file->size;
        return;
    }
    case STORAGE_FDATASYNC:
    case STORAGE_FSYNC:
        file_sync(model, step);
        return;
    case STORAGE_FSYNC_DIRECTORY:
        directory_sync(model, step->path);
        return;
    case STORAGE_CREATE:
    case STORAGE_MAKE_DIRECTORY:
        change_add(model, "", step->path,
                   file_add(model, step->inode, step->operation == STORAGE_MAKE_DIRECTORY));
        return;
    case STORAGE_RENAME:
        change_add(model, step->path, step->to, file_find(model, step->inode));
        return;
    case STORAGE_UNLINK:
        change_add(model, step->path, "", 0);
        return;
    case STORAGE_OPEN:
    case STORAGE_READ:
    case STORAGE_OPERATIONS:
        break;
    }
    OH_UNREACHABLE();
}

struct crash_model *crash_model_create(const struct crash_trace *trace)
{
    struct crash_model *model = grown(NULL, 1, sizeof(*model));
    *model = (struct crash_model){ .trace = trace };
    for (size_t i = 0; i < trace->start.count; i++) {
        const struct storage_file *from = &trace->start.files[i];
        size_t at = file_add(model, from->inode, from->is_directory);
        struct file *file = &model->files[at];
        file_reserve(file, from->size);
        if (from->size > 0)
            memcpy(file->bytes, from->bytes, from->size);
        file->size = file->size_safe = from->size;
        struct name *name = &model->names[model->names_count++];
        memcpy(name->path, from->path, sizeof(name->path));
        name->file = at;
    }
    return model;
}

void crash_model_destroy(struct crash_model **model_at)
{
    struct crash_model *model = *model_at;
    if (model == NULL)
        return;
    for (size_t i = 0; i < model->files_count; i++)
        free(model->files[i].bytes);
    for (size_t i = 0; i < model->sectors_count; i++)
        free(model->sectors[i].versions);
    free(model->files);
    free(model->sectors);
    free(model);
    *model_at = NULL;
}

bool crash_model_advance(struct crash_model *model)
{
    if (model->step == model->trace->count)
        return false;
    step_apply(model, &model->trace->steps[model->step]);
    model->step++;
    return true;
}

size_t crash_model_step(const struct crash_model *model)
{
    return model->step;
}

/* ---- Choices ---------------------------------------------------------------------------------- */

enum data {
    DATA_NONE,
    DATA_ALL,
    DATA_UP_TO,   /* of the step, in the order of the writes */
    DATA_ONLY,    /* that step's write */
    DATA_ALL_BUT, /* that step's write */
    DATA_BITS,    /* combination `number` of all there are */
    DATA_RANDOM,  /* by the seed `number` */
};

struct choice {
    struct crash_image_info info;
    uint64_t names; /* which changes */
    enum data data;
    size_t step;
    uint64_t number;
    size_t torn_size; /* bytes of the write that is under way */
    bool has_garbage; /* in sector `number` */
};

/* How the images of a step are numbered: one kind after the other. */
struct plan {
    uint64_t name_sets;
    uint64_t combinations; /* of sectors and sizes; 0: too many, the following instead */
    size_t steps[256];     /* that wrote what is uncertain */
    size_t steps_count;
    uint64_t data_count;
    uint64_t torn_count;
    uint64_t garbage_count;
};

static uint64_t all_names(const struct crash_model *model)
{
    return (UINT64_C(1) << model->changes_count) - 1;
}

static void plan_note_step(struct plan *plan, size_t step)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        if (plan->steps[i] == step)
            return;
    }
    if (plan->steps_count < sizeof(plan->steps) / sizeof(plan->steps[0]))
        plan->steps[plan->steps_count++] = step;
}

static void plan_data(const struct crash_model *model, struct plan *plan)
{
    plan->combinations = 1;
    for (size_t i = 0; i < model->sectors_count; i++) {
        const struct sector *sector = &model->sectors[i];
        if (plan->combinations != 0)
            plan->combinations *= sector->count + 1;
        if (plan->combinations > BITS_MAX)
            plan->combinations = 0;
        for (size_t j = 0; j < sector->count; j++)
            plan_note_step(plan, sector->versions[j].step);
    }
    for (size_t i = 0; i < model->files_count; i++) {
        if (model->files[i].size != model->files[i].size_safe)
            plan->combinations = plan->combinations > BITS_MAX / 2 ? 0 : plan->combinations * 2;
    }
    plan->data_count = plan->combinations;
    if (plan->combinations == 0)
        plan->data_count = 3 * plan->steps_count + RANDOM_COUNT;
}

/* The write that would be made next, when it changes anything. */
static const struct crash_step *write_under_way(const struct crash_model *model)
{
    if (model->step == model->trace->count)
        return NULL;
    const struct crash_step *step = &model->trace->steps[model->step];
    return step->operation == STORAGE_WRITE ? step : NULL;
}

/* A short write is torn at each of its bytes; a long one at each sector, and in its last bytes. */
static uint64_t torn_count(const struct crash_step *step)
{
    if (step == NULL || step->size < 2)
        return 0;
    return step->size <= BYTE_WISE_MAX ? step->size - 1 : step->size / SECTOR - 1 + TORN_TAIL;
}

static size_t torn_size(const struct crash_step *step, uint64_t i)
{
    if (step->size <= BYTE_WISE_MAX)
        return (size_t)i + 1;
    return i < TORN_TAIL ? step->size - TORN_TAIL + (size_t)i : (size_t)(i - TORN_TAIL + 1) * SECTOR;
}

static void plan_make(const struct crash_model *model, struct plan *plan)
{
    *plan = (struct plan){ .steps_count = 0 };
    uint64_t changes = model->changes_count;
    /* Each first part; each change alone; each one left out; or simply every set. */
    plan->name_sets = changes <= NAME_SETS_WHOLE ? UINT64_C(1) << changes : 3 * changes + 1;
    plan_data(model, plan);
    plan->torn_count = 2 * torn_count(write_under_way(model));
    for (size_t i = 0; i < model->sectors_count && plan->garbage_count < GARBAGE_MAX; i++)
        plan->garbage_count += model->sectors[i].count > 0 ? 1 : 0;
}

static uint64_t basic_count(const struct plan *plan)
{
    return 2 * plan->name_sets;
}

uint64_t crash_model_count(const struct crash_model *model, uint64_t *out_basic_count)
{
    struct plan plan;
    plan_make(model, &plan);
    *out_basic_count = basic_count(&plan);
    return basic_count(&plan) + 2 * plan.data_count + plan.torn_count + plan.garbage_count;
}

/* Set 0 is all of them. */
static uint64_t name_set(const struct crash_model *model, uint64_t i)
{
    uint64_t changes = model->changes_count;
    if (i == 0 || changes == 0)
        return all_names(model);
    if (changes <= NAME_SETS_WHOLE)
        return i - 1;
    if (i <= changes)
        return (UINT64_C(1) << (i - 1)) - 1;
    if (i <= 2 * changes)
        return UINT64_C(1) << (i - 1 - changes);
    return all_names(model) & ~(UINT64_C(1) << (i - 1 - 2 * changes));
}

/* A first part of the changes, by chance. */
static uint64_t some_names(const struct crash_model *model, uint64_t seed)
{
    struct oh_prng prng;
    oh_prng_init(&prng, seed);
    return (UINT64_C(1) << oh_prng_below(&prng, model->changes_count + 1)) - 1;
}

static void choose_data(const struct crash_model *model, const struct plan *plan, uint64_t i,
                        struct choice *choice)
{
    bool has_all_names = i < plan->data_count;
    uint64_t number = has_all_names ? i : i - plan->data_count;
    choice->info.kind = CRASH_SECTORS;
    choice->names = has_all_names ? all_names(model) : some_names(model, model->step * 1000 + number);
    choice->number = number;
    choice->data = DATA_BITS;
    if (plan->combinations != 0)
        return;
    choice->data = DATA_RANDOM;
    choice->number = model->step * 1000 + number;
    if (number < 3 * plan->steps_count) {
        static const enum data by_step[3] = { DATA_UP_TO, DATA_ONLY, DATA_ALL_BUT };
        choice->data = by_step[number % 3];
        choice->step = plan->steps[number / 3];
    }
}

static void choose(const struct crash_model *model, const struct plan *plan, uint64_t i,
                   struct choice *choice)
{
    *choice = (struct choice){ .names = all_names(model), .data = DATA_ALL };
    if (i < basic_count(plan)) {
        choice->names = name_set(model, i / 2);
        choice->data = i % 2 == 0 ? DATA_NONE : DATA_ALL;
        choice->info.is_kill = i == 1;
        return;
    }
    i -= basic_count(plan);
    if (i < 2 * plan->data_count) {
        choose_data(model, plan, i, choice);
        return;
    }
    i -= 2 * plan->data_count;
    if (i < plan->torn_count) {
        choice->info.kind = CRASH_TORN;
        choice->info.is_kill = i % 2 == 1;
        choice->data = i % 2 == 0 ? DATA_NONE : DATA_ALL;
        choice->torn_size = torn_size(write_under_way(model), i / 2);
        return;
    }
    choice->info.kind = CRASH_GARBAGE;
    choice->has_garbage = true;
    choice->number = i - plan->torn_count;
}

/* ---- Images ----------------------------------------------------------------------------------- */

/* What is drawn for one image; bits and random numbers are used up sector by sector. */
struct drawing {
    const struct crash_model *model;
    const struct choice *choice;
    struct oh_prng prng;
    uint64_t bits;
};

static size_t versions_up_to(const struct sector *sector, size_t step)
{
    size_t count = 0;
    while (count < sector->count && sector->versions[count].step <= step)
        count++;
    return count;
}

/* Which content of the sector is on the disk; 0: that of the last sync. */
static size_t sector_draw(struct drawing *drawing, const struct sector *sector)
{
    const struct choice *choice = drawing->choice;
    size_t up_to = versions_up_to(sector, choice->step);
    bool is_of_step = up_to > 0 && sector->versions[up_to - 1].step == choice->step;
    switch (choice->data) {
    case DATA_NONE:
        return 0;
    case DATA_ALL:
        return sector->count;
    case DATA_UP_TO:
        return up_to;
    case DATA_ONLY:
        return is_of_step ? up_to : 0;
    case DATA_ALL_BUT:
        return is_of_step && up_to == sector->count ? up_to - 1 : sector->count;
    case DATA_BITS: {
        size_t digit = (size_t)(drawing->bits % (sector->count + 1));
        drawing->bits /= sector->count + 1;
        return digit;
    }
    case DATA_RANDOM:
        return (size_t)oh_prng_below(&drawing->prng, sector->count + 1);
    }
    OH_UNREACHABLE();
}

static size_t size_draw(struct drawing *drawing, const struct file *file)
{
    bool is_new = drawing->choice->data != DATA_NONE;
    if (file->size == file->size_safe)
        return file->size;
    if (drawing->choice->data == DATA_RANDOM)
        is_new = oh_prng_below(&drawing->prng, 2) == 1;
    if (drawing->choice->data == DATA_BITS) {
        is_new = drawing->bits % 2 == 1;
        drawing->bits /= 2;
    }
    return is_new ? file->size : file->size_safe;
}

static bool is_reachable(struct name *names, size_t count, const char *path)
{
    char directory[STORAGE_IMAGE_PATH_SIZE];
    size_t size = directory_size(path);
    while (size > 0) { /* one step up each time */
        memcpy(directory, path, size);
        directory[size] = '\0';
        if (name_find(names, count, directory) == NULL)
            return false;
        size = directory_size(directory);
    }
    return true;
}

/* The names, and behind each file what is certain of it. out_files: by the model's index, or NULL. */
static void names_draw(struct drawing *drawing, struct storage_image *image, struct storage_file **out_files)
{
    const struct crash_model *model = drawing->model;
    struct name names[NAMES_MAX];
    size_t count = model->names_count;
    memcpy(names, model->names, count * sizeof(names[0]));
    for (size_t i = 0; i < model->changes_count; i++) {
        if ((drawing->choice->names >> i & 1) != 0)
            change_apply(names, &count, &model->changes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_reachable(names, count, names[i].path))
            continue;
        const struct file *file = &model->files[names[i].file];
        size_t size = size_draw(drawing, file);
        struct storage_file *to = storage_image_add(image, names[i].path, file->is_directory, size);
        if (size > 0)
            memcpy(to->bytes, file->bytes, size);
        out_files[names[i].file] = to;
    }
}

static void bytes_put(struct storage_file *file, uint64_t offset, const uint8_t *bytes, size_t size)
{
    if (offset >= file->size)
        return;
    size_t room = file->size - (size_t)offset;
    memcpy(file->bytes + offset, bytes, size < room ? size : room);
}

static void sectors_draw(struct drawing *drawing, struct storage_file **files)
{
    const struct crash_model *model = drawing->model;
    for (size_t i = 0; i < model->sectors_count; i++) {
        const struct sector *sector = &model->sectors[i];
        size_t draw = sector_draw(drawing, sector);
        struct storage_file *file = files[sector->file];
        if (draw > 0 && file != NULL)
            bytes_put(file, (uint64_t)sector->index * SECTOR, sector->versions[draw - 1].bytes, SECTOR);
    }
}

/* Only a sector whose contents change: what is written once more as it was cannot be hurt, by the promise of disks. */
static void garbage_draw(struct drawing *drawing, struct storage_file **files)
{
    const struct sector *sector = drawing->model->sectors;
    uint8_t bytes[SECTOR];
    for (uint64_t left = drawing->choice->number; left > 0 || sector->count == 0; sector++)
        left -= sector->count > 0 ? 1 : 0;
    for (size_t i = 0; i < SECTOR; i++)
        bytes[i] = (uint8_t)oh_prng_next(&drawing->prng);
    if (files[sector->file] != NULL)
        bytes_put(files[sector->file], (uint64_t)sector->index * SECTOR, bytes, SECTOR);
}

static void torn_draw(const struct crash_model *model, size_t size, struct storage_file **files)
{
    const struct crash_step *step = write_under_way(model);
    struct storage_file *file = files[file_find(model, step->inode)];
    if (file == NULL)
        return;
    if (step->offset + size > file->size)
        storage_file_resize(file, (size_t)step->offset + size);
    bytes_put(file, step->offset, step->bytes, size);
}

void crash_model_image(const struct crash_model *model, uint64_t index, struct storage_image *out_image,
                       struct crash_image_info *out_info)
{
    struct plan plan;
    struct choice choice;
    struct storage_file **files = calloc(model->files_count + 1, sizeof(*files));
    OH_ASSERT(files != NULL);
    plan_make(model, &plan);
    choose(model, &plan, index, &choice);
    struct drawing drawing = { .model = model, .choice = &choice, .bits = choice.number };
    oh_prng_init(&drawing.prng, choice.number + model->step * 7919);
    storage_image_clear(out_image);
    names_draw(&drawing, out_image, files);
    sectors_draw(&drawing, files);
    if (choice.has_garbage)
        garbage_draw(&drawing, files);
    if (choice.torn_size > 0)
        torn_draw(model, choice.torn_size, files);
    free(files);
    *out_info = choice.info;
}
