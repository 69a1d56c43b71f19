#include "server/close_reason.h"

struct close_reason_row {
    const char *name;
    bool is_error;
    const char *sentence;
};

static const struct close_reason_row rows[] = {
#define OH_CLOSE_REASON(name_, is_error_, sentence_) { #name_, is_error_, sentence_ },
#include "server/close_reason.def"
#undef OH_CLOSE_REASON
};

const char *oh_close_reason_name(size_t reason)
{
    return reason < OH_CLOSE_REASON_COUNT ? rows[reason].name : NULL;
}

const char *oh_close_reason_sentence(size_t reason)
{
    return reason < OH_CLOSE_REASON_COUNT ? rows[reason].sentence : NULL;
}

bool oh_close_reason_is_error(size_t reason)
{
    return reason < OH_CLOSE_REASON_COUNT && rows[reason].is_error;
}
