/*
 * postal_codes.c - where a postal code is.
 */
#include "core/state.h"

struct oh_bytes postal_code_normal(struct oh_bytes postal_code, char buffer[POSTAL_CODE_SIZE_MAX])
{
    size_t size = 0;
    for (size_t i = 0; i < postal_code.size; i++) {
        char c = postal_code.data[i];
        if (c == ' ' || c == '-')
            continue;
        if (size == POSTAL_CODE_SIZE_MAX)
            return OH_BYTES_NONE;
        buffer[size++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return (struct oh_bytes){ buffer, size };
}

static uint32_t postal_code_hash(struct oh_bytes country, struct oh_bytes postal_code)
{
    return (uint32_t)(name_hash(country) * 31 + name_hash(postal_code));
}

static uint32_t postal_code_find(const struct oh_ledger *ledger, struct oh_bytes country, struct oh_bytes normal)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->postal_code_index, postal_code_hash(country, normal), &cursor);
    while (oh_index_next(&ledger->postal_code_index, &cursor, &slot)) {
        uint32_t text = ledger->postal_codes[slot].text;
        if (oh_bytes_equal(ledger_string(ledger, text, POSTAL_TEXT_COUNTRY), country) &&
            oh_bytes_equal(ledger_string(ledger, text, POSTAL_TEXT_CODE), normal))
            return slot;
    }
    return NO_SLOT;
}

void decide_postal_code(struct oh_ledger *ledger, const struct oh_postal_code_command *command,
                        struct oh_answer *answer)
{
    char *buffer = scratch_take(ledger, POSTAL_CODE_SIZE_MAX);
    struct oh_bytes normal = postal_code_normal(command->postal_code, buffer);
    answer->id = command->postal_code;
    if (normal.size == 0 || !text_is_valid(normal, POSTAL_CODE_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_POSTAL_CODE, OH_INDEX_NONE);
        return;
    }
    if (command->country.size == 0 || !country_is_valid(command->country)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_COUNTRY, OH_INDEX_NONE);
        return;
    }
    if (!text_is_valid(command->place, OH_TEXT_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_PLACE, OH_INDEX_NONE);
        return;
    }
    if (!point_is_valid(command->point)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_LAT, OH_INDEX_NONE);
        return;
    }
    struct oh_postal_code_command old;
    answer->is_created = !oh_postal_code_find(ledger, command->country, normal, &old);
    if (!answer->is_created && memcmp(&old.point, &command->point, sizeof(old.point)) == 0 &&
        oh_bytes_equal(old.place, command->place)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (answer->is_created && ledger->postal_code_count == OH_POSTAL_CODES_MAX) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_POSTAL_CODE, OH_INDEX_NONE);
        return;
    }
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_POSTAL_CODE, NO_HINT);
    effect->postal_code = *command;
    effect->postal_code.postal_code = normal;
}

enum oh_err apply_postal_code(struct oh_ledger *ledger, const struct oh_postal_code_command *effect)
{
    uint32_t slot = postal_code_find(ledger, effect->country, effect->postal_code);
    if (slot == NO_SLOT && ledger->postal_code_count == OH_POSTAL_CODES_MAX)
        return OH_E_CORRUPT;
    const struct oh_bytes strings[POSTAL_TEXTS] = { effect->country, effect->postal_code, effect->place };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, POSTAL_TEXTS);
    if (text == 0)
        return OH_E_NOMEM;
    if (slot == NO_SLOT) {
        slot = ledger->postal_code_count++;
        oh_index_insert(&ledger->postal_code_index, postal_code_hash(effect->country, effect->postal_code), slot);
    } else {
        snapshot_touch(ledger, SNAP_POSTAL_CODE, slot);
        oh_text_free_strings(&ledger->text, ledger->postal_codes[slot].text, POSTAL_TEXTS);
    }
    ledger->postal_codes[slot] = (struct postal_code){ text, effect->point };
    return OH_OK;
}

static void postal_code_get(const struct oh_ledger *ledger, uint32_t slot, struct oh_postal_code_command *out_value)
{
    const struct postal_code *found = &ledger->postal_codes[slot];
    *out_value = (struct oh_postal_code_command){
        ledger_string(ledger, found->text, POSTAL_TEXT_COUNTRY),
        ledger_string(ledger, found->text, POSTAL_TEXT_CODE),
        ledger_string(ledger, found->text, POSTAL_TEXT_PLACE),
        found->point,
    };
}

bool oh_postal_code_find(const struct oh_ledger *ledger, struct oh_bytes country, struct oh_bytes postal_code,
                         struct oh_postal_code_command *out_value)
{
    char buffer[POSTAL_CODE_SIZE_MAX];
    uint32_t slot = postal_code_find(ledger, country, postal_code_normal(postal_code, buffer));
    if (slot == NO_SLOT)
        return false;
    postal_code_get(ledger, slot, out_value);
    return true;
}

/* ---- Outward parts ---------------------------------------------------------------------------- */

/* Countries whose full codes say more than the part that is commonly known, and where that part ends. */
static const struct outward {
    char country[3];
    uint8_t size_min, size_max; /* of a full code */
    uint8_t inward_size;        /* the rest is the outward part */
} outwards[] = {
    { "CA", 6, 6, 3 }, /* forward sortation area */
    { "GB", 5, 7, 3 }, { "GG", 5, 7, 3 }, { "IM", 5, 7, 3 }, { "JE", 5, 7, 3 }, /* outward code */
    { "IE", 7, 7, 4 }, /* routing key of an Eircode */
    { "MT", 7, 7, 4 }, /* locality */
    { "NL", 6, 6, 2 }, /* the digits */
    { "US", 9, 9, 4 }, /* ZIP of ZIP+4 */
};

/* The outward part of a full code as it is filed; empty: the country has none, or the code is none of its full ones. */
static struct oh_bytes outward_part(struct oh_bytes country, struct oh_bytes normal)
{
    for (size_t i = 0; i < sizeof(outwards) / sizeof(outwards[0]); i++) {
        const struct outward *outward = &outwards[i];
        if (!oh_bytes_equal(country, oh_bytes_of(outward->country)))
            continue;
        if (normal.size < outward->size_min || normal.size > outward->size_max)
            return OH_BYTES_NONE;
        return (struct oh_bytes){ normal.data, normal.size - outward->inward_size };
    }
    return OH_BYTES_NONE;
}

bool oh_postal_code_resolve(const struct oh_ledger *ledger, struct oh_bytes country, struct oh_bytes postal_code,
                            struct oh_postal_code_command *out_place, enum oh_postal_match *out_match)
{
    char buffer[POSTAL_CODE_SIZE_MAX];
    struct oh_bytes normal = postal_code_normal(postal_code, buffer);
    enum oh_postal_match match = OH_POSTAL_EXACT;
    uint32_t slot = postal_code_find(ledger, country, normal);
    if (slot == NO_SLOT) {
        match = OH_POSTAL_OUTWARD;
        slot = postal_code_find(ledger, country, outward_part(country, normal));
    }
    if (slot == NO_SLOT)
        return false;
    postal_code_get(ledger, slot, out_place);
    *out_match = match;
    return true;
}
