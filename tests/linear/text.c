/*
 * Histories as text, one operation a line: what people write for the tests of
 * the checker, and what the recorder leaves for a history that is bad.
 */
#include "linear/history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_SIZE 64u

#define WORD_OF(name, word, ...) word,
static const char *const kind_words[] = { LIN_KINDS(WORD_OF) };
static const char *const answer_words[] = { LIN_ANSWERS(WORD_OF) };
#undef WORD_OF

#define KIND_COUNT   (sizeof kind_words / sizeof kind_words[0])
#define ANSWER_COUNT (sizeof answer_words / sizeof answer_words[0])

/* ---- Writing ---- */

struct out {
    char *text;
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(out->text + out->used, out->size - out->used, format, arguments);
    va_end(arguments);
    if (written > 0)
        out->used = out->used + (size_t)written < out->size ? out->used + (size_t)written : out->size - 1;
}

static const char *node_text(const struct lin_history *history, uint32_t node)
{
    return node < history->node_count ? history->nodes[node].text : "*";
}

static void put_place(const struct lin_history *history, struct out *out, const struct lin_line *line)
{
    put(out, " %s@%s", history->items.list[line->item].text, node_text(history, line->node));
}

static void put_said(struct out *out, const char *name, int64_t value)
{
    if (value == LIN_NEVER)
        put(out, " %s=never", name);
    else if (value != LIN_UNSAID)
        put(out, " %s=%" PRId64, name, value);
}

static void put_asked(const struct lin_history *history, struct out *out, const struct lin_op *op)
{
    bool has_places = lin_kind_has_items(op->kind);
    put(out, " %s", kind_words[op->kind]);
    if (op->reservation != UINT64_MAX)
        put(out, " r%" PRIu64, op->reservation);
    for (uint32_t i = 0; i < op->line_count && has_places; i++) {
        put_place(history, out, &op->lines[i]);
        if (op->kind != LIN_READ)
            put(out, " %" PRId64, op->lines[i].quantity);
    }
    if (op->kind == LIN_CHANGE)
        put(out, " %" PRId64, op->lines[0].quantity);
    if (op->kind == LIN_MOVE)
        put(out, " to=%s", node_text(history, op->lines[0].node));
    if (op->ttl_us != 0)
        put(out, " ttl=%" PRId64, op->ttl_us);
    if (op->kind == LIN_SYNC)
        put(out, " as_of=%" PRId64, op->as_of);
    if (op->kind == LIN_SUPPLY)
        put(out, " supply=%s eta=%" PRId64, history->supplies.list[op->supply].text, op->eta);
    put_said(out, "by", op->by);
    if (op->window != UINT32_MAX)
        put(out, " in=%s", history->windows.list[op->window].text);
    if (op->kind == LIN_LIMIT)
        put(out, " most=%" PRId64, op->lines[0].quantity);
    if (op->request != 0)
        put(out, " request=%" PRIu64, op->request);
}

static void put_answered(const struct lin_history *history, struct out *out, const struct lin_op *op)
{
    bool has_places = lin_kind_has_items(op->kind);
    put(out, " -> %s", answer_words[op->answer]);
    for (uint32_t i = 0; i < op->line_count; i++) {
        if (op->lines[i].available == LIN_UNSAID)
            continue;
        if (has_places)
            put_place(history, out, &op->lines[i]);
        put(out, "%s=%" PRId64, has_places ? "" : " available", op->lines[i].available);
    }
    for (uint32_t i = 0; op->claim_count != UINT32_MAX && i < op->claim_count; i++)
        put(out, " claim=%u@%s:%" PRId64, (unsigned)op->claims[i].line,
            node_text(history, op->claims[i].node), op->claims[i].quantity);
    put_said(out, "created", op->created_us);
    put_said(out, "expires", op->expires_us);
    put_said(out, "sellable", op->sellable);
    put_said(out, "held", op->held);
    put_said(out, "confirmed", op->confirmed);
    put_said(out, "seq", op->seq);
}

size_t lin_write_op(const struct lin_history *history, const struct lin_op *op, char *text, size_t size)
{
    struct out out = { .text = text, .size = size };
    put(&out, "%u %" PRId64, (unsigned)op->client, op->invoke_us);
    if (op->return_us == LIN_NEVER)
        put(&out, " -");
    else
        put(&out, " %" PRId64, op->return_us);
    if (op->key != 0)
        put(&out, " k%" PRIu64, op->key);
    put_asked(history, &out, op);
    if (op->answer != LIN_NONE)
        put_answered(history, &out, op);
    return out.used;
}

/* ---- Reading ---- */

struct in {
    struct lin_history *history;
    const char *at;
    char word[WORD_SIZE]; /* the next one; "" at the end */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* False: the word is too long. */
static bool next(struct in *in)
{
    size_t size = 0;
    while (is_space(*in->at))
        in->at++;
    while (*in->at != '\0' && !is_space(*in->at) && size + 1 < WORD_SIZE)
        in->word[size++] = *in->at++;
    in->word[size] = '\0';
    return size + 1 < WORD_SIZE;
}

static bool number_read(const char *text, int64_t *out)
{
    char *end = NULL;
    *out = strtoll(text, &end, 10);
    return end != text && *end == '\0';
}

static bool number_take(struct in *in, int64_t *out)
{
    return number_read(in->word, out) && next(in);
}

static bool u64_take(struct in *in, const char *text, uint64_t *out)
{
    int64_t number = 0;
    if (!number_read(text, &number) || number < 0)
        return false;
    *out = (uint64_t)number;
    return next(in);
}

static uint32_t word_find(const char *const *words, size_t count, const char *word)
{
    uint32_t i = 0;
    while (i < count && strcmp(words[i], word) != 0)
        i++;
    return i;
}

/* ITEM@NODE; cuts the text. */
static bool place_read(struct in *in, char *text, struct lin_line *line)
{
    char *at = strchr(text, '@');
    if (at == NULL)
        return false;
    *at = '\0';
    line->item = lin_item(in->history, text);
    line->node = strcmp(at + 1, "*") == 0 ? LIN_ANY_NODE : lin_node(in->history, at + 1);
    return line->item != UINT32_MAX && (line->node != UINT32_MAX || strcmp(at + 1, "*") == 0);
}

static bool lines_take(struct in *in, struct lin_op *op)
{
    bool has_places = lin_kind_has_items(op->kind);
    while (has_places && strchr(in->word, '@') != NULL) {
        struct lin_line *line = &op->lines[op->line_count];
        if (op->line_count == LIN_LINES_MAX || !place_read(in, in->word, line) || !next(in))
            return false;
        op->line_count++;
        if (op->kind != LIN_READ && !number_take(in, &line->quantity))
            return false;
    }
    if (op->kind == LIN_CHANGE) {
        op->line_count = 1;
        return number_take(in, &op->lines[0].quantity);
    }
    return true;
}

static bool said_take(struct in *in, const char *value, int64_t *out)
{
    if (strcmp(value, "never") == 0)
        *out = LIN_NEVER;
    else if (!number_read(value, out))
        return false;
    return next(in);
}

static bool asked_field(struct in *in, struct lin_op *op, const char *name, const char *value)
{
    if (strcmp(name, "ttl") == 0)
        return said_take(in, value, &op->ttl_us);
    if (strcmp(name, "as_of") == 0)
        return said_take(in, value, &op->as_of);
    if (strcmp(name, "request") == 0)
        return u64_take(in, value, &op->request);
    if (strcmp(name, "eta") == 0)
        return said_take(in, value, &op->eta);
    if (strcmp(name, "by") == 0)
        return said_take(in, value, &op->by);
    if (strcmp(name, "supply") == 0) {
        op->supply = lin_supply(in->history, value);
        return op->supply != UINT32_MAX && next(in);
    }
    if (strcmp(name, "in") == 0) {
        op->window = lin_window(in->history, value);
        return op->window != UINT32_MAX && next(in);
    }
    if (strcmp(name, "most") == 0 && op->kind == LIN_LIMIT) {
        op->line_count = 1;
        return said_take(in, value, &op->lines[0].quantity);
    }
    if (strcmp(name, "to") != 0 || op->kind != LIN_MOVE)
        return false;
    op->lines[0].node = lin_node(in->history, value);
    op->line_count = 1;
    return op->lines[0].node != UINT32_MAX && next(in);
}

/* Splits NAME=VALUE into two; false: there is no '='. */
static bool field_split(struct in *in, char name[WORD_SIZE], char value[WORD_SIZE])
{
    char *equals = strchr(in->word, '=');
    if (equals == NULL)
        return false;
    memcpy(value, equals + 1, strlen(equals + 1) + 1);
    *equals = '\0';
    memcpy(name, in->word, strlen(in->word) + 1);
    return true;
}

static bool asked_take(struct in *in, struct lin_op *op)
{
    char name[WORD_SIZE];
    char value[WORD_SIZE];
    if (in->word[0] == 'r' && !u64_take(in, in->word + 1, &op->reservation))
        return false;
    if (!lines_take(in, op))
        return false;
    while (in->word[0] != '\0' && strcmp(in->word, "->") != 0)
        if (!field_split(in, name, value) || !asked_field(in, op, name, value))
            return false;
    return true;
}

/* LINE@NODE:QUANTITY */
static bool claim_take(struct in *in, struct lin_op *op, char *value)
{
    char *at = strchr(value, '@');
    char *colon = strchr(value, ':');
    int64_t line = 0;
    if (op->claim_count == UINT32_MAX)
        op->claim_count = 0;
    if (at == NULL || colon == NULL || op->claim_count == LIN_CLAIMS_MAX)
        return false;
    struct lin_claim *claim = &op->claims[op->claim_count++];
    *at = '\0';
    *colon = '\0';
    claim->node = lin_node(in->history, at + 1);
    if (!number_read(value, &line) || !number_read(colon + 1, &claim->quantity) || claim->node == UINT32_MAX)
        return false;
    claim->line = (uint32_t)line;
    return next(in);
}

static bool available_take(struct in *in, struct lin_op *op, char *name, const char *value)
{
    struct lin_line place;
    if (strcmp(name, "available") == 0)
        return said_take(in, value, &op->lines[0].available);
    if (!place_read(in, name, &place))
        return false;
    for (uint32_t i = 0; i < op->line_count; i++)
        if (op->lines[i].item == place.item && op->lines[i].node == place.node &&
            op->lines[i].available == LIN_UNSAID)
            return said_take(in, value, &op->lines[i].available);
    return false;
}

static bool answered_field(struct in *in, struct lin_op *op, char *name, char *value)
{
    static const char *const names[] = { "created", "expires", "sellable", "held", "confirmed", "seq" };
    int64_t *fields[] = {
        &op->created_us, &op->expires_us, &op->sellable, &op->held, &op->confirmed, &op->seq
    };
    uint32_t found = word_find(names, sizeof names / sizeof names[0], name);
    if (found < sizeof names / sizeof names[0])
        return said_take(in, value, fields[found]);
    if (strcmp(name, "claim") == 0)
        return claim_take(in, op, value);
    return available_take(in, op, name, value);
}

static bool answered_take(struct in *in, struct lin_op *op)
{
    char name[WORD_SIZE];
    char value[WORD_SIZE];
    if (in->word[0] == '\0')
        return true;
    if (!next(in))
        return false;
    uint32_t answer = word_find(answer_words, ANSWER_COUNT, in->word);
    if (answer == ANSWER_COUNT || !next(in))
        return false;
    op->answer = (enum lin_answer)answer;
    while (in->word[0] != '\0')
        if (!field_split(in, name, value) || !answered_field(in, op, name, value))
            return false;
    return true;
}

static bool op_take(struct in *in, struct lin_op *op)
{
    uint64_t client = 0;
    int64_t invoke_us = 0;
    int64_t return_us = LIN_NEVER;
    uint64_t key = 0;
    if (!u64_take(in, in->word, &client) || !number_take(in, &invoke_us))
        return false;
    if (strcmp(in->word, "-") == 0 ? !next(in) : !number_take(in, &return_us))
        return false;
    if (in->word[0] == 'k' && !u64_take(in, in->word + 1, &key))
        return false;
    uint32_t kind = word_find(kind_words, KIND_COUNT, in->word);
    if (kind == KIND_COUNT || !next(in))
        return false;
    lin_op_init(op, (enum lin_kind)kind);
    op->client = (uint32_t)client;
    op->invoke_us = invoke_us;
    op->return_us = return_us;
    op->key = key;
    return asked_take(in, op) && answered_take(in, op);
}

static bool nodes_take(struct in *in)
{
    while (next(in) && in->word[0] != '\0')
        if (lin_node(in->history, in->word) == UINT32_MAX)
            return false;
    return in->word[0] == '\0';
}

static bool crash_take(struct in *in)
{
    int64_t at_us = 0;
    return next(in) && number_take(in, &at_us) && in->word[0] == '\0' && lin_crash(in->history, at_us);
}

bool lin_read_line(struct lin_history *history, const char *line, const char **out_problem)
{
    struct in in = { .history = history, .at = line };
    struct lin_op op;
    bool is_read = next(&in);
    if (is_read && in.word[0] != '\0' && in.word[0] != '#') {
        if (strcmp(in.word, "nodes") == 0)
            is_read = nodes_take(&in);
        else if (strcmp(in.word, "crash") == 0)
            is_read = crash_take(&in);
        else
            is_read = op_take(&in, &op) && lin_add(history, &op);
    }
    *out_problem = in.at - strlen(in.word);
    return is_read;
}
