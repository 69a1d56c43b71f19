#define XXH_INLINE_ALL
#include "codec/record_digest.h"
#include "codec/record.h"
#include <xxhash.h>

void oh_record_digest_init(struct oh_record_digest *digest)
{
    *digest =
        (struct oh_record_digest){ .ended_after_us = OH_TIME_US_NONE, .keys_after_us = OH_TIME_US_NONE };
    oh_strbuf_init(&digest->object, OH_RECORD_SIZE_MAX);
}

void oh_record_digest_fini(struct oh_record_digest *digest)
{
    oh_strbuf_fini(&digest->object);
}

/* The object without what the digest leaves out of it. */
static struct oh_effect object_reduce(const struct oh_record_digest *digest, const struct oh_effect *object)
{
    struct oh_effect reduced = *object;
    if (object->type == OH_EFFECT_HEAD) {
        reduced.head.time_us = 0;
        if (digest->leaves_out_history)
            reduced.head.forgotten_at_us = 0;
    }
    if (object->type == OH_EFFECT_POSITION && digest->leaves_out_history)
        reduced.position.has_forgotten = false;
    return reduced;
}

static bool object_is_left_out(struct oh_record_digest *digest, const struct oh_effect *object)
{
    if (object->type == OH_EFFECT_RESERVATION)
        digest->skips_claims = object->reservation.ended_at_us != OH_TIME_US_NONE &&
                               object->reservation.ended_at_us <= digest->ended_after_us;
    if (object->type == OH_EFFECT_RESERVATION || object->type == OH_EFFECT_CLAIM)
        return digest->skips_claims;
    if (object->type == OH_EFFECT_REMEMBERED)
        return digest->leaves_out_history;
    return object->type == OH_EFFECT_KEY && object->key.at_us <= digest->keys_after_us;
}

void oh_record_digest_add(void *context, const struct oh_effect *object)
{
    struct oh_record_digest *digest = context;
    if (object_is_left_out(digest, object))
        return;
    struct oh_effect hashed = object_reduce(digest, object);
    oh_strbuf_clear(&digest->object);
    if (oh_object_encode(&hashed, &digest->object) != OH_OK) {
        digest->is_failed = true;
        return;
    }
    XXH128_hash_t hash = XXH3_128bits(digest->object.data, digest->object.size);
    digest->low += hash.low64;
    digest->high += hash.high64;
    digest->object_count++;
}

void oh_record_digest_ledger(struct oh_record_digest *digest, struct oh_ledger *ledger)
{
    oh_ledger_export(ledger, oh_record_digest_add, digest);
}

bool oh_record_digest_equal(const struct oh_record_digest *a, const struct oh_record_digest *b)
{
    return !a->is_failed && !b->is_failed && a->low == b->low && a->high == b->high &&
           a->object_count == b->object_count;
}
