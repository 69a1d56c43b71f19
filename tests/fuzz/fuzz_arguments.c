/*
 * fuzz_arguments.c - the command line of `onhand serve`, with a configuration file and its reload.
 *
 * Input: the words, one a line, up to an empty line; the configuration file, up to a NUL byte; what it says when it is
 * read again. The word "@" stands for the path of the file.
 * Laws: it is read or refused with a sentence; reading the same again changes nothing and names nothing; a reload that
 * is refused changes nothing; what is in force, written as a file and read, is the same; "--key=value" is the same as
 * "--key value".
 */
#include "app/config.h"
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INPUT_SIZE_MAX 8192u
#define WORDS_MAX      32
#define TEXT_SIZE_MAX  ((size_t)1 << 20)

struct words {
    int argc;
    char *argv[2 * WORDS_MAX + 1];
    char text[2 * INPUT_SIZE_MAX];
    size_t text_size;
};

static int file = -1;
static char file_path[64];

static void file_write(struct oh_bytes bytes)
{
    int failed = ftruncate(file, 0);
    OH_ASSERT(failed == 0);
    ssize_t written = bytes.size == 0 ? 0 : pwrite(file, bytes.data, bytes.size, 0);
    OH_ASSERT(written == (ssize_t)bytes.size);
}

static void word_add(struct words *words, const char *text, size_t size)
{
    char *word = words->text + words->text_size;
    OH_ASSERT(words->argc < 2 * WORDS_MAX && size < sizeof(words->text) - words->text_size);
    memcpy(word, text, size);
    word[size] = '\0';
    words->text_size += size + 1;
    words->argv[words->argc++] = word;
    words->argv[words->argc] = NULL;
}

static void words_begin(struct words *words)
{
    words->argc = 0;
    words->text_size = 0;
    word_add(words, "serve", 5);
}

/* The line at the front of *rest, which goes behind it. */
static struct oh_bytes line_take(struct oh_bytes *rest)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    struct oh_bytes line = { rest->data, end == NULL ? rest->size : (size_t)(end - rest->data) };
    size_t used = end == NULL ? line.size : line.size + 1;
    *rest = (struct oh_bytes){ rest->data + used, rest->size - used };
    return line;
}

/* "--key=value" as two words. Without a value, as it is. */
static void word_add_apart(struct words *words, const char *word)
{
    const char *mark = strchr(word, '=');
    bool is_option = strncmp(word, "--", 2) == 0 && mark != NULL && mark > word + 2;
    bool has_no_value = strncmp(word, "--check", 7) == 0;
    if (!is_option || has_no_value) {
        word_add(words, word, strlen(word));
        return;
    }
    word_add(words, word, (size_t)(mark - word));
    word_add(words, mark + 1, strlen(mark + 1));
}

static void config_text(const struct oh_config *config, struct oh_strbuf *out)
{
    oh_strbuf_clear(out);
    oh_config_write(config, out);
    OH_ASSERT(!out->is_overflowed);
}

/* A word that is the value of the one before it must not be taken apart, so only where every word is an option. */
static bool are_options(const struct words *words)
{
    for (int i = 1; i < words->argc; i++) {
        if (strncmp(words->argv[i], "--", 2) != 0 || strchr(words->argv[i], '=') == NULL)
            return false;
    }
    return true;
}

static void apart_check(const struct words *words, const struct oh_strbuf *text)
{
    static struct words apart;
    static struct oh_config config;
    struct oh_config_source source;
    struct oh_diag diag = { "" };
    struct oh_strbuf again;
    if (!are_options(words))
        return;
    words_begin(&apart);
    for (int i = 1; i < words->argc; i++)
        word_add_apart(&apart, words->argv[i]);
    enum oh_err err = oh_config_read_arguments(apart.argc, apart.argv, &config, &source, &diag);
    OH_ASSERT(err == OH_OK);
    oh_strbuf_init(&again, TEXT_SIZE_MAX);
    config_text(&config, &again);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(text), oh_strbuf_bytes(&again)));
    oh_strbuf_fini(&again);
}

static void written_check(const struct oh_strbuf *text)
{
    static struct oh_config config;
    struct oh_diag diag = { "" };
    struct oh_strbuf again;
    file_write(oh_strbuf_bytes(text));
    oh_config_init(&config);
    enum oh_err err = oh_config_read_file(&config, file_path, &diag);
    OH_ASSERT(err == OH_OK);
    oh_strbuf_init(&again, TEXT_SIZE_MAX);
    config_text(&config, &again);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(text), oh_strbuf_bytes(&again)));
    oh_strbuf_fini(&again);
}

static void reload_check(struct oh_config *config, const struct oh_config_source *source,
                         struct oh_bytes second, struct oh_strbuf *text)
{
    struct oh_diag diag = { "" };
    struct oh_strbuf again;
    uint32_t changed = 0;
    enum oh_err err = oh_config_reload(config, source, &diag, &changed);
    OH_ASSERT(err == OH_OK && changed == 0 && diag.text[0] == '\0');
    oh_strbuf_init(&again, TEXT_SIZE_MAX);
    file_write(second);
    err = oh_config_reload(config, source, &diag, &changed);
    config_text(config, &again);
    bool is_same = oh_bytes_equal(oh_strbuf_bytes(text), oh_strbuf_bytes(&again));
    OH_ASSERT(err == OH_OK ? is_same == (changed == 0) : is_same);
    OH_ASSERT(err == OH_OK || strnlen(diag.text, sizeof(diag.text)) > 0);
    oh_strbuf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct words words;
    static struct oh_config config;
    struct oh_config_source source;
    struct oh_diag diag = { "" };
    struct oh_strbuf text;
    struct oh_bytes rest = { (const char *)data, size };
    if (size > INPUT_SIZE_MAX)
        return 0;
    if (file < 0) {
        file = memfd_create("config", MFD_CLOEXEC);
        OH_ASSERT(file >= 0);
        (void)snprintf(file_path, sizeof(file_path), "/proc/self/fd/%d", file);
    }
    words_begin(&words);
    for (struct oh_bytes line = line_take(&rest); line.size > 0 && words.argc < WORDS_MAX;
         line = line_take(&rest)) {
        bool is_path = oh_bytes_equal(line, OH_BYTES("@"));
        word_add(&words, is_path ? file_path : line.data, is_path ? strlen(file_path) : line.size);
    }
    const char *mark = rest.size == 0 ? NULL : memchr(rest.data, '\0', rest.size);
    size_t first_size = mark == NULL ? rest.size : (size_t)(mark - rest.data);
    struct oh_bytes second =
        mark == NULL ? OH_BYTES_NONE : (struct oh_bytes){ mark + 1, rest.size - first_size - 1 };
    file_write((struct oh_bytes){ rest.data, first_size });
    if (oh_config_read_arguments(words.argc, words.argv, &config, &source, &diag) != OH_OK) {
        OH_ASSERT(strnlen(diag.text, sizeof(diag.text)) > 0);
        return 0;
    }
    oh_strbuf_init(&text, TEXT_SIZE_MAX);
    config_text(&config, &text);
    apart_check(&words, &text);
    reload_check(&config, &source, second, &text);
    config_text(&config, &text);
    written_check(&text);
    oh_strbuf_fini(&text);
    return 0;
}
