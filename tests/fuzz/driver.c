/*
 * driver.c - runs a fuzz target without libFuzzer: its corpus, then seeded mutations of it, a bounded count.
 *
 *     fuzz_<target> CORPUS_FOLDER DICTIONARY COUNT     the seed is 1, or ONHAND_SEED
 *     fuzz_<target> FILE                               one input, to look at a failure
 *
 * The input that runs is always in the file <program>.input of the working folder, so that it is there after
 * a crash of any kind; it is removed in the end.
 *
 * With ONHAND_PLANTED=1 (fuzz.h) a failed assertion is what is wanted, and a run without one is the failure.
 */
#include "base/assert.h"
#include "base/prng.h"
#include "fuzz/fuzz.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUTS_MAX     1024u
#define INPUT_SIZE_MAX 8192u
#define WORDS_MAX      256u
#define WORD_SIZE_MAX  128u
#define PATH_SIZE      1024u
#define MUTATIONS_MAX  8u

struct input {
    size_t size;
    uint8_t bytes[INPUT_SIZE_MAX];
};

struct word {
    size_t size;
    uint8_t bytes[WORD_SIZE_MAX];
};

static struct input inputs[INPUTS_MAX];
static size_t input_count;
static struct word words[WORDS_MAX];
static size_t word_count;
static char last_path[PATH_SIZE];
static int last_file = -1;

static _Noreturn void give_up(const char *what, const char *path)
{
    fprintf(stderr, "%s: %s: %s\n", what, path, strerror(errno));
    exit(2);
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static void input_read(const char *path, struct input *out)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        give_up("cannot open", path);
    out->size = fread(out->bytes, 1, sizeof(out->bytes), file);
    (void)fclose(file);
}

static int name_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of their names, so that one seed means one run. */
static void corpus_read(const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, name_order);
    if (count < 0)
        give_up("cannot read", folder);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        bool is_wanted = names[i]->d_name[0] != '.' && input_count < INPUTS_MAX;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
        if (is_wanted)
            input_read(path, &inputs[input_count++]);
        free(names[i]);
    }
    free(names);
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* One line of a dictionary as libFuzzer reads it: "word", with \\, \" and \xHH. False: no word in it. */
static bool word_read(const char *line, struct word *out)
{
    if (*line++ != '"')
        return false;
    out->size = 0;
    while (*line != '\0' && *line != '"' && out->size < WORD_SIZE_MAX) {
        char c = *line++;
        if (c == '\\' && *line == 'x' && hex_value(line[1]) >= 0 && hex_value(line[2]) >= 0) {
            c = (char)(hex_value(line[1]) * 16 + hex_value(line[2]));
            line += 3;
        } else if (c == '\\' && *line != '\0') {
            c = *line++;
        }
        out->bytes[out->size++] = (uint8_t)c;
    }
    return out->size > 0;
}

static void dictionary_read(const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        give_up("cannot open", path);
    while (word_count < WORDS_MAX && fgets(line, sizeof(line), file) != NULL)
        word_count += word_read(line, &words[word_count]) ? 1 : 0;
    (void)fclose(file);
}

/* ---- Mutations -------------------------------------------------------------------------------- */

static void bytes_insert(struct input *input, size_t at, const uint8_t *bytes, size_t size)
{
    size_t room = INPUT_SIZE_MAX - input->size;
    size = size < room ? size : room;
    memmove(input->bytes + at + size, input->bytes + at, input->size - at);
    memcpy(input->bytes + at, bytes, size);
    input->size += size;
}

static void bytes_delete(struct oh_prng *prng, struct input *input)
{
    if (input->size == 0)
        return;
    size_t at = oh_prng_below(prng, input->size);
    size_t size = 1 + oh_prng_below(prng, oh_prng_below(prng, 4) == 0 ? input->size - at : 4);
    size = size < input->size - at ? size : input->size - at;
    memmove(input->bytes + at, input->bytes + at + size, input->size - at - size);
    input->size -= size;
}

/* A run of another input, or of this one once more. */
static void bytes_splice(struct oh_prng *prng, struct input *input)
{
    const struct input *other = &inputs[oh_prng_below(prng, input_count)];
    struct input copy = *other;
    if (copy.size == 0)
        return;
    size_t from = oh_prng_below(prng, copy.size);
    size_t size = 1 + oh_prng_below(prng, copy.size - from);
    bytes_insert(input, oh_prng_below(prng, input->size + 1), copy.bytes + from, size);
}

static void bytes_overwrite(struct oh_prng *prng, struct input *input)
{
    static const uint8_t odd[] = { 0, 1, 9, 10, 13, 32, 34, 44, 48, 57, 92, 127, 128, 192, 254, 255 };
    if (input->size == 0)
        return;
    size_t at = oh_prng_below(prng, input->size);
    uint64_t draw = oh_prng_next(prng);
    switch (oh_prng_below(prng, 4)) {
    case 0:
        input->bytes[at] ^= (uint8_t)(1u << (draw % 8));
        break;
    case 1:
        input->bytes[at] = (uint8_t)draw;
        break;
    case 2:
        input->bytes[at] = odd[draw % sizeof(odd)];
        break;
    default:
        input->bytes[at] = (uint8_t)(input->bytes[at] + (draw % 2 == 0 ? 1 : -1));
    }
}

static void input_mutate(struct oh_prng *prng, struct input *input)
{
    const struct word *word = &words[oh_prng_below(prng, word_count + 1)];
    uint8_t byte = (uint8_t)oh_prng_next(prng);
    size_t at = oh_prng_below(prng, input->size + 1);
    switch (oh_prng_below(prng, 8)) {
    case 0:
        bytes_insert(input, at, &byte, 1);
        break;
    case 1:
        bytes_delete(prng, input);
        break;
    case 2:
        bytes_splice(prng, input);
        break;
    case 3:
    case 4:
        if (word < words + word_count)
            bytes_insert(input, at, word->bytes, word->size);
        break;
    default:
        bytes_overwrite(prng, input);
    }
}

/* ---- Running ---------------------------------------------------------------------------------- */

static void last_open(const char *program)
{
    const char *slash = strrchr(program, '/');
    (void)snprintf(last_path, sizeof(last_path), "%s.input", slash == NULL ? program : slash + 1);
    last_file = open(last_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (last_file < 0)
        give_up("cannot write", last_path);
}

static void last_keep(const struct input *input)
{
    if (pwrite(last_file, input->bytes, input->size, 0) != (ssize_t)input->size ||
        ftruncate(last_file, (off_t)input->size) != 0)
        give_up("cannot write", last_path);
}

/* A copy of the exact size: a sanitizer then sees a read past its end. */
static void input_run(const struct input *input)
{
    uint8_t *copy = malloc(input->size == 0 ? 1 : input->size);
    OH_ASSERT(copy != NULL);
    memcpy(copy, input->bytes, input->size);
    (void)LLVMFuzzerTestOneInput(copy, input->size);
    free(copy);
}

static void mutations_run(uint64_t seed, uint64_t count)
{
    static struct input input;
    struct oh_prng prng;
    oh_prng_init(&prng, seed);
    for (uint64_t i = 0; i < count; i++) {
        input = inputs[oh_prng_below(&prng, input_count)];
        for (uint64_t left = 1 + oh_prng_below(&prng, MUTATIONS_MAX); left > 0; left--)
            input_mutate(&prng, &input);
        last_keep(&input);
        input_run(&input);
    }
}

/* The assertion has said which; only what a signal handler may call. */
static void planted_found(int signal_number)
{
    (void)signal_number;
    (void)unlink(last_path);
    _exit(0);
}

static void planted_expect(void)
{
    struct sigaction action = { .sa_handler = planted_found };
    if (sigaction(SIGABRT, &action, NULL) != 0)
        give_up("cannot catch", "SIGABRT");
}

int main(int argc, char **argv)
{
    const char *given = getenv("ONHAND_SEED");
    uint64_t seed = given == NULL ? 1 : strtoull(given, NULL, 10);
    if (argc == 2) {
        input_read(argv[1], &inputs[0]);
        input_run(&inputs[0]);
        return 0;
    }
    if (argc != 4) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER DICTIONARY COUNT, or %s FILE\n", argv[0], argv[0]);
        return 2;
    }
    corpus_read(argv[1]);
    dictionary_read(argv[2]);
    uint64_t count = strtoull(argv[3], NULL, 10);
    if (input_count == 0 || count == 0) {
        fprintf(stderr, "no input in %s, or no count: this proves nothing\n", argv[1]);
        return 2;
    }
    last_open(argv[0]);
    if (fuzz_is_planted())
        planted_expect();
    printf("ONHAND_SEED=%" PRIu64 ", %zu inputs, %zu words, %" PRIu64 " mutations; after a failure see %s\n",
           seed, input_count, word_count, count, last_path);
    (void)fflush(stdout);
    for (size_t i = 0; i < input_count; i++) {
        last_keep(&inputs[i]);
        input_run(&inputs[i]);
    }
    mutations_run(seed, count);
    (void)close(last_file);
    (void)unlink(last_path);
    if (fuzz_is_planted()) {
        fprintf(stderr, "the planted disagreement was not found\n");
        return 1;
    }
    return 0;
}
