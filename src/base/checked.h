/*
 * checked.h - arithmetic that says when it overflows.
 *
 * Each function returns false, and leaves *out untouched, when the exact
 * result does not fit.
 */
#ifndef ONHAND_BASE_CHECKED_H
#define ONHAND_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool oh_add_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool oh_sub_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference))
        return false;
    *out = difference;
    return true;
}

static inline bool oh_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

static inline bool oh_mul_size(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

static inline int64_t oh_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t oh_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
