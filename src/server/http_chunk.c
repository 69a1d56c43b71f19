#include "server/http_chunk.h"

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_BODY,
    CHUNK_BODY_CR,
    CHUNK_BODY_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_DONE,
    CHUNK_BROKEN,
};

void oh_chunk_init(struct oh_chunk_decoder *decoder)
{
    *decoder = (struct oh_chunk_decoder){ .state = CHUNK_SIZE };
}

static int chunk_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A byte that may stand in an extension or a trailer line. */
static bool chunk_is_text(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static enum chunk_state chunk_after_size(struct oh_chunk_decoder *decoder, char c)
{
    int digit = chunk_digit(c);
    if (digit >= 0) {
        if (decoder->digits == OH_CHUNK_DIGITS_MAX)
            return CHUNK_BROKEN;
        decoder->digits++;
        decoder->remaining = decoder->remaining * 16 + (unsigned)digit;
        return CHUNK_SIZE;
    }
    if (decoder->digits == 0)
        return CHUNK_BROKEN;
    if (c == ';')
        return CHUNK_EXTENSION;
    return c == '\r' ? CHUNK_SIZE_LF : CHUNK_BROKEN;
}

/* A byte of an extension or a trailer line that is not its end. */
static enum chunk_state chunk_after_text(struct oh_chunk_decoder *decoder, char c, enum chunk_state same)
{
    if (!chunk_is_text(c) || decoder->extra_size == OH_CHUNK_EXTRA_SIZE_MAX)
        return CHUNK_BROKEN;
    decoder->extra_size++;
    decoder->is_line_empty = false;
    return same;
}

/* After the LF of a size line: the size 0 begins the trailer. */
static enum chunk_state chunk_after_size_line(struct oh_chunk_decoder *decoder)
{
    decoder->digits = 0;
    decoder->is_line_empty = true;
    return decoder->remaining == 0 ? CHUNK_TRAILER : CHUNK_BODY;
}

static enum chunk_state chunk_after_trailer_line(struct oh_chunk_decoder *decoder)
{
    bool was_empty = decoder->is_line_empty;
    decoder->is_line_empty = true;
    return was_empty ? CHUNK_DONE : CHUNK_TRAILER;
}

/* The state after one byte of framing. */
static enum chunk_state chunk_step(struct oh_chunk_decoder *decoder, char c)
{
    switch ((enum chunk_state)decoder->state) {
    case CHUNK_SIZE:
        return chunk_after_size(decoder, c);
    case CHUNK_EXTENSION:
        return c == '\r' ? CHUNK_SIZE_LF : chunk_after_text(decoder, c, CHUNK_EXTENSION);
    case CHUNK_SIZE_LF:
        return c == '\n' ? chunk_after_size_line(decoder) : CHUNK_BROKEN;
    case CHUNK_BODY_CR:
        return c == '\r' ? CHUNK_BODY_LF : CHUNK_BROKEN;
    case CHUNK_BODY_LF:
        return c == '\n' ? CHUNK_SIZE : CHUNK_BROKEN;
    case CHUNK_TRAILER:
        return c == '\r' ? CHUNK_TRAILER_LF : chunk_after_text(decoder, c, CHUNK_TRAILER);
    case CHUNK_TRAILER_LF:
        return c == '\n' ? chunk_after_trailer_line(decoder) : CHUNK_BROKEN;
    case CHUNK_BODY:
    case CHUNK_DONE:
    case CHUNK_BROKEN:
        break;
    }
    return CHUNK_BROKEN;
}

enum oh_chunk_event oh_chunk_next(struct oh_chunk_decoder *decoder, const char *data, size_t size, size_t *out_used,
                                  struct oh_bytes *out_data)
{
    size_t at = 0;
    while (at < size) {
        if (decoder->state == CHUNK_BODY) {
            size_t run = size - at < decoder->remaining ? size - at : (size_t)decoder->remaining;
            decoder->remaining -= run;
            if (decoder->remaining == 0)
                decoder->state = CHUNK_BODY_CR;
            *out_data = (struct oh_bytes){ data + at, run };
            *out_used = at + run;
            return OH_CHUNK_DATA;
        }
        decoder->state = (uint8_t)chunk_step(decoder, data[at]);
        at++;
        if (decoder->state == CHUNK_DONE || decoder->state == CHUNK_BROKEN)
            break;
    }
    *out_used = at;
    if (decoder->state == CHUNK_DONE)
        return OH_CHUNK_END;
    return decoder->state == CHUNK_BROKEN ? OH_CHUNK_BAD : OH_CHUNK_MORE;
}
