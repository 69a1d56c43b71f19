#include "app/config.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file with this text, in a temporary place that a test removes. */
static const char *file_with(const char *text)
{
    static char path[64];
    snprintf(path, sizeof(path), "/tmp/onhand_config_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    return path;
}

static void assert_file(const char *text, enum oh_err expected, const char *diag_part)
{
    struct oh_config config;
    struct oh_diag diag = { "" };
    const char *path = file_with(text);
    oh_config_init(&config);
    enum oh_err err = oh_config_read_file(&config, path, &diag);
    (void)unlink(path);
    if (err != expected || strstr(diag.text, diag_part) == NULL)
        fail_msg("'%s': error %d (%s), not %d with '%s'", text, err, diag.text, expected, diag_part);
}

static void test_config_starts_with_the_defaults_of_its_rows(void **state)
{
    struct oh_config config;
    struct oh_diag diag;
    struct oh_limits limits = oh_limits_default();
    (void)state;
    oh_config_init(&config);
    assert_string_equal(config.data_dir, "onhand-data");
    assert_int_equal(config.listen.count, 1);
    assert_string_equal(config.listen.items[0], "127.0.0.1:8080");
    assert_int_equal(config.durability, 2);
    assert_memory_equal(&config.limits, &limits, sizeof(limits));
    assert_int_equal(oh_config_check(&config, &diag), OH_OK);
}

static void test_config_reads_a_file_with_comments_and_a_section(void **state)
{
    struct oh_config config;
    struct oh_diag diag;
    const char *path =
        file_with("# a comment\n; another\n[onhand]\n data_dir = /srv/a b  \nheader_count_max=8 ; inline\n"
                  "listen = 127.0.0.1:1, [::1]:2\ndurability: memory\n\n");
    (void)state;
    oh_config_init(&config);
    assert_int_equal(oh_config_read_file(&config, path, &diag), OH_OK);
    (void)unlink(path);
    assert_string_equal(config.data_dir, "/srv/a b");
    assert_int_equal(config.limits.header_count_max, 8);
    assert_int_equal(config.listen.count, 2);
    assert_string_equal(config.listen.items[1], "[::1]:2");
    assert_int_equal(config.durability, 0);
}

static void test_config_names_what_is_wrong_in_a_file_and_where(void **state)
{
    static char long_text[4000];
    (void)state;
    assert_file("\nfoo = 1\n", OH_E_NOT_FOUND, ":2: there is no configuration key 'foo'");
    assert_file("[other]\ndata_dir = a\n", OH_E_NOT_FOUND, "no section [other]");
    assert_file("data_dir = a\ndata_dir = b\n", OH_E_INVALID, ":2: data_dir is set twice");
    assert_file("data_dir\n", OH_E_SYNTAX, ":1: not a line");
    assert_file("items_max = 0\n", OH_E_INVALID,
                "items_max takes a whole number of items from 1 to 16777216, not '0'");
    assert_file("durability = maybe\n", OH_E_INVALID, "one of memory|process|disk, not 'maybe'");
    assert_file("listen = a,,b\n", OH_E_INVALID, "listen takes");
    assert_file("data_dir = a\n  b\n", OH_E_SYNTAX, ":2:");
    memset(long_text, 'x', sizeof(long_text) - 1);
    memcpy(long_text, "data_dir = ", 11);
    long_text[2000] = '\n';
    assert_file(long_text, OH_E_INVALID, "data_dir is longer than 1023 bytes");
}

static void test_config_says_when_a_file_cannot_be_read(void **state)
{
    struct oh_config config;
    struct oh_diag diag;
    (void)state;
    oh_config_init(&config);
    assert_int_equal(oh_config_read_file(&config, "/nonexistent/onhand.conf", &diag), OH_E_IO);
    assert_non_null(strstr(diag.text, "/nonexistent/onhand.conf"));
}

struct number_case {
    const char *value;
    enum oh_err err;
};

static void test_config_takes_numbers_from_their_least_to_their_most(void **state)
{
    static const struct number_case cases[] = {
        { "8", OH_OK },          { "64", OH_OK },         { "7", OH_E_INVALID },
        { "65", OH_E_INVALID },  { "", OH_E_INVALID },    { "8x", OH_E_INVALID },
        { " 8", OH_E_INVALID },  { "-8", OH_E_INVALID },  { "+8", OH_E_INVALID },
        { "8.0", OH_E_INVALID }, { "0x8", OH_E_INVALID }, { "99999999999999999999999", OH_E_INVALID },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct oh_config config;
        struct oh_diag diag;
        oh_config_init(&config);
        config.limits.header_count_max = 33;
        assert_int_equal(oh_config_set(&config, "header_count_max", cases[i].value, &diag), cases[i].err);
        if (cases[i].err != OH_OK)
            assert_int_equal(config.limits.header_count_max, 33);
    }
}

static void test_config_takes_text_and_lists_up_to_their_limits(void **state)
{
    struct oh_config config;
    struct oh_diag diag;
    char text[OH_CONFIG_TEXT_SIZE + 1];
    (void)state;
    oh_config_init(&config);
    memset(text, 'p', sizeof(text));
    text[OH_CONFIG_TEXT_SIZE - 1] = '\0';
    assert_int_equal(oh_config_set(&config, "data_dir", text, &diag), OH_OK);
    text[OH_CONFIG_TEXT_SIZE - 1] = 'p';
    text[OH_CONFIG_TEXT_SIZE] = '\0';
    assert_int_equal(oh_config_set(&config, "data_dir", text, &diag), OH_E_INVALID);
    assert_int_equal(oh_config_set(&config, "listen", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", &diag),
                     OH_OK);
    assert_int_equal(config.listen.count, 16);
    assert_int_equal(oh_config_set(&config, "listen", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", &diag),
                     OH_E_INVALID);
    assert_int_equal(config.listen.count, 16);
}

/* Copies the words, as a command line may be written to, and keeps them until the next call. */
static enum oh_err read_words(struct oh_config *config, struct oh_config_source *source, struct oh_diag *diag,
                              const char *const *words, size_t count)
{
    static char texts[16][128];
    static char *argv[16];
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(words[i]) < sizeof(texts[i]));
        memcpy(texts[i], words[i], strlen(words[i]) + 1);
        argv[i] = texts[i];
    }
    diag->text[0] = '\0';
    return oh_config_read_arguments((int)count, argv, config, source, diag);
}

#define READ_WORDS(...)                                                                \
    read_words(&config, &source, &diag, (const char *const[]){ "serve", __VA_ARGS__ }, \
               sizeof((const char *const[]){ "serve", __VA_ARGS__ }) / sizeof(char *))

static void test_config_lets_the_command_line_win_over_the_file(void **state)
{
    struct oh_config config;
    struct oh_config_source source;
    struct oh_diag diag;
    char *path =
        strdup(file_with("data_dir = file\nlisten = 127.0.0.1:1\nitems_max = 5\nlog_level = debug\n"));
    (void)state;
    assert_int_equal(READ_WORDS("--items-max", "7", "--config", path, "--data=argument", "--listen",
                                "127.0.0.1:2", "--listen", "127.0.0.1:3", "--check-config"),
                     OH_OK);
    (void)unlink(path);
    assert_string_equal(config.data_dir, "argument");
    assert_int_equal(config.items_max, 7);
    assert_int_equal(config.log_level, 0);
    assert_int_equal(config.listen.count, 2);
    assert_string_equal(config.listen.items[0], "127.0.0.1:2");
    assert_string_equal(config.listen.items[1], "127.0.0.1:3");
    assert_true(source.is_check);
    assert_string_equal(source.path, path);
    free(path);
}

static void test_config_names_what_is_wrong_on_the_command_line(void **state)
{
    struct oh_config config;
    struct oh_config_source source;
    struct oh_diag diag;
    (void)state;
    assert_int_equal(READ_WORDS("--colour", "red"), OH_E_NOT_FOUND);
    assert_non_null(strstr(diag.text, "there is no option '--colour'"));
    assert_int_equal(READ_WORDS("--data"), OH_E_INVALID);
    assert_non_null(strstr(diag.text, "--data needs a value"));
    assert_int_equal(READ_WORDS("data"), OH_E_INVALID);
    assert_int_equal(READ_WORDS("--"), OH_E_INVALID);
    assert_int_equal(READ_WORDS("--durability", "never"), OH_E_INVALID);
    assert_int_equal(READ_WORDS("--config", "/nonexistent"), OH_E_IO);
    assert_int_equal(READ_WORDS("--data", ""), OH_E_INVALID);
    assert_int_equal(READ_WORDS("--colour=red"), OH_E_NOT_FOUND);
}

static void test_config_refuses_keys_that_do_not_go_together(void **state)
{
    struct oh_config config;
    struct oh_config_source source;
    struct oh_diag diag;
    (void)state;
    assert_int_equal(READ_WORDS("--postgres", "postgresql:///x", "--durability", "memory"), OH_E_INVALID);
    assert_non_null(strstr(diag.text, "postgres_uri needs a journal"));
    assert_int_equal(READ_WORDS("--postgres", "postgresql:///x", "--durability", "process"), OH_OK);
    assert_int_equal(READ_WORDS("--postgres", "postgresql://onhand:secret@%zz/x"), OH_E_INVALID);
    assert_non_null(strstr(diag.text, "URI of PostgreSQL is malformed"));
    assert_null(strstr(diag.text, "secret"));
    assert_int_equal(READ_WORDS("--output-size-max", "1048576", "--output-soft-size", "1048577"),
                     OH_E_INVALID);
    assert_int_equal(READ_WORDS("--output-size-max", "1048576", "--output-soft-size", "1048576"), OH_OK);
    assert_int_equal(READ_WORDS("--header-size-max", "4096"), OH_E_INVALID);
    assert_int_equal(READ_WORDS("--header-size-max", "8192"), OH_OK);
}

static void test_config_reloads_only_what_may_change(void **state)
{
    struct oh_config config;
    struct oh_config_source source;
    struct oh_diag diag;
    uint32_t changed = 0;
    char *path = strdup(file_with("items_max = 5\nidle_timeout_ms = 1000\n"));
    (void)state;
    assert_int_equal(READ_WORDS("--config", path, "--body-timeout-ms", "77"), OH_OK);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("items_max = 6\nidle_timeout_ms = 2000\nbody_timeout_ms = 88\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(oh_config_reload(&config, &source, &diag, &changed), OH_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(config.limits.idle_timeout_ms, 2000);
    assert_int_equal(config.limits.body_timeout_ms, 77);
    assert_int_equal(config.items_max, 5);
    assert_string_equal(diag.text, "a restart is needed for: items_max");
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("idle_timeout_ms = 3000\nnonsense = 1\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(oh_config_reload(&config, &source, &diag, &changed), OH_E_NOT_FOUND);
    assert_int_equal(config.limits.idle_timeout_ms, 2000);
    (void)unlink(path);
    free(path);
}

static void test_config_writes_a_file_that_reads_back_the_same(void **state)
{
    struct oh_config config;
    struct oh_config again;
    struct oh_diag diag;
    struct oh_strbuf text;
    (void)state;
    oh_config_init(&config);
    assert_int_equal(oh_config_set(&config, "listen", "127.0.0.1:1,127.0.0.1:2", &diag), OH_OK);
    assert_int_equal(oh_config_set(&config, "durability", "process", &diag), OH_OK);
    assert_int_equal(oh_config_set(&config, "keys_max", "12345", &diag), OH_OK);
    assert_int_equal(oh_config_set(&config, "port_file", "p", &diag), OH_OK);
    assert_int_equal(oh_config_set(&config, "postgres_uri", "u", &diag), OH_OK);
    oh_strbuf_init(&text, 65536);
    oh_config_write(&config, &text);
    oh_strbuf_put_char(&text, '\0');
    const char *path = file_with(text.data);
    oh_config_init(&again);
    assert_int_equal(oh_config_read_file(&again, path, &diag), OH_OK);
    (void)unlink(path);
    assert_memory_equal(&again, &config, sizeof(config));
    oh_strbuf_fini(&text);
}

static void test_config_document_is_the_one_in_docs(void **state)
{
    static char committed[1 << 18];
    struct oh_strbuf text;
    FILE *file = fopen("docs/CONFIG.md", "re");
    (void)state;
    assert_non_null(file);
    size_t size = fread(committed, 1, sizeof(committed), file);
    assert_int_equal(fclose(file), 0);
    oh_strbuf_init(&text, 1 << 18);
    oh_config_write_document(&text);
    /* Written by: onhand help config > docs/CONFIG.md */
    assert_int_equal(text.size, size);
    assert_memory_equal(text.data, committed, size);
    oh_strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_starts_with_the_defaults_of_its_rows),
        cmocka_unit_test(test_config_reads_a_file_with_comments_and_a_section),
        cmocka_unit_test(test_config_names_what_is_wrong_in_a_file_and_where),
        cmocka_unit_test(test_config_says_when_a_file_cannot_be_read),
        cmocka_unit_test(test_config_takes_numbers_from_their_least_to_their_most),
        cmocka_unit_test(test_config_takes_text_and_lists_up_to_their_limits),
        cmocka_unit_test(test_config_lets_the_command_line_win_over_the_file),
        cmocka_unit_test(test_config_names_what_is_wrong_on_the_command_line),
        cmocka_unit_test(test_config_refuses_keys_that_do_not_go_together),
        cmocka_unit_test(test_config_reloads_only_what_may_change),
        cmocka_unit_test(test_config_writes_a_file_that_reads_back_the_same),
        cmocka_unit_test(test_config_document_is_the_one_in_docs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
