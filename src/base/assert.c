#include "base/assert.h"
#include <stdio.h>
#include <stdlib.h>

void oh_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "level=bug event=assertion_failed condition=\"%s\" at=%s:%d\n", condition, file, line);
    abort();
}
