/*
 * fuzz_pg.c - rows and values of PostgreSQL's binary protocol.
 *
 * Laws: the columns of a row lie in it, one after the other, and the row written from them is the row that was read;
 * a value that is read is written as one that reads the same, and a number of plain size as the very same bytes.
 */
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "onhand/types.h"
#include "storage/pg_binary.h"
#include <string.h>

#define COLUMNS_MAX 16
#define HEAD_SIZE 19u

static struct oh_bytes written_value(const struct oh_strbuf *buf)
{
    OH_ASSERT(buf->size >= 4);
    return (struct oh_bytes){ buf->data + 4, buf->size - 4 };
}

static void milli_check(struct oh_bytes value, struct oh_strbuf *buf)
{
    int64_t milli = 1;
    int64_t again = 0;
    bool is_read = oh_pg_get_milli(value, &milli);
    OH_ASSERT(is_read || milli == 0);
    if (!is_read)
        return;
    oh_strbuf_clear(buf);
    oh_pg_put_milli(buf, milli);
    is_read = oh_pg_get_milli(written_value(buf), &again);
    OH_ASSERT(is_read && again == milli);
}

static void plain_check(struct oh_bytes value, struct oh_strbuf *buf)
{
    int64_t at = 0;
    int64_t number = 0;
    double real = 0;
    bool is_time = oh_pg_get_time(value, &at);
    OH_ASSERT(is_time || at == OH_TIME_US_NONE);
    oh_strbuf_clear(buf);
    if (is_time && value.data != NULL) {
        oh_pg_put_time(buf, at);
        OH_ASSERT(oh_bytes_equal(written_value(buf), value));
    }
    oh_strbuf_clear(buf);
    if (oh_pg_get_i64(value, &number)) {
        oh_pg_put_i64(buf, number);
        OH_ASSERT(oh_bytes_equal(written_value(buf), value));
    }
    oh_strbuf_clear(buf);
    if (oh_pg_get_f64(value, &real)) {
        oh_pg_put_f64(buf, real);
        OH_ASSERT(oh_bytes_equal(written_value(buf), value));
    }
}

static void small_check(struct oh_bytes value)
{
    int32_t number = 1;
    bool flag = true;
    OH_ASSERT(oh_pg_get_i32(value, &number) == (value.data != NULL && value.size == 4));
    OH_ASSERT(oh_pg_get_bool(value, &flag) == (value.data != NULL && value.size == 1));
}

/* Where the columns begin: behind the head of a stream, when there is one. */
static struct oh_bytes body_of(struct oh_bytes row)
{
    if (row.size < HEAD_SIZE || memcmp(row.data, "PGCOPY\n\377\r\n", 11) != 0)
        return row;
    size_t extension = 0;
    for (int i = 0; i < 4; i++)
        extension = extension << 8 | (unsigned char)row.data[15 + i];
    return (struct oh_bytes){ row.data + HEAD_SIZE + extension, row.size - HEAD_SIZE - extension };
}

static void row_check(struct oh_bytes row, struct oh_strbuf *buf)
{
    struct oh_bytes columns[COLUMNS_MAX];
    int count = oh_pg_row_read(row, columns, COLUMNS_MAX);
    OH_ASSERT(count >= -2 && count <= COLUMNS_MAX);
    if (count < 0)
        return;
    oh_strbuf_clear(buf);
    oh_pg_row(buf, (uint16_t)count);
    for (int i = 0; i < count; i++) {
        if (columns[i].data == NULL)
            oh_pg_put_null(buf);
        else
            oh_pg_put_text(buf, columns[i]);
    }
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(buf), body_of(row)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oh_strbuf buf;
    /* A copy of exactly that size: a sanitizer sees each byte that is read behind it. */
    char *copy = malloc(size == 0 ? 1 : size);
    OH_ASSERT(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    struct oh_bytes bytes = { copy, size };
    oh_strbuf_init(&buf, (size_t)1 << 20);
    milli_check(bytes, &buf);
    plain_check(bytes, &buf);
    small_check(bytes);
    row_check(bytes, &buf);
    oh_strbuf_fini(&buf);
    free(copy);
    return 0;
}
