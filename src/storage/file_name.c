#include "storage/file_name.h"
#include "base/assert.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 20

enum oh_err oh_file_path(char out_path[static OH_IO_PATH_SIZE], const char *directory, uint64_t seq,
                         const char *suffix, struct oh_diag *diag)
{
    char name[DIGITS + 16];
    int size = snprintf(name, sizeof(name), "%0*" PRIu64 "%s", DIGITS, seq, suffix);
    OH_ASSERT(size > 0 && (size_t)size < sizeof(name));
    return oh_io_path(out_path, directory, name, diag);
}

static bool name_parse(const char *name, const char *suffix, uint64_t *out_seq)
{
    uint64_t seq = 0;
    if (strlen(name) != DIGITS + strlen(suffix) || strcmp(name + DIGITS, suffix) != 0)
        return false;
    for (int i = 0; i < DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(name[i] - '0');
        if (seq > (UINT64_MAX - digit) / 10)
            return false;
        seq = seq * 10 + digit;
    }
    *out_seq = seq;
    return true;
}

struct collector {
    struct oh_seq_list list;
    const char *suffix;
    size_t capacity;
    size_t count_max;
    enum oh_err err;
};

static void collector_grow(struct collector *collector)
{
    if (collector->list.count == collector->count_max) {
        collector->err = OH_E_TOO_LARGE;
        return;
    }
    size_t capacity = collector->capacity == 0 ? 64 : collector->capacity * 2;
    uint64_t *seqs = realloc(collector->list.seqs, capacity * sizeof(*seqs));
    if (seqs == NULL) {
        collector->err = OH_E_NOMEM;
        return;
    }
    collector->list.seqs = seqs;
    collector->capacity = capacity;
}

static void collector_note(void *ctx, const char *name)
{
    struct collector *collector = ctx;
    uint64_t seq;
    if (collector->err != OH_OK || !name_parse(name, collector->suffix, &seq))
        return;
    if (collector->list.count == collector->capacity || collector->list.count == collector->count_max)
        collector_grow(collector);
    if (collector->err == OH_OK)
        collector->list.seqs[collector->list.count++] = seq;
}

static int seq_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum oh_err oh_seq_list_read(const struct oh_io *io, const char *directory, const char *suffix,
                             size_t count_max, struct oh_seq_list *out_list, struct oh_diag *diag)
{
    struct collector collector = { .suffix = suffix, .count_max = count_max };
    enum oh_err err = oh_io_list(io, directory, collector_note, &collector, diag);
    if (err == OH_OK && collector.err != OH_OK) {
        err = collector.err;
        oh_diag_set(diag, "%s: %s (at most %zu files)", directory, oh_err_text(err), count_max);
    }
    if (err != OH_OK) {
        free(collector.list.seqs);
        return err;
    }
    if (collector.list.count > 1)
        qsort(collector.list.seqs, collector.list.count, sizeof(uint64_t), seq_compare);
    *out_list = collector.list;
    return OH_OK;
}

void oh_seq_list_fini(struct oh_seq_list *list)
{
    free(list->seqs);
    *list = (struct oh_seq_list){ NULL, 0 };
}
