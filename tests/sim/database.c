#include "base/assert.h"
#include "sim/database_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSTGRES_EPOCH_US   INT64_C(946684800000000) /* 2000-01-01 */
#define CALL_US_MAX         3000
#define RESTART_US_MAX      20000000
#define UNNOTICED_US_MAX    40000000 /* that a client is gone */
#define SHARE_ALL           100000u

static struct database the_database;

/* ---- Values as they travel --------------------------------------------------------------------------------------- */

static int64_t big_endian(const char *bytes, size_t size)
{
    uint64_t value = (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}

/* Digits to the base of 10,000; a quantity has at most three behind the point. */
static bool numeric_read(struct oh_bytes value, int64_t *out_milli)
{
    if (value.size < 8 || value.size % 2 != 0)
        return false;
    int64_t count = big_endian(value.data, 2);
    int64_t weight = big_endian(value.data + 2, 2);
    int64_t sign = big_endian(value.data + 4, 2) & 0xffff;
    int64_t milli = 0;
    bool fits = true;
    if (count != (int64_t)(value.size - 8) / 2 || (sign != 0 && sign != 0x4000))
        return false;
    for (int64_t i = 0; i < count; i++) {
        int64_t digit = big_endian(value.data + 8 + 2 * i, 2);
        int64_t part = weight - i < 0 ? digit / 10 : digit * 1000;
        int64_t power = weight - i;
        if (digit < 0 || digit > 9999 || power > 4 || power < -1 || (power == -1 && digit % 10 != 0))
            return false;
        for (; power > 0; power--)
            fits = !__builtin_mul_overflow(part, 10000, &part) && fits;
        fits = !__builtin_add_overflow(milli, part, &milli) && fits;
    }
    *out_milli = sign == 0 ? milli : -milli;
    return fits;
}

/* False: no value of that type. */
static bool cell_read(char type, struct oh_bytes value, int64_t *out)
{
    static const char sizes[] = { ['b'] = 1, ['i'] = 4, ['l'] = 8, ['d'] = 8, ['z'] = 8 };
    *out = CELL_NULL;
    if (value.data == NULL)
        return true;
    if (type == 't') {
        *out = text_number(value);
        return true;
    }
    if (type == 'n')
        return numeric_read(value, out);
    if (value.size != (size_t)sizes[(unsigned char)type])
        return false;
    *out = big_endian(value.data, value.size) + (type == 'z' ? POSTGRES_EPOCH_US : 0);
    return true;
}

/* By the numbers of the catalog; an array's is in upper case. */
static char type_letter(uint32_t type)
{
    static const struct {
        uint32_t type;
        char letter;
    } letters[] = { { 16, 'b' },   { 20, 'l' },   { 23, 'i' },   { 25, 't' },   { 701, 'd' },  { 1184, 'z' },
                    { 1700, 'n' }, { 1000, 'B' }, { 1007, 'I' }, { 1016, 'L' }, { 1009, 'T' }, { 1022, 'D' },
                    { 1185, 'Z' }, { 1231, 'N' } };
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (letters[i].type == type)
            return letters[i].letter;
    }
    return '?';
}

/* A length and so many bytes; moves on. False: it does not fit. */
static bool sized_take(struct oh_bytes *from, struct oh_bytes *out)
{
    if (from->size < 4)
        return false;
    int64_t size = big_endian(from->data, 4);
    *from = (struct oh_bytes){ from->data + 4, from->size - 4 };
    *out = OH_BYTES_NONE;
    if (size == -1)
        return true;
    if (size < 0 || (size_t)size > from->size)
        return false;
    *out = (struct oh_bytes){ from->data, (size_t)size };
    *from = (struct oh_bytes){ from->data + size, from->size - (size_t)size };
    return true;
}

static bool array_read(char letter, struct oh_bytes value, struct database_column *out)
{
    if (value.size < 20 || big_endian(value.data, 4) != 1)
        return false;
    uint32_t count = (uint32_t)big_endian(value.data + 12, 4);
    struct oh_bytes rest = { value.data + 20, value.size - 20 };
    *out = (struct database_column){ count, calloc(count + 1, sizeof(int64_t)) };
    OH_ASSERT(out->cells != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct oh_bytes element;
        if (!sized_take(&rest, &element) || !cell_read(letter, element, &out->cells[i]))
            return false;
    }
    return rest.size == 0;
}

static bool parameter_read(const struct oh_pg_parameter *parameter, struct database_column *out)
{
    char letter = type_letter(parameter->type);
    if (letter == '?')
        return false;
    if (letter >= 'A' && letter <= 'Z')
        return array_read((char)(letter - 'A' + 'a'), parameter->value, out);
    *out = (struct database_column){ 1, calloc(1, sizeof(int64_t)) };
    OH_ASSERT(out->cells != NULL);
    return cell_read(letter, parameter->value, out->cells);
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

static void result_put(struct oh_pg *pg, uint64_t value, size_t size)
{
    OH_ASSERT(pg->value_count < RESULT_COLUMNS_MAX);
    struct result_value *put = &pg->values[pg->value_count++];
    put->is_null = false;
    put->size = size;
    for (size_t i = 0; i < size; i++)
        put->bytes[i] = (char)(value >> 8 * (size - 1 - i));
    pg->row_count = 1;
}

void result_put_i64(struct oh_pg *pg, int64_t value)
{
    result_put(pg, (uint64_t)value, 8);
}

void result_put_i32(struct oh_pg *pg, int32_t value)
{
    result_put(pg, (uint64_t)value, 4);
}

void result_put_bool(struct oh_pg *pg, bool value)
{
    result_put(pg, value ? 1 : 0, 1);
}

void result_put_null(struct oh_pg *pg)
{
    result_put(pg, 0, 0);
    pg->values[pg->value_count - 1].is_null = true;
}

/* ---- Transactions ------------------------------------------------------------------------------------------------ */

bool statement_refuse(struct statement_call *call, const char *sqlstate, const char *message)
{
    call->sqlstate = sqlstate;
    call->message = message;
    return false;
}

bool transaction_begin(struct statement_call *call)
{
    struct database *database = call->database;
    if (database->owner == call->pg)
        return true; /* a warning */
    OH_ASSERT(database->owner == NULL && tables_mark(&database->tables) == 0);
    database->owner = call->pg;
    database->is_row_locked = false;
    database->before = database->state;
    call->pg->is_aborted = false;
    return true;
}

static void work_drop(struct database *database)
{
    tables_take_back(&database->tables, 0);
    database->state = database->before;
    database->owner = NULL;
}

/* Who was replaced changes nothing; nobody takes the watermark back. */
static void commit_judge(struct database *database, const struct oh_pg *pg)
{
    const struct database_watermark *now = &database->state.watermark;
    const struct database_watermark *before = &database->before.watermark;
    bool has_changed = now->seq != before->seq || tables_mark(&database->tables) > 0;
    if (has_changed && now->epoch != pg->epoch)
        database->hooks.broken(database->hooks.ctx, "a projector that was replaced has changed the tables");
    if (now->seq < before->seq)
        database->hooks.broken(database->hooks.ctx, "the watermark went back");
}

static void work_keep(struct database *database)
{
    database->commit_count++;
    tables_keep(&database->tables);
    database->owner = NULL;
    database->hooks.committed(database->hooks.ctx);
}

bool transaction_commit(struct statement_call *call)
{
    if (call->database->owner != call->pg)
        return true; /* a warning */
    if (call->pg->is_aborted) {
        work_drop(call->database);
    } else {
        commit_judge(call->database, call->pg);
        work_keep(call->database);
    }
    call->pg->is_aborted = false;
    return true;
}

bool transaction_roll_back(struct statement_call *call)
{
    if (call->database->owner == call->pg)
        work_drop(call->database);
    call->pg->is_aborted = false;
    return true;
}

/* ---- Faults ------------------------------------------------------------------------------------------------------ */

/* The client and the server see no more of each other; what was not committed is gone. */
static void connection_lose(struct oh_pg *pg, bool is_noticed)
{
    struct database *database = &the_database;
    if (database->owner == pg)
        work_drop(database);
    if (database->lock_owner == pg) {
        database->lock_owner = NULL;
        if (!is_noticed)
            database->locked_until_us = database->hooks.now_us(database->hooks.ctx) +
                                        (int64_t)oh_prng_below(&database->prng, UNNOTICED_US_MAX);
    }
    pg->is_lost = true;
}

static void server_restart(struct oh_pg *pg)
{
    struct database *database = &the_database;
    connection_lose(pg, true);
    database->locked_until_us = 0;
    database->absent_until_us =
        database->hooks.now_us(database->hooks.ctx) + (int64_t)oh_prng_below(&database->prng, RESTART_US_MAX);
}

static enum database_fault fault_draw(struct database *database, const struct oh_pg *pg)
{
    uint64_t dice = oh_prng_below(pg->is_asking ? &database->prng_of_questions : &database->prng, SHARE_ALL);
    for (unsigned i = 0; i < DATABASE_FAULTS; i++) {
        if (dice < database->shares[i]) {
            database->fault_counts[i]++;
            return (enum database_fault)i;
        }
        dice -= database->shares[i];
    }
    return DATABASE_FAULTS;
}

static void meanwhile(int64_t us)
{
    the_database.hooks.meanwhile(the_database.hooks.ctx, us);
}

/* The client waits so long, and works meanwhile: on nothing, a little or a lot. A question takes no time. */
static void client_wait(struct oh_pg *pg)
{
    if (pg->is_asking)
        return;
    int64_t us = (int64_t)oh_prng_below(&the_database.prng, CALL_US_MAX);
    meanwhile(us);
    for (int64_t pieces = us % 4; pieces > 0 && pg->work != NULL; pieces--) {
        if (!pg->work(pg->work_ctx))
            pg->work = NULL;
    }
}

static enum oh_err lost(struct oh_diag *diag, const char *why)
{
    oh_diag_set(diag, "%s", why);
    return the_database.is_client_dead ? OH_E_STOPPED : OH_E_UNAVAILABLE;
}

static void fault_strike(struct oh_pg *pg, enum database_fault fault)
{
    switch (fault) {
    case DATABASE_SILENT_BEFORE:
    case DATABASE_SILENT_AFTER:
        meanwhile(pg->statement_ms * 1000);
        connection_lose(pg, true);
        break;
    case DATABASE_RESTARTS_BEFORE:
    case DATABASE_RESTARTS_AFTER:
        server_restart(pg);
        break;
    case DATABASE_CLIENT_DIES_BEFORE:
    case DATABASE_CLIENT_DIES_AFTER:
        the_database.is_client_dead = true;
        connection_lose(pg, oh_prng_below(&the_database.prng, 2) == 0);
        break;
    case DATABASE_CUT_BEFORE:
    case DATABASE_CUT_AFTER:
    case DATABASE_REFUSES:
    case DATABASE_RIVAL:
    case DATABASE_FAULTS:
    default:
        connection_lose(pg, oh_prng_below(&the_database.prng, 2) == 0);
        break;
    }
}

/* Another projector of the same ledger: it takes the next epoch, unless the open transaction has locked the row. */
void database_rival_come(void)
{
    struct database *database = &the_database;
    if (database->owner != NULL && database->is_row_locked)
        return;
    database->state.watermark.epoch++;
    database->before.watermark.epoch++;
}

/* False: the statement fails; with OH_E_REFUSED it was heard. */
static enum oh_err call_begin(struct oh_pg *pg, struct oh_diag *diag)
{
    struct database *database = &the_database;
    pg->after = DATABASE_FAULTS;
    pg->sqlstate[0] = '\0';
    pg->row_count = pg->value_count = 0;
    pg->changed = 0;
    if (database->is_client_dead || pg->is_lost)
        return lost(diag, "the connection is lost");
    client_wait(pg);
    if (database->is_absent || pg->renewals != database->renewals)
        connection_lose(pg, true);
    if (pg->is_lost)
        return lost(diag, "the server closed the connection");
    enum database_fault fault = fault_draw(database, pg);
    switch (fault) {
    case DATABASE_CUT_AFTER:
    case DATABASE_SILENT_AFTER:
    case DATABASE_RESTARTS_AFTER:
    case DATABASE_CLIENT_DIES_AFTER:
        pg->after = fault;
        return OH_OK;
    case DATABASE_REFUSES:
        memcpy(pg->sqlstate, "57014", 6);
        oh_diag_set(diag, "canceling statement (SQLSTATE 57014)");
        pg->is_aborted = database->owner == pg;
        return OH_E_REFUSED;
    case DATABASE_RIVAL:
        database_rival_come();
        return OH_OK;
    case DATABASE_CUT_BEFORE:
    case DATABASE_SILENT_BEFORE:
    case DATABASE_RESTARTS_BEFORE:
    case DATABASE_CLIENT_DIES_BEFORE:
        fault_strike(pg, fault);
        return lost(diag, "the server closed the connection");
    case DATABASE_FAULTS:
    default:
        return OH_OK;
    }
}

static enum oh_err call_end(struct oh_pg *pg, struct oh_diag *diag)
{
    client_wait(pg);
    if (pg->after == DATABASE_FAULTS)
        return OH_OK;
    fault_strike(pg, pg->after);
    return lost(diag, "the server closed the connection");
}

/* ---- Statements -------------------------------------------------------------------------------------------------- */

/* In a transaction that failed only its end is heard. */
static bool is_way_out(const char *sql)
{
    return strncmp(sql, "ROLLBACK", 8) == 0 || strcmp(sql, "COMMIT") == 0;
}

static enum oh_err refused(struct statement_call *call, struct oh_diag *diag)
{
    memcpy(call->pg->sqlstate, call->sqlstate, OH_PG_SQLSTATE_SIZE);
    oh_diag_set(diag, "%s (SQLSTATE %s)", call->message, call->sqlstate);
    return OH_E_REFUSED;
}

/* One statement, whole or not at all; without a transaction it is one by itself. */
static bool statement_do(struct statement_call *call, const char *sql)
{
    struct database *database = call->database;
    struct oh_pg *pg = call->pg;
    if (pg->is_aborted && !is_way_out(sql))
        return statement_refuse(call, "25P02", "current transaction is aborted");
    bool was_open = database->owner == pg;
    size_t mark = tables_mark(&database->tables);
    if (!was_open)
        database->before = database->state;
    bool is_done = statement_run(call, sql);
    if (!is_done) {
        tables_take_back(&database->tables, mark);
        pg->is_aborted = was_open;
        if (!was_open)
            database->state = database->before;
    } else if (!was_open && database->owner != pg && tables_mark(&database->tables) > 0) {
        work_keep(database);
    }
    return is_done;
}

static enum oh_err statement_try(struct statement_call *call, const char *sql, struct oh_diag *diag)
{
    enum oh_err err = call_begin(call->pg, diag);
    if (err != OH_OK)
        return err;
    bool is_done = statement_do(call, sql);
    call->pg->changed = call->changed;
    err = call_end(call->pg, diag);
    return err != OH_OK || is_done ? err : refused(call, diag);
}

static enum oh_err statement_send(struct statement_call *call, const char *sql, struct oh_diag *diag)
{
    call->pg->is_asking = statement_is_question(sql);
    enum oh_err err = statement_try(call, sql, diag);
    call->pg->is_asking = false;
    return err;
}

enum oh_err oh_pg_run(struct oh_pg *pg, const char *sql, struct oh_diag *diag)
{
    struct statement_call call = { .database = &the_database, .pg = pg };
    return statement_send(&call, sql, diag);
}

enum oh_err oh_pg_query(struct oh_pg *pg, const char *sql, const struct oh_pg_parameter *parameters,
                        uint32_t parameter_count, struct oh_diag *diag)
{
    struct database_column columns[OH_PG_PARAMETERS_MAX] = { { 0, NULL } };
    struct statement_call call = { .database = &the_database, .pg = pg, .columns = columns,
                                   .column_count = parameter_count };
    bool is_read = true;
    for (uint32_t i = 0; i < parameter_count; i++)
        is_read = parameter_read(&parameters[i], &columns[i]) && is_read;
    call.count = parameter_count > 0 ? columns[0].count : 0;
    if (!is_read)
        the_database.hooks.broken(the_database.hooks.ctx, "a parameter that is no value of its type");
    enum oh_err err = statement_send(&call, sql, diag);
    for (uint32_t i = 0; i < parameter_count; i++)
        free(columns[i].cells);
    return err;
}

uint32_t oh_pg_row_count(const struct oh_pg *pg)
{
    return pg->row_count;
}

struct oh_bytes oh_pg_value(const struct oh_pg *pg, uint32_t row, uint32_t column)
{
    OH_ASSERT(row < pg->row_count && column < pg->value_count);
    const struct result_value *value = &pg->values[column];
    return value->is_null ? OH_BYTES_NONE : (struct oh_bytes){ value->bytes, value->size };
}

uint64_t oh_pg_changed_count(const struct oh_pg *pg)
{
    return pg->changed;
}

const char *oh_pg_sqlstate(const struct oh_pg *pg)
{
    return pg->sqlstate;
}

void oh_pg_set_statement_ms(struct oh_pg *pg, int64_t ms)
{
    pg->statement_ms = ms;
}

void oh_pg_set_meanwhile(struct oh_pg *pg, bool (*work)(void *ctx), void *ctx)
{
    pg->work = work;
    pg->work_ctx = ctx;
}

/* ---- COPY -------------------------------------------------------------------------------------------------------- */

enum oh_err oh_pg_copy_in_begin(struct oh_pg *pg, const char *sql, struct oh_diag *diag)
{
    enum oh_err err = call_begin(pg, diag);
    free(pg->copied);
    pg->copied = NULL;
    pg->copied_size = 0;
    pg->copy_sql = sql;
    return err == OH_OK ? call_end(pg, diag) : err;
}

enum oh_err oh_pg_copy_in_put(struct oh_pg *pg, struct oh_bytes rows, struct oh_diag *diag)
{
    enum oh_err err = call_begin(pg, diag);
    if (err != OH_OK)
        return err;
    pg->copied = realloc(pg->copied, pg->copied_size + rows.size + 1);
    OH_ASSERT(pg->copied != NULL && pg->copy_sql != NULL);
    if (rows.size > 0)
        memcpy(pg->copied + pg->copied_size, rows.data, rows.size);
    pg->copied_size += rows.size;
    return call_end(pg, diag);
}

/* How many columns, then each with its length. False: it is not a row of these types. */
static bool copied_row_take(struct oh_bytes *from, const char *types, struct database_column *columns)
{
    size_t count = strlen(types);
    if (from->size < 2 || big_endian(from->data, 2) != (int64_t)count)
        return false;
    *from = (struct oh_bytes){ from->data + 2, from->size - 2 };
    for (size_t i = 0; i < count; i++) {
        struct oh_bytes value;
        int64_t cell;
        if (!sized_take(from, &value) || !cell_read(types[i], value, &cell))
            return false;
        columns[i].cells = reallocarray(columns[i].cells, columns[i].count + 1, sizeof(int64_t));
        OH_ASSERT(columns[i].cells != NULL);
        columns[i].cells[columns[i].count++] = cell;
    }
    return true;
}

enum oh_err oh_pg_copy_in_end(struct oh_pg *pg, struct oh_diag *diag)
{
    struct database_column columns[TABLE_COLUMNS_MAX] = { { 0, NULL } };
    const char *types = pg->copy_sql == NULL ? NULL : statement_copy_types(pg->copy_sql);
    struct oh_bytes rest = { pg->copied, pg->copied_size };
    bool is_read = types != NULL;
    while (is_read && rest.size > 0)
        is_read = copied_row_take(&rest, types, columns);
    if (!is_read)
        the_database.hooks.broken(the_database.hooks.ctx, "what is copied cannot be read");
    struct statement_call call = { .database = &the_database,
                                   .pg = pg,
                                   .columns = columns,
                                   .column_count = types == NULL ? 0 : (uint32_t)strlen(types),
                                   .count = columns[0].count };
    enum oh_err err = statement_send(&call, pg->copy_sql, diag);
    for (uint32_t i = 0; i < TABLE_COLUMNS_MAX; i++)
        free(columns[i].cells);
    pg->copy_sql = NULL;
    return err;
}

static void out_put(struct oh_pg *pg, const void *bytes, size_t size)
{
    pg->rows = realloc(pg->rows, pg->rows_size + size + 1);
    OH_ASSERT(pg->rows != NULL);
    memcpy(pg->rows + pg->rows_size, bytes, size);
    pg->rows_size += size;
}

static void out_put_number(struct oh_pg *pg, uint64_t value, size_t size)
{
    char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(value >> 8 * (size - 1 - i));
    out_put(pg, bytes, size);
}

static void out_end_row(struct oh_pg *pg)
{
    pg->row_ends = reallocarray(pg->row_ends, pg->out_count + 1, sizeof(*pg->row_ends));
    OH_ASSERT(pg->row_ends != NULL);
    pg->row_ends[pg->out_count++] = pg->rows_size;
}

/* The second and the first column: an index and its name. */
static void names_put(struct oh_pg *pg, enum table_id id)
{
    static const char head[19] = "PGCOPY\n\377\r\n";
    const struct tables *tables = &the_database.tables;
    pg->rows_size = 0;
    pg->out_count = pg->out_next = 0;
    out_put(pg, head, sizeof(head));
    for (uint32_t row = 0; row < tables->tables[id].count; row++) {
        if (!tables->tables[id].is_there[row])
            continue;
        const int64_t *cells = table_row(tables, id, row);
        struct oh_bytes name = text_of(cells[0]);
        out_put_number(pg, 2, 2);
        out_put_number(pg, 4, 4);
        out_put_number(pg, (uint64_t)cells[1], 4);
        out_put_number(pg, name.size, 4);
        out_put(pg, name.data, name.size);
        out_end_row(pg);
    }
    out_put_number(pg, UINT64_MAX, 2);
    out_end_row(pg);
}

enum oh_err oh_pg_copy_out_begin(struct oh_pg *pg, const char *sql, struct oh_diag *diag)
{
    enum table_id id;
    enum oh_err err = call_begin(pg, diag);
    if (err != OH_OK)
        return err;
    if (statement_copy_out(sql, &id))
        names_put(pg, id);
    return call_end(pg, diag);
}

enum oh_err oh_pg_copy_out_next(struct oh_pg *pg, struct oh_bytes *out_row, struct oh_diag *diag)
{
    enum oh_err err = call_begin(pg, diag);
    if (err == OH_OK)
        err = call_end(pg, diag);
    if (err != OH_OK)
        return err;
    if (pg->out_next == pg->out_count)
        return OH_E_AGAIN;
    size_t from = pg->out_next == 0 ? 0 : pg->row_ends[pg->out_next - 1];
    *out_row = (struct oh_bytes){ pg->rows + from, pg->row_ends[pg->out_next++] - from };
    return OH_OK;
}

/* ---- Connections ------------------------------------------------------------------------------------------------- */

enum oh_err oh_pg_uri_check(const char *uri, struct oh_diag *diag)
{
    (void)uri;
    (void)diag;
    return OH_OK;
}

enum oh_err oh_pg_open(const struct oh_pg_options *options, struct oh_pg **out_pg, struct oh_diag *diag)
{
    struct database *database = &the_database;
    int64_t now_us = database->hooks.now_us(database->hooks.ctx);
    if (database->is_client_dead)
        return OH_E_STOPPED;
    meanwhile((int64_t)oh_prng_below(&database->prng, CALL_US_MAX));
    if (database->is_absent || now_us < database->absent_until_us)
        return lost(diag, "connection refused");
    struct oh_pg *pg = calloc(1, sizeof(*pg));
    OH_ASSERT(pg != NULL);
    pg->statement_ms = options->statement_ms;
    pg->after = DATABASE_FAULTS;
    pg->renewals = database->renewals;
    *out_pg = pg;
    return OH_OK;
}

void oh_pg_close(struct oh_pg **pg)
{
    struct oh_pg *closed = *pg;
    *pg = NULL;
    if (closed == NULL)
        return;
    if (!closed->is_lost)
        connection_lose(closed, true);
    free(closed->copied);
    free(closed->rows);
    free(closed->row_ends);
    free(closed);
}

/* Nobody waits here: oh_projector_work() says how long its owner should. */
enum oh_err oh_pg_pause(int stop_fd, int64_t ms)
{
    (void)stop_fd;
    (void)ms;
    return OH_E_STOPPED;
}

/* ---- The database ------------------------------------------------------------------------------------------------ */

void database_create(const struct database_hooks *hooks)
{
    the_database = (struct database){ .hooks = *hooks };
    tables_init(&the_database.tables);
    database_set_prng(0);
}

void database_destroy(void)
{
    OH_ASSERT(the_database.owner == NULL);
    tables_fini(&the_database.tables);
}

const struct tables *database_tables(void)
{
    return &the_database.tables;
}

const struct database_watermark *database_watermark(void)
{
    return &the_database.state.watermark;
}

void database_set_prng(uint64_t seed)
{
    oh_prng_init(&the_database.prng, seed);
    oh_prng_init(&the_database.prng_of_questions, ~seed);
}

void database_set_fault(enum database_fault fault, uint32_t share)
{
    the_database.shares[fault] = share;
}

void database_set_absent(bool is_absent)
{
    the_database.is_absent = is_absent;
}

void database_set_full(bool is_full)
{
    the_database.is_full = is_full;
}

void database_empty(void)
{
    OH_ASSERT(the_database.owner == NULL);
    tables_fini(&the_database.tables);
    tables_init(&the_database.tables);
    the_database.state.watermark = (struct database_watermark){ .ledger = CELL_NULL };
    the_database.state.month_count = 0;
}

void database_renew(void)
{
    database_empty();
    the_database.state = (struct database_state){ .has_schema = false };
    the_database.lock_owner = NULL;
    the_database.locked_until_us = 0;
    the_database.renewals++;
}

void database_heal(void)
{
    memset(the_database.shares, 0, sizeof(the_database.shares));
    the_database.is_absent = the_database.is_full = false;
    the_database.absent_until_us = the_database.locked_until_us = 0;
}

bool database_has_replaced(void)
{
    const struct oh_pg *pg = the_database.lock_owner;
    return pg != NULL && pg->epoch != the_database.state.watermark.epoch;
}

bool database_client_is_dead(void)
{
    return the_database.is_client_dead;
}

void database_client_gone(void)
{
    the_database.is_client_dead = false;
}

uint64_t database_fault_count(enum database_fault fault)
{
    return the_database.fault_counts[fault];
}

uint64_t database_commit_count(void)
{
    return the_database.commit_count;
}
