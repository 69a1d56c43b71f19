/* What is written down of how far the tables were: read back whole and by its own ledger, or not at all. */
#include "storage/projected_seq.h"
#include "storage/journal.h"
#include "support/storage_disk.h"
#include "support/test.h"
#include <errno.h>
#include <string.h>

#define FILE_PATH "d/PROJECTED"
#define FILE_SIZE 24u

struct place {
    struct storage_disk *disk;
    struct oh_directory *directory;
};

/* A data directory with a journal, so that its ledger id stays. */
static void place_init(struct place *place)
{
    struct oh_diag diag = { "" };
    place->disk = storage_disk_create(1);
    assert_int_equal(oh_directory_open(storage_disk_io(place->disk), "d", OH_DIRECTORY_WRITE, &place->directory, &diag),
                     OH_OK);
}

static void place_fini(struct place *place)
{
    oh_directory_close(&place->directory);
    storage_disk_destroy(place->disk);
}

static void test_projected_seq_is_what_was_written_last(void **state)
{
    struct place place;
    (void)state;
    place_init(&place);
    assert_int_equal(oh_projected_seq_read(place.directory), 0);
    assert_true(oh_projected_seq_write(place.directory, 4711));
    assert_int_equal(oh_projected_seq_read(place.directory), 4711);
    assert_true(oh_projected_seq_write(place.directory, 12));
    assert_int_equal(oh_projected_seq_read(place.directory), 12);
    place_fini(&place);
}

static void test_projected_seq_is_nothing_when_any_bit_of_it_is_another(void **state)
{
    struct place place;
    (void)state;
    place_init(&place);
    assert_true(oh_projected_seq_write(place.directory, 4711));
    for (size_t bit = 0; bit < 8 * FILE_SIZE; bit++) {
        size_t size;
        uint8_t *bytes = storage_disk_bytes(place.disk, FILE_PATH, &size);
        assert_int_equal(size, FILE_SIZE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(oh_projected_seq_read(place.directory), 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(oh_projected_seq_read(place.directory), 4711);
    for (size_t size = 0; size < FILE_SIZE; size++) {
        storage_disk_resize(place.disk, FILE_PATH, size);
        assert_int_equal(oh_projected_seq_read(place.directory), 0);
    }
    place_fini(&place);
}

static void test_projected_seq_is_nothing_when_another_ledger_wrote_it(void **state)
{
    struct place place;
    (void)state;
    place_init(&place);
    assert_true(oh_projected_seq_write(place.directory, 4711));
    oh_directory_close(&place.directory);
    struct oh_diag diag = { "" }; /* no journal was made, so this is another ledger */
    assert_int_equal(oh_directory_open(storage_disk_io(place.disk), "d", OH_DIRECTORY_WRITE, &place.directory, &diag),
                     OH_OK);
    assert_int_equal(oh_projected_seq_read(place.directory), 0);
    place_fini(&place);
}

static void test_projected_seq_says_so_when_it_cannot_be_written(void **state)
{
    struct place place;
    (void)state;
    place_init(&place);
    assert_true(oh_projected_seq_write(place.directory, 4711));
    storage_disk_fail(place.disk, STORAGE_WRITE, 1, 1, EIO);
    assert_false(oh_projected_seq_write(place.directory, 4712));
    storage_disk_fail(place.disk, STORAGE_OPEN, 1, 1, EMFILE);
    assert_false(oh_projected_seq_write(place.directory, 4712));
    place_fini(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_projected_seq_is_what_was_written_last),
        cmocka_unit_test(test_projected_seq_is_nothing_when_any_bit_of_it_is_another),
        cmocka_unit_test(test_projected_seq_is_nothing_when_another_ledger_wrote_it),
        cmocka_unit_test(test_projected_seq_says_so_when_it_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
