/*
 * names.h - texts by number: each text once, numbered from 0 as they come.
 * Numbers stay; nothing is forgotten. One thread.
 */
#ifndef ONHAND_TIMETABLE_NAMES_H
#define ONHAND_TIMETABLE_NAMES_H

#include "onhand/bytes.h"
#include <stdint.h>

struct oh_names;

/* NULL: no memory. */
struct oh_names *oh_names_create(void);
void oh_names_destroy(struct oh_names **names);

/* False: no memory. Cost: O(1) amortised. */
bool oh_names_add(struct oh_names *names, struct oh_bytes name, uint32_t *out_number);
uint32_t oh_names_count(const struct oh_names *names);
/* [count], lent until the next add. */
const struct oh_bytes *oh_names_all(const struct oh_names *names);

#endif
