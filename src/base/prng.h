/*
 * prng.h - random numbers that a seed repeats: for tests, simulation, demo
 * data and load. Not for secrets.
 *
 * xoshiro256**, seeded by splitmix64. The same seed gives the same numbers on
 * every machine. One thread per generator.
 * Source:  Blackman and Vigna, https://prng.di.unimi.it
 */
#ifndef ONHAND_BASE_PRNG_H
#define ONHAND_BASE_PRNG_H

#include <stdint.h>

struct oh_prng {
    uint64_t state[4];
};

/* Any seed is a good seed, 0 too. */
void oh_prng_init(struct oh_prng *prng, uint64_t seed);

uint64_t oh_prng_next(struct oh_prng *prng);

/* A number in 0..bound-1, each as likely as the other. bound >= 1 (asserted). */
uint64_t oh_prng_below(struct oh_prng *prng, uint64_t bound);

/* A number in low..high, both included. low <= high (asserted). */
int64_t oh_prng_between(struct oh_prng *prng, int64_t low, int64_t high);

#endif
