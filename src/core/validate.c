/*
 * validate.c - which bytes may be a name, a number of GS1, a country.
 */
#include "base/utf8.h"
#include "core/state.h"

/* Whether each of the eight bytes is printable ASCII. */
static bool eight_are_plain(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    /* A byte that is too small borrows from others: then one of them is not plain anyhow. */
    return ((eight | (eight - ones * 0x20) | ((eight ^ ones * 0x7f) - ones)) & highs) == 0;
}

/* As almost every name is: looked at eight bytes at a time, the last eight once more where they overlap. */
static bool text_is_plain(struct oh_bytes text)
{
    const char *data = text.data;
    size_t size = text.size;
    if (size >= 8) {
        for (size_t at = 0; at + 8 < size; at += 8) {
            if (!eight_are_plain(text_eight(data + at)))
                return false;
        }
        return eight_are_plain(text_eight(data + size - 8));
    }
    if (size >= 4)
        return eight_are_plain(text_four(data) | (uint64_t)text_four(data + size - 4) << 32);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (byte < 0x20 || byte >= 0x7f)
            return false;
    }
    return true;
}

bool text_is_valid(struct oh_bytes text, size_t size_max)
{
    if (text.size > size_max)
        return false;
    if (text_is_plain(text))
        return true;
    if (!oh_utf8_is_valid(text))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f)
            return false;
    }
    return true;
}

bool id_is_valid(struct oh_bytes id)
{
    return id.size > 0 && text_is_valid(id, OH_ID_SIZE_MAX);
}

/* The last digit of a GTIN or GLN makes the sum, weighted 3 1 3 1 from the right, a multiple of ten. */
static bool check_digit_is_right(struct oh_bytes digits)
{
    unsigned sum = 0;
    for (size_t i = 0; i < digits.size; i++) {
        char c = digits.data[digits.size - 1 - i];
        if (c < '0' || c > '9')
            return false;
        sum += (unsigned)(c - '0') * (i % 2 == 1 ? 3 : 1);
    }
    return sum % 10 == 0;
}

bool gtin_is_valid(struct oh_bytes gtin)
{
    bool size_is_known = gtin.size == 8 || gtin.size == 12 || gtin.size == 13 || gtin.size == 14;
    return gtin.size == 0 || (size_is_known && check_digit_is_right(gtin));
}

bool gln_is_valid(struct oh_bytes gln)
{
    return gln.size == 0 || (gln.size == 13 && check_digit_is_right(gln));
}

bool country_is_valid(struct oh_bytes country)
{
    if (country.size == 0)
        return true;
    return country.size == 2 && country.data[0] >= 'A' && country.data[0] <= 'Z' && country.data[1] >= 'A' &&
           country.data[1] <= 'Z';
}
