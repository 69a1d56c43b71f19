#include "app/bench_requests.h"
#include "app/bench_run.h"
#include "app/bench_targets.h"
#include "app/client.h"
#include "app/load.h"
#include "app/progress.h"
#include "app/row_reader.h"
#include "base/prng.h"
#include "codec/rows.h"
#include "support/test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

/* ---- URLs ---- */

static void test_client_reads_an_address_when_it_is_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *port;
    } rows[] = {
        { "http://127.0.0.1:8080", "127.0.0.1", "8080" },
        { "http://example.org/", "example.org", "80" },
        { "http://[::1]:9000/", "::1", "9000" },
        { "http://[::1]", "::1", "80" },
        { "http://a:65535", "a", "65535" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct oh_url url;
        struct oh_diag diag;
        assert_int_equal(oh_url_parse(rows[i].text, &url, &diag), OH_OK);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.port, rows[i].port);
    }
}

static void test_client_refuses_an_address_when_it_is_anything_else(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "127.0.0.1:8080", "https://a",         "http://",         "http://:80",
        "http://a:0", "http://a:65536", "http://a:",         "http://a:8x",     "http://a/path",
        "http://a?q", "http://u@a:1",   "http://[::1",       "http://[::1]x:1", "http://a b:1",
        "ftp://a",    "http://a:80:80", "http://a\r\nX: y/", "http://a:000080",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct oh_url url;
        struct oh_diag diag = { "" };
        assert_int_equal(oh_url_parse(texts[i], &url, &diag), OH_E_INVALID);
        assert_true(strlen(diag.text) > 10);
    }
}

static void test_client_says_tls_is_missing_when_the_address_is_https(void **state)
{
    (void)state;
    struct oh_url url;
    struct oh_diag diag;
    assert_int_equal(oh_url_parse("https://a:1", &url, &diag), OH_E_INVALID);
    assert_non_null(strstr(diag.text, "TLS is not supported"));
}

/* ---- heads of replies ---- */

static const char good_head[] =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-LENGTH:  0012 \r\nRetry-After: 7\r\n"
    "Connection: Close\r\nX: y: z\r\n\r\n";

static void test_client_understands_a_head_when_it_is_whole(void **state)
{
    (void)state;
    struct oh_response_head head;
    assert_int_equal(oh_response_head_parse(oh_bytes_of(good_head), &head), OH_OK);
    assert_int_equal(head.status, 503);
    assert_int_equal(head.size, sizeof good_head - 1);
    assert_true(head.has_content_length);
    assert_int_equal(head.content_length, 12);
    assert_int_equal(head.retry_after_s, 7);
    assert_true(head.closes);
    assert_false(head.is_chunked);
}

static void test_client_asks_for_more_when_a_head_is_cut_anywhere(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof good_head - 1; size++) {
        struct oh_response_head head;
        assert_int_equal(oh_response_head_parse((struct oh_bytes){ good_head, size }, &head), OH_E_AGAIN);
    }
}

static void test_client_refuses_a_head_when_it_is_not_http(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: empty name\r\n\r\n",
        "\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct oh_response_head head;
        assert_int_equal(oh_response_head_parse(oh_bytes_of(heads[i]), &head), OH_E_SYNTAX);
    }
}

static void test_client_refuses_a_head_when_it_has_no_end(void **state)
{
    (void)state;
    static char bytes[OH_RESPONSE_HEAD_SIZE_MAX + 1];
    struct oh_response_head head;
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(oh_response_head_parse((struct oh_bytes){ bytes, sizeof bytes }, &head), OH_E_TOO_LARGE);
}

/* ---- a connection, against bytes prepared in a socket ---- */

struct pair {
    struct oh_client client;
    int peer;
};

static void pair_open(struct pair *pair)
{
    static const struct oh_url url = { "peer", "1" };
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    oh_client_init(&pair->client, &url, 200);
    pair->client.fd = fds[0];
    pair->peer = fds[1];
}

static void pair_close(struct pair *pair)
{
    oh_client_fini(&pair->client);
    if (pair->peer >= 0)
        (void)close(pair->peer);
}

static void pair_write(struct pair *pair, const char *text)
{
    assert_int_equal(write(pair->peer, text, strlen(text)), strlen(text));
}

static void test_client_reads_replies_one_by_one_when_they_come_together(void **state)
{
    (void)state;
    struct pair pair;
    struct oh_response response;
    struct oh_diag diag;
    pair_open(&pair);
    pair_write(&pair, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
                      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(oh_client_receive(&pair.client, &response, &diag), OH_OK);
    assert_int_equal(response.status, 200);
    assert_true(oh_bytes_equal(response.body, OH_BYTES("abc")));
    assert_int_equal(oh_client_receive(&pair.client, &response, &diag), OH_OK);
    assert_int_equal(response.status, 404);
    assert_int_equal(response.body.size, 0);
    pair_close(&pair);
}

static void test_client_gives_up_when_no_reply_comes_in_time(void **state)
{
    (void)state;
    struct pair pair;
    struct oh_response response;
    struct oh_diag diag;
    pair_open(&pair);
    pair.client.timeout_ms = 20;
    pair_write(&pair, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab");
    assert_int_equal(oh_client_receive(&pair.client, &response, &diag), OH_E_UNAVAILABLE);
    assert_int_equal(pair.client.fd, -1);
    pair_close(&pair);
}

static void test_client_says_closed_when_the_reply_is_cut(void **state)
{
    (void)state;
    struct pair pair;
    struct oh_response response;
    struct oh_diag diag;
    pair_open(&pair);
    pair_write(&pair, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab");
    (void)close(pair.peer);
    pair.peer = -1;
    assert_int_equal(oh_client_receive(&pair.client, &response, &diag), OH_E_CLOSED);
    pair_close(&pair);
}

static void test_client_stops_sending_when_the_server_answers_early(void **state)
{
    (void)state;
    static char bytes[8 << 20];
    struct pair pair;
    struct oh_response response;
    struct oh_diag diag;
    pair_open(&pair);
    pair_write(&pair, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_int_equal(oh_client_send(&pair.client, (struct oh_bytes){ bytes, sizeof bytes }), OH_E_AGAIN);
    assert_int_equal(oh_client_receive(&pair.client, &response, &diag), OH_OK);
    assert_int_equal(response.status, 503);
    assert_int_equal(pair.client.fd, -1);
    pair_close(&pair);
}

static void test_client_says_why_when_nothing_listens(void **state)
{
    (void)state;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    struct oh_url url = { "127.0.0.1", "" };
    struct oh_client client;
    struct oh_diag diag;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, so nobody else has the port, and not listening */
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url.port, sizeof url.port, "%u", ntohs(address.sin_port));
    oh_client_init(&client, &url, 1000);
    assert_int_equal(oh_client_connect(&client, &diag), OH_E_UNAVAILABLE);
    assert_non_null(strstr(diag.text, "refused"));
    oh_client_fini(&client);
    (void)close(fd);
}

/* ---- rows of files ---- */

static void make_file(char path[32], const char *suffix, const char *text, bool is_gzipped, size_t cut)
{
    (void)snprintf(path, 32, "/tmp/onhand-rows-XXXXXX%s", suffix);
    int fd = mkstemps(path, (int)strlen(suffix));
    assert_true(fd >= 0);
    if (!is_gzipped) {
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void)close(fd);
        return;
    }
    gzFile gz = gzdopen(fd, "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, text, (unsigned)strlen(text)), strlen(text));
    assert_int_equal(gzclose(gz), Z_OK);
    if (cut > 0)
        assert_int_equal(truncate(path, (off_t)cut), 0);
}

/* Reads all rows, `row_count_max` at a time, into `out` with '|' after each block. */
static enum oh_err read_rows(const char *path, uint64_t row_count_max, struct oh_strbuf *out,
                             uint64_t *out_count)
{
    enum oh_row_format format;
    struct oh_row_reader *reader = NULL;
    struct oh_diag diag;
    assert_true(oh_row_format_of(path, &format));
    enum oh_err err = oh_row_reader_open(path, format, &reader, &diag);
    *out_count = 0;
    while (err == OH_OK) {
        struct oh_bytes rows;
        uint64_t count = 0;
        err = oh_row_reader_next(reader, row_count_max, &rows, &count, &diag);
        if (err != OH_OK)
            break;
        assert_in_range(count, 1, row_count_max);
        *out_count += count;
        oh_strbuf_put_bytes(out, rows);
        oh_strbuf_put_char(out, '|');
    }
    oh_row_reader_close(&reader);
    return err;
}

static void test_row_reader_gives_whole_rows_when_quotes_hold_newlines(void **state)
{
    (void)state;
    static const struct {
        const char *suffix, *text, *blocks;
        uint64_t count;
    } rows[] = {
        { ".csv", "a,b\n1,2\n3,4\n", "1,2\n|3,4\n|", 2 },
        { ".csv", "a,b\r\n1,2\r\n3,4", "1,2\r\n|3,4\n|", 2 },
        { ".csv", "a\n\"x\ny\"\nz\n", "\"x\ny\"\n|z\n|", 2 },
        { ".csv", "a\n\"x\"\"\ny\"\nz\n", "\"x\"\"\ny\"\n|z\n|", 2 },
        { ".csv", "a,b\n1,\"x\n,\"\"\n\"\n2,3\n", "1,\"x\n,\"\"\n\"\n|2,3\n|", 2 },
        { ".csv", "a\n5\" pipe\nz\n", "5\" pipe\n|z\n|", 2 }, /* a quote inside a bare field quotes nothing */
        { ".csv", "a\n\n\r\n1\n\n2\n\n", "\n\r\n1\n|\n2\n|", 2 },
        { ".csv", "a\n\"open\nz", "\"open\nz\n|", 1 },
        { ".csv", "a\n", "", 0 },
        { ".ndjson", "{\"a\":\"x\"}\n\n{\"b\":\"\\\"\"}", "{\"a\":\"x\"}\n|{\"b\":\"\\\"\"}\n|", 2 },
        { ".jsonl", "", "", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[32];
        struct oh_strbuf out;
        uint64_t count = 0;
        oh_strbuf_init(&out, 4096);
        make_file(path, rows[i].suffix, rows[i].text, false, 0);
        assert_int_equal(read_rows(path, 1, &out, &count), OH_E_CLOSED);
        oh_strbuf_put_char(&out, '\0');
        assert_string_equal(out.data, rows[i].blocks);
        assert_int_equal(count, rows[i].count);
        assert_int_equal(unlink(path), 0);
        oh_strbuf_fini(&out);
    }
}

/* About 2 MB of rows, so that reads and blocks end inside of them. */
static char *many_rows(uint64_t *out_count)
{
    struct oh_strbuf text;
    oh_strbuf_init(&text, 4u << 20);
    oh_strbuf_put_text(&text, "sku,name\n");
    for (*out_count = 0; text.size < (2u << 20); (*out_count)++)
        oh_strbuf_printf(&text, "%lu,\"name, \"\"%lu\"\"\nsecond line\"\n", (unsigned long)*out_count,
                         (unsigned long)(*out_count * 7919 % 10007));
    oh_strbuf_put_char(&text, '\0');
    assert_false(text.is_overflowed);
    return text.data;
}

static void test_row_reader_loses_nothing_when_a_file_is_larger_than_its_buffers(void **state)
{
    (void)state;
    uint64_t expected = 0;
    char *text = many_rows(&expected);
    for (int is_gzipped = 0; is_gzipped <= 1; is_gzipped++) {
        char path[32];
        struct oh_strbuf out;
        uint64_t count = 0;
        oh_strbuf_init(&out, 4u << 20);
        make_file(path, is_gzipped ? ".csv.gz" : ".csv", text, is_gzipped == 1, 0);
        assert_int_equal(read_rows(path, UINT64_MAX / 2, &out, &count), OH_E_CLOSED);
        assert_int_equal(count, expected);
        size_t kept = 0; /* without the marks between blocks */
        for (size_t i = 0; i < out.size; i++) {
            if (out.data[i] != '|')
                out.data[kept++] = out.data[i];
        }
        assert_int_equal(kept, strlen(text) - strlen("sku,name\n"));
        assert_memory_equal(out.data, text + strlen("sku,name\n"), kept);
        assert_int_equal(unlink(path), 0);
        oh_strbuf_fini(&out);
    }
    free(text);
}

/* Rows that the import's parser sees, good and bad ones. */
static uint64_t import_row_count(enum oh_row_format format, const char *text)
{
    struct oh_rows *rows = NULL;
    struct oh_row row;
    bool is_fed = false;
    assert_int_equal(oh_rows_create(OH_ROWS_ITEMS, format, 1, &rows), OH_OK);
    for (bool goes_on = true; goes_on;) {
        switch (oh_rows_next(rows, &row)) {
        case OH_ROW_FULL:
            oh_rows_release(rows);
            break;
        case OH_ROW_MORE:
            if (!is_fed)
                oh_rows_feed(rows, oh_bytes_of(text));
            else
                oh_rows_finish(rows);
            is_fed = true;
            break;
        case OH_ROW_COMMAND:
        case OH_ROW_FAULT:
            break;
        case OH_ROW_REFUSED:
        case OH_ROW_END:
            goes_on = false;
            break;
        }
    }
    uint64_t count = oh_rows_last(rows);
    oh_rows_destroy(&rows);
    return count;
}

static void test_row_reader_counts_rows_as_the_import_does_when_bytes_are_random(void **state)
{
    (void)state;
    static const char alphabet[] = "\"\"\n\n\r,,a";
    struct oh_prng prng;
    oh_prng_init(&prng, 20);
    for (int round = 0; round < 400; round++) {
        char text[400] = "sku,name\n";
        char path[32];
        struct oh_strbuf out;
        uint64_t count = 0;
        bool is_csv = round % 2 == 0;
        size_t first = is_csv ? strlen(text) : 0;
        size_t size = first + 1 + (size_t)oh_prng_below(&prng, 40);
        for (size_t i = first; i < size; i++)
            text[i] = alphabet[oh_prng_below(&prng, sizeof alphabet - 1)];
        text[size] = '\0';
        oh_strbuf_init(&out, 4096);
        make_file(path, is_csv ? ".csv" : ".ndjson", text, false, 0);
        assert_int_equal(read_rows(path, 1 + oh_prng_below(&prng, 3), &out, &count), OH_E_CLOSED);
        assert_int_equal(count, import_row_count(is_csv ? OH_ROW_CSV : OH_ROW_NDJSON, text));
        assert_int_equal(unlink(path), 0);
        oh_strbuf_fini(&out);
    }
}

static void test_row_reader_says_torn_when_a_gzip_is_cut(void **state)
{
    (void)state;
    uint64_t expected = 0;
    char *text = many_rows(&expected);
    char path[32];
    struct oh_strbuf out;
    uint64_t count = 0;
    oh_strbuf_init(&out, 4u << 20);
    make_file(path, ".csv.gz", text, true, 100000);
    assert_int_equal(read_rows(path, UINT64_MAX / 2, &out, &count), OH_E_TORN);
    assert_true(count < expected);
    assert_int_equal(unlink(path), 0);
    oh_strbuf_fini(&out);
    free(text);
}

static void test_row_reader_refuses_a_row_when_it_is_larger_than_the_limit(void **state)
{
    (void)state;
    char path[32];
    struct oh_strbuf out;
    uint64_t count = 0;
    char *text = malloc(2 * OH_READER_ROW_SIZE_MAX);
    assert_non_null(text);
    memset(text, 'x', 2 * OH_READER_ROW_SIZE_MAX - 1);
    memcpy(text, "a\n1\n", 4);
    text[2 * OH_READER_ROW_SIZE_MAX - 1] = '\0';
    oh_strbuf_init(&out, 4096);
    make_file(path, ".csv", text, false, 0);
    assert_int_equal(read_rows(path, 1000, &out, &count), OH_E_TOO_LARGE);
    assert_int_equal(count, 1);
    assert_int_equal(unlink(path), 0);
    oh_strbuf_fini(&out);
    free(text);
}

static void test_row_reader_refuses_a_csv_file_when_it_is_empty(void **state)
{
    (void)state;
    char path[32];
    struct oh_row_reader *reader = NULL;
    struct oh_diag diag;
    make_file(path, ".csv", "", false, 0);
    assert_int_equal(oh_row_reader_open(path, OH_ROW_CSV, &reader, &diag), OH_E_SYNTAX);
    assert_null(reader);
    assert_int_equal(unlink(path), 0);
}

static void test_row_reader_knows_the_format_by_the_name(void **state)
{
    (void)state;
    enum oh_row_format format = OH_ROW_CSV;
    assert_true(oh_row_format_of("a/b.csv", &format) && format == OH_ROW_CSV);
    assert_true(oh_row_format_of("b.csv.gz", &format) && format == OH_ROW_CSV);
    assert_true(oh_row_format_of("b.ndjson", &format) && format == OH_ROW_NDJSON);
    assert_true(oh_row_format_of("b.jsonl.gz", &format) && format == OH_ROW_NDJSON);
    assert_true(oh_row_format_of("GB.txt", &format) && format == OH_ROW_GEONAMES);
    assert_true(oh_row_format_of("GB.tsv.gz", &format) && format == OH_ROW_GEONAMES);
    assert_false(oh_row_format_of("b.doc", &format));
    assert_false(oh_row_format_of(".txt", &format));
    assert_false(oh_row_format_of("csv", &format));
    assert_false(oh_row_format_of(".csv", &format));
}

/* ---- loads ---- */

static void test_load_names_an_import_by_the_bytes_of_the_file(void **state)
{
    (void)state;
    char first[OH_IMPORT_ID_SIZE], same[OH_IMPORT_ID_SIZE], other[OH_IMPORT_ID_SIZE];
    char paths[3][32];
    struct oh_diag diag;
    make_file(paths[0], ".csv", "sku\n1\n", false, 0);
    make_file(paths[1], ".csv", "sku\n1\n", false, 0);
    make_file(paths[2], ".csv", "sku\n2\n", false, 0);
    assert_int_equal(oh_load_import_id(NULL, "postal_codes", paths[0], first, &diag), OH_OK);
    assert_int_equal(oh_load_import_id(NULL, "postal_codes", paths[1], same, &diag), OH_OK);
    assert_int_equal(oh_load_import_id(NULL, "postal_codes", paths[2], other, &diag), OH_OK);
    assert_string_equal(first, same);
    assert_string_not_equal(first, other);
    assert_string_equal(first + 32, "-postal_codes");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(unlink(paths[i]), 0);
}

static void test_load_refuses_an_import_id_when_it_cannot_stand_in_a_path(void **state)
{
    (void)state;
    static const char *const ids[] = { "", "a b", "a/b", "a%", "é", "a\r\n" };
    char import[OH_IMPORT_ID_SIZE];
    char long_id[OH_IMPORT_ID_SIZE];
    struct oh_diag diag;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_int_equal(oh_load_import_id(ids[i], "stock", "f", import, &diag), OH_E_INVALID);
    memset(long_id, 'x', sizeof long_id);
    long_id[OH_IMPORT_ID_SIZE - 1 - strlen("-stock")] = '\0';
    assert_int_equal(oh_load_import_id(long_id, "stock", "f", import, &diag), OH_OK);
    assert_int_equal(strlen(import), OH_IMPORT_ID_SIZE - 1);
    assert_int_equal(oh_load_import_id(long_id, "items_", "f", import, &diag), OH_E_INVALID);
}

static void test_load_waits_longer_each_time_up_to_its_maximum(void **state)
{
    (void)state;
    assert_int_equal(oh_load_backoff_ms(1), OH_LOAD_BACKOFF_MS_MIN);
    assert_int_equal(oh_load_backoff_ms(2), 2 * OH_LOAD_BACKOFF_MS_MIN);
    for (unsigned i = 1; i < 100; i++) {
        assert_true(oh_load_backoff_ms(i) <= oh_load_backoff_ms(i + 1));
        assert_true(oh_load_backoff_ms(i) <= OH_LOAD_BACKOFF_MS_MAX);
    }
    assert_int_equal(oh_load_backoff_ms(100), OH_LOAD_BACKOFF_MS_MAX);
}

static void test_progress_shows_share_rows_speed_and_time_left(void **state)
{
    (void)state;
    char text[256];
    struct oh_progress_state half = { 50, 100, 1234567, 2100000 };
    struct oh_progress_state unknown = { 0, 0, 1, 0 };
    oh_progress_format(text, sizeof text, "stock.csv", &half, 81000, 3725, true);
    assert_string_equal(text, "stock.csv  [##########..........]  50 %  1,234,567 rows  2.1 MB  81,000 rows/s"
                              "  ETA 1:02:05");
    oh_progress_format(text, sizeof text, "stock.csv", &half, 81000, 4, false);
    assert_string_equal(text, "stock.csv  50 %  1,234,567 rows  2.1 MB  81,000 rows/s  ETA 0:04");
    oh_progress_format(text, sizeof text, "x", &unknown, 0, -1, true);
    assert_string_equal(text, "x  1 rows  0.0 MB  0 rows/s");
}

/* ---- benchmark requests ---- */

static void test_bench_spreads_requests_evenly_when_a_rate_is_given(void **state)
{
    (void)state;
    assert_int_equal(oh_bench_due_ns(0, 3), 0);
    assert_int_equal(oh_bench_due_ns(1, 3), 333333333);
    assert_int_equal(oh_bench_due_ns(3, 3), 1000000000);
    assert_int_equal(oh_bench_due_ns(864000000000ull, 10000000), 86400000000000ull);
    for (uint64_t i = 0; i < 10000; i++)
        assert_true(oh_bench_due_ns(i, 7919) < oh_bench_due_ns(i + 1, 7919));
}

static void assert_request(const struct oh_bench_form *form, enum oh_bench_op op, uint64_t id,
                           const char *expected)
{
    struct oh_prng prng;
    struct oh_strbuf out;
    oh_prng_init(&prng, 1);
    oh_strbuf_init(&out, 4096);
    oh_bench_put_request(form, op, id, &prng, &out);
    oh_strbuf_put_char(&out, '\0');
    assert_string_equal(out.data, expected);
    oh_strbuf_fini(&out);
}

static void test_bench_requests_are_escaped_and_have_the_right_length(void **state)
{
    (void)state;
    static const struct oh_url url = { "h", "1" };
    struct oh_bench_targets targets;
    oh_bench_targets_init(&targets);
    assert_int_equal(oh_bench_names_add(&targets.skus, OH_BYTES("A/1 \"é")), OH_OK);
    assert_int_equal(oh_bench_names_add(&targets.nodes, OH_BYTES("n1")), OH_OK);
    struct oh_bench_form form = { .url = &url,
                                  .targets = &targets,
                                  .channel = "web",
                                  .kind = "cart",
                                  .ttl_seconds = 60,
                                  .batch_count = 2,
                                  .batch_nodes = 100,
                                  .line_count = 1,
                                  .run = 5 };
    assert_request(&form, OH_BENCH_AVAILABLE, 0,
                   "GET /v1/availability/A%2F1%20%22%C3%A9?node=n1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    assert_request(&form, OH_BENCH_AVAILABLE_GROUP, 0,
                   "GET /v1/availability/A%2F1%20%22%C3%A9?channel=web HTTP/1.1\r\nHost: h:1\r\n\r\n");
    form.group = "fr-south";
    assert_request(&form, OH_BENCH_AVAILABLE_GROUP, 0,
                   "GET /v1/availability/A%2F1%20%22%C3%A9?group=fr-south HTTP/1.1\r\nHost: h:1\r\n\r\n");
    assert_request(&form, OH_BENCH_RESERVE, 42,
                   "POST /v1/reservations HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\n"
                   "Content-Length: 00000124\r\n\r\n{\"id\":\"b5-42\",\"kind\":\"cart\",\"channel\":\"web\","
                   "\"ttl_seconds\":60,\"lines\":[{\"line\":1,\"sku\":\"A/1 \\\"é\",\"quantity\":1,"
                   "\"node\":\"n1\"}]}");
    assert_request(&form, OH_BENCH_RELEASE, 42,
                   "POST /v1/reservations/b5-42/release HTTP/1.1\r\nHost: h:1\r\n"
                   "Content-Type: application/json\r\nContent-Length: 00000000\r\n\r\n");
    assert_request(&form, OH_BENCH_AVAILABILITY_BATCH, 0,
                   "POST /v1/availability HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\n"
                   "Content-Length: 00000036\r\n\r\n{\"skus\":[\"A/1 \\\"é\"],\"nodes\":[\"n1\"]}");
    form.line_count = 2;
    assert_request(&form, OH_BENCH_RESERVE, 7,
                   "POST /v1/reservations HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\n"
                   "Content-Length: 00000176\r\n\r\n{\"id\":\"b5-7\",\"kind\":\"cart\",\"channel\":\"web\","
                   "\"ttl_seconds\":60,\"lines\":[{\"line\":1,\"sku\":\"A/1 \\\"é\",\"quantity\":1,"
                   "\"node\":\"n1\"},{\"line\":2,\"sku\":\"A/1 \\\"é\",\"quantity\":1,\"node\":\"n1\"}]}");
    assert_int_equal(oh_bench_names_add(&targets.places, OH_BYTES("GB:SW1A 1AA")), OH_OK);
    assert_request(&form, OH_BENCH_PROMISE, 42,
                   "POST /v1/promises HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\n"
                   "Content-Length: 00000144\r\n\r\n{\"channel\":\"web\",\"destination\":{\"country\":\"GB\","
                   "\"postal_code\":\"SW1A 1AA\"},\"options\":{\"kinds\":[\"ship\"]},"
                   "\"lines\":[{\"sku\":\"A/1 \\\"é\",\"quantity\":1}]}");
    oh_bench_targets_fini(&targets);
}

static void test_bench_targets_keep_items_with_stock_when_a_stock_file_is_read(void **state)
{
    (void)state;
    char path[32];
    struct oh_bench_targets targets;
    struct oh_diag diag;
    make_file(path, ".csv.gz",
              "sku,node,quantity,as_of\nA,n1,2,2025-01-06T05:00:00Z\nB,n1,0,2025-01-06T05:00:00Z\n"
              "C,n2,0.5,2025-01-06T05:00:00Z\n",
              true, 0);
    oh_bench_targets_init(&targets);
    assert_int_equal(oh_bench_targets_read_stock(&targets, path, &diag), OH_OK);
    assert_int_equal(targets.skus.count, 2);
    assert_int_equal(targets.nodes.count, 2);
    assert_true(oh_bytes_equal(oh_bench_names_at(&targets.skus, 1), OH_BYTES("C")));
    assert_true(oh_bytes_equal(oh_bench_names_at(&targets.nodes, 1), OH_BYTES("n2")));
    oh_bench_targets_fini(&targets);
    assert_int_equal(unlink(path), 0);
}

static void test_bench_targets_split_a_list_of_places(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", "FR", "FR:", "F:1,", "FRA:75001", "FR:75001,," };
    struct oh_bench_targets targets;
    struct oh_diag diag;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        oh_bench_targets_init(&targets);
        assert_int_equal(oh_bench_targets_split_places(&targets, wrong[i], &diag), OH_E_INVALID);
        oh_bench_targets_fini(&targets);
    }
    oh_bench_targets_init(&targets);
    assert_int_equal(oh_bench_targets_split_places(&targets, "FR:75001,GB:SW1A 1AA", &diag), OH_OK);
    assert_int_equal(targets.places.count, 2);
    oh_bench_targets_fini(&targets);
}

static void test_bench_targets_split_a_list_of_nodes(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", ",", "a,", ",a", "a,,b" };
    struct oh_bench_targets targets;
    struct oh_diag diag;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        oh_bench_targets_init(&targets);
        assert_int_equal(oh_bench_targets_split_nodes(&targets, wrong[i], &diag), OH_E_INVALID);
        oh_bench_targets_fini(&targets);
    }
    oh_bench_targets_init(&targets);
    assert_int_equal(oh_bench_targets_split_nodes(&targets, "fr-lyon,wh-lyon", &diag), OH_OK);
    assert_int_equal(targets.nodes.count, 2);
    assert_true(oh_bytes_equal(oh_bench_names_at(&targets.nodes, 1), OH_BYTES("wh-lyon")));
    oh_bench_targets_fini(&targets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_reads_an_address_when_it_is_host_and_port),
        cmocka_unit_test(test_client_refuses_an_address_when_it_is_anything_else),
        cmocka_unit_test(test_client_says_tls_is_missing_when_the_address_is_https),
        cmocka_unit_test(test_client_understands_a_head_when_it_is_whole),
        cmocka_unit_test(test_client_asks_for_more_when_a_head_is_cut_anywhere),
        cmocka_unit_test(test_client_refuses_a_head_when_it_is_not_http),
        cmocka_unit_test(test_client_refuses_a_head_when_it_has_no_end),
        cmocka_unit_test(test_client_reads_replies_one_by_one_when_they_come_together),
        cmocka_unit_test(test_client_gives_up_when_no_reply_comes_in_time),
        cmocka_unit_test(test_client_says_closed_when_the_reply_is_cut),
        cmocka_unit_test(test_client_stops_sending_when_the_server_answers_early),
        cmocka_unit_test(test_client_says_why_when_nothing_listens),
        cmocka_unit_test(test_row_reader_gives_whole_rows_when_quotes_hold_newlines),
        cmocka_unit_test(test_row_reader_loses_nothing_when_a_file_is_larger_than_its_buffers),
        cmocka_unit_test(test_row_reader_counts_rows_as_the_import_does_when_bytes_are_random),
        cmocka_unit_test(test_row_reader_says_torn_when_a_gzip_is_cut),
        cmocka_unit_test(test_row_reader_refuses_a_row_when_it_is_larger_than_the_limit),
        cmocka_unit_test(test_row_reader_refuses_a_csv_file_when_it_is_empty),
        cmocka_unit_test(test_row_reader_knows_the_format_by_the_name),
        cmocka_unit_test(test_load_names_an_import_by_the_bytes_of_the_file),
        cmocka_unit_test(test_load_refuses_an_import_id_when_it_cannot_stand_in_a_path),
        cmocka_unit_test(test_load_waits_longer_each_time_up_to_its_maximum),
        cmocka_unit_test(test_progress_shows_share_rows_speed_and_time_left),
        cmocka_unit_test(test_bench_spreads_requests_evenly_when_a_rate_is_given),
        cmocka_unit_test(test_bench_requests_are_escaped_and_have_the_right_length),
        cmocka_unit_test(test_bench_targets_keep_items_with_stock_when_a_stock_file_is_read),
        cmocka_unit_test(test_bench_targets_split_a_list_of_nodes),
        cmocka_unit_test(test_bench_targets_split_a_list_of_places),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
