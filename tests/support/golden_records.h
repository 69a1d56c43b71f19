/*
 * golden_records.h - a small history with every type of effect that a record
 * can have, written out by hand.
 *
 * Its bytes are in tests/data/v1 and never change: what version 1 wrote, every
 * later version reads. A new version adds a history and files of its own.
 */
#ifndef ONHAND_TESTS_SUPPORT_GOLDEN_RECORDS_H
#define ONHAND_TESTS_SUPPORT_GOLDEN_RECORDS_H

#include "onhand/effect.h"

#define GOLDEN_RECORD_COUNT 17u

/* index < GOLDEN_RECORD_COUNT; the record's seq is index + 1. Lends for ever. */
const struct oh_record *golden_record(uint32_t index);

#endif
