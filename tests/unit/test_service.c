#include "server/service.h"
#include "storage/journal.h"
#include "support/failing_malloc.h"
#include "support/small_ledger.h"
#include "support/test.h"

#define NOW_US INT64_C(1795352400000000) /* the clock of the small ledger */
#define MONO_US INT64_C(5000000)

/* A service over a small ledger and a journal without files. */
struct bench {
    struct oh_ledger *ledger;
    struct oh_journal *journal;
    struct oh_service *service;
    struct oh_server_hooks hooks;
    uint32_t stop_count;
};

static void bench_stop(void *ctx, enum oh_err error)
{
    struct bench *bench = ctx;
    assert_int_not_equal(error, OH_OK);
    bench->stop_count++;
}

/* A ledger with a history joins a journal that goes on where it is. */
static void bench_init(struct bench *bench)
{
    struct oh_record record;
    struct oh_diag diag = { "" };
    memset(bench, 0, sizeof(*bench));
    bench->ledger = small_ledger_create();
    assert_non_null(bench->ledger);
    (void)oh_ledger_take_record(bench->ledger, &record);
    struct oh_journal_options options = {
        .durability = OH_DURABILITY_MEMORY, .first_seq = oh_ledger_seq(bench->ledger) + 1,
    };
    assert_int_equal(oh_journal_open(NULL, &options, &bench->journal, &diag), OH_OK);
    struct oh_service_options service = {
        .ledger = bench->ledger, .journal = bench->journal, .stop = bench_stop, .stop_ctx = bench,
    };
    assert_int_equal(oh_service_create(&service, &bench->service), OH_OK);
    bench->hooks = oh_service_hooks(bench->service);
}

static void bench_fini(struct bench *bench)
{
    oh_service_destroy(&bench->service);
    oh_journal_close(&bench->journal);
    oh_ledger_destroy(&bench->ledger);
    assert_null(bench->service);
}

static enum oh_verdict apply(struct bench *bench, const struct oh_command *command)
{
    const struct oh_answer *answer = NULL;
    assert_int_equal(oh_service_apply(bench->service, NOW_US, command, &answer), OH_OK);
    return answer->verdict;
}

static enum oh_verdict put_item(struct bench *bench, const char *sku)
{
    struct oh_command command = { .type = OH_COMMAND_ITEM, .item = { .sku = oh_bytes_of(sku) } };
    return apply(bench, &command);
}

static void stock(struct bench *bench, int64_t quantity_milli)
{
    struct oh_adjust_entry entry = {
        .sku = OH_BYTES("A"), .node = OH_BYTES("n0"), .reason = OH_BYTES("r"),
        .quantity_milli = quantity_milli, .at_us = OH_TIME_US_NONE,
    };
    struct oh_command command = {
        .type = OH_COMMAND_ADJUST, .adjust = { .source = OH_BYTES("t"), .entries = &entry, .entry_count = 1 },
    };
    assert_int_equal(apply(bench, &command), OH_OK_DONE);
    oh_service_commit(bench->service);
}

static void hold(struct bench *bench, int64_t ttl_us)
{
    struct oh_reserve_line line = {
        .line = 1, .sku = OH_BYTES("A"), .node = OH_BYTES("n0"), .quantity_milli = 1000,
    };
    struct oh_command command = {
        .type = OH_COMMAND_RESERVE,
        .reserve = { .channel = OH_BYTES("web"), .kind = OH_KIND_CART, .ttl_us = ttl_us, .lines = &line,
                     .line_count = 1 },
    };
    assert_int_equal(apply(bench, &command), OH_OK_DONE);
}

static uint32_t holds_left(const struct bench *bench)
{
    struct oh_ledger_stats stats;
    oh_ledger_stats_get(bench->ledger, &stats);
    return stats.holds;
}

static void test_service_makes_one_record_of_what_was_applied_until_commit(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    uint64_t seq = oh_service_seq(bench.service);
    assert_int_equal(put_item(&bench, "C"), OH_OK_DONE);
    assert_int_equal(put_item(&bench, "D"), OH_OK_DONE);
    oh_service_commit(bench.service);
    assert_int_equal(oh_service_seq(bench.service), seq + 1);
    assert_int_equal(oh_journal_seq(bench.journal), seq + 1);
    assert_int_equal(bench.service->verdict_counts[OH_OK_DONE], 2);
    bench_fini(&bench);
}

static void test_service_journals_nothing_when_nothing_changed(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    uint64_t seq = oh_service_seq(bench.service);
    assert_int_equal(put_item(&bench, "A"), OH_V_UNCHANGED);
    oh_service_commit(bench.service);
    oh_service_commit(bench.service);
    assert_int_equal(oh_service_seq(bench.service), seq);
    assert_int_equal(oh_journal_seq(bench.journal), seq);
    bench_fini(&bench);
}

/* fail_once empty/memory:136: the ledger had a change that no memory was there to journal, and the server stopped. */
static void test_service_journals_without_an_allocation(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    failing_malloc_arm_many(1, SIZE_MAX);
    assert_int_equal(put_item(&bench, "C"), OH_OK_DONE);
    oh_service_commit(bench.service);
    assert_false(failing_malloc_disarm());
    assert_int_equal(failing_malloc_count(), 0);
    assert_int_equal(bench.stop_count, 0);
    bench_fini(&bench);
}

static void test_service_reports_the_durable_seq_at_the_end_of_a_turn(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.hooks.turn_begin(bench.hooks.context, NOW_US, MONO_US);
    assert_int_equal(put_item(&bench, "C"), OH_OK_DONE);
    oh_service_commit(bench.service);
    assert_int_equal(bench.hooks.turn_end(bench.hooks.context), oh_service_seq(bench.service));
    assert_int_equal(bench.stop_count, 0);
    bench_fini(&bench);
}

static void test_service_expires_a_bounded_number_of_holds_in_a_turn(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    stock(&bench, (int64_t)(OH_SERVICE_EXPIRE_MAX + 10) * 1000);
    for (uint32_t i = 0; i < OH_SERVICE_EXPIRE_MAX + 10; i++) {
        hold(&bench, 1000000);
        oh_service_commit(bench.service);
    }
    bench.service->verify_due_us = MONO_US + OH_SERVICE_VERIFY_IDLE_US; /* so that holds are due first */
    bench.hooks.turn_begin(bench.hooks.context, NOW_US + 999999, MONO_US);
    assert_int_equal(holds_left(&bench), OH_SERVICE_EXPIRE_MAX + 10);
    assert_int_equal(bench.hooks.next_due_us(bench.hooks.context), NOW_US + 1000000);
    bench.hooks.turn_begin(bench.hooks.context, NOW_US + 1000000, MONO_US);
    assert_int_equal(holds_left(&bench), 10);
    assert_int_equal(bench.hooks.next_due_us(bench.hooks.context), NOW_US + 1000000);
    bench.hooks.turn_begin(bench.hooks.context, NOW_US + 1000000, MONO_US);
    assert_int_equal(holds_left(&bench), 0);
    assert_int_equal(oh_journal_seq(bench.journal), oh_service_seq(bench.service));
    bench_fini(&bench);
}

/* A turn, and what it does when it has nothing else to do. */
static void turn(struct bench *bench, int64_t now_us, int64_t mono_us)
{
    bench->hooks.turn_begin(bench->hooks.context, now_us, mono_us);
    (void)bench->hooks.turn_end(bench->hooks.context);
    assert_false(bench->hooks.idle(bench->hooks.context));
}

static int64_t wait_us(const struct bench *bench)
{
    return bench->hooks.next_due_us(bench->hooks.context) - bench->service->now_us;
}

static void test_service_verifier_rests_when_the_ledger_has_not_changed(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    stock(&bench, 5000);
    for (int64_t us = 0; us < OH_SERVICE_VERIFY_ROUND_US; us += OH_SERVICE_VERIFY_INTERVAL_US)
        turn(&bench, NOW_US + us, MONO_US + us);
    assert_int_equal(bench.service->verifier.rounds, 1);
    assert_int_equal(bench.service->verifier.differences, 0);
    assert_int_equal(wait_us(&bench), OH_SERVICE_VERIFY_IDLE_US + OH_SERVICE_VERIFY_INTERVAL_US);
    stock(&bench, 5000);
    assert_int_equal(wait_us(&bench), OH_SERVICE_VERIFY_INTERVAL_US);
    turn(&bench, NOW_US + OH_SERVICE_VERIFY_ROUND_US, MONO_US + OH_SERVICE_VERIFY_ROUND_US);
    assert_int_equal(bench.service->verifier.rounds, 2);
    bench_fini(&bench);
}

/* What has many claims is looked at whole, and what comes next has to wait for as long as that is worth. */
static void test_service_verifier_rests_for_what_it_has_looked_at(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    stock(&bench, 2000 * OH_SERVICE_VERIFY_STEP);
    for (uint32_t i = 0; i < OH_SERVICE_VERIFY_STEP; i++)
        hold(&bench, OH_SERVICE_VERIFY_IDLE_US);
    turn(&bench, NOW_US, MONO_US);
    assert_int_equal(bench.service->verifier.work_count, 1 + 4 * OH_SERVICE_VERIFY_STEP);
    assert_int_equal(wait_us(&bench), (1 + 4 * OH_SERVICE_VERIFY_STEP) * OH_SERVICE_VERIFY_EACH_US);
    bench_fini(&bench);
}

/* The time of turns stands still until a clock that was set back has caught up; the verifier does not. */
static void test_service_verifier_goes_on_when_the_time_of_turns_stands_still(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    for (int64_t round = 0; round < 5; round++) {
        stock(&bench, 5000);
        turn(&bench, NOW_US, MONO_US + round * OH_SERVICE_VERIFY_ROUND_US);
        assert_int_equal(bench.service->verifier.rounds, round + 1);
        turn(&bench, NOW_US, MONO_US + (round + 1) * OH_SERVICE_VERIFY_ROUND_US - 1);
        assert_int_equal(bench.service->verifier.rounds, round + 1);
    }
    stock(&bench, 5000);
    assert_int_equal(wait_us(&bench), 1);
    bench_fini(&bench);
}

/* A clock set forward brings nothing forward that goes by how much time has passed. */
static void test_service_verifier_takes_no_notice_of_a_clock_set_forward(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    stock(&bench, 5000);
    turn(&bench, NOW_US, MONO_US);
    stock(&bench, 5000);
    turn(&bench, NOW_US + OH_SERVICE_VERIFY_IDLE_US, MONO_US + 1);
    assert_int_equal(bench.service->verifier.rounds, 1);
    assert_int_equal(wait_us(&bench), OH_SERVICE_VERIFY_ROUND_US - 1);
    bench_fini(&bench);
}

/* A task that counts its runs and goes away after the second. */
struct counter {
    struct oh_service_task task;
    struct oh_service *service;
    uint32_t runs;
};

static void counter_run(void *ctx)
{
    struct counter *counter = ctx;
    if (++counter->runs == 2)
        oh_service_task_remove(counter->service, &counter->task);
}

static void test_service_runs_every_task_once_a_turn_when_one_removes_itself(void **state)
{
    struct bench bench;
    struct counter counters[OH_SERVICE_TASKS_MAX + 1];
    (void)state;
    bench_init(&bench);
    for (uint32_t i = 0; i <= OH_SERVICE_TASKS_MAX; i++) {
        counters[i] = (struct counter){ .service = bench.service, .runs = i % 2 };
        counters[i].task = (struct oh_service_task){ .run = counter_run, .ctx = &counters[i] };
        assert_int_equal(oh_service_task_add(bench.service, &counters[i].task),
                         i < OH_SERVICE_TASKS_MAX ? OH_OK : OH_E_FULL);
    }
    (void)bench.hooks.turn_end(bench.hooks.context);
    assert_int_equal(bench.service->task_count, OH_SERVICE_TASKS_MAX / 2);
    (void)bench.hooks.turn_end(bench.hooks.context);
    assert_int_equal(bench.service->task_count, 0);
    for (uint32_t i = 0; i < OH_SERVICE_TASKS_MAX; i++)
        assert_int_equal(counters[i].runs, 2);
    bench_fini(&bench);
}

static void test_service_comes_back_soon_when_a_task_waits_for_the_disk(void **state)
{
    struct bench bench;
    (void)state;
    bench_init(&bench);
    struct counter counter = { .service = bench.service };
    counter.task = (struct oh_service_task){ .run = counter_run, .ctx = &counter };
    assert_int_equal(oh_service_task_add(bench.service, &counter.task), OH_OK);
    bench.hooks.turn_begin(bench.hooks.context, NOW_US, MONO_US);
    bench.service->verify_due_us = MONO_US + OH_SERVICE_VERIFY_IDLE_US;
    assert_true(bench.hooks.next_due_us(bench.hooks.context) > NOW_US + OH_SERVICE_TASK_RETRY_US);
    counter.task.is_waiting = true;
    assert_int_equal(bench.hooks.next_due_us(bench.hooks.context), NOW_US + OH_SERVICE_TASK_RETRY_US);
    oh_service_task_remove(bench.service, &counter.task);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_makes_one_record_of_what_was_applied_until_commit),
        cmocka_unit_test(test_service_journals_nothing_when_nothing_changed),
        cmocka_unit_test(test_service_journals_without_an_allocation),
        cmocka_unit_test(test_service_reports_the_durable_seq_at_the_end_of_a_turn),
        cmocka_unit_test(test_service_expires_a_bounded_number_of_holds_in_a_turn),
        cmocka_unit_test(test_service_verifier_rests_when_the_ledger_has_not_changed),
        cmocka_unit_test(test_service_verifier_rests_for_what_it_has_looked_at),
        cmocka_unit_test(test_service_verifier_goes_on_when_the_time_of_turns_stands_still),
        cmocka_unit_test(test_service_verifier_takes_no_notice_of_a_clock_set_forward),
        cmocka_unit_test(test_service_runs_every_task_once_a_turn_when_one_removes_itself),
        cmocka_unit_test(test_service_comes_back_soon_when_a_task_waits_for_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
