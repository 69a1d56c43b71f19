#include "linear/recorded_client.h"
#include "linear/recorded_reply.h"

#include "app/client.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define TIMEOUT_MS   20000
#define SERIAL_SHIFT 40
#define ETA_DAYS     3u
/* Far enough for the next pickup and a day's transit, however late it is. */
#define DELIVERY_DAYS 4
#define SCHEDULE_SIZE 4096u

uint64_t recorded_chance(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint32_t below(struct recorded_client *client, uint32_t count)
{
    return (uint32_t)(recorded_chance(&client->chance) % count);
}

/* ---- What is asked ---- */

/* How often each kind is chosen, in hundredths. */
static const struct {
    enum lin_kind kind;
    uint32_t weight;
} mix[] = {
    { LIN_RESERVE, 20 }, { LIN_PROMISE, 12 }, { LIN_RELEASE, 8 }, { LIN_CONFIRM, 9 }, { LIN_FULFIL, 7 },
    { LIN_EXTEND, 2 },   { LIN_CHANGE, 4 },   { LIN_MOVE, 4 },    { LIN_LIMIT, 3 },   { LIN_ADJUST, 8 },
    { LIN_SYNC, 2 },     { LIN_SUPPLY, 4 },   { LIN_READ, 13 },   { LIN_STATUS, 4 },
};

static enum lin_kind kind_choose(struct recorded_client *client)
{
    uint32_t at = below(client, 100);
    uint32_t i = 0;
    while (at >= mix[i].weight)
        at -= mix[i++].weight;
    return mix[i].kind;
}

/* Half of everything happens to the first two families. */
static uint32_t family_choose(struct recorded_client *client)
{
    uint32_t count = client->shop->family_count;
    return below(client, 2) == 0 && count > 2 ? below(client, 2) : below(client, count);
}

static void item_text(uint32_t item, char out_text[static 16])
{
    (void)snprintf(out_text, 16, "%c%u", item % 2 == 0 ? 'A' : 'B', item / 2);
}

struct text {
    char *data;
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text->data + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    text->used += written > 0 ? (size_t)written : 0;
}

/* "sku":"A0","node":"n1","quantity":2 */
static void put_line(struct text *text, const struct lin_line *line)
{
    char item[16];
    item_text(line->item, item);
    put(text, "\"sku\":\"%s\",\"quantity\":%" PRId64, item, line->quantity);
    if (line->node != LIN_ANY_NODE)
        put(text, ",\"node\":\"n%u\"", line->node + 1);
}

static void lines_choose(struct recorded_client *client, uint32_t family, bool may_be_any)
{
    struct lin_op *op = &client->request.op;
    op->line_count = below(client, 4) == 0 ? 2 : 1;
    for (uint32_t i = 0; i < op->line_count; i++) {
        op->lines[i].item = family * 2 + below(client, 2);
        op->lines[i].node =
            may_be_any && below(client, 3) == 0 ? LIN_ANY_NODE : below(client, RECORDED_NODES);
        op->lines[i].quantity = 1 + below(client, 3);
    }
}

static void ask_adjust(struct recorded_client *client, uint32_t family, struct text *body)
{
    struct lin_op *op = &client->request.op;
    lines_choose(client, family, false);
    put(body, "{\"source\":\"c%u\",\"entries\":[", client->number);
    for (uint32_t i = 0; i < op->line_count; i++) {
        op->lines[i].quantity = below(client, 3) == 0 ? -op->lines[i].quantity : op->lines[i].quantity + 1;
        put(body, "%s{", i == 0 ? "" : ",");
        put_line(body, &op->lines[i]);
        put(body, ",\"reason\":\"r\"}");
    }
    put(body, "]}");
    (void)snprintf(client->request.target, sizeof client->request.target, "/v1/stock/adjust");
}

/* Counts are of the year 2001, so every movement comes after them. Some are older than one that was sent. */
static void ask_sync(struct recorded_client *client, uint32_t family, struct text *body)
{
    struct lin_op *op = &client->request.op;
    uint32_t version = atomic_fetch_add(&client->shop->families[family].versions, 1) % (86400u * 28);
    uint32_t back = below(client, 4);
    version = back > version ? 0 : version - back;
    lines_choose(client, family, false);
    op->line_count = 1;
    op->lines[0].quantity = below(client, 20);
    op->as_of = version;
    put(body, "{\"source\":\"s\",\"entries\":[{");
    put_line(body, &op->lines[0]);
    put(body, ",\"as_of\":\"2001-01-%02uT%02u:%02u:%02uZ\"}]}", version / 86400 + 1, version / 3600 % 24,
        version / 60 % 60, version % 60);
    (void)snprintf(client->request.target, sizeof client->request.target, "/v1/stock/sync");
}

static void ask_reserve(struct recorded_client *client, uint32_t family, struct text *body)
{
    struct lin_op *op = &client->request.op;
    lines_choose(client, family, true);
    op->reservation = op->key;
    op->ttl_us = below(client, 5) == 0 ? (int64_t)(1 + below(client, 2)) * 1000000 : 0;
    put(body, "{\"id\":\"r%" PRIu64 "\",\"kind\":\"cart\",\"channel\":\"all\",\"lines\":[", op->reservation);
    for (uint32_t i = 0; i < op->line_count; i++) {
        put(body, "%s{", i == 0 ? "" : ",");
        put_line(body, &op->lines[i]);
        put(body, "}");
    }
    put(body, "]");
    if (op->ttl_us > 0)
        put(body, ",\"ttl_seconds\":%" PRId64, op->ttl_us / 1000000);
    put(body, "}");
    (void)snprintf(client->request.target, sizeof client->request.target, "/v1/reservations");
}

/* A supply is now here and now there among the items and nodes of its family, and never as it was before. */
static void ask_supply(struct recorded_client *client, uint32_t family, struct text *body)
{
    struct lin_op *op = &client->request.op;
    uint32_t fraction = (uint32_t)(client->number * 30000 + client->serial % 30000);
    uint32_t day = 1 + below(client, ETA_DAYS);
    lines_choose(client, family, false);
    op->line_count = 1;
    op->lines[0].quantity = below(client, 5);
    op->supply = family * RECORDED_SUPPLIES + below(client, RECORDED_SUPPLIES);
    op->eta = (int64_t)day * 1000000 + fraction;
    put(body, "{");
    put_line(body, &op->lines[0]);
    put(body, ",\"eta\":\"2031-01-0%uT00:00:00.%06uZ\"}", day, fraction);
    memcpy(client->request.method, "PUT", 4);
    (void)snprintf(client->request.target, sizeof client->request.target, "/v1/supplies/s%u", op->supply);
}

/* The window of a family, by the name of the service that delivers in it. */
static uint32_t window_of(uint32_t family)
{
    return family / RECORDED_SHARING;
}

static void put_service(struct text *body, const struct recorded_shop *shop, uint64_t name, int64_t limit)
{
    put(body,
        "{\"name\":\"%" PRIu64 "\",\"transit\":[{\"hours\":24}],\"delivery_calendar\":\"%s\","
        "\"slots\":[{\"from\":\"08:00\",\"to\":\"20:00\",\"limit\":%" PRId64 "}]}",
        name, shop->day, limit);
}

/* A few places, or none, beyond those that do not come back. */
static void ask_limit(struct recorded_client *client, uint32_t family, struct text *body)
{
    struct lin_op *op = &client->request.op;
    op->window = window_of(family);
    op->line_count = 1;
    op->lines[0].quantity =
        atomic_load(&client->shop->families[op->window * RECORDED_SHARING].worked) + below(client, 6);
    put_service(body, client->shop, op->key, op->lines[0].quantity);
    memcpy(client->request.method, "PUT", 4);
    (void)snprintf(client->request.target, sizeof client->request.target, "/v1/services/w%u", op->window);
}

static void ask_promise(struct recorded_client *client, uint32_t family, struct text *body)
{
    struct lin_op *op = &client->request.op;
    lines_choose(client, family, true);
    op->reservation = op->key;
    op->window = window_of(family);
    op->ttl_us = (below(client, 5) == 0 ? 1 + (int64_t)below(client, 2) : 3600) * 1000000;
    put(body,
        "{\"channel\":\"all\",\"destination\":{\"lat\":1,\"lon\":1},"
        "\"options\":{\"kinds\":[\"ship\"],\"services\":[\"w%u\"]},\"lines\":[",
        op->window);
    for (uint32_t i = 0; i < op->line_count; i++) {
        op->lines[i].node = LIN_ANY_NODE;
        put(body, "%s{", i == 0 ? "" : ",");
        put_line(body, &op->lines[i]);
        put(body, "}");
    }
    put(body, "],\"hold\":{\"select\":\"first\",\"id\":\"r%" PRIu64 "\",\"ttl_seconds\":%" PRId64 "}}",
        op->reservation, op->ttl_us / 1000000);
    (void)snprintf(client->request.target, sizeof client->request.target, "/v1/promises");
}

/* An action needs a reservation, a change and a move one with a single claim; false: there is none here. */
static bool ask_action(struct recorded_client *client, uint32_t family, struct text *body)
{
    static const char *const actions[] = {
        [LIN_CONFIRM] = "confirm", [LIN_RELEASE] = "release", [LIN_FULFIL] = "fulfil",
        [LIN_EXTEND] = "extend",   [LIN_CHANGE] = "change",   [LIN_MOVE] = "move",
    };
    struct lin_op *op = &client->request.op;
    uint64_t recent = atomic_load(&client->shop->families[family].recent[below(client, RECORDED_RECENT)]);
    bool needs_single = op->kind == LIN_CHANGE || op->kind == LIN_MOVE;
    if (recent == 0 || (needs_single && (recent & 1) == 0))
        return false;
    op->reservation = recent >> 2;
    client->request.is_promised = (recent >> 1 & 1) != 0;
    client->request.window = window_of(family);
    if (op->kind == LIN_EXTEND) {
        op->ttl_us = (int64_t)below(client, 3) * 1000000;
        put(body, "{\"ttl_seconds\":%" PRId64 "}", op->ttl_us / 1000000);
    }
    if (needs_single) {
        op->line_count = 1;
        op->lines[0].quantity = 1 + below(client, 4);
        op->lines[0].node = below(client, RECORDED_NODES);
    }
    if (op->kind == LIN_CHANGE)
        put(body, "{\"lines\":[{\"line\":1,\"quantity\":%" PRId64 "}]}", op->lines[0].quantity);
    if (op->kind == LIN_MOVE)
        put(body, "{\"to_node\":\"n%u\"}", op->lines[0].node + 1);
    (void)snprintf(client->request.target, sizeof client->request.target, "/v1/reservations/r%" PRIu64 "/%s",
                   op->reservation, actions[op->kind]);
    return true;
}

/* What can be had at the node or in the channel, now or by the end of a day of supplies. */
static void ask_available(struct recorded_client *client, const char *item, bool is_to_come)
{
    struct lin_op *op = &client->request.op;
    struct text target = { client->request.target, sizeof client->request.target, 0 };
    put(&target, "/v1/availability/%s?", item);
    if (op->lines[0].node == LIN_ANY_NODE)
        put(&target, "channel=all");
    else
        put(&target, "node=n%u", op->lines[0].node + 1);
    if (!is_to_come)
        return;
    uint32_t day = 1 + below(client, ETA_DAYS);
    op->by = (int64_t)day * 1000000 + 999999;
    put(&target, "&by=2031-01-0%uT00:00:00.999999Z", day);
}

static bool ask_read(struct recorded_client *client, uint32_t family)
{
    struct lin_op *op = &client->request.op;
    char item[16];
    memcpy(client->request.method, "GET", 4);
    op->key = 0;
    if (op->kind == LIN_STATUS) {
        uint64_t recent = atomic_load(&client->shop->families[family].recent[below(client, RECORDED_RECENT)]);
        op->reservation = recent >> 2;
        (void)snprintf(client->request.target, sizeof client->request.target, "/v1/reservations/r%" PRIu64,
                       op->reservation);
        return recent != 0;
    }
    lines_choose(client, family, true);
    op->line_count = 1;
    item_text(op->lines[0].item, item);
    bool is_to_come = below(client, 3) == 0;
    if (is_to_come || op->lines[0].node == LIN_ANY_NODE) {
        ask_available(client, item, is_to_come);
    } else
        (void)snprintf(client->request.target, sizeof client->request.target, "/v1/stock/%s/n%u", item,
                       op->lines[0].node + 1);
    return true;
}

static void ask_release(struct recorded_client *client, uint64_t reservation)
{
    lin_op_init(&client->request.op, LIN_RELEASE);
    client->request.op.reservation = reservation;
    client->request.body[0] = '\0';
    (void)snprintf(client->request.target, sizeof client->request.target,
                   "/v1/reservations/r%" PRIu64 "/release", reservation);
}

static uint64_t key_next(struct recorded_client *client)
{
    return (uint64_t)(client->number + 1) << SERIAL_SHIFT | ++client->serial;
}

/* False: there was nothing to ask of this kind. */
static bool ask_something(struct recorded_client *client)
{
    struct recorded_request *request = &client->request;
    struct text body = { request->body, sizeof request->body, 0 };
    uint32_t family = family_choose(client);
    lin_op_init(&request->op, kind_choose(client));
    request->op.key = key_next(client);
    request->is_repeat = false;
    request->is_promised = false;
    request->body[0] = '\0';
    memcpy(request->method, "POST", 5);
    switch (request->op.kind) {
    case LIN_ADJUST:
        ask_adjust(client, family, &body);
        return true;
    case LIN_SYNC:
        ask_sync(client, family, &body);
        return true;
    case LIN_SUPPLY:
        ask_supply(client, family, &body);
        return true;
    case LIN_LIMIT:
        ask_limit(client, family, &body);
        return true;
    case LIN_RESERVE:
        ask_reserve(client, family, &body);
        return true;
    case LIN_PROMISE:
        ask_promise(client, family, &body);
        return true;
    case LIN_READ:
    case LIN_STATUS:
        return ask_read(client, family);
    case LIN_CONFIRM:
    case LIN_RELEASE:
    case LIN_FULFIL:
    case LIN_EXTEND:
    case LIN_CHANGE:
    case LIN_MOVE:
        return ask_action(client, family, &body);
    }
    return false;
}

/* What comes next: what fell out is released, now and then a write is repeated, else something new. */
static void ask_next(struct recorded_client *client)
{
    if (client->to_release != 0) {
        ask_release(client, client->to_release);
        client->request.op.key = key_next(client);
        memcpy(client->request.method, "POST", 5);
        client->to_release = 0;
        return;
    }
    if (client->answered.op.key != 0 && below(client, 40) == 0) {
        client->request = client->answered;
        return;
    }
    while (!ask_something(client)) /* ends: most kinds can always be asked */
        ;
}

/* ---- Sending it ---- */

/* Connects to where the server is now; *out_life is the life that answers. False: it is nowhere just now. */
static bool client_connect(struct recorded_client *client, struct oh_client *http, uint32_t *out_life)
{
    struct oh_diag diag;
    uint64_t place = atomic_load(&client->shop->server->place);
    if (http->fd >= 0)
        return true;
    atomic_store(&client->fd, -1);
    if ((place & 0xffff) == 0)
        return false;
    (void)snprintf(http->url.port, sizeof http->url.port, "%u", (unsigned)(place & 0xffff));
    if (oh_client_connect(http, &diag) != OH_OK)
        return false;
    if (atomic_load(&client->shop->server->place) != place) { /* another life may have taken the port */
        oh_client_disconnect(http);
        return false;
    }
    *out_life = (uint32_t)(place >> 16);
    atomic_store(&client->fd, http->fd);
    return true;
}

static bool client_send(struct recorded_client *client, struct oh_client *http)
{
    static const char json[] = "Content-Type: application/json\r\n";
    const struct recorded_request *request = &client->request;
    char bytes[RECORDED_BODY_SIZE + 512];
    char key[64] = "";
    size_t size = strlen(request->body);
    bool has_id = request->op.kind == LIN_RESERVE || request->op.kind == LIN_PROMISE; /* that is its key */
    if (request->op.key != 0 && !has_id)
        (void)snprintf(key, sizeof key, "Idempotency-Key: k%" PRIu64 "\r\n", request->op.key);
    int total =
        snprintf(bytes, sizeof bytes, "%s %s HTTP/1.1\r\nHost: x\r\n%s%sContent-Length: %zu\r\n\r\n%s",
                 request->method, request->target, key, size > 0 ? json : "", size, request->body);
    return oh_client_send(http, (struct oh_bytes){ bytes, (size_t)total }) == OH_OK;
}

static void shop_break(struct recorded_client *client, unsigned status, const char *body)
{
    if (atomic_exchange(&client->shop->is_broken, true))
        return;
    (void)snprintf(client->shop->trouble, sizeof client->shop->trouble, "%s %s %.300s -> %u %.400s",
                   client->request.method, client->request.target, client->request.body, status, body);
}

/* The connection ended: nothing was answered. */
static void answer_none(struct lin_op *op)
{
    op->answer = LIN_NONE;
    op->return_us = LIN_NEVER;
    op->seq = LIN_UNSAID;
    op->created_us = LIN_UNSAID;
    op->expires_us = LIN_UNSAID;
    op->claim_count = UINT32_MAX;
    for (uint32_t i = 0; i < LIN_LINES_MAX; i++)
        op->lines[i].available = LIN_UNSAID;
}

/* Reads the reply to what was sent. */
static enum recorded_outcome client_receive(struct recorded_client *client, struct oh_client *http,
                                            struct lin_op *op)
{
    struct oh_response response = { .status = 0 };
    struct oh_diag diag;
    char body[RECORDED_BODY_SIZE * 4];
    if (oh_client_receive(http, &response, &diag) != OH_OK || response.body.size >= sizeof body)
        return RECORDED_TRY_AGAIN;
    op->return_us = recorded_now_us();
    memcpy(body, response.body.data, response.body.size);
    body[response.body.size] = '\0';
    enum recorded_outcome outcome = recorded_reply_read(response.status, body, op);
    if (outcome == RECORDED_STRANGE)
        shop_break(client, response.status, body);
    return outcome;
}

static bool row_add(struct recorded_client *client, const struct lin_op *op, uint32_t life)
{
    if (client->row_count == client->row_max) {
        uint32_t grown = client->row_max == 0 ? 1024 : client->row_max * 2;
        struct recorded_row *rows = realloc(client->rows, grown * sizeof *rows);
        if (rows == NULL)
            return false;
        client->rows = rows;
        client->row_max = grown;
    }
    client->rows[client->row_count++] = (struct recorded_row){ *op, life };
    return true;
}

/* Sends the request once; true when it is answered. */
static bool client_try(struct recorded_client *client, struct oh_client *http, uint32_t *life)
{
    struct lin_op op = client->request.op;
    if (!client_connect(client, http, life)) {
        recorded_pause_ms(1);
        return false;
    }
    op.client = client->number;
    op.invoke_us = recorded_now_us();
    bool is_sent = client_send(client, http);
    enum recorded_outcome outcome = is_sent ? client_receive(client, http, &op) : RECORDED_TRY_AGAIN;
    if (outcome != RECORDED_ANSWERED) {
        answer_none(&op);
        oh_client_disconnect(http);
    }
    if (!row_add(client, &op, *life))
        shop_break(client, 0, "out of memory");
    client->request.op.answer = op.answer; /* these two for remember() */
    client->request.op.claim_count = op.claim_count;
    return outcome == RECORDED_ANSWERED;
}

/* A reservation that was made, or refused, is there for everyone; the one whose place it takes is released. */
static void remember(struct recorded_client *client)
{
    struct lin_op *op = &client->request.op;
    struct lin_op told = *op;
    op->answer = LIN_NONE;
    op->claim_count = UINT32_MAX;
    if (told.kind == LIN_FULFIL && told.answer == LIN_OK && client->request.is_promised && !client->request.is_repeat)
        atomic_fetch_add(&client->shop->families[client->request.window * RECORDED_SHARING].worked, 1);
    if (op->key != 0 && below(client, 4) == 0) {
        client->answered = client->request;
        client->answered.is_repeat = true;
    }
    if (told.answer != LIN_OK || told.claim_count == UINT32_MAX)
        return;
    struct recorded_family *family = &client->shop->families[op->lines[0].item / 2];
    bool is_promise = told.kind == LIN_PROMISE;
    bool is_single = op->line_count == 1 && (is_promise || op->lines[0].node != LIN_ANY_NODE);
    uint64_t now = op->reservation << 2 | (uint64_t)is_promise << 1 | is_single;
    client->to_release = atomic_exchange(&family->recent[below(client, RECORDED_RECENT)], now) >> 2;
}

static bool take_one(struct recorded_shop *shop)
{
    uint64_t left = atomic_load(&shop->left);
    while (left > 0 && !atomic_compare_exchange_weak(&shop->left, &left, left - 1))
        ;
    return left > 0;
}

static void *client_run(void *context)
{
    struct recorded_client *client = context;
    struct oh_client http;
    struct oh_url url;
    struct oh_diag diag;
    uint32_t life = 0;
    if (oh_url_parse("http://127.0.0.1:1", &url, &diag) != OH_OK)
        return NULL;
    oh_client_init(&http, &url, TIMEOUT_MS);
    while (take_one(client->shop) && !atomic_load(&client->shop->is_broken)) {
        ask_next(client);
        while (!client_try(client, &http, &life) && !atomic_load(&client->shop->is_broken))
            ;
        remember(client);
    }
    atomic_store(&client->fd, -1);
    oh_client_fini(&http);
    return NULL;
}

bool recorded_client_start(struct recorded_client *client, struct recorded_shop *shop, uint32_t number,
                           uint64_t seed)
{
    *client = (struct recorded_client){ .shop = shop, .number = number, .chance = seed };
    atomic_store(&client->fd, -1);
    return pthread_create(&client->thread, NULL, client_run, client) == 0;
}

void recorded_client_join(struct recorded_client *client)
{
    (void)pthread_join(client->thread, NULL);
}

/* Only shut, never closed: the number may be another socket's by now, which is then cut instead. */
void recorded_client_cut(struct recorded_client *client)
{
    int fd = atomic_load(&client->fd);
    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
}

/* ---- Opening the shop ---- */

static bool put_one(struct oh_client *http, const char *target, const char *body)
{
    struct oh_response response;
    struct oh_diag diag;
    struct oh_bytes bytes = { body, strlen(body) };
    return oh_client_request(http, "PUT", target, bytes, &response, &diag) == OH_OK &&
           (response.status == 200 || response.status == 201);
}

/*
 * What promises need: goods are delivered on one day only, so each service is one window, and no later one takes what
 * it has no place for. All of a promise comes from one node, the first that has it.
 */
static bool promises_open(struct recorded_shop *shop, struct oh_client *http)
{
    char target[64];
    char bytes[SCHEDULE_SIZE];
    time_t day = time(NULL) + DELIVERY_DAYS * 86400;
    struct tm parts;
    uint32_t windows = window_of(shop->family_count - 1) + 1;
    if (gmtime_r(&day, &parts) == NULL)
        return false;
    (void)strftime(shop->day, sizeof shop->day, "%Y-%m-%d", &parts);
    (void)snprintf(target, sizeof target, "/v1/calendars/%s", shop->day);
    struct text body = { bytes, sizeof bytes, 0 };
    put(&body, "{\"weekly_off\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\",\"sun\"],\"days_on\":[\"%s\"]}",
        shop->day);
    bool is_open = put_one(http, target, bytes);
    for (uint32_t i = 0; i < windows && is_open; i++) {
        (void)snprintf(target, sizeof target, "/v1/services/w%u", i);
        body.used = 0;
        put_service(&body, shop, 0, 0);
        is_open = put_one(http, target, bytes);
    }
    for (uint32_t i = 0; i < RECORDED_NODES && is_open; i++) {
        (void)snprintf(target, sizeof target, "/v1/nodes/n%u/schedule", i + 1);
        body.used = 0;
        put(&body, "{\"priority\":%u,\"pickups\":[", i);
        for (uint32_t n = 0; n < windows; n++)
            put(&body, "%s{\"service\":\"w%u\",\"at\":\"12:00\"}", n == 0 ? "" : ",", n);
        put(&body, "]}");
        is_open = put_one(http, target, bytes);
    }
    return is_open && put_one(http, "/v1/channels/all/sourcing",
                              "{\"objective\":[\"complete\",\"priority\"],\"parcels_max\":1,\"split_orders\":false,"
                              "\"split_lines\":false,\"future_supply\":\"none\"}");
}

bool recorded_shop_open(struct recorded_shop *shop)
{
    char text[64];
    struct oh_client http;
    struct oh_url url;
    struct oh_diag diag;
    bool is_open = true;
    (void)snprintf(text, sizeof text, "http://127.0.0.1:%u",
                   (unsigned)(atomic_load(&shop->server->place) & 0xffff));
    if (oh_url_parse(text, &url, &diag) != OH_OK)
        return false;
    oh_client_init(&http, &url, TIMEOUT_MS);
    for (uint32_t i = 0; i < RECORDED_NODES && is_open; i++) {
        (void)snprintf(text, sizeof text, "/v1/nodes/n%u", i + 1);
        is_open = put_one(&http, text, "{\"type\":\"store\"}");
    }
    for (uint32_t i = 0; i < shop->family_count * 2 && is_open; i++) {
        char item[16];
        item_text(i, item);
        (void)snprintf(text, sizeof text, "/v1/items/%s", item);
        is_open = put_one(&http, text, "{}");
    }
    is_open = is_open && put_one(&http, "/v1/channels/all",
                                 "{\"policy\":\"priority\",\"nodes\":[\"n1\",\"n2\",\"n3\"]}");
    is_open = is_open && promises_open(shop, &http);
    oh_client_fini(&http);
    return is_open;
}
