#include "app/demo.h"
#include "app/demo_towns.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE_MAX (8u << 20)

static const char *const file_names[] = { "nodes.csv", "items.csv", "groups.csv", "stock.csv",
                                          "setup.ndjson" };
#define FILE_COUNT (sizeof file_names / sizeof file_names[0])

struct folder {
    char path[64];
    char *texts[FILE_COUNT];
};

static char *read_file(const char *path)
{
    char *text = calloc(1, FILE_SIZE_MAX + 1);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(file);
    size_t size = fread(text, 1, FILE_SIZE_MAX, file);
    assert_true(size > 0 && size < FILE_SIZE_MAX);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void folder_write(struct folder *folder, uint64_t seed)
{
    struct oh_diag diag;
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/onhand-demo-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    assert_int_equal(oh_demo_write(folder->path, seed, &diag), OH_OK);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder->path, file_names[i]);
        folder->texts[i] = read_file(path);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder->path), 0);
}

static void folder_free(struct folder *folder)
{
    for (size_t i = 0; i < FILE_COUNT; i++)
        free(folder->texts[i]);
}

/* Cuts the next line off *rest; NULL at the end. */
static char *next_line(char **rest)
{
    return **rest == '\0' ? NULL : strsep(rest, "\n");
}

static int setup_folder(void **state)
{
    static struct folder folder;
    folder_write(&folder, OH_DEMO_SEED_DEFAULT);
    *state = &folder;
    return 0;
}

static int teardown_folder(void **state)
{
    folder_free(*state);
    return 0;
}

static void test_demo_writes_the_same_bytes_when_the_seed_is_the_same(void **state)
{
    const struct folder *first = *state;
    struct folder second;
    folder_write(&second, OH_DEMO_SEED_DEFAULT);
    for (size_t i = 0; i < FILE_COUNT; i++)
        assert_string_equal(first->texts[i], second.texts[i]);
    folder_free(&second);
}

static void test_demo_draws_other_stock_of_the_same_items_when_the_seed_differs(void **state)
{
    const struct folder *first = *state;
    struct folder second;
    folder_write(&second, OH_DEMO_SEED_DEFAULT + 1);
    assert_string_equal(first->texts[0], second.texts[0]);
    assert_string_equal(first->texts[1], second.texts[1]);
    assert_string_not_equal(first->texts[3], second.texts[3]);
    folder_free(&second);
}

static void test_demo_places_are_in_metropolitan_france(void **state)
{
    (void)state;
    for (size_t i = 0; i < OH_DEMO_PLACE_COUNT; i++) {
        const struct oh_demo_place *place = &oh_demo_places[i];
        double latitude = strtod(place->latitude, NULL);
        double longitude = strtod(place->longitude, NULL);
        assert_true(latitude > 42.3 && latitude < 51.1);
        assert_true(longitude > -4.8 && longitude < 8.3);
        assert_non_null(strchr(place->latitude, '.'));
        assert_int_equal(strlen(strchr(place->latitude, '.')), 5);
        assert_int_equal(strlen(strchr(place->longitude, '.')), 5);
    }
}

static void test_demo_node_ids_are_short_and_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < OH_DEMO_PLACE_COUNT; i++) {
        const char *node = oh_demo_places[i].node;
        assert_true(strlen(node) >= 4 && strlen(node) <= 64);
        assert_int_equal(strspn(node, "abcdefghijklmnopqrstuvwxyz-"), strlen(node));
        assert_int_equal(strncmp(node, oh_demo_place_is_warehouse(i) ? "wh-" : "fr-", 3), 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(node, oh_demo_places[j].node);
    }
}

static void test_demo_gtins_have_a_right_check_digit_and_differ(void **state)
{
    (void)state;
    char before[OH_DEMO_GTIN_SIZE] = "";
    for (uint32_t item = 0; item < OH_DEMO_ITEM_COUNT; item++) {
        char gtin[OH_DEMO_GTIN_SIZE];
        int sum = 0;
        oh_demo_gtin(item, gtin);
        assert_int_equal(strspn(gtin, "0123456789"), 13);
        assert_int_equal(strlen(gtin), 13);
        for (int i = 0; i < 13; i++)
            sum += (gtin[i] - '0') * (i % 2 == 0 ? 1 : 3);
        assert_int_equal(sum % 10, 0);
        assert_int_equal(strncmp(gtin, "20", 2), 0);
        assert_true(strcmp(before, gtin) < 0); /* rising, so no two are the same */
        memcpy(before, gtin, sizeof before);
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void test_demo_items_differ_in_sku_and_name(void **state)
{
    const struct folder *folder = *state;
    static char *skus[OH_DEMO_ITEM_COUNT];
    static char *names[OH_DEMO_ITEM_COUNT];
    char *text = strdup(folder->texts[1]);
    char *rest = text;
    size_t count = 0;
    assert_string_equal(next_line(&rest), "sku,name,gtin");
    for (char *line = next_line(&rest); line != NULL; line = next_line(&rest)) {
        assert_true(count < OH_DEMO_ITEM_COUNT);
        skus[count] = strsep(&line, ",");
        names[count] = line + 1;
        *strchr(names[count], '"') = '\0';
        assert_true(strlen(skus[count]) >= 4 && strlen(skus[count]) <= 64);
        assert_true(strlen(names[count]) >= 4 && strlen(names[count]) <= 128);
        count++;
    }
    assert_int_equal(count, OH_DEMO_ITEM_COUNT);
    qsort(skus, count, sizeof skus[0], compare_lines);
    qsort(names, count, sizeof names[0], compare_lines);
    for (size_t i = 1; i < count; i++) {
        assert_string_not_equal(skus[i - 1], skus[i]);
        assert_string_not_equal(names[i - 1], names[i]);
    }
    free(text);
}

struct stock_summary {
    size_t row_count;
    size_t zero_count;
    size_t decimal_count;
    double stores;
    double warehouses;
};

static struct stock_summary summarize_stock(const char *stock)
{
    struct stock_summary summary = { 0 };
    char *text = strdup(stock);
    char *rest = text;
    assert_string_equal(next_line(&rest), "sku,node,quantity,as_of");
    for (char *line = next_line(&rest); line != NULL; line = next_line(&rest)) {
        (void)strsep(&line, ",");
        const char *node = strsep(&line, ",");
        const char *quantity = strsep(&line, ",");
        assert_string_equal(line, OH_DEMO_AS_OF);
        assert_int_equal(strspn(quantity, "0123456789."), strlen(quantity));
        double value = strtod(quantity, NULL);
        summary.row_count++;
        summary.zero_count += value == 0 ? 1 : 0;
        if (strchr(quantity, '.') != NULL) {
            assert_int_equal(strlen(strchr(quantity, '.')), 4);
            summary.decimal_count++;
        }
        *(strncmp(node, "wh-", 3) == 0 ? &summary.warehouses : &summary.stores) += value;
    }
    free(text);
    return summary;
}

static void test_demo_stock_is_plausible(void **state)
{
    const struct folder *folder = *state;
    struct stock_summary summary = summarize_stock(folder->texts[3]);
    assert_in_range(summary.row_count, 70000, 95000);
    assert_in_range(summary.zero_count, summary.row_count / 5, summary.row_count / 2);
    assert_in_range(summary.decimal_count, summary.row_count / 30, summary.row_count / 8);
    /* One warehouse holds much more than one store. */
    assert_true(summary.warehouses / OH_DEMO_WAREHOUSE_COUNT > 10 * summary.stores / OH_DEMO_STORE_COUNT);
}

static void test_demo_groups_hold_every_place_they_should(void **state)
{
    const struct folder *folder = *state;
    char *text = strdup(folder->texts[2]);
    char *rest = text;
    size_t all = 0, stores = 0, warehouses = 0, regions = 0;
    assert_string_equal(next_line(&rest), "group,node,priority");
    for (char *line = next_line(&rest); line != NULL; line = next_line(&rest)) {
        const char *group = strsep(&line, ",");
        all += strcmp(group, "all") == 0;
        stores += strcmp(group, "stores") == 0;
        warehouses += strcmp(group, "warehouses") == 0;
        regions += strcmp(group, "fr-north") == 0 || strcmp(group, "fr-south") == 0;
    }
    free(text);
    assert_int_equal(all, OH_DEMO_PLACE_COUNT);
    assert_int_equal(stores, OH_DEMO_STORE_COUNT);
    assert_int_equal(warehouses, OH_DEMO_WAREHOUSE_COUNT);
    assert_int_equal(regions, OH_DEMO_STORE_COUNT);
}

static void test_demo_names_the_folder_when_it_cannot_be_made(void **state)
{
    (void)state;
    struct oh_diag diag;
    assert_int_equal(oh_demo_write("/proc/no-such-place/demo", 1, &diag), OH_E_IO);
    assert_non_null(strstr(diag.text, "/proc/no-such-place/demo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demo_writes_the_same_bytes_when_the_seed_is_the_same),
        cmocka_unit_test(test_demo_draws_other_stock_of_the_same_items_when_the_seed_differs),
        cmocka_unit_test(test_demo_places_are_in_metropolitan_france),
        cmocka_unit_test(test_demo_node_ids_are_short_and_differ),
        cmocka_unit_test(test_demo_gtins_have_a_right_check_digit_and_differ),
        cmocka_unit_test(test_demo_items_differ_in_sku_and_name),
        cmocka_unit_test(test_demo_stock_is_plausible),
        cmocka_unit_test(test_demo_groups_hold_every_place_they_should),
        cmocka_unit_test(test_demo_names_the_folder_when_it_cannot_be_made),
    };
    return cmocka_run_group_tests_name("demo", tests, setup_folder, teardown_folder);
}
