/*
 * arguments.h - reading numbers from the command line, with a sentence when
 * they are wrong. Not the options themselves: getopt_long reads those.
 */
#ifndef ONHAND_APP_ARGUMENTS_H
#define ONHAND_APP_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* Exit codes of the client commands. */
#define OH_EXIT_OK        0
#define OH_EXIT_FAILED    1 /* it ran, and not all went well */
#define OH_EXIT_ARGUMENTS 2 /* it did not run */

/*
 * oh_argument_u64 - a whole decimal number in [min, max], digits only.
 *
 * Post: false, *out untouched and a sentence that names `option` on standard
 * error, when `text` is anything else.
 */
bool oh_argument_u64(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Writes "onhand <command>: <sentence>" and where to find help; returns OH_EXIT_ARGUMENTS. */
int oh_argument_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The same for what getopt_long answered with '?' (opterr must be 0): an option that there is not, or that has a value
 * too many or too few. The value is not repeated: it may hold a password.
 */
int oh_argument_unknown(const char *command, char **argv);

#endif
