/*
 * small_ledger.h - a ledger with a little reference data, for tests that need
 * names: items 0 "A" and 1 "B\"\\", nodes 0 "n0" and 1 "n1", group 0 "g0" of
 * both, channel 0 "web", and the postal code FR 75011 at 48.8589, 2.3781.
 */
#ifndef ONHAND_TESTS_SUPPORT_SMALL_LEDGER_H
#define ONHAND_TESTS_SUPPORT_SMALL_LEDGER_H

#include "onhand/ledger.h"

/* NULL when it cannot be made. Gives: oh_ledger_destroy. */
struct oh_ledger *small_ledger_create(void);

#endif
