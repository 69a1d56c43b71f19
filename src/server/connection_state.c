#include "server/connection_state.h"

struct connection_state_row {
    const char *name;
    unsigned next;
};

static const struct connection_state_row rows[] = {
#define OH_TO(name) (1u << OH_CONNECTION_##name)
#define OH_CONNECTION_STATE(name_, next_, sentence_) { #name_, (next_) | OH_TO(closed) },
#include "server/connection_state.def"
#undef OH_CONNECTION_STATE
#undef OH_TO
};

const char *oh_connection_state_name(size_t state)
{
    return state < OH_CONNECTION_STATE_COUNT ? rows[state].name : NULL;
}

bool oh_connection_state_may_follow(enum oh_connection_state from, enum oh_connection_state to)
{
    return (rows[from].next & (1u << to)) != 0;
}
