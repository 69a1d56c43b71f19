/*
 * dump_effect.h - one effect as a JSON object, for people and their tools.
 *
 * Names stand for indexes where they are known, else the index does ("item":
 * 17). Times are RFC 3339, quantities decimals, as in the API. One thread.
 */
#ifndef ONHAND_APP_DUMP_EFFECT_H
#define ONHAND_APP_DUMP_EFFECT_H

#include "codec/effect_names.h"
#include "base/strbuf.h"
#include "onhand/effect.h"

/* Writes {"effect":"claim",...}. */
void oh_dump_put_effect(struct oh_strbuf *buf, const struct oh_effect_names *names,
                        const struct oh_effect *effect);

/* Writes {"seq","at","effects":[...]}. */
void oh_dump_put_record(struct oh_strbuf *buf, const struct oh_effect_names *names,
                        const struct oh_record *record);

#endif
