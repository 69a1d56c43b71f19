/*
 * fuzz_promise.c - documents as they are put, and questions that are asked of what became of them.
 *
 * Input: one text a line behind a letter that says which: c, z, s, h, l, o: a calendar, zone, service, schedule of n0,
 * lane, sourcing of web; p: a promise.
 *
 *     s{"transit":[{"days":1}]}
 *     h{"pickups":[{"service":"x","at":"12:00"}]}
 *     p{"channel":"web","destination":{"lat":48,"lon":2},"lines":[{"sku":"A","quantity":1}]}
 *
 * Laws: what is refused can be answered; what is taken can be compiled and asked, twice with the same answer; an option
 * gives no more than was asked and begins before it ends; what is kept of it is read back; booked, it leaves every
 * counter the sum of its parts, and a ledger that only saw the records is the same ledger.
 */
#include "base/assert.h"
#include "codec/json_promise.h"
#include "codec/json_text.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"
#include "support/lazy_memory.h"
#include "timetable/ledger_source.h"
#include <string.h>

#define INPUT_SIZE_MAX 16384u
#define TEXTS_MAX      16u
#define REPLY_SIZE_MAX ((size_t)8 << 20)
#define STEPS_MAX      2000u
#define HORIZON_DAYS   10u

struct run {
    struct fuzz_world world;
    struct oh_strbuf first, second;
};

static struct oh_json_document *document;
static struct oh_promise_engine *engine;

/* ---- Documents -------------------------------------------------------------------------------- */

static bool kind_of(char letter, enum oh_document_kind *out_kind, struct oh_bytes *out_id)
{
    static const char letters[] = "czshlo"; /* in the order of the kinds */
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (found == NULL)
        return false;
    *out_kind = (enum oh_document_kind)(found - letters);
    *out_id = letter == 'h' ? OH_BYTES("n0") : letter == 'o' ? OH_BYTES("web") : OH_BYTES("x");
    return true;
}

static void document_put(struct run *run, enum oh_document_kind kind, struct oh_bytes id, struct oh_bytes text)
{
    struct oh_document judged;
    struct oh_fault fault;
    struct oh_answer answer;
    if (oh_document_judge(document, kind, text, &judged, &fault) != OH_OK) {
        fuzz_fault_check(&fault);
        return;
    }
    struct oh_command command = { .type = OH_COMMAND_DOCUMENT, .document = { kind, id, text } };
    fuzz_world_apply(&run->world, &command, &answer);
}

/* ---- Promises --------------------------------------------------------------------------------- */

static void option_check(const struct oh_promise_request *request, const struct oh_promise_option *option)
{
    OH_ASSERT(option->parcel_count > 0 && option->from_us <= option->until_us);
    for (uint32_t i = 0; i < request->line_count; i++) {
        int64_t given = 0;
        for (uint32_t p = 0; p < option->pick_count; p++) {
            OH_ASSERT(option->picks[p].parcel < option->parcel_count && option->picks[p].quantity_milli > 0);
            given += option->picks[p].line == i ? option->picks[p].quantity_milli : 0;
        }
        OH_ASSERT(given <= request->lines[i].quantity_milli);
        OH_ASSERT(!option->is_complete || given == request->lines[i].quantity_milli);
    }
}

static void answer_put(struct oh_strbuf *out, const struct oh_promise_names *names,
                       const struct oh_promise_answer *answer)
{
    oh_strbuf_clear(out);
    oh_strbuf_put_char(out, '{');
    oh_reply_put_promise(out, names, answer);
    oh_strbuf_put_char(out, '}');
    OH_ASSERT(!out->is_overflowed);
}

/* The first option, booked as the server books it. */
static void hold(struct run *run, const struct oh_promise_request *request, const struct oh_promise_option *option)
{
    static struct oh_reserve_line lines[OH_LINES_MAX];
    static struct oh_reserve_pick picks[OH_CLAIMS_MAX];
    static struct oh_reserve_booking bookings[OH_BOOKINGS_MAX];
    struct oh_answer answer;
    if (request->line_count > OH_LINES_MAX || option->pick_count > OH_CLAIMS_MAX)
        return;
    for (uint32_t i = 0; i < request->line_count; i++)
        lines[i] = (struct oh_reserve_line){ .line = request->lines[i].line, .sku = request->lines[i].sku,
                                             .quantity_milli = request->lines[i].quantity_milli };
    uint32_t booking_count = oh_promise_claims(option, picks, bookings);
    struct oh_command command = { .type = OH_COMMAND_RESERVE };
    command.reserve = (struct oh_reserve_command){ .channel = request->channel, .kind = option->kind, .lines = lines,
                                                   .line_count = request->line_count, .picks = picks,
                                                   .pick_count = option->pick_count, .bookings = bookings,
                                                   .booking_count = booking_count,
                                                   .allow_partial = !option->is_complete,
                                                   .promise = oh_strbuf_bytes(&run->second), .fingerprint = 1 };
    fuzz_world_apply(&run->world, &command, &answer);
    fuzz_world_check(&run->world);
}

static void promise_ask(struct run *run, struct oh_timetable_builder *builder, struct oh_bytes text)
{
    struct oh_promise_body body;
    struct oh_fault fault;
    struct oh_promise_answer answer;
    struct oh_promise_names names = { .ledger = run->world.ledger };
    const struct oh_document_source source = oh_ledger_source(run->world.ledger);
    if (oh_request_promise(document, text, &body, &fault) != OH_OK) {
        fuzz_fault_check(&fault);
        return;
    }
    if (oh_timetable_refresh(builder, run->world.ledger, &source, run->world.now_us, &names.timetable) != OH_OK ||
        body.replace.is_set)
        return;
    body.request.steps_max = STEPS_MAX;
    names.request = &body.request;
    oh_promise(engine, run->world.ledger, names.timetable, &body.request, run->world.now_us, &answer);
    if (answer.verdict != OH_OK_DONE)
        return;
    answer_put(&run->first, &names, &answer);
    oh_promise(engine, run->world.ledger, names.timetable, &body.request, run->world.now_us, &answer);
    answer_put(&run->second, &names, &answer);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&run->first), oh_strbuf_bytes(&run->second)));
    for (uint32_t i = 0; i < answer.option_count; i++)
        option_check(&body.request, &answer.options[i]);
    if (answer.option_count == 0)
        return;
    struct oh_promise_kept kept;
    oh_strbuf_clear(&run->second);
    oh_reply_put_kept(&run->second, &names, &answer, 0, OH_BYTES("{}"), NULL);
    if (body.request.at_us == OH_TIME_US_NONE && body.request.without_count == 0)
        hold(run, &body.request, &answer.options[0]);
    OH_ASSERT(oh_request_promise_kept(document, oh_strbuf_bytes(&run->second), &kept));
}

/* ---- One input -------------------------------------------------------------------------------- */

static void text_run(struct run *run, struct oh_timetable_builder *builder, struct oh_bytes text)
{
    enum oh_document_kind kind;
    struct oh_bytes id;
    if (text.size == 0)
        return;
    struct oh_bytes rest = { text.data + 1, text.size - 1 };
    if (kind_of(text.data[0], &kind, &id))
        document_put(run, kind, id, rest);
    else if (text.data[0] == 'p')
        promise_ask(run, builder, rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = { 0 };
    struct oh_timetable_builder *builder = NULL;
    const struct oh_allocator allocator = lazy_allocator();
    if (size > INPUT_SIZE_MAX)
        return 0;
    if (document == NULL)
        OH_ASSERT(oh_json_document_create(&document) == OH_OK &&
                  oh_promise_engine_create(&allocator, &engine) == OH_OK);
    fuzz_world_init(&run.world, true);
    OH_ASSERT(oh_timetable_builder_create(HORIZON_DAYS, &builder) == OH_OK);
    oh_strbuf_init(&run.first, REPLY_SIZE_MAX);
    oh_strbuf_init(&run.second, REPLY_SIZE_MAX);
    struct oh_bytes rest = { (const char *)data, size };
    for (uint32_t i = 0; i < TEXTS_MAX && rest.size > 0; i++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t text_size = end == NULL ? rest.size : (size_t)(end - rest.data);
        text_run(&run, builder, (struct oh_bytes){ rest.data, text_size });
        size_t used = end == NULL ? text_size : text_size + 1;
        rest = (struct oh_bytes){ rest.data + used, rest.size - used };
    }
    fuzz_world_check(&run.world);
    oh_strbuf_fini(&run.first);
    oh_strbuf_fini(&run.second);
    oh_timetable_builder_destroy(&builder);
    fuzz_world_fini(&run.world);
    return 0;
}
