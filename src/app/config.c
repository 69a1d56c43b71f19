#include "app/config.h"
#include "base/assert.h"
#include "storage/journal.h"
#include "storage/pg_connection.h"
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum config_type {
    CONFIG_TEXT,
    CONFIG_LIST,
    CONFIG_CHOICE,
    CONFIG_NUMBER,
};

struct config_row {
    const char *name;
    enum config_type type;
    size_t offset;        /* in struct oh_config */
    const char *fallback; /* the default as text */
    const char *unit;     /* numbers only */
    const char *words;    /* choices only: "a|b|c" */
    uint32_t min;
    uint32_t max;
    bool is_reloadable;
    const char *help;
};

static const struct config_row rows[] = {
#define OH_CONFIG_TEXT(name_, fallback_, is_reloadable_, help_) \
    { .name = #name_, .type = CONFIG_TEXT, .offset = offsetof(struct oh_config, name_), .fallback = fallback_, \
      .is_reloadable = is_reloadable_, .help = help_ },
#define OH_CONFIG_LIST(name_, fallback_, is_reloadable_, help_) \
    { .name = #name_, .type = CONFIG_LIST, .offset = offsetof(struct oh_config, name_), .fallback = fallback_, \
      .is_reloadable = is_reloadable_, .help = help_ },
#define OH_CONFIG_CHOICE(name_, words_, fallback_, is_reloadable_, help_) \
    { .name = #name_, .type = CONFIG_CHOICE, .offset = offsetof(struct oh_config, name_), .words = words_, \
      .fallback = fallback_, .is_reloadable = is_reloadable_, .help = help_ },
#define CONFIG_NUMBER_ROW(name_, field_, unit_, min_, max_, fallback_, is_reloadable_, help_) \
    { .name = name_, .type = CONFIG_NUMBER, .offset = offsetof(struct oh_config, field_), .unit = unit_, \
      .min = min_, .max = max_, .fallback = fallback_, .is_reloadable = is_reloadable_, .help = help_ },
#define OH_CONFIG_NUMBER(name_, unit_, min_, max_, fallback_, is_reloadable_, help_) \
    CONFIG_NUMBER_ROW(#name_, name_, unit_, min_, max_, #fallback_, is_reloadable_, help_)
#include "app/config.def"
#undef OH_CONFIG_TEXT
#undef OH_CONFIG_LIST
#undef OH_CONFIG_CHOICE
#undef OH_CONFIG_NUMBER
#define CONFIG_LIMIT(name_, unit_, min_, max_, fallback_, is_reloadable_, help_) \
    CONFIG_NUMBER_ROW(#name_, limits.name_, unit_, min_, max_, #fallback_, is_reloadable_, help_)
    OH_LIMITS(CONFIG_LIMIT)
#undef CONFIG_LIMIT
#undef CONFIG_NUMBER_ROW
};

#define LINE_SIZE_MAX (OH_CONFIG_TEXT_SIZE + 128)
#define ROW_COUNT     (sizeof(rows) / sizeof(rows[0]))

/* Short names of the command line. */
static const char *const aliases[][2] = {
    { "data", "data_dir" },
    { "postgres", "postgres_uri" },
};

static void *row_field(const struct config_row *row, struct oh_config *config)
{
    return (char *)config + row->offset;
}

static const void *row_value(const struct config_row *row, const struct oh_config *config)
{
    return (const char *)config + row->offset;
}

static size_t row_size(const struct config_row *row)
{
    switch (row->type) {
    case CONFIG_TEXT:
        return OH_CONFIG_TEXT_SIZE;
    case CONFIG_LIST:
        return sizeof(struct oh_config_list);
    case CONFIG_CHOICE:
    case CONFIG_NUMBER:
        return sizeof(uint32_t);
    }
    OH_UNREACHABLE();
}

static const struct config_row *row_find(const char *key)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].name, key) == 0)
            return &rows[i];
    }
    return NULL;
}

/* ---------------------------------------------------------------------------------------------- reading one value */

/* Digits only; false when it does not fit. */
static bool number_read(const char *text, uint32_t *out)
{
    uint64_t value = 0;
    if (text[0] == '\0')
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (unsigned)(*at - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *out = (uint32_t)value;
    return true;
}

static enum oh_err set_number(const struct config_row *row, uint32_t *field, const char *value,
                              struct oh_diag *diag)
{
    uint32_t number = 0;
    if (!number_read(value, &number) || number < row->min || number > row->max) {
        oh_diag_set(diag, "%s takes a whole number of %s from %" PRIu32 " to %" PRIu32 ", not '%s'",
                    row->name, row->unit, row->min, row->max, value);
        return OH_E_INVALID;
    }
    *field = number;
    return OH_OK;
}

/* The size of the word at `words`, which ends at '|' or the end. */
static size_t word_size(const char *words)
{
    return strcspn(words, "|");
}

static enum oh_err set_choice(const struct config_row *row, uint32_t *field, const char *value,
                              struct oh_diag *diag)
{
    const char *word = row->words;
    for (uint32_t i = 0; *word != '\0'; i++) {
        size_t size = word_size(word);
        if (strlen(value) == size && memcmp(value, word, size) == 0) {
            *field = i;
            return OH_OK;
        }
        word += size;
        word += *word == '|' ? 1 : 0;
    }
    oh_diag_set(diag, "%s is one of %s, not '%s'", row->name, row->words, value);
    return OH_E_INVALID;
}

/* In a file a ';' at the start of a value or behind a blank begins a comment: it could not be written down. */
static bool has_comment(const char *value)
{
    return value[0] == ';' || strstr(value, " ;") != NULL || strstr(value, "\t;") != NULL;
}

/* A byte that ends a line of a file, or is lost at its end. Only a command line can have it in a value. */
static bool has_control(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ' && text[i] != '\t')
            return true;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static enum oh_err set_text(const struct config_row *row, char *field, const char *value,
                            struct oh_diag *diag)
{
    size_t size = strlen(value);
    if (has_control(value, size) || is_blank(value[0]) || (size > 0 && is_blank(value[size - 1]))) {
        oh_diag_set(diag, "%s has a control character, or a blank at an end", row->name);
        return OH_E_INVALID;
    }
    if (has_comment(value)) {
        oh_diag_set(diag, "%s has a ';' that would begin a comment in a file", row->name);
        return OH_E_INVALID;
    }
    if (size >= OH_CONFIG_TEXT_SIZE) {
        oh_diag_set(diag, "%s is longer than %d bytes", row->name, OH_CONFIG_TEXT_SIZE - 1);
        return OH_E_INVALID;
    }
    memset(field, 0, OH_CONFIG_TEXT_SIZE);
    memcpy(field, value, size);
    return OH_OK;
}

/* Adds one value of a list, without the blanks around it. */
static bool list_add(struct oh_config_list *list, const char *start, size_t size)
{
    while (size > 0 && is_blank(*start)) {
        start++;
        size--;
    }
    while (size > 0 && is_blank(start[size - 1]))
        size--;
    /* Written behind a comma and a blank, a ';' would begin a comment. */
    if (size == 0 || *start == ';' || has_control(start, size))
        return false;
    if (size >= OH_CONFIG_ITEM_SIZE || list->count == OH_CONFIG_LIST_MAX)
        return false;
    memcpy(list->items[list->count++], start, size);
    return true;
}

static enum oh_err set_list(const struct config_row *row, struct oh_config_list *field, const char *value,
                            struct oh_diag *diag)
{
    struct oh_config_list list;
    bool is_right = !has_comment(value);
    memset(&list, 0, sizeof(list));
    for (const char *at = value; is_right; at++) {
        size_t size = strcspn(at, ",");
        is_right = list_add(&list, at, size);
        at += size;
        if (*at == '\0')
            break;
    }
    if (!is_right) {
        oh_diag_set(diag, "%s takes 1 to %d values of at most %d bytes, separated by commas, not '%s'",
                    row->name, OH_CONFIG_LIST_MAX, OH_CONFIG_ITEM_SIZE - 1, value);
        return OH_E_INVALID;
    }
    *field = list;
    return OH_OK;
}

static enum oh_err row_set(const struct config_row *row, struct oh_config *config, const char *value,
                           struct oh_diag *diag)
{
    switch (row->type) {
    case CONFIG_TEXT:
        return set_text(row, row_field(row, config), value, diag);
    case CONFIG_LIST:
        return set_list(row, row_field(row, config), value, diag);
    case CONFIG_CHOICE:
        return set_choice(row, row_field(row, config), value, diag);
    case CONFIG_NUMBER:
        return set_number(row, row_field(row, config), value, diag);
    }
    OH_UNREACHABLE();
}

enum oh_err oh_config_set(struct oh_config *config, const char *key, const char *value, struct oh_diag *diag)
{
    const struct config_row *row = row_find(key);
    if (row == NULL) {
        oh_diag_set(diag, "there is no configuration key '%.64s'", key);
        return OH_E_NOT_FOUND;
    }
    return row_set(row, config, value, diag);
}

void oh_config_init(struct oh_config *out_config)
{
    struct oh_diag diag;
    memset(out_config, 0, sizeof(*out_config));
    for (size_t i = 0; i < ROW_COUNT; i++) {
        enum oh_err err = row_set(&rows[i], out_config, rows[i].fallback, &diag);
        OH_ASSERT(err == OH_OK);
    }
}

/* ----------------------------------------------------------------------------------------------------- the file */

/* What the callback of libinih needs. */
struct config_file {
    struct oh_config *config;
    struct oh_diag *diag; /* the first error's sentence */
    enum oh_err err;
    bool is_seen[ROW_COUNT];
};

static enum oh_err file_take(struct config_file *file, const char *section, const char *key,
                             const char *value)
{
    if (section[0] != '\0' && strcmp(section, "onhand") != 0) {
        oh_diag_set(file->diag, "there is no section [%.64s]", section);
        return OH_E_NOT_FOUND;
    }
    const struct config_row *row = row_find(key);
    if (row != NULL && file->is_seen[row - rows]) {
        oh_diag_set(file->diag, "%s is set twice", key);
        return OH_E_INVALID;
    }
    if (row != NULL)
        file->is_seen[row - rows] = true;
    return oh_config_set(file->config, key, value, file->diag);
}

static int file_on_value(void *context, const char *section, const char *key, const char *value)
{
    struct config_file *file = context;
    file->err = file_take(file, section, key, value);
    return file->err == OH_OK;
}

static enum oh_err file_parse(struct config_file *file, const char *path, FILE *stream)
{
    ini_allow_multiline = false;
    ini_stop_on_first_error = true;
    ini_use_stack = false; /* its stack buffer has a fixed 200 bytes */
    ini_allow_realloc = false;
    ini_initial_alloc = LINE_SIZE_MAX;
    ini_max_line = LINE_SIZE_MAX;
    int line = ini_parse_file(stream, file_on_value, file);
    if (line == 0)
        return OH_OK;
    if (file->err == OH_OK)
        oh_diag_set(file->diag, "not a line of the form key = value, or too long");
    struct oh_diag sentence = *file->diag;
    oh_diag_set(file->diag, "%.200s:%d: %.256s", path, line, sentence.text);
    return file->err == OH_OK ? OH_E_SYNTAX : file->err;
}

enum oh_err oh_config_read_file(struct oh_config *config, const char *path, struct oh_diag *diag)
{
    struct config_file file = { .config = config, .diag = diag, .err = OH_OK };
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        oh_diag_set(diag, "cannot read the configuration file %.200s: %s", path, strerror(errno));
        return OH_E_IO;
    }
    enum oh_err err = file_parse(&file, path, stream);
    (void)fclose(stream);
    return err;
}

/* -------------------------------------------------------------------------------------------------- command line */

/* One option: its key with '_' for '-', and its value, in this word or the next. */
struct config_option {
    char key[64];
    const char *value; /* NULL: none in this word */
};

static bool option_split(const char *word, struct config_option *out)
{
    if (strncmp(word, "--", 2) != 0)
        return false;
    const char *name = word + 2;
    size_t size = strcspn(name, "=");
    if (size == 0 || size >= sizeof(out->key))
        return false;
    for (size_t i = 0; i < size; i++)
        out->key[i] = name[i] == '-' ? '_' : name[i];
    out->key[size] = '\0';
    out->value = name[size] == '=' ? name + size + 1 : NULL;
    return true;
}

static const char *option_key(const struct config_option *option)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (strcmp(option->key, aliases[i][0]) == 0)
            return aliases[i][1];
    }
    return option->key;
}

/* Reads the option at argv[*index] and moves *index to its last word. */
static enum oh_err option_read(int argc, char **argv, int *index, struct config_option *out,
                               struct oh_diag *diag)
{
    if (!option_split(argv[*index], out)) {
        oh_diag_set(diag, "'%.200s' is not an option", argv[*index]);
        return OH_E_INVALID;
    }
    if (out->value != NULL || strcmp(out->key, "check_config") == 0)
        return OH_OK;
    if (strcmp(out->key, "config") != 0 && row_find(option_key(out)) == NULL) {
        oh_diag_set(diag, "there is no option '%.200s'", argv[*index]);
        return OH_E_NOT_FOUND;
    }
    if (*index + 1 == argc) {
        oh_diag_set(diag, "%.200s needs a value", argv[*index]);
        return OH_E_INVALID;
    }
    (*index)++;
    out->value = argv[*index];
    return OH_OK;
}

/* A repeated --listen adds an address to those of the command line before it. */
static enum oh_err option_add_listen(struct oh_config *config, const char *value, bool is_first,
                                     struct oh_diag *diag)
{
    struct oh_config one = *config;
    enum oh_err err = oh_config_set(&one, "listen", value, diag);
    if (err != OH_OK)
        return err;
    if (is_first)
        config->listen.count = 0;
    if (config->listen.count + one.listen.count > OH_CONFIG_LIST_MAX) {
        oh_diag_set(diag, "more than %d addresses to listen on", OH_CONFIG_LIST_MAX);
        return OH_E_INVALID;
    }
    for (uint32_t i = 0; i < one.listen.count; i++)
        memcpy(config->listen.items[config->listen.count++], one.listen.items[i], OH_CONFIG_ITEM_SIZE);
    return OH_OK;
}

/* First walk: --config and --check-config. Also finds every malformed option, before the file is read. */
static enum oh_err arguments_source(struct oh_config_source *source, struct oh_diag *diag)
{
    for (int i = 1; i < source->argc; i++) {
        struct config_option option;
        enum oh_err err = option_read(source->argc, source->argv, &i, &option, diag);
        if (err != OH_OK)
            return err;
        if (strcmp(option.key, "config") == 0)
            source->path = option.value;
        if (strcmp(option.key, "check_config") == 0)
            source->is_check = true;
    }
    return OH_OK;
}

/* Second walk: the keys, over what the file said. */
static enum oh_err arguments_apply(const struct oh_config_source *source, struct oh_config *config,
                                   struct oh_diag *diag)
{
    bool is_first_listen = true;
    for (int i = 1; i < source->argc; i++) {
        struct config_option option;
        enum oh_err err = option_read(source->argc, source->argv, &i, &option, diag);
        if (err != OH_OK)
            return err;
        if (strcmp(option.key, "config") == 0 || strcmp(option.key, "check_config") == 0)
            continue;
        if (strcmp(option.key, "listen") == 0) {
            err = option_add_listen(config, option.value, is_first_listen, diag);
            is_first_listen = false;
        } else {
            err = oh_config_set(config, option_key(&option), option.value, diag);
        }
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}

/* Everything from its source into *out, which is touched only on success. */
static enum oh_err source_read(const struct oh_config_source *source, struct oh_config *out,
                               struct oh_diag *diag)
{
    struct oh_config config;
    enum oh_err err = OH_OK;
    oh_config_init(&config);
    if (source->path != NULL)
        err = oh_config_read_file(&config, source->path, diag);
    if (err == OH_OK)
        err = arguments_apply(source, &config, diag);
    if (err == OH_OK)
        err = oh_config_check(&config, diag);
    if (err == OH_OK)
        *out = config;
    return err;
}

enum oh_err oh_config_read_arguments(int argc, char **argv, struct oh_config *out_config,
                                     struct oh_config_source *out_source, struct oh_diag *diag)
{
    struct oh_config_source source = { .path = NULL, .argc = argc, .argv = argv };
    enum oh_err err = arguments_source(&source, diag);
    if (err == OH_OK)
        err = source_read(&source, out_config, diag);
    if (err == OH_OK)
        *out_source = source;
    return err;
}

enum oh_err oh_config_check(const struct oh_config *config, struct oh_diag *diag)
{
    if (config->postgres_uri[0] != '\0' && config->durability == OH_DURABILITY_MEMORY) {
        oh_diag_set(diag, "postgres_uri needs a journal: durability must be process or disk");
        return OH_E_INVALID;
    }
    if (config->postgres_uri[0] != '\0' && oh_pg_uri_check(config->postgres_uri, diag) != OH_OK)
        return OH_E_INVALID;
    if (config->data_dir[0] == '\0') {
        oh_diag_set(diag, "data_dir is empty");
        return OH_E_INVALID;
    }
    if (config->limits.output_soft_size > config->limits.output_size_max) {
        oh_diag_set(diag, "output_soft_size is larger than output_size_max");
        return OH_E_INVALID;
    }
    if (config->limits.target_size_max > config->limits.header_size_max) {
        oh_diag_set(diag, "target_size_max is larger than header_size_max");
        return OH_E_INVALID;
    }
    return OH_OK;
}

/* Adds the names of the rows that differ but stay, to a sentence. */
static void reload_name_kept(const struct oh_config *config, const struct oh_config *fresh,
                             struct oh_diag *diag)
{
    struct oh_strbuf names;
    oh_strbuf_init(&names, OH_DIAG_TEXT_SIZE / 2);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].is_reloadable ||
            memcmp(row_value(&rows[i], config), row_value(&rows[i], fresh), row_size(&rows[i])) == 0)
            continue;
        if (names.size > 0)
            oh_strbuf_put_text(&names, ", ");
        oh_strbuf_put_text(&names, rows[i].name);
    }
    if (names.size == 0)
        diag->text[0] = '\0';
    else
        oh_diag_set(diag, "a restart is needed for: %.*s", (int)names.size, names.data);
    oh_strbuf_fini(&names);
}

enum oh_err oh_config_reload(struct oh_config *config, const struct oh_config_source *source,
                             struct oh_diag *diag, uint32_t *out_changed)
{
    struct oh_config fresh;
    enum oh_err err = source_read(source, &fresh, diag);
    uint32_t changed = 0;
    if (err != OH_OK)
        return err;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const void *value = row_value(&rows[i], &fresh);
        void *field = row_field(&rows[i], config);
        if (!rows[i].is_reloadable || memcmp(field, value, row_size(&rows[i])) == 0)
            continue;
        memcpy(field, value, row_size(&rows[i]));
        changed++;
    }
    reload_name_kept(config, &fresh, diag);
    *out_changed = changed;
    return OH_OK;
}

/* ----------------------------------------------------------------------------------------------------- writing */

static void write_choice(const struct config_row *row, uint32_t index, struct oh_strbuf *out)
{
    const char *word = row->words;
    for (uint32_t i = 0; i < index; i++)
        word += word_size(word) + 1;
    oh_strbuf_put(out, word, word_size(word));
}

static void write_list(const struct oh_config_list *list, struct oh_strbuf *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            oh_strbuf_put_text(out, ", ");
        oh_strbuf_put_text(out, list->items[i]);
    }
}

void oh_config_write(const struct oh_config *config, struct oh_strbuf *out)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const void *value = row_value(&rows[i], config);
        oh_strbuf_put_text(out, rows[i].name);
        oh_strbuf_put_text(out, " = ");
        if (rows[i].type == CONFIG_TEXT)
            oh_strbuf_put_text(out, value);
        else if (rows[i].type == CONFIG_LIST)
            write_list(value, out);
        else if (rows[i].type == CONFIG_CHOICE)
            write_choice(&rows[i], *(const uint32_t *)value, out);
        else
            oh_strbuf_put_u64(out, *(const uint32_t *)value);
        oh_strbuf_put_char(out, '\n');
    }
}

/* A cell of the table: '|' would end it. */
static void write_cell(const char *text, struct oh_strbuf *out)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|')
            oh_strbuf_put_char(out, '\\');
        oh_strbuf_put_char(out, *at);
    }
}

static void write_document_row(const struct config_row *row, struct oh_strbuf *out)
{
    static const char *const type_texts[] = { "text", "list", "choice", "number" };
    oh_strbuf_printf(out, "| `%s` | ", row->name);
    if (row->type == CONFIG_CHOICE)
        write_cell(row->words, out);
    else
        oh_strbuf_put_text(out, row->type == CONFIG_NUMBER ? row->unit : type_texts[row->type]);
    oh_strbuf_put_text(out, " | ");
    if (row->type == CONFIG_NUMBER)
        oh_strbuf_printf(out, "%" PRIu32 " to %" PRIu32, row->min, row->max);
    oh_strbuf_printf(out, " | %s%s%s | %s | ", row->fallback[0] == '\0' ? "" : "`", row->fallback,
                     row->fallback[0] == '\0' ? "" : "`", row->is_reloadable ? "yes" : "no");
    write_cell(row->help, out);
    oh_strbuf_put_text(out, " |\n");
}

void oh_config_write_document(struct oh_strbuf *out)
{
    oh_strbuf_put_text(
        out,
        "# Configuration\n\n"
        "Generated from `src/app/config.def` and `src/server/limits.h` by `onhand help config`; a test "
        "compares the two.\n\n"
        "`onhand serve --config FILE` reads `key = value` lines; `#` and `;` begin a comment, an unknown key "
        "is "
        "an error. Every key is an option too and then wins over the file: `header_size_max` is "
        "`--header-size-max N`. `--data` is `data_dir`, `--postgres` is `postgres_uri`, `--listen` may be "
        "repeated. `--check-config` prints the values in force, or what is wrong, and ends. SIGHUP reads the "
        "file again; keys marked *reload* change at once, for the others the log says that a restart is "
        "needed.\n\n"
        "| key | values | range | default | reload | meaning |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < ROW_COUNT; i++)
        write_document_row(&rows[i], out);
}
