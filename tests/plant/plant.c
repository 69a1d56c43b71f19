#include "plant/plant.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int oh_plant_chosen;
bool oh_plant_reached[OH_PLANTS_MAX];

static const char *const names[] = {
#include "plant_names.inc"
};
#define NAME_COUNT ((int)(sizeof(names) / sizeof(names[0])))
_Static_assert(sizeof(names) / sizeof(names[0]) < OH_PLANTS_MAX, "a larger table needs a larger OH_PLANTS_MAX");

static void reached_write(void)
{
    const char *path = getenv("ONHAND_PLANT_REACHED");
    FILE *file = path == NULL ? NULL : fopen(path, "we");
    for (int i = 0; file != NULL && i < NAME_COUNT; i++) {
        if (oh_plant_reached[i + 1])
            (void)fprintf(file, "%s\n", names[i]);
    }
    if (file != NULL && fclose(file) != 0)
        (void)fprintf(stderr, "plant: %s cannot be written\n", path);
}

/* Before main: tests and fixtures may come by a place in their own constructors. */
__attribute__((constructor)) static void plant_choose(void)
{
    const char *name = getenv("ONHAND_PLANT");
    if (getenv("ONHAND_PLANT_REACHED") != NULL)
        (void)atexit(reached_write);
    if (name == NULL || name[0] == '\0')
        return;
    for (int i = 0; i < NAME_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            oh_plant_chosen = i + 1;
    }
    if (oh_plant_chosen == 0) {
        (void)fprintf(stderr, "plant: there is no plant '%s' in this build\n", name);
        _Exit(125);
    }
}
