/*
 * plant.h - which planted bug is in force, for sources that weave.py has woven.
 *
 * Only woven sources include this, and only a build that is for tests has any (ONHAND_WOVEN). ONHAND_PLANT names the
 * bug; none when it is not set. A name that is not in the table ends the process at once, with a sentence: a run that
 * tests nothing must not pass.
 *
 * With ONHAND_PLANT_REACHED, a path, the places that were come by are written there when the process ends in order:
 * a bug in a place that a test never comes by cannot be seen by it.
 */
#ifndef ONHAND_TESTS_PLANT_PLANT_H
#define ONHAND_TESTS_PLANT_PLANT_H

#include <stdbool.h>

#ifdef OH_PLANTS_NONE /* what faithful.py compiles: there is nothing to choose from */
#define oh_plant(number) 0
#else

#define OH_PLANTS_MAX 16384

extern int oh_plant_chosen; /* 0: none */
extern bool oh_plant_reached[OH_PLANTS_MAX];

static inline bool oh_plant(int number)
{
    oh_plant_reached[number] = true;
    return number == oh_plant_chosen;
}

#endif
#endif
