/*
 * main.c - the table of commands and the way into them.
 */
#include "app/commands.h"
#include "app/config.h"
#include "server/metrics.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define EXIT_ARGUMENTS    2
#define DOCUMENT_SIZE_MAX (1u << 20)

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static int command_version(int argc, char **argv);
static int command_help(int argc, char **argv);

static const struct command commands[] = {
    { "serve", "run the server", oh_command_serve },
    { "routes", "print the routes of the HTTP interface", oh_command_routes },
    { "load", "send files, or rows of PostgreSQL, to a server", oh_command_load },
    { "demo", "write the demo network as CSV files", oh_command_demo },
    { "bench", "measure a server", oh_command_bench },
    { "dump", "write the journal of a data directory as NDJSON", oh_command_dump },
    { "verify", "prove a data directory right, or say what is wrong where", oh_command_verify },
    { "whatif", "say what the promises of a journal would be under another policy", oh_command_whatif },
    { "migrate", "make or update the tables in PostgreSQL", oh_command_migrate },
    { "rebuild", "make a data directory from the tables in PostgreSQL", oh_command_rebuild },
    { "version", "print the version", command_version },
    { "help", "print this, or the document 'config' or 'metrics'", command_help },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return puts("onhand " ONHAND_VERSION) < 0 ? 1 : 0;
}

static void write_commands(FILE *stream)
{
    fprintf(stream, "usage: onhand COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
}

/* A generated document, to standard output. */
static int write_document(void (*write)(struct oh_strbuf *out))
{
    struct oh_strbuf text;
    oh_strbuf_init(&text, DOCUMENT_SIZE_MAX);
    write(&text);
    bool is_written =
        !text.is_overflowed && fwrite(text.data, 1, text.size, stdout) == text.size && fflush(stdout) == 0;
    oh_strbuf_fini(&text);
    return is_written ? 0 : 1;
}

static int command_help(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "config") == 0)
        return write_document(oh_config_write_document);
    if (argc > 1 && strcmp(argv[1], "metrics") == 0)
        return write_document(oh_metrics_write_document);
    write_commands(stdout);
    return 0;
}

static const struct command *command_find(const char *name)
{
    /* --help and --version are what people try first. */
    const char *plain = strncmp(name, "--", 2) == 0 ? name + 2 : name;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, plain) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Those that read a data directory keep all of its files open, and a journal may have more than a shell permits. */
static void files_allow(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* else the file that cannot be opened is named */
}

int main(int argc, char **argv)
{
    const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;
    if (command == NULL) {
        if (argc > 1)
            fprintf(stderr, "onhand: there is no command '%.64s'\n", argv[1]);
        write_commands(stderr);
        return EXIT_ARGUMENTS;
    }
    files_allow();
    return command->run(argc - 1, argv + 1);
}
