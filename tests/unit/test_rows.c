#include "base/prng.h"
#include "base/strbuf.h"
#include "codec/rows.h"
#include "support/failing_malloc.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_SIZE_MAX   (16u << 20)

static void describe_command(struct oh_strbuf *out, enum oh_row_kind kind, const struct oh_row *row)
{
    const struct oh_command *command = &row->command;
#define B(bytes) (int)(bytes).size, (bytes).data
    switch (kind) {
    case OH_ROWS_NODES:
        oh_strbuf_printf(out, "node %.*s name=%.*s type=%d point=%d %g,%g country=%.*s tz=%.*s %d%d%d",
                         B(command->node.node), B(command->node.name), (int)command->node.type,
                         command->node.has_point, command->node.point.latitude, command->node.point.longitude,
                         B(command->node.country), B(command->node.time_zone), command->node.ships,
                         command->node.collects, command->node.enabled);
        break;
    case OH_ROWS_ITEMS:
        oh_strbuf_printf(out, "item %.*s name=%.*s gtin=%.*s", B(command->item.sku), B(command->item.name),
                         B(command->item.gtin));
        if (command->item.class.size > 0 || command->item.weight_grams > 0 || command->item.side_mm > 0 ||
            command->item.volume_cm3 > 0)
            oh_strbuf_printf(out, " class=%.*s %u %u %u", B(command->item.class), command->item.weight_grams,
                             command->item.side_mm, command->item.volume_cm3);
        break;
    case OH_ROWS_GROUPS:
        oh_strbuf_printf(out, "member %.*s %.*s %d", B(command->group_member.group),
                         B(command->group_member.node), command->group_member.priority);
        break;
    case OH_ROWS_STOCK:
        oh_strbuf_printf(out, "count %.*s %.*s %" PRId64 " state=%d at=%" PRId64 " seq=%d,%" PRId64,
                         B(row->count.sku), B(row->count.node), row->count.quantity_milli,
                         (int)row->count.state, row->count.as_of_us, row->count.has_source_seq,
                         row->count.source_seq);
        break;
    case OH_ROWS_SUPPLIES:
        oh_strbuf_printf(out, "supply %.*s %.*s %.*s %" PRId64 " eta=%" PRId64, B(command->supply.supply),
                         B(command->supply.sku), B(command->supply.node), command->supply.quantity_milli,
                         command->supply.eta_us);
        break;
    case OH_ROWS_POSTAL_CODES:
        oh_strbuf_printf(out, "code %.*s %.*s %.*s %g,%g", B(command->postal_code.country),
                         B(command->postal_code.postal_code), B(command->postal_code.place),
                         command->postal_code.point.latitude, command->postal_code.point.longitude);
        break;
    }
#undef B
}

/*
 * Takes rows until the chunk is used up; each becomes a line of text. False: the import was refused or ended.
 */
static bool take_rows(struct oh_rows *rows, enum oh_row_kind kind, struct oh_strbuf *out)
{
    for (;;) {
        struct oh_row row;
        enum oh_row_status status = oh_rows_next(rows, &row);
        if (status == OH_ROW_MORE)
            return true;
        if (status == OH_ROW_END)
            return false;
        if (status == OH_ROW_FULL) {
            oh_rows_release(rows);
            continue;
        }
        if (status == OH_ROW_REFUSED) {
            oh_strbuf_printf(out, "refused %s '%s'\n", row.fault.code, row.fault.field);
            return false;
        }
        oh_strbuf_printf(out, "%" PRIu64 " ", row.number);
        if (status == OH_ROW_FAULT)
            oh_strbuf_printf(out, "%s '%s'", row.fault.code, row.fault.field);
        else
            describe_command(out, kind, &row);
        oh_strbuf_put_char(out, '\n');
    }
}

/* The rows of `text`, given in chunks of chunk_size, except that the first has first_size bytes. */
static void read_chunks(enum oh_row_kind kind, enum oh_row_format format, struct oh_bytes text,
                        size_t first_size, size_t chunk_size, struct oh_strbuf *out)
{
    struct oh_rows *rows = NULL;
    assert_int_equal(oh_rows_create(kind, format, 1, &rows), OH_OK);
    bool goes_on = true;
    size_t at = 0;
    while (at < text.size && goes_on) {
        size_t size = at == 0 ? first_size : chunk_size;
        size = size < text.size - at ? size : text.size - at;
        char *copy =
            malloc(size); /* exactly, so that a sanitizer sees a read past the end or after its time */
        memcpy(copy, text.data + at, size);
        oh_rows_feed(rows, (struct oh_bytes){ copy, size });
        goes_on = take_rows(rows, kind, out);
        free(copy);
        at += size;
        /* As a handler may that applies rows chunk by chunk: a row can be half there. */
        if (goes_on && at % 2 == 0 && chunk_size < 1000)
            oh_rows_release(rows);
    }
    oh_rows_finish(rows);
    if (goes_on)
        assert_false(take_rows(rows, kind, out));
    oh_rows_destroy(&rows);
}

static void assert_rows(enum oh_row_kind kind, enum oh_row_format format, struct oh_bytes text,
                        const char *expected)
{
    struct oh_strbuf out;
    oh_strbuf_init(&out, TEXT_SIZE_MAX);
    for (size_t cut = 1; cut <= text.size; cut++) {
        oh_strbuf_clear(&out);
        read_chunks(kind, format, text, cut, text.size, &out);
        oh_strbuf_put_char(&out, '\0');
        if (strcmp(out.data, expected) != 0)
            fail_msg("cut at %zu:\n%s-- instead of\n%s", cut, out.data, expected);
    }
    oh_strbuf_fini(&out);
}

/* ---- Kinds ------------------------------------------------------------------------------------- */

static void test_rows_reads_every_kind_as_csv(void **state)
{
    (void)state;
    assert_rows(OH_ROWS_NODES, OH_ROW_CSV,
                OH_BYTES("node,name,type,lat,lon,country,time_zone,ships,collects\n"
                         "GB-DC-01,DC Daventry (derived),warehouse,52.2594,-1.285,GB,Europe/London,1,0\n"
                         "S1,,store,,,,,,\n"),
                "1 node GB-DC-01 name=DC Daventry (derived) type=1 point=1 52.2594,-1.285 country=GB "
                "tz=Europe/London 101\n"
                "2 node S1 name= type=0 point=0 0,0 country= tz= 111\n");
    assert_rows(OH_ROWS_ITEMS, OH_ROW_CSV,
                OH_BYTES("sku,name,gtin\n10002,INFLATABLE GLOBE,\nA,\"x, \"\"y\"\"\",5"),
                "1 item 10002 name=INFLATABLE GLOBE gtin=\n2 item A name=x, \"y\" gtin=5\n");
    assert_rows(OH_ROWS_ITEMS, OH_ROW_CSV,
                OH_BYTES("side_mm,sku,class,volume_cm3,weight_grams\n1000000,A,large,1000000000,1000000000\n,B,,,\n"
                         "1000001,A,,,\n,A,,1000000001,\n,A,,,1000000001\n,A,,,1.5\n"),
                "1 item A name= gtin= class=large 1000000000 1000000 1000000000\n2 item B name= gtin=\n"
                "3 out_of_range 'side_mm'\n4 out_of_range 'volume_cm3'\n5 out_of_range 'weight_grams'\n"
                "6 wrong_type 'weight_grams'\n");
    assert_rows(OH_ROWS_GROUPS, OH_ROW_CSV, OH_BYTES("priority,node,group\n-2,n,g\n,m,g\n"),
                "1 member g n -2\n2 member g m 0\n");
    assert_rows(OH_ROWS_STOCK, OH_ROW_CSV,
                OH_BYTES("sku,node,quantity,as_of,state,source_seq\nA,n,120.0,2021-12-23,,\n"
                         "A,n,1.5,2010-12-01T00:00:00Z,damaged,7\n"),
                "1 count A n 120000 state=0 at=1640217600000000 seq=0,0\n"
                "2 count A n 1500 state=1 at=1291161600000000 seq=1,7\n");
    assert_rows(OH_ROWS_SUPPLIES, OH_ROW_CSV,
                OH_BYTES("supply,sku,node,quantity,eta\nPO1,A,n,5,2026-12-01\n"),
                "1 supply PO1 A n 5000 eta=1796083200000000\n");
    assert_rows(OH_ROWS_POSTAL_CODES, OH_ROW_CSV,
                OH_BYTES("country,postal_code,place,lat,lon\nGB,BN91,Worthing,50.818,-0.3754\n"),
                "1 code GB BN91 Worthing 50.818,-0.3754\n");
}

static void test_rows_reads_every_kind_as_ndjson(void **state)
{
    (void)state;
    assert_rows(OH_ROWS_NODES, OH_ROW_NDJSON,
                OH_BYTES("{\"node\":\"S1\",\"type\":\"store\",\"lat\":1.5,\"lon\":2,\"ships\":false}\n"),
                "1 node S1 name= type=0 point=1 1.5,2 country= tz= 011\n");
    assert_rows(OH_ROWS_ITEMS, OH_ROW_NDJSON,
                OH_BYTES("{\"sku\":\"A\",\"name\":\"\\u00e9\"}\r\n\n\r\n{\"sku\":\"B\"}"),
                "1 item A name=\xc3\xa9 gtin=\n2 item B name= gtin=\n");
    assert_rows(OH_ROWS_GROUPS, OH_ROW_NDJSON, OH_BYTES("{\"group\":\"g\",\"node\":\"n\",\"priority\":3}\n"),
                "1 member g n 3\n");
    assert_rows(OH_ROWS_STOCK, OH_ROW_NDJSON,
                OH_BYTES("{\"sku\":\"A\",\"node\":\"n\",\"quantity\":1.5,\"as_of\":\"2021-12-23\"}\n"),
                "1 count A n 1500 state=0 at=1640217600000000 seq=0,0\n");
    assert_rows(
        OH_ROWS_SUPPLIES, OH_ROW_NDJSON,
        OH_BYTES("{\"supply\":\"P\",\"sku\":\"A\",\"node\":\"n\",\"quantity\":5,\"eta\":\"2026-12-01\"}\n"),
        "1 supply P A n 5000 eta=1796083200000000\n");
    assert_rows(OH_ROWS_POSTAL_CODES, OH_ROW_NDJSON,
                OH_BYTES("{\"country\":\"FR\",\"postal_code\":\"75011\",\"lat\":48.8,\"lon\":2.3}\n"),
                "1 code FR 75011  48.8,2.3\n");
}

/* The layout of GeoNames: no header, 12 columns or 11, what is not used may be anything but must be there. */
static void test_rows_reads_postal_codes_as_geonames_has_them(void **state)
{
    (void)state;
    assert_rows(OH_ROWS_POSTAL_CODES, OH_ROW_GEONAMES,
                OH_BYTES("\xef\xbb\xbf"
                         "GB\tAB10\tAberdeen\tScotland\tSCT\tAberdeen\t\t\t\t57.1348\t-2.1269\t4\n"
                         "FR\t75011\tParis \"11\"\t\t\t\t\t\t\t48.859\t2.3796\r\n\n"
                         "FR\t75012\t\t\t\t\t\t\t\t48\t2\t"),
                "1 code GB AB10 Aberdeen 57.1348,-2.1269\n2 code FR 75011 Paris \"11\" 48.859,2.3796\n"
                "3 code FR 75012  48,2\n");
    assert_rows(OH_ROWS_POSTAL_CODES, OH_ROW_GEONAMES, OH_BYTES_NONE, "");
    assert_rows(OH_ROWS_POSTAL_CODES, OH_ROW_GEONAMES,
                OH_BYTES("country,postal_code,place,lat,lon\n"
                         "FR\t1\t\t\t\t\t\t\t\t1\t1\t1\t1\n"
                         "FR\t1\t\t\t\t\t\t\t\t1\n"
                         "\t1\t\t\t\t\t\t\t\t1\t1\n"
                         "FR\t\t\t\t\t\t\t\t\t1\t1\n"
                         "FR\t1\t\t\t\t\t\t\t\t\t1\n"
                         "FR\t1\t\t\t\t\t\t\t\t91\t1\n"
                         "FR\t1\t\xff\t\t\t\t\t\t\t1\t1\n"
                         "FR\t1\t\t\t\t\t\t\t\t1\t1\n"),
                "1 invalid_value ''\n2 invalid_value ''\n3 invalid_value ''\n4 missing_field 'country'\n"
                "5 missing_field 'postal_code'\n6 missing_field 'lat'\n7 out_of_range 'lat'\n"
                "8 invalid_encoding 'place'\n9 code FR 1  1,1\n");
}

static void test_rows_knows_kinds_by_name(void **state)
{
    (void)state;
    enum oh_row_kind kind = OH_ROWS_NODES;
    assert_true(oh_row_kind_parse(OH_BYTES("postal_codes"), &kind));
    assert_int_equal(kind, OH_ROWS_POSTAL_CODES);
    assert_false(oh_row_kind_parse(OH_BYTES("postal"), &kind));
    assert_int_equal(kind, OH_ROWS_POSTAL_CODES);
}

/* ---- The format -------------------------------------------------------------------------------- */

static void test_rows_follows_rfc_4180(void **state)
{
    (void)state;
    static const struct {
        const char *csv;
        const char *rows;
    } table[] = {
        { "sku,name\r\nA,b\r\n", "1 item A name=b gtin=\n" },
        { "sku,name\nA,b", "1 item A name=b gtin=\n" },
        { "sku,name\nA,b\r", "1 item A name=b gtin=\n" },
        { "\xef\xbb\xbfsku,name\nA,b\n", "1 item A name=b gtin=\n" },
        { "\xef\xbb\xbf\"sku\",\"name\"\nA,b\n", "1 item A name=b gtin=\n" },
        { "sku,name\n\"A\",\"b\r\nc\"\n", "1 item A name=b\r\nc gtin=\n" },
        { "sku,name\nA,\"\"\nB,\"\"\"\"\n", "1 item A name= gtin=\n2 item B name=\" gtin=\n" },
        { "sku,name\n\n\nA,b\n\r\nC,d\n\n", "1 item A name=b gtin=\n2 item C name=d gtin=\n" },
        { "sku,name\n A ,b\n", "1 item  A  name=b gtin=\n" },
        { "sku,name\nA,b\"c\nB,d\n", "1 invalid_value ''\n2 item B name=d gtin=\n" },
        { "sku,name\nA,\"b\"c\nB,d\n", "1 invalid_value ''\n2 item B name=d gtin=\n" },
        { "sku,name\nA,b\rc\nB,d\n", "1 invalid_value ''\n2 item B name=d gtin=\n" },
        { "sku,name\nA,\"b\n", "1 invalid_value ''\n" },
        { "sku,name\nA\nA,b,c\nB,d\n", "1 invalid_value ''\n2 invalid_value ''\n3 item B name=d gtin=\n" },
        { "sku,name\n,b\n\"\",b\n", "1 missing_field 'sku'\n2 missing_field 'sku'\n" },
        { "sku,name\nA,\xff\nB,\xc3\n\xc3\xa9,d\n",
          "1 invalid_encoding 'name'\n2 invalid_encoding 'name'\n3 item \xc3\xa9 name=d gtin=\n" },
        { "sku\nA\n", "1 item A name= gtin=\n" },
        { "sku,name\n", "" },
        /* the whole import */
        { "sku,nam\nA,b\n", "refused unknown_field 'nam'\n" },
        { "sku,Name\nA,b\n", "refused unknown_field 'Name'\n" },
        { "sku,name,\nA,b,\n", "refused unknown_field ''\n" },
        { "sku,name,sku\nA,b,A\n", "refused duplicate_field 'sku'\n" },
        { "name\nb\n", "refused missing_field 'sku'\n" },
        { "sku,\"name\nA,b\n", "refused invalid_value ''\n" },
        { "\xef\xbbsku\nA\n", "refused unknown_field ''\n" },
        { "\n", "refused empty_body ''\n" },
        { "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6,7\n", "refused too_many ''\n" },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_rows(OH_ROWS_ITEMS, OH_ROW_CSV, oh_bytes_of(table[i].csv), table[i].rows);
}

static void test_rows_refuses_an_import_of_no_bytes_when_a_header_is_needed(void **state)
{
    (void)state;
    struct oh_strbuf out;
    oh_strbuf_init(&out, TEXT_SIZE_MAX);
    read_chunks(OH_ROWS_ITEMS, OH_ROW_CSV, OH_BYTES_NONE, 1, 1, &out);
    oh_strbuf_put_char(&out, '\0');
    assert_string_equal(out.data, "refused empty_body ''\n");
    oh_strbuf_clear(&out);
    read_chunks(OH_ROWS_ITEMS, OH_ROW_NDJSON, OH_BYTES_NONE, 1, 1, &out);
    assert_int_equal(out.size, 0);
    oh_strbuf_fini(&out);
}

static void test_rows_names_row_and_field_when_a_value_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *cells;
        const char *fault;
    } table[] = {
        { "A,n,,2021-12-23,,", "missing_field 'quantity'" },
        { "A,n,5,,,", "missing_field 'as_of'" },
        { ",n,5,2021-12-23,,", "missing_field 'sku'" },
        { "A,,5,2021-12-23,,", "missing_field 'node'" },
        { "A,n,five,2021-12-23,,", "wrong_type 'quantity'" },
        { "A,n,NaN,2021-12-23,,", "wrong_type 'quantity'" },
        { "A,n,1e400,2021-12-23,,", "wrong_type 'quantity'" },
        { "A,n,1.2345,2021-12-23,,", "number_not_exact 'quantity'" },
        { "A,n,1000000000.001,2021-12-23,,", "out_of_range 'quantity'" },
        { "A,n,99999999999999999999,2021-12-23,,", "out_of_range 'quantity'" },
        { "A,n,5,23/12/2021,,", "invalid_time 'as_of'" },
        { "A,n,5,2021-12-23,lost,", "invalid_value 'state'" },
        { "A,n,5,2021-12-23,,-1", "out_of_range 'source_seq'" },
        { "A,n,5,2021-12-23,,x", "wrong_type 'source_seq'" },
        { "0123456789012345678901234567890123456789012345678901234567890123x,n,5,2021-12-23,,",
          "too_long 'sku'" },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char csv[512];
        char expected[512];
        snprintf(csv, sizeof(csv), "sku,node,quantity,as_of,state,source_seq\nA,n,1,2021-12-23,,\n%s\n",
                 table[i].cells);
        snprintf(expected, sizeof(expected), "1 count A n 1000 state=0 at=1640217600000000 seq=0,0\n2 %s\n",
                 table[i].fault);
        assert_rows(OH_ROWS_STOCK, OH_ROW_CSV, oh_bytes_of(csv), expected);
    }
    assert_rows(
        OH_ROWS_NODES, OH_ROW_CSV,
        OH_BYTES("node,type,ships,lat,lon\na,store,true,1,2\nb,store,yes,1,2\nc,store,0,1,\n"),
        "1 node a name= type=0 point=1 1,2 country= tz= 111\n2 wrong_type 'ships'\n3 missing_field 'lon'\n");
}

static void test_rows_names_row_and_field_when_json_is_wrong(void **state)
{
    (void)state;
    assert_rows(
        OH_ROWS_ITEMS, OH_ROW_NDJSON,
        OH_BYTES(
            "{\"sku\":\"A\"\n[]\n{\"sku\":5}\n{\"sku\":\"B\",\"x\":1}\n{\"name\":\"n\"}\n{\"sku\":\"C\"} {}\n"
            "{\"sku\":\"D\",\"sku\":\"D\"}\n{\"sku\":\"E\"}\n"),
        "1 invalid_json 'sku'\n2 wrong_type ''\n3 wrong_type 'sku'\n4 unknown_field 'x'\n5 missing_field "
        "'sku'\n"
        "6 invalid_json ''\n7 duplicate_field 'sku'\n8 item E name= gtin=\n");
}

/* ---- Limits ------------------------------------------------------------------------------------ */

/* A row of exactly `size` bytes: a quoted name, spaces and line feeds inside. */
static size_t put_long_row(char *at, size_t size)
{
    memset(at, ' ', size);
    memcpy(at, "A,\"", 3);
    for (size_t i = 100; i < size; i += 100)
        at[i] = '\n';
    at[size - 1] = '"';
    return size;
}

static void assert_long_row(size_t size, const char *expected)
{
    static char text[3 * OH_ROW_SIZE_MAX];
    static const size_t chunk_sizes[] = { 1, 7, 100, 4096, 8192, sizeof(text) };
    size_t at = 0;
    memcpy(text, "sku,name\n", 9);
    at += 9 + put_long_row(text + 9, size);
    memcpy(text + at, "\r\nB,b\n", 6);
    at += 6;
    for (size_t i = 0; i < COUNT_OF(chunk_sizes); i++) {
        struct oh_strbuf out;
        oh_strbuf_init(&out, TEXT_SIZE_MAX);
        read_chunks(OH_ROWS_ITEMS, OH_ROW_CSV, (struct oh_bytes){ text, at }, chunk_sizes[i], chunk_sizes[i],
                    &out);
        oh_strbuf_put_char(&out, '\0');
        if (strncmp(out.data, expected, strlen(expected)) != 0)
            fail_msg("chunks of %zu: %s", chunk_sizes[i], out.data);
        assert_non_null(strstr(out.data, " item B name=b gtin=\n"));
        oh_strbuf_fini(&out);
    }
}

static void test_rows_reads_a_row_of_exactly_the_limit_and_not_a_longer_one(void **state)
{
    (void)state;
    /* A name of 8 KiB is too long as a name, which shows that the row was read. */
    assert_long_row(OH_ROW_SIZE_MAX, "1 too_long 'name'\n2 item B");
    assert_long_row(OH_ROW_SIZE_MAX + 1, "1 too_long ''\n");
}

/* The end of a row that is too long is found at the same byte, so what follows is the same rows. */
static void test_rows_skips_a_long_row_in_the_same_way_wherever_the_input_is_cut(void **state)
{
    (void)state;
    static char text[2 * OH_ROW_SIZE_MAX];
    static const size_t chunk_sizes[] = { 1, 8191, 8192, 8193, 8203, sizeof(text) };
    struct oh_strbuf first;
    struct oh_strbuf out;
    oh_strbuf_init(&first, TEXT_SIZE_MAX);
    oh_strbuf_init(&out, TEXT_SIZE_MAX);
    memcpy(text, "sku,name\n", 9);
    size_t size = 9 + put_long_row(text + 9, OH_ROW_SIZE_MAX + 500);
    for (size_t i = 0; i < COUNT_OF(chunk_sizes); i++) {
        oh_strbuf_clear(&out);
        read_chunks(OH_ROWS_ITEMS, OH_ROW_CSV, (struct oh_bytes){ text, size }, chunk_sizes[i],
                    chunk_sizes[i], i == 0 ? &first : &out);
        if (i > 0 && !oh_bytes_equal(oh_strbuf_bytes(&out), oh_strbuf_bytes(&first)))
            fail_msg("chunks of %zu: %.*s", chunk_sizes[i], (int)out.size, out.data);
    }
    oh_strbuf_fini(&first);
    oh_strbuf_fini(&out);
}

static void test_rows_reads_a_json_line_of_exactly_the_limit_and_not_a_longer_one(void **state)
{
    (void)state;
    static char text[2 * OH_ROW_SIZE_MAX];
    for (size_t more = 0; more < 2; more++) {
        static const size_t chunk_sizes[] = { 1, 13, 8192, 8193, sizeof(text) };
        size_t size = OH_ROW_SIZE_MAX + more;
        memset(text, ' ', sizeof(text));
        memcpy(text, "{\"sku\":\"A\"}", 11);
        memcpy(text + size, "\r\n{\"sku\":\"B\"}\n", 15);
        for (size_t i = 0; i < COUNT_OF(chunk_sizes); i++) {
            struct oh_strbuf out;
            oh_strbuf_init(&out, TEXT_SIZE_MAX);
            read_chunks(OH_ROWS_ITEMS, OH_ROW_NDJSON, (struct oh_bytes){ text, size + 14 }, chunk_sizes[i],
                        chunk_sizes[i], &out);
            oh_strbuf_put_char(&out, '\0');
            assert_string_equal(out.data, more == 0 ? "1 item A name= gtin=\n2 item B name= gtin=\n"
                                                    : "1 too_long ''\n2 item B name= gtin=\n");
            oh_strbuf_fini(&out);
        }
    }
}

static void test_rows_lends_rows_until_they_are_released(void **state)
{
    (void)state;
    struct oh_rows *rows = NULL;
    struct oh_row row;
    struct oh_bytes skus[OH_ROWS_LENT_MAX + 1];
    uint32_t count = 0;
    char chunk[64];
    assert_int_equal(oh_rows_create(OH_ROWS_ITEMS, OH_ROW_CSV, 11, &rows), OH_OK);
    oh_rows_feed(rows, OH_BYTES("sku\n"));
    assert_int_equal(oh_rows_next(rows, &row), OH_ROW_MORE);
    enum oh_row_status status = OH_ROW_MORE;
    while (status == OH_ROW_MORE) {
        int size = snprintf(chunk, sizeof(chunk), "s%u\n", (unsigned)count);
        oh_rows_feed(rows, (struct oh_bytes){ chunk, (size_t)size });
        status = oh_rows_next(rows, &row);
        if (status == OH_ROW_COMMAND) {
            assert_int_equal(row.number, 11 + count);
            skus[count++] = row.command.item.sku;
            status = oh_rows_next(rows, &row);
        }
    }
    assert_int_equal(status, OH_ROW_FULL);
    assert_int_equal(count, OH_ROWS_LENT_MAX);
    assert_int_equal(oh_rows_last(rows), 10 + count);
    for (uint32_t i = 0; i < count; i++) {
        char sku[16];
        snprintf(sku, sizeof(sku), "s%u", (unsigned)i);
        assert_true(oh_bytes_equal(skus[i], oh_bytes_of(sku)));
    }
    oh_rows_release(rows);
    oh_rows_finish(rows);
    assert_int_equal(oh_rows_next(rows, &row), OH_ROW_END);
    oh_rows_destroy(&rows);
    assert_null(rows);
}

/* Long rows fill the memory before the number of rows does; wrong ones take none. */
static void test_rows_reads_more_than_fits_its_memory_in_either_format(void **state)
{
    (void)state;
    static const struct {
        enum oh_row_format format;
        const char *header;
        const char *good;
        const char *wrong;
    } rows[] = {
        { OH_ROW_CSV, "sku,name\n", "A,0123456789012345678901234567890123456789\n", "A,B,C\n" },
        { OH_ROW_NDJSON, "", "{\"sku\":\"A\",\"name\":\"0123456789012345678901234567890123456789\"}\n",
          "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"
          "\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int count = 30000;
        struct oh_strbuf text;
        struct oh_strbuf out;
        oh_strbuf_init(&text, TEXT_SIZE_MAX);
        oh_strbuf_init(&out, TEXT_SIZE_MAX);
        oh_strbuf_put_text(&text, rows[i].header);
        for (int k = 0; k < count; k++)
            oh_strbuf_put_text(&text, k % 3 == 0 ? rows[i].good : rows[i].wrong);
        read_chunks(OH_ROWS_ITEMS, rows[i].format, oh_strbuf_bytes(&text), 60000, 60000, &out);
        oh_strbuf_put_char(&out, '\0');
        int good = 0;
        int lines = 0;
        for (char *line = out.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
            *end = '\0';
            good +=
                strstr(line, " item A name=0123456789012345678901234567890123456789 gtin=") != NULL ? 1 : 0;
        }
        assert_int_equal(lines, count);
        assert_int_equal(good, count / 3);
        oh_strbuf_fini(&text);
        oh_strbuf_fini(&out);
    }
}

/* ---- Random input ------------------------------------------------------------------------------ */

static void put_random_text(struct oh_strbuf *out, struct oh_prng *prng, const char *alphabet,
                            size_t size_max)
{
    size_t size = oh_prng_below(prng, size_max);
    for (size_t i = 0; i < size; i++)
        oh_strbuf_put_char(out, alphabet[oh_prng_below(prng, strlen(alphabet))]);
}

/* Text that looks like CSV or NDJSON: the same rows wherever it is cut. */
static void test_rows_gives_the_same_rows_wherever_the_input_is_cut(void **state)
{
    (void)state;
    static const char csv_alphabet[] = "ab5,,\"\"\"\n\n\r ";
    static const char json_alphabet[] = "{}\":,sku\n\n\r";
    const uint64_t seed = 20211223;
    struct oh_prng prng;
    struct oh_strbuf text;
    struct oh_strbuf whole;
    struct oh_strbuf cut;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    oh_strbuf_init(&text, TEXT_SIZE_MAX);
    oh_strbuf_init(&whole, TEXT_SIZE_MAX);
    oh_strbuf_init(&cut, TEXT_SIZE_MAX);
    for (int i = 0; i < 200; i++) {
        enum oh_row_format format = i % 3 == 0 ? OH_ROW_NDJSON : OH_ROW_CSV;
        oh_strbuf_clear(&text);
        oh_strbuf_clear(&whole);
        oh_strbuf_put_text(&text, format == OH_ROW_CSV ? "name,sku\n" : "{\"sku\":\"A\"}\n");
        put_random_text(&text, &prng, format == OH_ROW_CSV ? csv_alphabet : json_alphabet, 60);
        read_chunks(OH_ROWS_ITEMS, format, oh_strbuf_bytes(&text), text.size, text.size, &whole);
        for (size_t at = 1; at < text.size; at++) {
            oh_strbuf_clear(&cut);
            read_chunks(OH_ROWS_ITEMS, format, oh_strbuf_bytes(&text), at, 1 + oh_prng_below(&prng, 5), &cut);
            if (!oh_bytes_equal(oh_strbuf_bytes(&cut), oh_strbuf_bytes(&whole)))
                fail_msg("round %d, cut at %zu: %.*s", i, at, (int)text.size, text.data);
        }
    }
    oh_strbuf_fini(&text);
    oh_strbuf_fini(&whole);
    oh_strbuf_fini(&cut);
}

/* Random values, written as RFC 4180 says, come back as they were. */
static void test_rows_reads_back_what_was_quoted(void **state)
{
    (void)state;
    static const char alphabet[] = "abc,\"\n\r \xc3\xa9";
    const uint64_t seed = 4180;
    struct oh_prng prng;
    struct oh_strbuf name;
    struct oh_strbuf text;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    oh_strbuf_init(&name, TEXT_SIZE_MAX);
    oh_strbuf_init(&text, TEXT_SIZE_MAX);
    for (int i = 0; i < 5000; i++) {
        struct oh_rows *rows = NULL;
        struct oh_row row;
        oh_strbuf_clear(&name);
        oh_strbuf_clear(&text);
        put_random_text(&name, &prng, alphabet, 8);
        oh_strbuf_put_text(&text, "sku,name\nA,\"");
        for (size_t k = 0; k < name.size; k++) {
            if (name.data[k] == '"')
                oh_strbuf_put_char(&text, '"');
            oh_strbuf_put_char(&text, name.data[k]);
        }
        oh_strbuf_put_text(&text, "\"\n");
        assert_int_equal(oh_rows_create(OH_ROWS_ITEMS, OH_ROW_CSV, 1, &rows), OH_OK);
        oh_rows_feed(rows, oh_strbuf_bytes(&text));
        enum oh_row_status status = oh_rows_next(rows, &row);
        if (status == OH_ROW_COMMAND)
            assert_true(oh_bytes_equal(row.command.item.name, oh_strbuf_bytes(&name)));
        else
            assert_string_equal(row.fault.code, "invalid_encoding"); /* half of the two bytes of a letter */
        oh_rows_destroy(&rows);
    }
    oh_strbuf_fini(&name);
    oh_strbuf_fini(&text);
}

static void test_rows_returns_an_error_when_there_is_no_memory(void **state)
{
    (void)state;
    for (size_t nth = 1;; nth++) {
        struct oh_rows *rows = NULL;
        failing_malloc_arm(nth);
        enum oh_err err = oh_rows_create(OH_ROWS_ITEMS, OH_ROW_NDJSON, 1, &rows);
        if (!failing_malloc_disarm()) {
            oh_rows_destroy(&rows);
            break;
        }
        assert_int_equal(err, OH_E_NOMEM);
        assert_null(rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_reads_every_kind_as_csv),
        cmocka_unit_test(test_rows_reads_every_kind_as_ndjson),
        cmocka_unit_test(test_rows_reads_postal_codes_as_geonames_has_them),
        cmocka_unit_test(test_rows_knows_kinds_by_name),
        cmocka_unit_test(test_rows_follows_rfc_4180),
        cmocka_unit_test(test_rows_refuses_an_import_of_no_bytes_when_a_header_is_needed),
        cmocka_unit_test(test_rows_names_row_and_field_when_a_value_is_wrong),
        cmocka_unit_test(test_rows_names_row_and_field_when_json_is_wrong),
        cmocka_unit_test(test_rows_reads_a_row_of_exactly_the_limit_and_not_a_longer_one),
        cmocka_unit_test(test_rows_skips_a_long_row_in_the_same_way_wherever_the_input_is_cut),
        cmocka_unit_test(test_rows_reads_a_json_line_of_exactly_the_limit_and_not_a_longer_one),
        cmocka_unit_test(test_rows_lends_rows_until_they_are_released),
        cmocka_unit_test(test_rows_reads_more_than_fits_its_memory_in_either_format),
        cmocka_unit_test(test_rows_gives_the_same_rows_wherever_the_input_is_cut),
        cmocka_unit_test(test_rows_reads_back_what_was_quoted),
        cmocka_unit_test(test_rows_returns_an_error_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
