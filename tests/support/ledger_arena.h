/*
 * ledger_arena.h - small ledgers that are made and thrown away by the thousand.
 *
 * Their memory is address space that is reserved once and given back page by
 * page, so making one costs what it touches. One thread.
 */
#ifndef ONHAND_TESTS_SUPPORT_LEDGER_ARENA_H
#define ONHAND_TESTS_SUPPORT_LEDGER_ARENA_H

#include "onhand/ledger.h"

/* At most so many exist at the same time (asserted). */
#define LEDGER_ARENAS_MAX 8u

/* Aborts when there is no memory: it is for tests. Gives: oh_ledger_destroy. */
struct oh_ledger *ledger_arena_create(const struct oh_ledger_options *options);

#endif
