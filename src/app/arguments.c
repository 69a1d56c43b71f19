#include "app/arguments.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool digits_to_u64(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text[0] == '\0')
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
        if (value > max)
            return false;
    }
    *out = value;
    return true;
}

bool oh_argument_u64(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (!digits_to_u64(text, max, &value) || value < min) {
        fprintf(stderr, "onhand: --%s takes a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'\n",
                option, min, max, text);
        return false;
    }
    *out = value;
    return true;
}

int oh_argument_error(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "onhand %s: ", command);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nTry 'onhand %s --help'.\n", command);
    va_end(arguments);
    return OH_EXIT_ARGUMENTS;
}

int oh_argument_unknown(const char *command, char **argv)
{
    const char *option = argv[optind - 1];
    return oh_argument_error(command, "'%.*s' is not an option, or its value is missing or not wanted",
                             (int)strcspn(option, "="), option);
}
