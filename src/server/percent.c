#include "server/percent.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum oh_err oh_percent_decode(struct oh_bytes src, char *dst, size_t *out_size)
{
    size_t size = 0;
    size_t at = 0;
    while (at < src.size) {
        char c = src.data[at++];
        if (c == '%') {
            int high = src.size - at >= 2 ? hex_value(src.data[at]) : -1;
            int low = src.size - at >= 2 ? hex_value(src.data[at + 1]) : -1;
            if (high < 0 || low < 0)
                return OH_E_SYNTAX;
            c = (char)(high * 16 + low);
            at += 2;
        }
        if (c == '\0')
            return OH_E_SYNTAX;
        dst[size++] = c;
    }
    *out_size = size;
    return OH_OK;
}
