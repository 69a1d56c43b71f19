/*
 * ids.c - the ids that the ledger makes for reservations, and how ids are kept.
 *
 * "r17" is the first reservation that record 17 made, "r17-1" its second. Such an id is kept as the number it says
 * whoever gave it: no text to store, and none to compare.
 */
#include "base/digits.h"
#include "core/state.h"

#define NTH_BITS 20u
_Static_assert(ID_NTH_MAX == UINT64_C(1) << NTH_BITS, "the number has room for which");
_Static_assert(ID_SEQ_MAX << NTH_BITS == 0, "and for no more than the seq above it");

#define DIGITS_MAX 15 /* more than a number below ID_SEQ_MAX has, and no more than 64 bits */

/* Digits without a zero before them, as a number from 1 to below `most`. False: something else is there. */
static bool digits_read(const char **at, const char *end, uint64_t most, uint64_t *out_number)
{
    const char *digit = *at;
    uint64_t number = 0;
    if (digit == end || *digit == '0')
        return false;
    end = end - digit > DIGITS_MAX ? digit + DIGITS_MAX : end;
    for (; digit < end; digit++) {
        unsigned value = (unsigned)(unsigned char)*digit - '0';
        if (value > 9)
            break;
        number = number * 10 + value;
    }
    *at = digit;
    *out_number = number;
    return number > 0 && number < most;
}

uint64_t id_number(struct oh_bytes id)
{
    uint64_t seq;
    uint64_t nth = 0;
    if (id.size < 2 || id.data[0] != 'r')
        return 0;
    const char *at = id.data + 1;
    const char *end = id.data + id.size;
    if (!digits_read(&at, end, ID_SEQ_MAX, &seq))
        return 0;
    if (at == end)
        return seq << NTH_BITS;
    if (*at++ != '-' || !digits_read(&at, end, ID_NTH_MAX, &nth) || at != end)
        return 0;
    return seq << NTH_BITS | nth;
}

/* Apart, because its array would cost the rest a guard of the stack. */
__attribute__((noinline)) static size_t digits_put_many(char *text, uint64_t number)
{
    return oh_digits_put(text, number);
}

static size_t digits_put(char *text, uint64_t number)
{
    return number > 0 && number < OH_DIGITS_EIGHT ? oh_digits_put_eight(text, (uint32_t)number)
                                                  : digits_put_many(text, number);
}

struct oh_bytes id_make(uint64_t seq, uint32_t nth, char text[ID_MADE_SIZE_MAX])
{
    size_t size = 0;
    text[size++] = 'r';
    size += digits_put(text + size, seq);
    if (nth > 0) {
        text[size++] = '-';
        size += digits_put(text + size, nth);
    }
    return (struct oh_bytes){ text, size };
}

/* Numbers follow each other; their hashes are to look as if they did not. */
static uint32_t number_hash(uint64_t number)
{
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(mixed >> 32);
}

static struct id_key key_of(uint64_t number, struct oh_bytes id)
{
    return (struct id_key){ number, number != 0 ? number_hash(number) : (uint32_t)name_hash(id) };
}

struct id_key id_key(struct oh_bytes id)
{
    return key_of(id_number(id), id);
}

struct id_key id_key_made(uint64_t seq, uint32_t nth, struct oh_bytes id)
{
    return key_of(seq < ID_SEQ_MAX && nth < ID_NTH_MAX ? seq << NTH_BITS | nth : 0, id);
}

struct oh_bytes reservation_id(const struct oh_ledger *ledger, const struct reservation *reservation,
                               char text[ID_MADE_SIZE_MAX])
{
    if (reservation->is_numbered)
        return id_make(reservation->number >> NTH_BITS, (uint32_t)(reservation->number % ID_NTH_MAX), text);
    return ledger_string(ledger, reservation->text, RESERVATION_TEXT_ID);
}

struct oh_bytes reservation_party(const struct oh_ledger *ledger, const struct reservation *reservation,
                                  uint32_t text)
{
    return reservation->is_numbered ? OH_BYTES_NONE : ledger_string(ledger, reservation->text, text);
}
