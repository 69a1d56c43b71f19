/* The system's tz database: which names are zones, and that each is read as the C library reads it. */
#include "base/prng.h"
#include "support/arena_buffer.h"
#include "support/failing_malloc.h"
#include "support/no_descriptors.h"
#include "support/test.h"
#include "support/tz_bytes.h"
#include "timetable/tz_database.h"
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FOLDER        "/usr/share/zoneinfo"
#define DAY_US        INT64_C(86400000000)
#define SECOND_US     INT64_C(1000000)
#define FROM_S        INT64_C(0)          /* 1970 */
#define UNTIL_S       INT64_C(7226582400) /* 2199 */
#define INSTANTS      200                 /* at random, of each zone */
#define ZONES_MIN     300                 /* tzdata has twice as many */
#define FILE_SIZE_MAX 16384               /* tz_database.c */

static void test_tz_database_has_only_what_is_a_file_of_it(void **state)
{
    (void)state;
    static const char *const good[] = { "UTC", "Europe/London", "America/Argentina/Buenos_Aires",
                                        "Etc/GMT+5" };
    static const char *const bad[] = {
        "",
        "Europe/Nowhere",
        "Europe",
        "europe/london",
        "+01:00",
        "Z",
        "CET-1CEST",
        "EST5EDT,M3.2.0,M11.1.0",
        "/etc/localtime",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "right/UTC",
        "leapseconds",
        "zone.tab",
        "tzdata.zi",
        "/usr/share/zoneinfo/UTC",
    };
    for (uint32_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(oh_tz_find(oh_bytes_of(good[i])), OH_OK);
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t count;
        assert_int_equal(oh_tz_find(oh_bytes_of(bad[i])), OH_E_NOT_FOUND);
        assert_int_equal(oh_tz_read(oh_bytes_of(bad[i]), 0, DAY_US, &buffer, &count), OH_E_NOT_FOUND);
    }
}

static void test_tz_database_that_cannot_be_read_now_is_not_one_without_the_zone(void **state)
{
    (void)state;
    uint32_t count;
    struct rlimit usual = no_descriptors_begin();
    enum oh_err found = oh_tz_find(OH_BYTES("Europe/London"));
    enum oh_err read = oh_tz_read(OH_BYTES("Europe/London"), 0, DAY_US, &buffer, &count);
    enum oh_err utc = oh_tz_read(OH_BYTES("UTC"), 0, DAY_US, &buffer, &count);
    no_descriptors_end(usual);
    assert_int_equal(found, OH_E_IO);
    assert_int_equal(read, OH_E_IO);
    assert_int_equal(utc, OH_OK);
    assert_int_equal(oh_tz_read(OH_BYTES("Europe/London"), 0, DAY_US, &buffer, &count), OH_OK);
}

/* ---- Files of our own ------------------------------------------------------------------------- */

/* What a database says of a zone whose file has these bytes, and then `more` zeros. */
static enum oh_err found_in(const char *data, size_t size, size_t more)
{
    char folder[] = "/tmp/onhand-tz-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/Own", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    for (size_t i = 0; i < more; i++)
        assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("TZDIR", folder, 1), 0);
    enum oh_err err = oh_tz_find(OH_BYTES("Own"));
    assert_int_equal(unsetenv("TZDIR"), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    return err;
}

static void test_tz_database_has_no_zone_of_a_file_that_is_cut_or_too_large(void **state)
{
    (void)state;
    static const struct tz_sketch sketch = { .version = '2', .rule = "\n<+01>-1\n" };
    struct tz_bytes made;
    tz_bytes_make(&made, &sketch);
    assert_int_equal(found_in(made.data, made.size, 0), OH_OK);
    assert_int_equal(found_in(made.data, made.size - 1, 0), OH_E_NOT_FOUND);
    assert_int_equal(found_in(made.data, 0, 0), OH_E_NOT_FOUND);
    assert_int_equal(found_in(made.data, made.size, FILE_SIZE_MAX - made.size), OH_OK);
    assert_int_equal(found_in(made.data, made.size, FILE_SIZE_MAX - made.size + 1), OH_E_NOT_FOUND);
}

static void test_tz_database_gives_no_memory_back_as_an_error(void **state)
{
    (void)state;
    struct oh_buffer own = { NULL, 0 };
    uint32_t count = 0;
    size_t nth = 1;
    for (;; nth++) {
        failing_malloc_arm(nth);
        enum oh_err err = oh_tz_read(OH_BYTES("Europe/London"), 0, 40 * 365 * DAY_US, &own, &count);
        bool is_failed = failing_malloc_disarm();
        assert_int_equal(err, is_failed ? OH_E_NOMEM : OH_OK);
        oh_buffer_fini(&own);
        own = (struct oh_buffer){ NULL, 0 };
        if (!is_failed)
            break;
    }
    assert_true(nth > 2);
}

/* ---- The law: as the C library -----------------------------------------------------------------*/

static struct {
    struct oh_prng prng;
    uint64_t seed;
    uint32_t zones;
    uint32_t changes;
} law;

/* The whole of a zone between FROM_S and UNTIL_S. */
struct zone {
    const char *name;
    const struct oh_tz_change *changes;
    uint32_t count;
};

static int64_t offset_at(const struct oh_tz_change *changes, uint32_t count, int64_t at_s)
{
    uint32_t i = 0;
    while (i + 1 < count && changes[i + 1].at_us <= at_s * SECOND_US)
        i++;
    return changes[i].offset_us / SECOND_US;
}

static void check_instant(const struct zone *zone, int64_t at_s)
{
    struct tm local;
    time_t at = at_s;
    assert_non_null(localtime_r(&at, &local));
    int64_t offset_s = offset_at(zone->changes, zone->count, at_s);
    if (offset_s != local.tm_gmtoff)
        fail_msg("seed %" PRIu64 ", %s, %" PRId64 ": %" PRId64 " s from UTC, the C library says %ld",
                 law.seed, zone->name, at_s, offset_s, local.tm_gmtoff);
}

/* A part of the time says the same as the whole. */
static void check_part(const struct zone *zone)
{
    struct oh_buffer part = { NULL, 0 };
    uint32_t count = 0;
    int64_t from_s = oh_prng_between(&law.prng, FROM_S, UNTIL_S - 2);
    int64_t until_s = oh_prng_between(&law.prng, from_s + 1, UNTIL_S - 1);
    int64_t at_s = oh_prng_between(&law.prng, from_s, until_s - 1);
    assert_int_equal(
        oh_tz_read(oh_bytes_of(zone->name), from_s * SECOND_US, until_s * SECOND_US, &part, &count), OH_OK);
    const struct oh_tz_change *changes = part.memory;
    assert_int_equal(offset_at(changes, count, at_s), offset_at(zone->changes, zone->count, at_s));
    assert_true(count == 1 ||
                (changes[1].at_us > from_s * SECOND_US && changes[count - 1].at_us < until_s * SECOND_US));
    oh_buffer_fini(&part);
}

static void check_zone(const char *name)
{
    struct zone zone = { .name = name };
    assert_int_equal(
        oh_tz_read(oh_bytes_of(name), FROM_S * SECOND_US, UNTIL_S * SECOND_US, &buffer, &zone.count), OH_OK);
    zone.changes = buffer.memory;
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
    for (uint32_t i = 1; i < zone.count; i++) {
        check_instant(&zone, zone.changes[i].at_us / SECOND_US - 1);
        check_instant(&zone, zone.changes[i].at_us / SECOND_US);
        assert_true(zone.changes[i].at_us > zone.changes[i - 1].at_us);
        assert_true(zone.changes[i].offset_us != zone.changes[i - 1].offset_us);
    }
    for (int i = 0; i < INSTANTS; i++)
        check_instant(&zone, oh_prng_between(&law.prng, FROM_S, UNTIL_S - 1));
    check_part(&zone);
    law.zones++;
    law.changes += zone.count - 1;
}

static int check_path(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)walk;
    const char *name = path + strlen(FOLDER) + 1;
    if (kind == FTW_F && oh_tz_find(oh_bytes_of(name)) == OH_OK)
        check_zone(name);
    return 0;
}

static void test_tz_database_is_read_as_the_c_library_reads_it(void **state)
{
    (void)state;
    const char *text = getenv("ONHAND_SEED");
    law.seed = text == NULL ? (uint64_t)time(NULL) : strtoull(text, NULL, 10);
    oh_prng_init(&law.prng, law.seed);
    assert_int_equal(nftw(FOLDER, check_path, 16, 0), 0);
    assert_int_equal(unsetenv("TZ"), 0);
    print_message("seed %" PRIu64 ": %u zones, %u changes\n", law.seed, law.zones, law.changes);
    assert_true(law.zones >= ZONES_MIN);
    assert_true(law.changes > 100 * ZONES_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tz_database_has_only_what_is_a_file_of_it),
        cmocka_unit_test(test_tz_database_that_cannot_be_read_now_is_not_one_without_the_zone),
        cmocka_unit_test(test_tz_database_has_no_zone_of_a_file_that_is_cut_or_too_large),
        cmocka_unit_test(test_tz_database_gives_no_memory_back_as_an_error),
        cmocka_unit_test(test_tz_database_is_read_as_the_c_library_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, buffer_teardown);
}
