/*
 * onhand_linear - decides whether the histories in some files have an order.
 *
 *     onhand_linear [--early US] [--late US] FILE...
 *
 * Ends with 0 when all are good, 1 when one is not, 2 when one cannot be read.
 */
#include "linear/linear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 2048

static bool file_read(struct lin_history *history, const char *path)
{
    char line[LINE_SIZE];
    const char *problem = NULL;
    unsigned number = 0;
    FILE *file = fopen(path, "r");
    bool is_read = file != NULL;
    while (is_read && fgets(line, sizeof line, file) != NULL) {
        number++;
        is_read = lin_read_line(history, line, &problem);
    }
    if (!is_read)
        (void)fprintf(stderr, "%s:%u: cannot be read%s%s\n", path, number, problem == NULL ? "" : " at ",
                      problem == NULL ? "" : problem);
    if (file != NULL)
        (void)fclose(file);
    return is_read;
}

static int file_check(const char *path, const struct lin_options *options)
{
    struct lin_result result;
    struct lin_history *history = lin_create(options);
    if (history == NULL || !file_read(history, path)) {
        lin_destroy(&history);
        return 2;
    }
    lin_check(history, &result);
    (void)printf("%s: %u operations, %u parts, at most %llu states: %s: %s\n", path,
                 (unsigned)lin_count(history), (unsigned)result.parts, (unsigned long long)result.states_max,
                 lin_verdict_word(result.verdict), result.sentence);
    lin_destroy(&history);
    return result.verdict == LIN_GOOD ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct lin_options options = { .clock_early_us = 0 };
    int status = 0;
    int first = 1;
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        int64_t *option =
            strcmp(argv[first], "--late") == 0 ? &options.clock_late_us : &options.clock_early_us;
        *option = strtoll(argv[first + 1], NULL, 10);
    }
    if (first >= argc) {
        (void)fprintf(stderr, "onhand_linear [--early US] [--late US] FILE...\n");
        return 2;
    }
    for (int i = first; i < argc; i++) {
        int one = file_check(argv[i], &options);
        status = one > status ? one : status;
    }
    return status;
}
