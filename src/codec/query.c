#include "codec/query.h"
#include "base/utf8.h"
#include "codec/decimal.h"
#include "codec/time_text.h"
#include <inttypes.h>

#define RADIUS_KM_MAX  20040.0 /* half around the earth */
#define MILLI_PER_UNIT 1000

static enum oh_err refuse(struct oh_fault *fault, enum oh_fault_type type, struct oh_bytes name,
                          const char *reason)
{
    oh_fault_set(fault, type, name, "%s", reason);
    return OH_E_SYNTAX;
}

/* ---- Splitting and decoding ------------------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes "%XX" and '+' into out[0..raw.size). False: a bad escape or a NUL byte. */
static bool text_decode(struct oh_bytes raw, char *out, size_t *out_size)
{
    char *end = out;
    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = raw.size - i > 2 ? hex_value(raw.data[i + 1]) : -1;
            int low = raw.size - i > 2 ? hex_value(raw.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == '\0')
            return false;
        *end++ = c;
    }
    *out_size = (size_t)(end - out);
    return true;
}

/* Cuts raw at the first `separator`: what is before it, and in *raw what is after. */
static struct oh_bytes text_cut(struct oh_bytes *raw, char separator)
{
    const char *found = raw->size == 0 ? NULL : memchr(raw->data, separator, raw->size);
    size_t size = found == NULL ? raw->size : (size_t)(found - raw->data);
    struct oh_bytes head = { raw->data, size };
    size_t used = found == NULL ? size : size + 1;
    if (used != 0)
        *raw = (struct oh_bytes){ raw->data + used, raw->size - used };
    return head;
}

/* No name has a NUL byte. */
static bool name_is(struct oh_bytes name, const char *text)
{
    return name.size > 0 && name.data[0] == text[0] && strncmp(text, name.data, name.size) == 0 &&
           text[name.size] == '\0';
}

static bool name_is_known(const char *const *known, struct oh_bytes name)
{
    for (size_t i = 0; known[i] != NULL; i++)
        if (name_is(name, known[i]))
            return true;
    return false;
}

static bool name_is_given(const struct oh_param_list *params, struct oh_bytes name)
{
    for (uint32_t i = 0; i < params->count; i++)
        if (oh_bytes_equal(params->pairs[i].name, name))
            return true;
    return false;
}

/* One "name=value": decodes it behind text[*used) and adds it. */
static enum oh_err params_add(struct oh_param_list *params, struct oh_bytes pair, const char *const *known,
                              size_t *used, struct oh_fault *fault)
{
    size_t name_size = 0;
    size_t value_size = 0;
    struct oh_bytes raw_value = pair;
    struct oh_bytes raw_name = text_cut(&raw_value, '=');
    if (pair.size > sizeof(params->text) - *used)
        return refuse(fault, OH_FAULT_TOO_LONG, OH_BYTES_NONE, "A query has at most 2048 bytes.");
    char *text = params->text + *used;
    if (!text_decode(raw_name, text, &name_size))
        return refuse(fault, OH_FAULT_INVALID_QUERY, OH_BYTES_NONE,
                      "A percent sign needs two hexadecimal digits.");
    struct oh_bytes name = { text, name_size };
    if (!name_is_known(known, name))
        return refuse(fault, OH_FAULT_INVALID_QUERY, name, "There is no such parameter here.");
    if (name_is_given(params, name))
        return refuse(fault, OH_FAULT_INVALID_QUERY, name, "The parameter is given twice.");
    if (!text_decode(raw_value, text + name_size, &value_size))
        return refuse(fault, OH_FAULT_INVALID_QUERY, name,
                      "A percent sign needs two hexadecimal digits, not 00.");
    struct oh_bytes value = { text + name_size, value_size };
    if (!oh_utf8_is_valid(value))
        return refuse(fault, OH_FAULT_INVALID_ENCODING, name, "The value is not UTF-8.");
    if (params->count == OH_PARAM_PAIRS_MAX)
        return refuse(fault, OH_FAULT_TOO_MANY, OH_BYTES_NONE, "A query has at most 16 parameters.");
    params->pairs[params->count++] = (struct oh_param_pair){ name, value };
    params->initials |= UINT32_C(1) << (name.data[0] % 32);
    *used += name_size + value_size;
    return OH_OK;
}

enum oh_err oh_params_parse(struct oh_bytes raw, const char *const *known, struct oh_param_list *out,
                            struct oh_fault *fault)
{
    size_t used = 0;
    out->count = 0;
    out->initials = 0;
    while (raw.size > 0) {
        struct oh_bytes pair = text_cut(&raw, '&');
        if (pair.size > 0 && params_add(out, pair, known, &used, fault) != OH_OK)
            return OH_E_SYNTAX;
    }
    return OH_OK;
}

/* ---- Values ----------------------------------------------------------------------------------- */

struct oh_bytes oh_params_find(const struct oh_param_list *params, const char *name)
{
    for (uint32_t i = 0; i < params->count; i++)
        if (name_is(params->pairs[i].name, name))
            return params->pairs[i].value;
    return OH_BYTES_NONE;
}

enum oh_err oh_params_id(const struct oh_param_list *params, const char *name, struct oh_bytes *out,
                         struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, name);
    if (text.size > OH_ID_SIZE_MAX)
        return refuse(fault, OH_FAULT_TOO_LONG, oh_bytes_of(name), "At most 64 bytes of UTF-8.");
    if (text.size > 0)
        *out = text;
    return OH_OK;
}

static enum oh_err refuse_range(struct oh_fault *fault, const char *name, int64_t min, int64_t max)
{
    oh_fault_set(fault, OH_FAULT_OUT_OF_RANGE, oh_bytes_of(name), "%s is from %" PRId64 " to %" PRId64 ".",
                 name, min, max);
    return OH_E_SYNTAX;
}

enum oh_err oh_params_integer(const struct oh_param_list *params, const char *name, int64_t min, int64_t max,
                              int64_t *out, struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, name);
    int64_t value = 0;
    if (oh_bytes_is_empty(text))
        return OH_OK;
    enum oh_err err = oh_integer_parse(text, &value);
    if (err == OH_E_SYNTAX)
        return refuse(fault, OH_FAULT_WRONG_TYPE, oh_bytes_of(name), "A whole number is expected.");
    if (err != OH_OK || value < min || value > max)
        return refuse_range(fault, name, min, max);
    *out = value;
    return OH_OK;
}

enum oh_err oh_params_milli(const struct oh_param_list *params, const char *name, int64_t min_milli,
                            int64_t max_milli, int64_t *out_milli, struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, name);
    int64_t milli = 0;
    if (oh_bytes_is_empty(text))
        return OH_OK;
    enum oh_err err = oh_milli_parse(text, &milli);
    if (err == OH_E_SYNTAX)
        return refuse(fault, OH_FAULT_WRONG_TYPE, oh_bytes_of(name), "A number is expected.");
    if (err == OH_E_INVALID)
        return refuse(fault, OH_FAULT_NUMBER_NOT_EXACT, oh_bytes_of(name), "At most 3 decimals.");
    if (err != OH_OK || milli < min_milli || milli > max_milli)
        return refuse_range(fault, name, min_milli / MILLI_PER_UNIT, max_milli / MILLI_PER_UNIT);
    *out_milli = milli;
    return OH_OK;
}

enum oh_err oh_params_bool(const struct oh_param_list *params, const char *name, bool *out,
                           struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, name);
    bool is_true = oh_bytes_equal(text, OH_BYTES("true")) || oh_bytes_equal(text, OH_BYTES("1"));
    bool is_false = oh_bytes_equal(text, OH_BYTES("false")) || oh_bytes_equal(text, OH_BYTES("0"));
    if (oh_bytes_is_empty(text))
        return OH_OK;
    if (!is_true && !is_false)
        return refuse(fault, OH_FAULT_WRONG_TYPE, oh_bytes_of(name), "true or false is expected.");
    *out = is_true;
    return OH_OK;
}

enum oh_err oh_params_time(const struct oh_param_list *params, const char *name, int64_t *out_us,
                           struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, name);
    if (oh_bytes_is_empty(text))
        return OH_OK;
    enum oh_err err = oh_time_parse(text, out_us);
    if (err == OH_E_TOO_LARGE)
        return refuse(fault, OH_FAULT_INVALID_TIME, oh_bytes_of(name), "From 1970-01-01 to 2199-12-31.");
    if (err != OH_OK)
        return refuse(fault, OH_FAULT_INVALID_TIME, oh_bytes_of(name),
                      "A time like 2026-11-22T13:00:00Z (RFC 3339) is expected.");
    return OH_OK;
}

enum oh_err oh_params_kind(const struct oh_param_list *params, const char *name, enum oh_kind *out,
                           struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, name);
    if (oh_bytes_is_empty(text) || oh_kind_parse(text, out))
        return OH_OK;
    return refuse(fault, OH_FAULT_INVALID_VALUE, oh_bytes_of(name), "Not a kind of reservation.");
}

enum oh_err oh_params_status(const struct oh_param_list *params, const char *name, bool *out_is_set,
                             enum oh_status *out, struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, name);
    bool is_set = !oh_bytes_is_empty(text);
    if (is_set && !oh_status_parse(text, out))
        return refuse(fault, OH_FAULT_INVALID_VALUE, oh_bytes_of(name), "Not a status of a reservation.");
    *out_is_set = is_set;
    return OH_OK;
}

/* ---- Near ------------------------------------------------------------------------------------- */

static enum oh_err refuse_near(struct oh_fault *fault)
{
    return refuse(fault, OH_FAULT_INVALID_VALUE, OH_BYTES("near"),
                  "near is latitude,longitude in degrees, or country:postal_code.");
}

static enum oh_err near_of_point(struct oh_bytes text, struct oh_point *out, struct oh_fault *fault)
{
    struct oh_bytes longitude = text;
    struct oh_bytes latitude = text_cut(&longitude, ',');
    struct oh_point point = { 0, 0 };
    if (oh_real_parse(latitude, &point.latitude) != OH_OK ||
        oh_real_parse(longitude, &point.longitude) != OH_OK)
        return refuse_near(fault);
    if (point.latitude < -90 || point.latitude > 90 || point.longitude < -180 || point.longitude > 180)
        return refuse(fault, OH_FAULT_OUT_OF_RANGE, OH_BYTES("near"),
                      "Latitude is from -90 to 90, longitude from -180 to 180.");
    *out = point;
    return OH_OK;
}

static enum oh_err near_of_postal_code(struct oh_bytes text, const struct oh_ledger *ledger,
                                       struct oh_point *out, struct oh_fault *fault)
{
    struct oh_bytes postal_code = text;
    struct oh_bytes country = text_cut(&postal_code, ':');
    struct oh_postal_code_command place;
    enum oh_postal_match match;
    if (country.size == 0 || postal_code.size == 0)
        return refuse_near(fault);
    if (ledger == NULL || !oh_postal_code_resolve(ledger, country, postal_code, &place, &match)) {
        oh_fault_set_postal_code(fault, OH_BYTES("near"), country, postal_code);
        return OH_E_SYNTAX;
    }
    *out = place.point;
    return OH_OK;
}

static enum oh_err near_radius(const struct oh_param_list *params, double *out_km, struct oh_fault *fault)
{
    struct oh_bytes text = oh_params_text(params, "radius_km");
    double radius_km = 0;
    if (oh_bytes_is_empty(text))
        return OH_OK;
    if (oh_real_parse(text, &radius_km) != OH_OK)
        return refuse(fault, OH_FAULT_WRONG_TYPE, OH_BYTES("radius_km"), "A number is expected.");
    if (radius_km < 0 || radius_km > RADIUS_KM_MAX)
        return refuse_range(fault, "radius_km", 0, (int64_t)RADIUS_KM_MAX);
    *out_km = radius_km;
    return OH_OK;
}

enum oh_err oh_params_near(const struct oh_param_list *params, const struct oh_ledger *ledger,
                           struct oh_near *out, struct oh_fault *fault)
{
    struct oh_near near = { .is_set = false };
    struct oh_bytes text = oh_params_text(params, "near");
    near.is_set = !oh_bytes_is_empty(text);
    if (!near.is_set && oh_params_has(params, "radius_km"))
        return refuse(fault, OH_FAULT_INVALID_QUERY, OH_BYTES("radius_km"), "radius_km comes with near.");
    if (near.is_set) {
        bool is_postal_code = memchr(text.data, ':', text.size) != NULL;
        enum oh_err err = is_postal_code ? near_of_postal_code(text, ledger, &near.point, fault)
                                         : near_of_point(text, &near.point, fault);
        if (err != OH_OK || near_radius(params, &near.radius_km, fault) != OH_OK)
            return OH_E_SYNTAX;
    }
    *out = near;
    return OH_OK;
}
