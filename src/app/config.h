/*
 * config.h - what the operator can set: a file, overridden by the command line.
 *
 * The rows are config.def and the limits of src/server/limits.h; docs/CONFIG.md is generated from them. A file is
 * "key = value" lines, with '#' and ';' comments and no sections (or one, [onhand]). On the command line the
 * key foo_bar is
 * --foo-bar VALUE, --foo_bar VALUE or --foo-bar=VALUE. An unknown key is an error that names it.
 * Thread: any, one at a time (libinih keeps its options in globals).
 */
#ifndef ONHAND_APP_CONFIG_H
#define ONHAND_APP_CONFIG_H

#include "base/strbuf.h"
#include "onhand/error.h"
#include "server/limits.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_CONFIG_TEXT_SIZE 1024 /* bytes of one value, the NUL included */
#define OH_CONFIG_LIST_MAX 16    /* values of one list, as many as OH_LISTEN_MAX */
#define OH_CONFIG_ITEM_SIZE 80

struct oh_config_list {
    uint32_t count;
    char items[OH_CONFIG_LIST_MAX][OH_CONFIG_ITEM_SIZE];
};

/* A plain value: may be copied. */
struct oh_config {
#define OH_CONFIG_TEXT(name, fallback, is_reloadable, help) char name[OH_CONFIG_TEXT_SIZE];
#define OH_CONFIG_LIST(name, fallback, is_reloadable, help) struct oh_config_list name;
#define OH_CONFIG_CHOICE(name, words, fallback, is_reloadable, help) uint32_t name;
#define OH_CONFIG_NUMBER(name, unit, min, max, fallback, is_reloadable, help) uint32_t name;
#include "app/config.def"
#undef OH_CONFIG_TEXT
#undef OH_CONFIG_LIST
#undef OH_CONFIG_CHOICE
#undef OH_CONFIG_NUMBER
    struct oh_limits limits;
};

/* The defaults of every row. */
void oh_config_init(struct oh_config *out_config);

/* Errors: OH_E_NOT_FOUND (no such key), OH_E_INVALID (value); diag says which, and what would be right. */
enum oh_err oh_config_set(struct oh_config *config, const char *key, const char *value,
                          struct oh_diag *diag) OH_MUST_CHECK;

/* Errors: OH_E_IO (cannot be read), OH_E_SYNTAX, and those of oh_config_set; diag names file and line. */
enum oh_err oh_config_read_file(struct oh_config *config, const char *path, struct oh_diag *diag) OH_MUST_CHECK;

/* Where a configuration came from, to read it again. Strings are borrowed from argv. */
struct oh_config_source {
    const char *path; /* --config, or NULL */
    bool is_check;    /* --check-config was given */
    int argc;
    char **argv;
};

/*
 * oh_config_read_arguments - defaults, then the file of --config, then every other option.
 *
 * Shapes: argv[0] is the command's name and skipped. --config FILE, --check-config, and the keys; --data,
 *         --postgres too.
 * Errors: as above; OH_E_INVALID for a word that is not an option.
 * Post:   relations between keys hold too (oh_config_check).
 */
enum oh_err oh_config_read_arguments(int argc, char **argv, struct oh_config *out_config,
                                     struct oh_config_source *out_source, struct oh_diag *diag) OH_MUST_CHECK;

/* What one row cannot say: postgres_uri needs a journal, output_soft_size <= output_size_max, ... */
enum oh_err oh_config_check(const struct oh_config *config, struct oh_diag *diag) OH_MUST_CHECK;

/*
 * oh_config_reload - read the same source again and take over what may change while running.
 *
 * Post:   on an error *config is unchanged. Else its reloadable keys are new, *out_changed says how many
 *         differ, and diag
 *         names the keys that differ but need a restart ("" when there are none).
 */
enum oh_err oh_config_reload(struct oh_config *config, const struct oh_config_source *source, struct oh_diag *diag,
                             uint32_t *out_changed) OH_MUST_CHECK;

/* The values in force, as a configuration file. */
void oh_config_write(const struct oh_config *config, struct oh_strbuf *out);

/* docs/CONFIG.md, whole. */
void oh_config_write_document(struct oh_strbuf *out);

#endif
