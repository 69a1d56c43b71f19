/*
 * fuzz_chunk.c - the chunked coding against two twins: RFC 9112 section 7.1 once more, by position, and llhttp.
 *
 * Input: one byte that says how to cut the rest, then a chunked body and what follows it.
 * Laws: the naive twin says the same of every input: whether it is one, where it ends, what the body is. llhttp says
 * the same of what both accept, and accepts what we do; of its differences these are known and not compared:
 *
 *   - it accepts more than we do: a bare LF or CR in places, any size of extensions, sizes of 16 digits;
 *   - it refuses quotes in extensions, and reads a trailer as headers, which it may refuse: we pass over both.
 */
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "server/http_chunk.h"
#include <llhttp.h>
#include <string.h>

#define INPUT_SIZE_MAX 8192u
#define ROUNDS_MAX     (4 * INPUT_SIZE_MAX)
#define DIGITS_MAX     15u
#define EXTRA_SIZE_MAX 4096u

enum verdict {
    BODY_BAD,
    BODY_CUT, /* more bytes are needed */
    BODY_WHOLE
};

struct body {
    enum verdict verdict;
    size_t used;     /* WHOLE: where the body's framing ends */
    bool has_extras; /* extensions or a trailer */
    size_t size;
    char bytes[INPUT_SIZE_MAX];
};

/* ---- Ours ------------------------------------------------------------------------------------- */

static void body_add(struct body *body, const char *data, size_t size)
{
    OH_ASSERT(size <= sizeof(body->bytes) - body->size);
    memcpy(body->bytes + body->size, data, size);
    body->size += size;
}

static void our_read(const char *data, size_t size, size_t step, struct body *out)
{
    struct oh_chunk_decoder decoder;
    out->verdict = BODY_CUT;
    out->used = 0;
    out->size = 0;
    oh_chunk_init(&decoder);
    for (uint32_t round = 0; out->used < size; round++) {
        struct oh_bytes run = OH_BYTES_NONE;
        size_t used = 0;
        size_t left = size - out->used;
        OH_ASSERT(round < ROUNDS_MAX);
        enum oh_chunk_event event =
            oh_chunk_next(&decoder, data + out->used, left < step ? left : step, &used, &run);
        out->used += used;
        if (event == OH_CHUNK_DATA)
            body_add(out, run.data, run.size);
        if (event == OH_CHUNK_BAD || event == OH_CHUNK_END) {
            out->verdict = event == OH_CHUNK_BAD ? BODY_BAD : BODY_WHOLE;
            return;
        }
    }
}

/* ---- By position ------------------------------------------------------------------------------ */

/*
 * A line's bytes at data[*at..), its CR LF not among them. *at goes behind it. WHOLE, or CUT, or BAD: a byte that is
 * not text, or a CR or LF alone.
 */
static enum verdict twin_line(const char *data, size_t size, size_t *at, size_t *out_size)
{
    size_t start = *at;
    size_t end = start;
    while (end < size &&
           ((data[end] & 0x80) != 0 || data[end] == '\t' || (data[end] >= ' ' && data[end] != 0x7f)))
        end++;
    *out_size = end - start;
    if (end == size)
        return BODY_CUT;
    if (data[end] != '\r')
        return BODY_BAD;
    if (end + 1 == size)
        return BODY_CUT;
    *at = end + 2;
    return data[end + 1] == '\n' ? BODY_WHOLE : BODY_BAD;
}

/*
 * Of a size line: its digits, 1 to 15; then nothing, or ';' and anything. What is there must be right even if cut.
 * is_cut: more of its text may come.
 */
static enum verdict twin_size(const char *line, size_t size, bool is_cut, size_t *out_chunk,
                              size_t *out_extra)
{
    size_t digits = 0;
    size_t value = 0;
    while (digits < size && strchr("0123456789abcdefABCDEF", line[digits]) != NULL) {
        char c = line[digits++];
        size_t digit = (size_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        value = value * 16 + digit;
        if (digits > DIGITS_MAX)
            return BODY_BAD;
    }
    if (digits == 0)
        return is_cut && size == 0 ? BODY_CUT : BODY_BAD;
    if (digits < size && line[digits] != (fuzz_is_planted() ? ':' : ';'))
        return BODY_BAD;
    *out_chunk = value;
    *out_extra += digits < size ? size - digits - 1 : 0;
    return is_cut ? BODY_CUT : BODY_WHOLE;
}

/* The trailer: lines up to an empty one. */
static enum verdict twin_trailer(const char *data, size_t size, size_t at, size_t extra, struct body *out)
{
    for (;;) { /* ends: each round passes over a line */
        size_t line_size = 0;
        enum verdict verdict = twin_line(data, size, &at, &line_size);
        extra += line_size;
        out->has_extras = out->has_extras || line_size > 0;
        if (extra > EXTRA_SIZE_MAX)
            return BODY_BAD;
        if (verdict != BODY_WHOLE)
            return verdict;
        out->used = at;
        if (line_size == 0)
            return BODY_WHOLE;
    }
}

static enum verdict twin_chunks(const char *data, size_t size, struct body *out)
{
    size_t at = 0;
    size_t extra = 0;
    for (;;) { /* ends: each round passes over a line */
        size_t line_size = 0;
        size_t chunk = 0;
        const char *line = data + at;
        enum verdict verdict = twin_line(data, size, &at, &line_size);
        bool is_cut = line + line_size == data + size;
        enum verdict size_verdict = twin_size(line, line_size, is_cut, &chunk, &extra);
        out->has_extras = out->has_extras || memchr(line, ';', line_size) != NULL;
        if (size_verdict == BODY_BAD || extra > EXTRA_SIZE_MAX)
            return BODY_BAD;
        if (verdict != BODY_WHOLE)
            return verdict;
        if (chunk == 0)
            return twin_trailer(data, size, at, extra, out);
        size_t there = chunk < size - at ? chunk : size - at;
        body_add(out, data + at, there);
        at += there;
        size_t end_size = size - at < 2 ? size - at : 2;
        if (memcmp(data + at, "\r\n", end_size) != 0)
            return BODY_BAD;
        at += end_size;
        if (end_size < 2)
            return BODY_CUT;
    }
}

static void twin_read(const char *data, size_t size, struct body *out)
{
    out->size = 0;
    out->has_extras = false;
    out->verdict = twin_chunks(data, size, out);
}

/* ---- llhttp ----------------------------------------------------------------------------------- */

static int llhttp_body(llhttp_t *parser, const char *at, size_t size)
{
    body_add(parser->data, at, size);
    return 0;
}

static int llhttp_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static void llhttp_read(const char *data, size_t size, struct body *out)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    llhttp_settings_t settings = { .on_body = llhttp_body, .on_message_complete = llhttp_complete };
    llhttp_t parser;
    out->size = 0;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = out;
    llhttp_errno_t err = llhttp_execute(&parser, head, sizeof(head) - 1);
    OH_ASSERT(err == HPE_OK);
    err = llhttp_execute(&parser, data, size);
    out->verdict = err == HPE_PAUSED ? BODY_WHOLE : err == HPE_OK ? BODY_CUT : BODY_BAD;
    if (err == HPE_PAUSED)
        out->used = (size_t)(llhttp_get_error_pos(&parser) - data);
}

/* ---- Comparing -------------------------------------------------------------------------------- */

static void body_equal(const struct body *a, const struct body *b)
{
    OH_ASSERT(a->verdict == b->verdict);
    if (a->verdict == BODY_BAD)
        return;
    OH_ASSERT(a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0);
    OH_ASSERT(a->verdict != BODY_WHOLE || a->used == b->used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct body ours;
    static struct body twins;
    static struct body others;
    if (size < 1 || size > INPUT_SIZE_MAX)
        return 0;
    const char *bytes = (const char *)data + 1;
    our_read(bytes, size - 1, 1 + data[0], &ours);
    twin_read(bytes, size - 1, &twins);
    body_equal(&ours, &twins);
    if (ours.verdict == BODY_BAD)
        return 0;
    llhttp_read(bytes, size - 1, &others);
    if (others.verdict != BODY_BAD || !twins.has_extras)
        body_equal(&ours, &others);
    return 0;
}
