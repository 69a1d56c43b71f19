#include "app/bench_requests.h"

#include "base/assert.h"
#include <inttypes.h>
#include <string.h>

/* "Content-Length: " is written before the body is; this many digits are kept free for it. */
#define BENCH_LENGTH_DIGITS 8

static bool is_unreserved(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void oh_bench_put_escaped(struct oh_strbuf *out, struct oh_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (is_unreserved(byte))
            oh_strbuf_put_char(out, (char)byte);
        else
            oh_strbuf_printf(out, "%%%02X", byte);
    }
}

/* Inside a JSON string: ids are UTF-8, so only quotes, backslashes and control bytes need care. */
static void put_json(struct oh_strbuf *out, struct oh_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20)
            oh_strbuf_printf(out, "\\u%04x", byte);
        else {
            if (byte == '"' || byte == '\\')
                oh_strbuf_put_char(out, '\\');
            oh_strbuf_put_char(out, (char)byte);
        }
    }
}

static void put_id(struct oh_strbuf *out, const struct oh_bench_form *form, uint64_t id)
{
    oh_strbuf_put_text(out, "b");
    oh_strbuf_put_u64(out, form->run);
    oh_strbuf_put_text(out, "-");
    oh_strbuf_put_u64(out, id);
}

static void put_line_end_and_host(struct oh_strbuf *out, const struct oh_bench_form *form)
{
    oh_strbuf_put_text(out, " HTTP/1.1\r\n");
    oh_url_put_host(form->url, out);
}

static void put_line(const struct oh_bench_form *form, uint32_t number, struct oh_prng *prng, struct oh_strbuf *out)
{
    struct oh_bench_target target = oh_bench_targets_pick(form->targets, prng);
    oh_strbuf_put_text(out, number > 1 ? ",{\"line\":" : "{\"line\":");
    oh_strbuf_put_u64(out, number);
    oh_strbuf_put_text(out, ",\"sku\":\"");
    put_json(out, target.sku);
    oh_strbuf_put_text(out, "\",\"quantity\":1,\"node\":\"");
    put_json(out, target.node);
    oh_strbuf_put_text(out, "\"}");
}

static void put_reservation(const struct oh_bench_form *form, uint64_t id, struct oh_prng *prng,
                            struct oh_strbuf *out)
{
    OH_ASSERT(form->line_count >= 1);
    oh_strbuf_put_text(out, "{\"id\":\"");
    put_id(out, form, id);
    oh_strbuf_put_text(out, "\",\"kind\":\"");
    oh_strbuf_put_text(out, form->kind);
    oh_strbuf_put_text(out, "\",\"channel\":\"");
    oh_strbuf_put_text(out, form->channel);
    oh_strbuf_put_text(out, "\",\"ttl_seconds\":");
    oh_strbuf_put_u64(out, form->ttl_seconds);
    oh_strbuf_put_text(out, ",\"lines\":[");
    for (uint32_t i = 1; i <= form->line_count; i++)
        put_line(form, i, prng, out);
    oh_strbuf_put_text(out, "]}");
}

static void put_batch(const struct oh_bench_form *form, uint64_t id, struct oh_prng *prng,
                      struct oh_strbuf *out)
{
    oh_strbuf_put_text(out, "{\"reservations\":[");
    for (uint32_t i = 0; i < form->batch_count; i++) {
        if (i > 0)
            oh_strbuf_put_char(out, ',');
        put_reservation(form, id + i, prng, out);
    }
    oh_strbuf_put_text(out, "]}");
}

/* Consecutive names from one at random on, so that none comes twice. */
static void put_names(const struct oh_bench_names *names, uint32_t count_max, struct oh_prng *prng,
                      struct oh_strbuf *out)
{
    uint32_t count = count_max < names->count ? count_max : names->count;
    uint32_t first = (uint32_t)oh_prng_below(prng, names->count);
    for (uint32_t i = 0; i < count; i++) {
        oh_strbuf_put_text(out, i > 0 ? ",\"" : "\"");
        put_json(out, oh_bench_names_at(names, (first + i) % names->count));
        oh_strbuf_put_char(out, '"');
    }
}

static void put_question(const struct oh_bench_form *form, struct oh_prng *prng, struct oh_strbuf *out)
{
    oh_strbuf_put_text(out, "{\"skus\":[");
    put_names(&form->targets->skus, form->batch_count, prng, out);
    oh_strbuf_put_text(out, "],\"nodes\":[");
    put_names(&form->targets->nodes, form->batch_nodes, prng, out);
    oh_strbuf_put_text(out, "]}");
}

static void put_promise(const struct oh_bench_form *form, struct oh_prng *prng, struct oh_strbuf *out)
{
    struct oh_bench_target target = oh_bench_targets_pick(form->targets, prng);
    uint32_t at = (uint32_t)oh_prng_below(prng, form->targets->places.count);
    struct oh_bytes place = oh_bench_names_at(&form->targets->places, at);
    oh_strbuf_put_text(out, "{\"channel\":\"");
    oh_strbuf_put_text(out, form->channel);
    oh_strbuf_put_text(out, "\",\"destination\":{\"country\":\"");
    put_json(out, (struct oh_bytes){ place.data, 2 });
    oh_strbuf_put_text(out, "\",\"postal_code\":\"");
    put_json(out, (struct oh_bytes){ place.data + 3, place.size - 3 });
    oh_strbuf_put_text(out, "\"},\"options\":{\"kinds\":[\"ship\"]},\"lines\":[{\"sku\":\"");
    put_json(out, target.sku);
    oh_strbuf_put_text(out, "\",\"quantity\":1}]}");
}

/* Leading zeros are allowed in Content-Length, so the number can be filled in after the body is written. */
static size_t put_post_head(const struct oh_bench_form *form, struct oh_strbuf *out)
{
    put_line_end_and_host(out, form);
    oh_strbuf_put_text(out, "Content-Type: application/json\r\nContent-Length: ");
    size_t at = out->size;
    oh_strbuf_put_text(out, "00000000\r\n\r\n");
    return at;
}

static void patch_length(struct oh_strbuf *out, size_t at)
{
    if (out->is_overflowed)
        return;
    size_t length = out->size - at - BENCH_LENGTH_DIGITS - 4;
    for (size_t i = BENCH_LENGTH_DIGITS; i > 0; i--) {
        out->data[at + i - 1] = (char)('0' + length % 10);
        length /= 10;
    }
}

static void put_available(const struct oh_bench_form *form, bool is_by_node, struct oh_prng *prng,
                          struct oh_strbuf *out)
{
    struct oh_bench_target target = oh_bench_targets_pick(form->targets, prng);
    oh_strbuf_put_text(out, "GET /v1/availability/");
    oh_bench_put_escaped(out, target.sku);
    if (is_by_node) {
        oh_strbuf_put_text(out, "?node=");
        oh_bench_put_escaped(out, target.node);
    } else {
        oh_strbuf_put_text(out, form->group != NULL ? "?group=" : "?channel=");
        oh_bench_put_escaped(out, oh_bytes_of(form->group != NULL ? form->group : form->channel));
    }
    put_line_end_and_host(out, form);
    oh_strbuf_put_text(out, "\r\n");
}

void oh_bench_put_request(const struct oh_bench_form *form, enum oh_bench_op op, uint64_t id,
                          struct oh_prng *prng, struct oh_strbuf *out)
{
    size_t length_at = 0;
    switch (op) {
    case OH_BENCH_AVAILABLE:
    case OH_BENCH_AVAILABLE_GROUP:
        put_available(form, op == OH_BENCH_AVAILABLE, prng, out);
        return;
    case OH_BENCH_RESERVE:
        oh_strbuf_put_text(out, "POST /v1/reservations");
        length_at = put_post_head(form, out);
        put_reservation(form, id, prng, out);
        break;
    case OH_BENCH_RELEASE:
        oh_strbuf_put_text(out, "POST /v1/reservations/");
        put_id(out, form, id);
        oh_strbuf_put_text(out, "/release");
        length_at = put_post_head(form, out);
        break;
    case OH_BENCH_RESERVE_BATCH:
        oh_strbuf_put_text(out, "POST /v1/reservations/batch");
        length_at = put_post_head(form, out);
        put_batch(form, id, prng, out);
        break;
    case OH_BENCH_PROMISE:
        oh_strbuf_put_text(out, "POST /v1/promises");
        length_at = put_post_head(form, out);
        put_promise(form, prng, out);
        break;
    case OH_BENCH_AVAILABILITY_BATCH:
        oh_strbuf_put_text(out, "POST /v1/availability");
        length_at = put_post_head(form, out);
        put_question(form, prng, out);
        break;
    }
    patch_length(out, length_at);
}

const char *oh_bench_op_text(enum oh_bench_op op)
{
    static const char *const texts[] = {
#define OH_BENCH_OP_TEXT(name, number, text) [number] = (text),
        OH_BENCH_OPS(OH_BENCH_OP_TEXT)
#undef OH_BENCH_OP_TEXT
    };
    OH_ASSERT((unsigned)op < OH_BENCH_OP_COUNT);
    return texts[op];
}
