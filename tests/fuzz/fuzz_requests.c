/*
 * fuzz_requests.c - JSON bodies of every write, parsed and applied.
 *
 * Input: one request a line, a letter that says which, an id up to the first blank, and the body:
 *
 *     R {"kind":"cart","channel":"web","lines":[{"sku":"A","quantity":1}]}
 *     Cr1 {"lines":[{"line":1}]}
 *     t60000                          a minute passes
 *     kK1                             the next write has this idempotency key
 *
 * Laws: every counter is the sum of its parts after every request; a ledger that only saw the records is the
 * same ledger; every reply is JSON and every fault can be answered; no answer about availability is negative.
 */
#include "base/assert.h"
#include "base/utf8.h"
#include "codec/decimal.h"
#include "codec/json_guard.h"
#include "codec/json_reply.h"
#include "codec/json_request.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"
#include <string.h>

#define INPUT_SIZE_MAX 16384u
#define REQUESTS_MAX   64u
#define REPLY_SIZE_MAX ((size_t)8 << 20)
#define PASS_MS_MAX    100000000 /* about a day */

static struct oh_json_document *document;

struct run {
    struct fuzz_world world;
    struct oh_bytes key;
    struct oh_strbuf reply;
};

/* ---- Replies ---------------------------------------------------------------------------------- */

/* A counter may have 16 digits, one more than the guard lets a client send. */
static void reply_check(const struct oh_strbuf *reply)
{
    struct oh_fault fault;
    OH_ASSERT(!reply->is_overflowed);
    if (oh_json_guard(oh_strbuf_bytes(reply), &fault) != OH_OK)
        OH_ASSERT(strcmp(fault.code, "number_not_exact") == 0);
}

static void fault_reply(struct run *run, const struct oh_fault *fault)
{
    fuzz_fault_check(fault);
    oh_strbuf_clear(&run->reply);
    oh_reply_put_fault(&run->reply, fault);
    reply_check(&run->reply);
}

static void answer_reply(struct run *run, const struct oh_answer *answer)
{
    oh_strbuf_clear(&run->reply);
    if (oh_verdict_is_success(answer->verdict)) {
        oh_reply_put_answer(&run->reply, run->world.ledger, answer);
    } else {
        struct oh_fault fault;
        oh_fault_from_answer(answer, &fault);
        fuzz_fault_check(&fault);
        oh_reply_put_problem(&run->reply, run->world.ledger, answer);
    }
    reply_check(&run->reply);
}

/* ---- Requests --------------------------------------------------------------------------------- */

static void apply(struct run *run, const struct oh_command *command)
{
    struct oh_answer answer;
    fuzz_world_apply(&run->world, command, &answer);
    OH_ASSERT(answer.seq <= oh_ledger_seq(run->world.ledger));
    answer_reply(run, &answer);
}

static void batch_run(struct run *run, struct oh_bytes body)
{
    struct oh_fault fault;
    struct oh_batch_entry *entries = NULL;
    uint32_t count = 0;
    if (oh_request_batch(document, run->world.ledger, body, &entries, &count, &fault) != OH_OK) {
        fault_reply(run, &fault);
        return;
    }
    OH_ASSERT(count >= 1 && count <= OH_BATCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (entries[i].verdict == OH_OK_DONE)
            apply(run, &entries[i].command);
    }
}

static void question_run(struct run *run, struct oh_bytes body)
{
    struct oh_fault fault;
    struct oh_availability_request request;
    if (oh_request_availability(document, run->world.ledger, body, &request, &fault) != OH_OK) {
        fault_reply(run, &fault);
        return;
    }
    OH_ASSERT(request.sku_count >= 1 && request.sku_count <= OH_CELLS_MAX);
    OH_ASSERT((uint64_t)request.sku_count * request.node_count <= OH_CELLS_MAX);
    OH_ASSERT(request.min_quantity_milli >= 0);
}

/* The action of a letter; 0: none. */
static enum oh_command_type action_of(char letter)
{
    switch (letter) {
    case 'C':
        return OH_COMMAND_CONFIRM;
    case 'L':
        return OH_COMMAND_RELEASE;
    case 'E':
        return OH_COMMAND_EXTEND;
    case 'H':
        return OH_COMMAND_CHANGE;
    case 'M':
        return OH_COMMAND_MOVE;
    case 'F':
        return OH_COMMAND_FULFIL;
    default:
        return (enum oh_command_type)0;
    }
}

static enum oh_err reference_parse(char letter, struct oh_bytes id, struct oh_bytes body,
                                   struct oh_command *out, struct oh_fault *fault)
{
    switch (letter) {
    case 'n':
        return oh_request_node(document, id, body, out, fault);
    case 'i':
        return oh_request_item(document, id, body, out, fault);
    case 'g':
        return oh_request_group(document, id, body, out, fault);
    case 'c':
        return oh_request_channel(document, id, body, out, fault);
    case 'r':
        return oh_request_rule(document, id, body, out, fault);
    case 'f':
        return oh_request_fence(document, id, body, out, fault);
    default:
        return oh_request_supply(document, id, body, out, fault);
    }
}

static enum oh_err command_parse(const struct run *run, char letter, struct oh_bytes id, struct oh_bytes body,
                                 struct oh_command *out, struct oh_fault *fault)
{
    if (action_of(letter) != 0)
        return oh_request_action(document, action_of(letter), id, body, out, fault);
    if (letter == 'a')
        return oh_request_adjust(document, body, out, fault);
    if (letter == 'y')
        return oh_request_sync(document, body, out, fault);
    if (letter == 'R')
        return oh_request_reserve(document, run->world.ledger, body, out, fault);
    return reference_parse(letter, id, body, out, fault);
}

static void command_run(struct run *run, char letter, struct oh_bytes id, struct oh_bytes body)
{
    struct oh_command command;
    struct oh_fault fault;
    if (command_parse(run, letter, id, body, &command, &fault) != OH_OK) {
        fault_reply(run, &fault);
        return;
    }
    command.key = run->key;
    run->key = OH_BYTES_NONE;
    apply(run, &command);
    fuzz_ledger_check(run->world.ledger);
}

static void line_run(struct run *run, struct oh_bytes line)
{
    const char *blank = memchr(line.data, ' ', line.size);
    size_t id_end = blank == NULL ? line.size : (size_t)(blank - line.data);
    struct oh_bytes id = { line.data + 1, id_end == 0 ? 0 : id_end - 1 };
    struct oh_bytes body = { line.data + id_end, line.size - id_end };
    int64_t pass_ms = 0;
    switch (line.data[0]) {
    case 't':
        if (oh_integer_parse(id, &pass_ms) == OH_OK && pass_ms >= 0 && pass_ms <= PASS_MS_MAX)
            fuzz_world_pass(&run->world, pass_ms * 1000);
        break;
    case 'k':
        run->key = id;
        break;
    case 'B':
        batch_run(run, body);
        break;
    case 'q':
        question_run(run, body);
        break;
    case '#':
    case ' ':
        break;
    default:
        if (oh_utf8_is_valid(id)) /* the router decodes paths, and refuses what is not text */
            command_run(run, line.data[0], id, body);
    }
}

/* ---- Answers ---------------------------------------------------------------------------------- */

static void position_check(const struct oh_ledger *ledger, struct oh_item_id item, struct oh_node_id node,
                           int64_t now_us)
{
    const struct oh_asker nobody = { .channel = { OH_NODE_NONE }, .kind = OH_KIND_ANY };
    struct oh_position_view view;
    struct oh_availability availability;
    int64_t sum = 0;
    oh_position_get(ledger, item, node, now_us, &view);
    oh_available_at_node(ledger, item, node, nobody, now_us, &availability);
    for (unsigned state = 0; state < OH_STATE_COUNT; state++)
        sum += view.states_milli[state];
    OH_ASSERT(sum == view.on_hand_milli);
    OH_ASSERT(view.held_milli >= 0 && view.confirmed_milli >= 0);
    OH_ASSERT(view.available_milli >= 0 && view.short_milli >= 0 && view.fenced_milli >= 0);
    OH_ASSERT(availability.available_milli >= 0 && availability.backorder_milli >= 0);
    OH_ASSERT(availability.reason != OH_OK_DONE || availability.available_milli == view.available_milli);
}

static void answers_check(const struct fuzz_world *world)
{
    const struct oh_ledger *ledger = world->ledger;
    int64_t now_us = oh_ledger_time_us(ledger);
    for (uint32_t item = 0; item < oh_item_count(ledger); item++) {
        for (uint32_t node = 0; node < oh_node_count(ledger); node++)
            position_check(ledger, (struct oh_item_id){ item }, (struct oh_node_id){ (uint16_t)node },
                           now_us);
        for (uint32_t channel = 0; channel < oh_channel_count(ledger); channel++) {
            const struct oh_asker asker = { .channel = { (uint16_t)channel }, .kind = OH_KIND_SHIP };
            struct oh_availability availability;
            oh_available_in_channel(ledger, (struct oh_item_id){ item }, asker, now_us, &availability);
            OH_ASSERT(availability.available_milli >= 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_SIZE_MAX)
        return 0;
    if (document == NULL) {
        enum oh_err err = oh_json_document_create(&document);
        OH_ASSERT(err == OH_OK);
    }
    struct run run = { .key = OH_BYTES_NONE };
    fuzz_world_init(&run.world, true);
    oh_strbuf_init(&run.reply, REPLY_SIZE_MAX);
    const char *at = (const char *)data;
    const char *end = at + size;
    for (uint32_t count = 0; at < end && count < REQUESTS_MAX; count++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end == NULL ? end : line_end;
        if (line_end > at)
            line_run(&run, (struct oh_bytes){ at, (size_t)(line_end - at) });
        at = line_end < end ? line_end + 1 : end;
    }
    answers_check(&run.world);
    fuzz_world_check(&run.world);
    oh_strbuf_fini(&run.reply);
    fuzz_world_fini(&run.world);
    return 0;
}
