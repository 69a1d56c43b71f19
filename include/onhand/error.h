/*
 * error.h - the errors a caller handles: the disk is full, bytes are damaged.
 *
 * Not here: verdicts (verdict.h), which are answers to a client, and bugs,
 * which are assertions. Numbers are written out and never reused.
 */
#ifndef ONHAND_ERROR_H
#define ONHAND_ERROR_H

/*   name              number  text                                         */
#define OH_ERRORS(X)                                                            \
    X(OH_OK,              0, "ok")                                              \
    X(OH_E_NOMEM,         1, "out of memory")                                   \
    X(OH_E_INVALID,       2, "invalid argument")                                \
    X(OH_E_FULL,          3, "a stated limit is reached, retry later")          \
    X(OH_E_IO,            4, "input/output error")                              \
    X(OH_E_NO_SPACE,      5, "no space left on the device")                     \
    X(OH_E_CORRUPT,       6, "bytes are damaged")                               \
    X(OH_E_TORN,          7, "the record is incomplete")                        \
    X(OH_E_VERSION,       8, "format version is not supported")                 \
    X(OH_E_LOCKED,        9, "another process holds the directory")             \
    X(OH_E_NOT_FOUND,    10, "not found")                                       \
    X(OH_E_SYNTAX,       11, "malformed input")                                 \
    X(OH_E_TOO_LARGE,    12, "larger than the stated limit")                    \
    X(OH_E_UNAVAILABLE,  13, "the service cannot be reached")                   \
    X(OH_E_AGAIN,        14, "not yet, call again")                             \
    X(OH_E_CLOSED,       15, "closed by the other side")                        \
    X(OH_E_REFUSED,      16, "refused by the other side")                       \
    X(OH_E_STOPPED,      17, "told to stop")

enum oh_err {
#define OH_ERROR_ENUM(name, number, text) name = (number),
    OH_ERRORS(OH_ERROR_ENUM)
#undef OH_ERROR_ENUM
};

/* The sentence of an error. Never NULL. Any thread. */
const char *oh_err_text(enum oh_err err);

#define OH_MUST_CHECK __attribute__((warn_unused_result))

/* Detail for people, owned by the caller, never parsed. */
#define OH_DIAG_TEXT_SIZE 512
struct oh_diag {
    char text[OH_DIAG_TEXT_SIZE];
};

void oh_diag_set(struct oh_diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
