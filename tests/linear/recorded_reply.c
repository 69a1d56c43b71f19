#include "linear/recorded_reply.h"

#include <stdlib.h>
#include <string.h>

/* What follows "name": after a place, or NULL. */
static const char *member(const char *from, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = from; at != NULL && (at = strchr(at, '"')) != NULL; at++)
        if (strncmp(at + 1, name, size) == 0 && strncmp(at + 1 + size, "\":", 2) == 0)
            return at + size + 3;
    return NULL;
}

static bool word_is(const char *value, const char *word)
{
    size_t size = strlen(word);
    return value != NULL && value[0] == '"' && strncmp(value + 1, word, size) == 0 && value[1 + size] == '"';
}

static int64_t number(const char *value)
{
    return value == NULL ? LIN_UNSAID : strtoll(value, NULL, 10);
}

/* Days since 1970 of a date of the Gregorian calendar, after March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = shifted / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* "2026-11-25T22:07:05.751697Z" in quotes, null, or nothing. */
static int64_t moment(const char *value)
{
    int64_t parts[6];
    if (value == NULL)
        return LIN_UNSAID;
    if (value[0] != '"')
        return LIN_NEVER;
    char *at = (char *)(uintptr_t)(value + 1);
    for (unsigned i = 0; i < 6; i++)
        parts[i] = strtoll(at + (i > 0), &at, 10);
    int64_t fraction_us = 0;
    int64_t unit_us = 100000;
    for (at += *at == '.'; *at >= '0' && *at <= '9'; at++, unit_us /= 10)
        fraction_us += (*at - '0') * unit_us;
    int64_t seconds =
        days_of(parts[0], parts[1], parts[2]) * 86400 + parts[3] * 3600 + parts[4] * 60 + parts[5];
    return seconds * 1000000 + fraction_us;
}

/* "n3" is 2 */
static uint32_t node_number(const char *value)
{
    return value == NULL ? UINT32_MAX : (uint32_t)strtoul(value + 2, NULL, 10) - 1;
}

static enum lin_answer code_answer(const char *code)
{
    static const struct {
        const char *code;
        enum lin_answer answer;
    } rows[] = {
        { "insufficient_stock", LIN_INSUFFICIENT },
        { "not_promisable", LIN_NOT_PROMISABLE },
        { "unknown_reservation", LIN_UNKNOWN },
        { "not_confirmed", LIN_NOT_CONFIRMED },
        { "already_confirmed", LIN_ALREADY_CONFIRMED },
        { "already_fulfilled", LIN_ALREADY_FULFILLED },
        { "already_released", LIN_ALREADY_RELEASED },
        { "expired", LIN_EXPIRED },
        { "same_node", LIN_SAME_NODE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (word_is(code, rows[i].code))
            return rows[i].answer;
    return LIN_NONE;
}

/* The i-th object of a list has its own "available". */
static void lines_read(const char *list, struct lin_op *op)
{
    for (uint32_t i = 0; i < op->line_count && list != NULL; i++) {
        const char *value = member(list, "available");
        op->lines[i].available = number(value);
        list = value;
    }
}

static enum recorded_outcome refusal_read(const char *body, struct lin_op *op)
{
    op->answer = code_answer(member(body, "code"));
    if (op->answer == LIN_INSUFFICIENT)
        lines_read(member(body, "lines"), op);
    return op->answer == LIN_NONE ? RECORDED_STRANGE : RECORDED_ANSWERED;
}

/* "lines":[{"line":1,..,"claims":[{"node":"n1","quantity":2},..]},..] */
static bool claims_read(const char *body, struct lin_op *op)
{
    const char *at = member(body, "lines");
    op->claim_count = 0;
    for (uint32_t line = 0; line < op->line_count; line++) {
        at = member(at, "claims");
        const char *end = at == NULL ? NULL : strchr(at, ']');
        const char *node;
        while (end != NULL && (node = member(at, "node")) != NULL && node < end) {
            if (op->claim_count == LIN_CLAIMS_MAX)
                return false;
            at = member(node, "quantity");
            op->claims[op->claim_count++] = (struct lin_claim){ line, node_number(node), number(at) };
        }
        if (end == NULL)
            return false;
    }
    return true;
}

/* "parcels":[{"node":"n1",..,"boxes":1,..,"lines":[{"line":1,"sku":"A0","quantity":2},..],..}]: one, in one box. */
static bool parcel_read(const char *body, struct lin_op *op)
{
    const char *parcel = member(body, "parcels");
    const char *at = member(parcel, "lines");
    const char *box = member(parcel, "boxes");
    if (at == NULL || number(box) != 1 || member(box, "boxes") != NULL)
        return false;
    for (op->claim_count = 0; op->claim_count < op->line_count; op->claim_count++) {
        const char *line = member(at, "line");
        at = member(line, "quantity");
        op->claims[op->claim_count] =
            (struct lin_claim){ (uint32_t)number(line) - 1, node_number(member(parcel, "node")), number(at) };
    }
    return at != NULL;
}

static enum recorded_outcome sync_read(const char *body, struct lin_op *op)
{
    const char *verdict = member(body, "verdict");
    op->answer = word_is(verdict, "ok")          ? LIN_OK
                 : word_is(verdict, "stale")     ? LIN_STALE
                 : word_is(verdict, "unchanged") ? LIN_UNCHANGED
                                                 : LIN_NONE;
    lines_read(member(body, "entries"), op);
    return op->answer == LIN_NONE ? RECORDED_STRANGE : RECORDED_ANSWERED;
}

static enum recorded_outcome status_read(const char *body, struct lin_op *op)
{
    static const char *const words[] = { "held", "confirmed", "fulfilled", "released", "expired" };
    static const enum lin_answer answers[] = { LIN_HELD, LIN_CONFIRMED, LIN_FULFILLED, LIN_RELEASED,
                                               LIN_EXPIRED };
    const char *status = member(body, "status");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (word_is(status, words[i]))
            op->answer = answers[i];
    return op->answer == LIN_NONE ? RECORDED_STRANGE : RECORDED_ANSWERED;
}

static void read_read(const char *body, struct lin_op *op)
{
    op->lines[0].available = number(member(body, "available"));
    if (op->lines[0].node == LIN_ANY_NODE)
        return;
    op->sellable = number(member(body, "sellable"));
    op->held = number(member(body, "held"));
    op->confirmed = number(member(body, "confirmed"));
}

static enum recorded_outcome success_read(const char *body, bool is_repeat, struct lin_op *op)
{
    op->answer = LIN_OK;
    switch (op->kind) {
    case LIN_ADJUST:
        lines_read(member(body, "entries"), op);
        return RECORDED_ANSWERED;
    case LIN_SYNC:
        return sync_read(body, op);
    case LIN_RESERVE:
        op->created_us = moment(member(body, "created_at"));
        op->expires_us = moment(member(body, "expires_at"));
        return claims_read(body, op) ? RECORDED_ANSWERED : RECORDED_STRANGE;
    case LIN_PROMISE:
        op->created_us = moment(member(body, "at"));
        op->expires_us = is_repeat ? LIN_UNSAID : moment(member(body, "expires_at"));
        return parcel_read(body, op) ? RECORDED_ANSWERED : RECORDED_STRANGE;
    case LIN_EXTEND:
        op->expires_us = moment(member(body, "expires_at"));
        return RECORDED_ANSWERED;
    case LIN_READ:
        read_read(body, op);
        return RECORDED_ANSWERED;
    case LIN_STATUS:
        op->answer = LIN_NONE;
        return status_read(body, op);
    case LIN_CONFIRM:
    case LIN_RELEASE:
    case LIN_FULFIL:
    case LIN_CHANGE:
    case LIN_MOVE:
    case LIN_SUPPLY:
    case LIN_LIMIT:
        return RECORDED_ANSWERED;
    }
    return RECORDED_STRANGE;
}

/* The last one: a list before it may have members of that name. */
static int64_t seq_of(const char *body)
{
    int64_t seq = LIN_UNSAID;
    for (const char *at = member(body, "seq"); at != NULL; at = member(at, "seq"))
        seq = number(at);
    return seq;
}

enum recorded_outcome recorded_reply_read(unsigned status, const char *body, struct lin_op *op)
{
    if (status == 503)
        return RECORDED_TRY_AGAIN;
    op->seq = seq_of(body);
    if (status == 200 || status == 201)
        return success_read(body, status == 200, op);
    return status == 404 || status == 409 || status == 422 ? refusal_read(body, op) : RECORDED_STRANGE;
}
