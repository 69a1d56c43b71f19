#include "fuzz/fuzz_world.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "codec/record_digest.h"
#include <string.h>
#include <sys/mman.h>

#define RECORD_SIZE_MAX ((size_t)16 << 20)
#define EXPIRE_MAX      20u
#define EXPIRE_ROUNDS   1000u

/* Mapped, because most of it is never touched. */
static void *memory_allocate(void *ctx, size_t size)
{
    (void)ctx;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void memory_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)munmap(memory, size);
}

struct oh_ledger *fuzz_ledger_create(void)
{
    /* Room for what a reservation of any size may need at most, or each that names no node would be refused as such. */
    const struct oh_ledger_options options = { .items_max = 16,
                                               .positions_max = 2 * OH_CLAIMS_MAX,
                                               .reservations_max = 64,
                                               .claims_max = 2 * OH_CLAIMS_MAX,
                                               .keys_max = 64,
                                               .history_max = 16,
                                               .text_size_max = 64u << 20 };
    const struct oh_allocator allocator = { memory_allocate, memory_release, NULL };
    struct oh_ledger *ledger = NULL;
    enum oh_err err = oh_ledger_create(&options, &allocator, &ledger);
    OH_ASSERT(err == OH_OK);
    return ledger;
}

/* ---- What is there at first ------------------------------------------------------------------- */

static void reference_put(struct fuzz_world *world)
{
    static const struct oh_bytes nodes[] = { { "n0", 2 }, { "n1", 2 } };
    const struct oh_command commands[] = {
        { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("A") } },
        { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("B") } },
        { .type = OH_COMMAND_ITEM, .item = { .sku = OH_BYTES("C") } },
        { .type = OH_COMMAND_NODE,
          .node = { .node = OH_BYTES("n0"), .enabled = true, .ships = true, .collects = true } },
        { .type = OH_COMMAND_NODE,
          .node = { .node = OH_BYTES("n1"),
                    .enabled = true,
                    .ships = true,
                    .has_point = true,
                    .point = { 48, 2 } } },
        { .type = OH_COMMAND_NODE, .node = { .node = OH_BYTES("n2"), .enabled = true, .collects = true } },
        { .type = OH_COMMAND_GROUP, .group = { .group = OH_BYTES("g0"), .nodes = nodes, .node_count = 2 } },
        { .type = OH_COMMAND_CHANNEL, .channel = { .channel = OH_BYTES("web") } },
        { .type = OH_COMMAND_POSTAL_CODE,
          .postal_code = { .country = OH_BYTES("FR"),
                           .postal_code = OH_BYTES("75011"),
                           .point = { 48.9, 2.4 } } },
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct oh_answer answer;
        fuzz_world_apply(world, &commands[i], &answer);
        OH_ASSERT(oh_verdict_is_success(answer.verdict));
    }
}

static void stock_put(struct fuzz_world *world)
{
    const struct oh_sync_entry entries[] = {
        { .sku = OH_BYTES("A"), .node = OH_BYTES("n0"), .quantity_milli = 10000, .as_of_us = FUZZ_NOW_US },
        { .sku = OH_BYTES("A"), .node = OH_BYTES("n1"), .quantity_milli = 5000, .as_of_us = FUZZ_NOW_US },
        { .sku = OH_BYTES("B"), .node = OH_BYTES("n1"), .quantity_milli = 2500, .as_of_us = FUZZ_NOW_US },
    };
    const struct oh_command command = {
        .type = OH_COMMAND_SYNC, .sync = { .source = OH_BYTES("wms"), .entries = entries, .entry_count = 3 }
    };
    struct oh_answer answer;
    fuzz_world_apply(world, &command, &answer);
    OH_ASSERT(oh_verdict_is_success(answer.verdict));
}

void fuzz_world_init(struct fuzz_world *world, bool has_twin)
{
    *world = (struct fuzz_world){ .now_us = FUZZ_NOW_US };
    world->ledger = fuzz_ledger_create();
    world->twin = has_twin ? fuzz_ledger_create() : NULL;
    oh_record_decoder_init(&world->decoder, 0);
    oh_strbuf_init(&world->bytes, RECORD_SIZE_MAX);
    reference_put(world);
    stock_put(world);
}

void fuzz_world_fini(struct fuzz_world *world)
{
    oh_ledger_destroy(&world->ledger);
    oh_ledger_destroy(&world->twin);
    oh_record_decoder_fini(&world->decoder);
    oh_strbuf_fini(&world->bytes);
}

/* ---- Change ----------------------------------------------------------------------------------- */

static void record_take(struct fuzz_world *world)
{
    struct oh_record record;
    struct oh_diag diag = { "" };
    if (!oh_ledger_take_record(world->ledger, &record) || world->twin == NULL)
        return;
    oh_strbuf_clear(&world->bytes);
    enum oh_err encoded = oh_record_encode(&record, &world->bytes);
    OH_ASSERT(encoded == OH_OK);
    enum oh_err decoded = oh_record_decode(oh_strbuf_bytes(&world->bytes), &world->decoder, &record);
    OH_ASSERT(decoded == OH_OK);
    enum oh_err replayed = oh_ledger_replay(world->twin, &record, &diag);
    OH_ASSERT(replayed == OH_OK);
}

void fuzz_world_apply(struct fuzz_world *world, const struct oh_command *command,
                      struct oh_answer *out_answer)
{
    enum oh_err err = oh_ledger_apply(world->ledger, world->now_us, command, out_answer);
    OH_ASSERT(err == OH_OK);
    record_take(world);
}

void fuzz_world_pass(struct fuzz_world *world, int64_t us)
{
    world->now_us += us;
    uint32_t rounds = 0;
    while (oh_ledger_advance(world->ledger, world->now_us, EXPIRE_MAX) > 0) {
        record_take(world);
        OH_ASSERT(rounds++ < EXPIRE_ROUNDS);
    }
}

/* ---- Laws ------------------------------------------------------------------------------------- */

/* Reservations that ended a day ago and keys of that age are forgotten by each ledger's own clock. */
static void digest_of(struct oh_ledger *ledger, int64_t time_us, struct oh_record_digest *out_digest)
{
    oh_record_digest_init(out_digest);
    out_digest->ended_after_us = time_us - OH_KEY_RETENTION_US;
    out_digest->keys_after_us = time_us - OH_KEY_RETENTION_US;
    oh_record_digest_ledger(out_digest, ledger);
    oh_record_digest_fini(out_digest);
}

void fuzz_ledger_check(const struct oh_ledger *ledger)
{
    struct oh_ledger_stats stats;
    struct oh_verifier verifier = { .position = 0 };
    oh_ledger_stats_get(ledger, &stats);
    uint32_t differences = oh_ledger_verify(ledger, &verifier, stats.positions);
    OH_ASSERT(differences == 0);
    OH_ASSERT(verifier.position_count == stats.positions);
}

void fuzz_world_check(struct fuzz_world *world)
{
    fuzz_ledger_check(world->ledger);
    if (world->twin == NULL)
        return;
    struct oh_record_digest digests[2];
    int64_t time_us = oh_ledger_time_us(world->ledger);
    fuzz_ledger_check(world->twin);
    OH_ASSERT(oh_ledger_seq(world->ledger) == oh_ledger_seq(world->twin));
    digest_of(world->ledger, time_us, &digests[0]);
    digest_of(world->twin, time_us, &digests[1]);
    OH_ASSERT(oh_record_digest_equal(&digests[0], &digests[1]));
}

void fuzz_fault_check(const struct oh_fault *fault)
{
    size_t field_size = strnlen(fault->field, sizeof(fault->field));
    size_t detail_size = strnlen(fault->detail, sizeof(fault->detail));
    OH_ASSERT(fault->code != NULL && fault->title != NULL);
    OH_ASSERT(fault->http_status >= 400 && fault->http_status <= 599);
    OH_ASSERT(field_size < sizeof(fault->field) && detail_size < sizeof(fault->detail));
    OH_ASSERT(oh_utf8_is_valid((struct oh_bytes){ fault->field, field_size }));
    OH_ASSERT(oh_utf8_is_valid((struct oh_bytes){ fault->detail, detail_size }));
}
