#include "app/arguments.h"
#include "app/commands.h"
#include "app/dump_effect.h"
#include "codec/effect_names.h"
#include "codec/record.h"
#include "storage/directory.h"
#include "storage/journal_reader.h"
#include "storage/snapshot.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

/* One record of 16 MiB as JSON, with room to spare. */
#define LINE_SIZE_MAX ((size_t)1 << 30)

static const char dump_help[] =
    "Usage: onhand dump DIR [--from SEQ] [--to SEQ]\n"
    "       onhand dump DIR --snapshot\n"
    "\n"
    "Writes the journal of the data directory DIR to standard output, one JSON object per record and line:\n"
    "  {\"seq\":7,\"at\":\"...\",\"effects\":[{\"effect\":\"claim\",...},...]}\n"
    "\n"
    "  --from SEQ   the first record, default: the oldest on disk\n"
    "  --to SEQ     the last record, default: the newest\n"
    "  --snapshot   the objects of the newest snapshot instead, one per line\n"
    "  --help       this text\n"
    "\n"
    "Changes nothing, and may run beside a server.\n";

struct dump_run {
    const char *path;
    uint64_t from_seq;
    uint64_t to_seq;
    bool is_snapshot;
    struct oh_directory *directory;
    struct oh_record_decoder decoder;
    struct oh_effect_names names;
    struct oh_strbuf line;
    struct oh_diag diag;
};

static enum oh_err line_write(struct dump_run *run)
{
    oh_strbuf_put_char(&run->line, '\n');
    enum oh_err err = OH_OK;
    if (run->line.is_overflowed)
        err = OH_E_NOMEM;
    else if (fwrite(run->line.data, 1, run->line.size, stdout) != run->line.size)
        err = OH_E_IO;
    if (err != OH_OK)
        oh_diag_set(&run->diag, "standard output: %s", oh_err_text(err));
    oh_strbuf_clear(&run->line);
    return err;
}

/* ---- Snapshot --------------------------------------------------------------------------------- */

static enum oh_err object_take(struct dump_run *run, struct oh_bytes bytes, uint64_t number)
{
    struct oh_effect object;
    enum oh_err err = oh_object_decode(bytes, &run->decoder, &object);
    if (err == OH_OK)
        err = oh_effect_names_learn(&run->names, &object);
    if (err != OH_OK) {
        oh_diag_set(&run->diag, "object %" PRIu64 " of the newest snapshot: %s", number, oh_err_text(err));
        return err;
    }
    if (!run->is_snapshot)
        return OH_OK;
    oh_dump_put_effect(&run->line, &run->names, &object);
    return line_write(run);
}

/* Learns the names of the newest snapshot and, if that was asked for, writes its objects. */
static enum oh_err snapshot_take(struct dump_run *run, uint64_t *out_seq)
{
    struct oh_snapshot_reader *reader;
    struct oh_snapshot_info info;
    enum oh_err err = oh_snapshot_reader_open(run->directory, 0, &reader, &info, &run->diag);
    if (err != OH_OK)
        return err;
    uint64_t number = 0;
    while (err == OH_OK) { /* bounded by the file */
        struct oh_bytes bytes;
        err = oh_snapshot_reader_next(reader, &bytes, &run->diag);
        if (err == OH_OK)
            err = object_take(run, bytes, ++number);
    }
    oh_snapshot_reader_close(&reader);
    if (err != OH_E_AGAIN)
        return err;
    *out_seq = info.seq;
    return OH_OK;
}

/* ---- Journal ---------------------------------------------------------------------------------- */

static enum oh_err record_take(struct dump_run *run, const struct oh_journal_reader *reader,
                               struct oh_bytes bytes)
{
    struct oh_record record;
    enum oh_err err = oh_record_decode(bytes, &run->decoder, &record);
    for (uint32_t i = 0; err == OH_OK && i < record.effect_count; i++)
        err = oh_effect_names_learn(&run->names, &record.effects[i]);
    if (err != OH_OK) {
        struct oh_journal_position position = oh_journal_reader_position(reader);
        oh_diag_set(&run->diag, "%s: byte %" PRIu64 ": %s", position.path, position.record_offset,
                    oh_err_text(err));
        return err;
    }
    if (record.seq < run->from_seq)
        return OH_OK;
    oh_dump_put_record(&run->line, &run->names, &record);
    return line_write(run);
}

static enum oh_err records_take(struct dump_run *run, struct oh_journal_reader *reader)
{
    enum oh_err err = OH_OK;
    uint64_t seq = 0;
    while (err == OH_OK && seq < run->to_seq) { /* bounded by the journal */
        struct oh_bytes bytes;
        err = oh_journal_reader_next(reader, &seq, &bytes, &run->diag);
        if (err == OH_OK && seq <= run->to_seq)
            err = record_take(run, reader, bytes);
    }
    return err == OH_E_AGAIN ? OH_OK : err;
}

/* The oldest record on disk, found by asking for it. */
static enum oh_err first_seq_find(struct dump_run *run, uint64_t *out_seq)
{
    struct oh_journal_reader *reader;
    enum oh_err err = oh_journal_reader_open(run->directory, UINT64_MAX, &reader, &run->diag);
    if (err != OH_OK)
        return err;
    *out_seq = oh_journal_reader_first_seq(reader);
    oh_journal_reader_close(&reader);
    return OH_OK;
}

/* Reading starts where names may be missing: behind the snapshot, or at the first record that is wanted. */
static uint64_t start_choose(const struct dump_run *run, uint64_t first_seq, uint64_t snapshot_seq)
{
    uint64_t start = snapshot_seq + 1 < run->from_seq ? snapshot_seq + 1 : run->from_seq;
    return start < first_seq ? first_seq : start;
}

static enum oh_err journal_dump(struct dump_run *run)
{
    uint64_t snapshot_seq = 0;
    uint64_t first_seq = 0;
    struct oh_journal_reader *reader;
    enum oh_err err = snapshot_take(run, &snapshot_seq);
    if (err == OH_E_NOT_FOUND)
        err = OH_OK;
    if (err == OH_OK)
        err = first_seq_find(run, &first_seq);
    if (err == OH_OK)
        err = oh_journal_reader_open(run->directory, start_choose(run, first_seq, snapshot_seq), &reader,
                                     &run->diag);
    if (err != OH_OK)
        return err;
    err = records_take(run, reader);
    oh_journal_reader_close(&reader);
    return err;
}

/* ---- Command ---------------------------------------------------------------------------------- */

static enum oh_err dump_run_all(struct dump_run *run)
{
    uint64_t seq;
    enum oh_err err =
        oh_directory_open(oh_io_posix(), run->path, OH_DIRECTORY_READ, &run->directory, &run->diag);
    if (err != OH_OK)
        return err;
    oh_record_decoder_init(&run->decoder, 0);
    oh_effect_names_init(&run->names);
    oh_strbuf_init(&run->line, LINE_SIZE_MAX);
    err = run->is_snapshot ? snapshot_take(run, &seq) : journal_dump(run);
    if (err == OH_OK && fflush(stdout) != 0) {
        err = OH_E_IO;
        oh_diag_set(&run->diag, "standard output: %s", oh_err_text(err));
    }
    oh_strbuf_fini(&run->line);
    oh_effect_names_fini(&run->names);
    oh_record_decoder_fini(&run->decoder);
    oh_directory_close(&run->directory);
    return err;
}

/* -1: go on; else the exit code. */
static int option_take(struct dump_run *run, int option, const char *value)
{
    switch (option) {
    case 'h':
        fputs(dump_help, stdout);
        return OH_EXIT_OK;
    case 's':
        run->is_snapshot = true;
        return -1;
    case 'f':
        return oh_argument_u64("from", value, 1, UINT64_MAX, &run->from_seq) ? -1 : OH_EXIT_ARGUMENTS;
    case 't':
        return oh_argument_u64("to", value, 1, UINT64_MAX, &run->to_seq) ? -1 : OH_EXIT_ARGUMENTS;
    default:
        return oh_argument_error("dump", "the arguments are wrong");
    }
}

static int arguments_read(int argc, char **argv, struct dump_run *run)
{
    static const struct option options[] = {
        { "from", required_argument, NULL, 'f' },
        { "to", required_argument, NULL, 't' },
        { "snapshot", no_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int code = option_take(run, option, optarg);
        if (code >= 0)
            return code;
    }
    if (optind + 1 != argc)
        return oh_argument_error("dump", "give one data directory");
    if (run->is_snapshot && (run->from_seq != 1 || run->to_seq != UINT64_MAX))
        return oh_argument_error("dump", "--from and --to choose records; a snapshot has none");
    run->path = argv[optind];
    return -1;
}

int oh_command_dump(int argc, char **argv)
{
    struct dump_run run = { .from_seq = 1, .to_seq = UINT64_MAX };
    int code = arguments_read(argc, argv, &run);
    if (code >= 0)
        return code;
    if (dump_run_all(&run) == OH_OK)
        return OH_EXIT_OK;
    fprintf(stderr, "onhand dump: %s\n", run.diag.text);
    return OH_EXIT_FAILED;
}
