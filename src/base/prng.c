#include "base/prng.h"
#include "base/assert.h"

static uint64_t rotate_left(uint64_t value, unsigned count)
{
    return (value << count) | (value >> (64 - count));
}

static uint64_t splitmix_next(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

void oh_prng_init(struct oh_prng *prng, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        prng->state[i] = splitmix_next(&seed);
}

uint64_t oh_prng_next(struct oh_prng *prng)
{
    uint64_t *state = prng->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t oh_prng_below(struct oh_prng *prng, uint64_t bound)
{
    OH_ASSERT(bound >= 1);
    /* Numbers below this threshold would make the small remainders more likely. */
    uint64_t threshold = (0 - bound) % bound;
    uint64_t number = oh_prng_next(prng);
    /* Each turn ends the loop with a chance of at least one half. */
    while (number < threshold)
        number = oh_prng_next(prng);
    return number % bound;
}

int64_t oh_prng_between(struct oh_prng *prng, int64_t low, int64_t high)
{
    OH_ASSERT(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t offset = span == UINT64_MAX ? oh_prng_next(prng) : oh_prng_below(prng, span + 1);
    return (int64_t)((uint64_t)low + offset);
}
