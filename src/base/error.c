#include "onhand/error.h"
#include <stdarg.h>
#include <stdio.h>

const char *oh_err_text(enum oh_err err)
{
    switch (err) {
#define ERROR_CASE(name, number, text) \
    case name:                         \
        return text;
        OH_ERRORS(ERROR_CASE)
#undef ERROR_CASE
    }
    return "unknown error";
}

void oh_diag_set(struct oh_diag *diag, const char *format, ...)
{
    if (diag == NULL)
        return;
    va_list args;
    va_start(args, format);
    /* A longer text is cut: it is for people, and never parsed. */
    (void)vsnprintf(diag->text, sizeof(diag->text), format, args);
    va_end(args);
}
