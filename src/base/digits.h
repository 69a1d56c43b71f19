/*
 * digits.h - whole numbers as decimal digits, eight at a time. Any thread: pure.
 */
#ifndef ONHAND_BASE_DIGITS_H
#define ONHAND_BASE_DIGITS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OH_DIGITS_EIGHT 100000000u /* a number below it has at most eight digits */

/* The eight digits of a number below OH_DIGITS_EIGHT, each in a byte, the first in the lowest. */
static inline uint64_t oh_digits_spread(uint32_t number)
{
    uint64_t fours = number / 10000 | (uint64_t)(number % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
    uint64_t pairs = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = (pairs * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return tens | (pairs - tens * 10) << 8;
}

/* Writes the number, above 0 and below OH_DIGITS_EIGHT, and returns how many digits it has. Writes eight bytes. */
static inline size_t oh_digits_put_eight(char *text, uint32_t number)
{
    uint64_t digits = oh_digits_spread(number);
    size_t zeros = (size_t)__builtin_ctzll(digits) / 8;
    uint64_t bytes = htole64((digits | UINT64_C(0x3030303030303030)) >> (8 * zeros));
    memcpy(text, &bytes, sizeof(bytes));
    return 8 - zeros;
}

/*
 * Writes the number without zeros before it, and returns how many digits that took: of 0 none. Up to seven bytes
 * behind them may be written too.
 */
static inline size_t oh_digits_put(char *text, uint64_t number)
{
    uint32_t eights[3]; /* the last ones first */
    size_t count = 0;
    size_t size = 0;
    for (; number > 0; number /= OH_DIGITS_EIGHT)
        eights[count++] = (uint32_t)(number % OH_DIGITS_EIGHT);
    while (count > 0) {
        uint64_t digits = oh_digits_spread(eights[--count]);
        size_t zeros = size > 0 ? 0 : (size_t)__builtin_ctzll(digits) / 8;
        uint64_t bytes = htole64((digits | UINT64_C(0x3030303030303030)) >> (8 * zeros));
        memcpy(text + size, &bytes, sizeof(bytes));
        size += 8 - zeros;
    }
    return size;
}

#endif
