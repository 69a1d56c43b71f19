/*
 * ledger_audit.h - whether a ledger's memory is in order: a look behind its back, for tests.
 *
 * What it is: everything that is stored is counted by walking to it, and held against what the ledger says there is.
 * Each byte of text is in one object, or waits in one list; each slot of a pool is used once, or free; lists have two
 * right ends, heaps and rings their order, indexes as many entries as there are names. So a test that goes on as if
 * nothing had happened still finds what leaks, is freed twice, or is kept in a wrong order.
 *
 * What it is not: a judge of quantities; that is the naive ledger (naive.h), and oh_ledger_verify.
 */
#ifndef ONHAND_TESTS_SUPPORT_LEDGER_AUDIT_H
#define ONHAND_TESTS_SUPPORT_LEDGER_AUDIT_H

#include "onhand/ledger.h"

/*
 * NULL, or a sentence that says what is wrong: the first thing found. Not for a ledger that is being restored (advance
 * it once). Aborts when there is no memory.
 */
const char *ledger_audit(const struct oh_ledger *ledger);

#endif
