#include "codec/json_values.h"
#include "codec/document.h"
#include "codec/json_document.h"
#include "codec/time_text.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Pieces ----------------------------------------------------------------------------------- */

static bool value_is(const cJSON *value, int type)
{
    return (value->type & 0xff) == type;
}

static bool refuse(const struct oh_shape_field *field, enum oh_fault_type type, const char *reason,
                   struct oh_fault *fault)
{
    oh_fault_set(fault, type, oh_bytes_of(field->name), "%s %s.", field->name, reason);
    return false;
}

/* About one element of a list, or when index is OH_INDEX_NONE the list. */
static bool refuse_at(const struct oh_shape_field *field, uint32_t index, enum oh_fault_type type,
                      const char *reason, struct oh_fault *fault)
{
    char name[OH_FAULT_FIELD_SIZE];
    snprintf(name, sizeof(name), "%s[%u]", field->name, (unsigned)index);
    oh_fault_set(fault, type, oh_bytes_of(name), "%s %s.", field->name, reason);
    return false;
}

static bool refuse_memory(struct oh_fault *fault)
{
    oh_json_document_full(fault);
    return false;
}

/* The elements of a list, min..max of them. */
static bool list_count(const struct oh_shape_field *field, const cJSON *value, int type, uint32_t *out_count,
                       struct oh_fault *fault)
{
    uint32_t count = 0;
    if (!value_is(value, type))
        return refuse(field, OH_FAULT_WRONG_TYPE, type == cJSON_Array ? "is an array" : "is an object",
                      fault);
    for (const cJSON *element = value->child; element != NULL; element = element->next)
        count++;
    *out_count = count;
    return oh_shape_check_count(field, count, fault);
}

static void list_store(const struct oh_shape_field *field, void *object, const void *elements, uint32_t count)
{
    memcpy((char *)object + field->offset, &elements, sizeof(elements));
    memcpy((char *)object + field->count_offset, &count, sizeof(count));
}

/* ---- Days and times of day -------------------------------------------------------------------- */

static uint32_t week_bit(const char *word)
{
    static const char *const words[OH_WEEK_DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
    for (uint32_t i = 0; i < OH_WEEK_DAYS; i++)
        if (strcmp(words[i], word) == 0)
            return UINT32_C(1) << i;
    return 0;
}

bool oh_json_read_week(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                       const cJSON *value, struct oh_fault *fault)
{
    (void)document;
    struct oh_week week = { 0 };
    uint32_t index = 0;
    uint32_t count = 0;
    if (!list_count(field, value, cJSON_Array, &count, fault))
        return false;
    for (const cJSON *element = value->child; element != NULL; element = element->next) {
        uint32_t bit = value_is(element, cJSON_String) ? week_bit(element->valuestring) : 0;
        if (bit == 0)
            return refuse_at(field, index, OH_FAULT_INVALID_VALUE, "are of mon, tue, wed, thu, fri, sat, sun",
                             fault);
        if ((week.days & bit) != 0)
            return refuse_at(field, index, OH_FAULT_INVALID_VALUE, "names a day twice", fault);
        week.days |= bit;
        index++;
    }
    memcpy((char *)object + field->offset, &week, sizeof(week));
    return true;
}

static bool two_digits(const char *text, int32_t *out)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *out = (text[0] - '0') * 10 + (text[1] - '0');
    return true;
}

/* "08:30"; "24:00" too. -1: no time of day. */
static int32_t clock_minutes(const char *text)
{
    int32_t hour;
    int32_t minute;
    if (strlen(text) != 5 || text[2] != ':' || !two_digits(text, &hour) || !two_digits(text + 3, &minute))
        return -1;
    int32_t minutes = hour * 60 + minute;
    return minute < 60 && minutes <= OH_MINUTES_PER_DAY ? minutes : -1;
}

bool oh_json_read_clock(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                        const cJSON *value, struct oh_fault *fault)
{
    (void)document;
    bool ends = field->max == OH_MINUTES_PER_DAY;
    if (!value_is(value, cJSON_String))
        return refuse(field, OH_FAULT_WRONG_TYPE, "is a text like \"08:30\"", fault);
    int32_t minutes = clock_minutes(value->valuestring);
    if (minutes < field->min || minutes > field->max)
        return refuse(field, OH_FAULT_INVALID_TIME,
                      ends ? "is a time of day like 08:30, from 00:00 to 24:00"
                           : "is a time of day like 08:30, from 00:00 to 23:59",
                      fault);
    memcpy((char *)object + field->offset, &minutes, sizeof(minutes));
    return true;
}

static int day_compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Sorts; false: one is there twice. */
static bool days_sort(int32_t *days, uint32_t count)
{
    if (count > 0)
        qsort(days, count, sizeof(*days), day_compare);
    for (uint32_t i = 1; i < count; i++)
        if (days[i] == days[i - 1])
            return false;
    return true;
}

bool oh_json_read_dates(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                        const cJSON *value, struct oh_fault *fault)
{
    uint32_t count = 0;
    uint32_t index = 0;
    if (!list_count(field, value, cJSON_Array, &count, fault))
        return false;
    int32_t *days = oh_json_document_allocate(document, count, sizeof(*days));
    if (days == NULL)
        return refuse_memory(fault);
    for (const cJSON *element = value->child; element != NULL; element = element->next) {
        if (!value_is(element, cJSON_String) ||
            oh_date_parse(oh_bytes_of(element->valuestring), &days[index]) != OH_OK)
            return refuse_at(field, index, OH_FAULT_INVALID_TIME,
                             "are dates like 2026-11-22, from 1970-01-01 to 2199-12-31", fault);
        index++;
    }
    if (!days_sort(days, count))
        return refuse(field, OH_FAULT_INVALID_VALUE, "names a date twice", fault);
    struct oh_dates dates = { days, count };
    memcpy((char *)object + field->offset, &dates, sizeof(dates));
    return true;
}

/* ---- Places ----------------------------------------------------------------------------------- */

bool oh_json_read_capitals(const struct oh_shape_field *field, void *object,
                           struct oh_json_document *document, const cJSON *value, struct oh_fault *fault)
{
    (void)document;
    if (!value_is(value, cJSON_String))
        return refuse(field, OH_FAULT_WRONG_TYPE, "is a text", fault);
    struct oh_bytes text = oh_bytes_of(value->valuestring);
    bool is_good = text.size == (size_t)field->max;
    for (size_t i = 0; i < text.size; i++)
        is_good = is_good && text.data[i] >= 'A' && text.data[i] <= 'Z';
    if (!is_good)
        return refuse(field, OH_FAULT_INVALID_VALUE,
                      field->max == 2 ? "is two capital letters (ISO 3166)"
                                      : "is three capital letters (ISO 4217)",
                      fault);
    memcpy((char *)object + field->offset, &text, sizeof(text));
    return true;
}

/* In place, as the ledger files postal codes: upper case, without blanks and hyphens. */
static struct oh_bytes prefix_normalize(char *text)
{
    size_t size = 0;
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] != ' ' && text[i] != '-')
            text[size++] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
    return (struct oh_bytes){ text, size };
}

/* The tree is the document's own: its texts may be changed. */
static bool prefix_take(const cJSON *value, struct oh_bytes *out)
{
    if (!value_is(value, cJSON_String))
        return false;
    *out = prefix_normalize(value->valuestring);
    return out->size >= 1 && out->size <= OH_POSTAL_PREFIX_SIZE_MAX;
}

#define PREFIX_REASON "is the beginning of a postal code: 1 to 16 bytes, blanks and hyphens not counted"

bool oh_json_read_prefix(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                         const cJSON *value, struct oh_fault *fault)
{
    (void)document;
    struct oh_bytes prefix;
    if (!prefix_take(value, &prefix))
        return refuse(field, OH_FAULT_INVALID_VALUE, PREFIX_REASON, fault);
    memcpy((char *)object + field->offset, &prefix, sizeof(prefix));
    return true;
}

bool oh_json_read_prefixes(const struct oh_shape_field *field, void *object,
                           struct oh_json_document *document, const cJSON *value, struct oh_fault *fault)
{
    uint32_t count = 0;
    uint32_t index = 0;
    if (!list_count(field, value, cJSON_Array, &count, fault))
        return false;
    struct oh_bytes *prefixes = oh_json_document_allocate(document, count, sizeof(*prefixes));
    if (prefixes == NULL)
        return refuse_memory(fault);
    for (const cJSON *element = value->child; element != NULL; element = element->next) {
        if (!prefix_take(element, &prefixes[index]))
            return refuse_at(field, index, OH_FAULT_INVALID_VALUE, PREFIX_REASON, fault);
        index++;
    }
    list_store(field, object, prefixes, count);
    return true;
}

/* ---- Classes ---------------------------------------------------------------------------------- */

static bool name_is_good(struct oh_bytes name)
{
    return name.size >= 1 && name.size <= OH_ID_SIZE_MAX;
}

/* "classes.large": the member of an object with free names. */
static bool refuse_member(const struct oh_shape_field *field, const char *name, enum oh_fault_type type,
                          const char *reason, struct oh_fault *fault)
{
    char path[OH_FAULT_FIELD_SIZE + OH_ID_SIZE_MAX];
    snprintf(path, sizeof(path), "%s.%s", field->name, name);
    oh_fault_set(fault, type, oh_bytes_of(path), "%s", reason);
    return false;
}

static bool class_take(const struct oh_shape_field *field, const cJSON *member, struct oh_class_minutes *out,
                       struct oh_fault *fault)
{
    static const struct oh_shape_field minutes = {
        .name = "minutes",
        .type = OH_SHAPE_U32,
        .max = OH_DOCUMENT_MINUTES_MAX,
        .offset = offsetof(struct oh_class_minutes, minutes),
    };
    out->class_name = oh_bytes_of(member->string);
    if (!name_is_good(out->class_name))
        return refuse_member(field, member->string, OH_FAULT_TOO_LONG, "A class has 1 to 64 bytes of UTF-8.",
                             fault);
    if (!value_is(member, cJSON_Number) || !oh_shape_set_number(&minutes, out, member->valuedouble, fault))
        return refuse_member(field, member->string, OH_FAULT_OUT_OF_RANGE,
                             "The minutes of a class are a whole number from 0 to 525600.", fault);
    return true;
}

static bool class_is_among(const struct oh_class_minutes *classes, uint32_t count, struct oh_bytes name)
{
    for (uint32_t i = 0; i < count; i++)
        if (oh_bytes_equal(classes[i].class_name, name))
            return true;
    return false;
}

bool oh_json_read_minutes(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                          const cJSON *value, struct oh_fault *fault)
{
    uint32_t count = 0;
    uint32_t index = 0;
    if (!list_count(field, value, cJSON_Object, &count, fault))
        return false;
    struct oh_class_minutes *classes = oh_json_document_allocate(document, count, sizeof(*classes));
    if (classes == NULL)
        return refuse_memory(fault);
    for (const cJSON *member = value->child; member != NULL; member = member->next) {
        if (!class_take(field, member, &classes[index], fault))
            return false;
        if (class_is_among(classes, index, classes[index].class_name))
            return refuse_member(field, member->string, OH_FAULT_DUPLICATE_FIELD, "The field is given twice.",
                                 fault);
        index++;
    }
    list_store(field, object, classes, count);
    return true;
}

/* Two names of classes that differ. */
static bool pair_take(const cJSON *value, struct oh_class_names *out)
{
    if (!value_is(value, cJSON_Array))
        return false;
    const cJSON *a = value->child;
    const cJSON *b = a == NULL ? NULL : a->next;
    if (b == NULL || b->next != NULL || !value_is(a, cJSON_String) || !value_is(b, cJSON_String))
        return false;
    *out = (struct oh_class_names){ oh_bytes_of(a->valuestring), oh_bytes_of(b->valuestring) };
    return name_is_good(out->a) && name_is_good(out->b) && !oh_bytes_equal(out->a, out->b);
}

bool oh_json_read_pairs(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                        const cJSON *value, struct oh_fault *fault)
{
    uint32_t count = 0;
    uint32_t index = 0;
    if (!list_count(field, value, cJSON_Array, &count, fault))
        return false;
    struct oh_class_names *pairs = oh_json_document_allocate(document, count, sizeof(*pairs));
    if (pairs == NULL)
        return refuse_memory(fault);
    for (const cJSON *element = value->child; element != NULL; element = element->next) {
        if (!pair_take(element, &pairs[index]))
            return refuse_at(field, index, OH_FAULT_INVALID_VALUE,
                             "are pairs of two item classes, each of 1 to 64 bytes", fault);
        index++;
    }
    list_store(field, object, pairs, count);
    return true;
}

/* ---- Objectives ------------------------------------------------------------------------------- */

#define TERMS_REASON "is of complete, parcels, date, cost, distance, priority, balance"

struct levels {
    const struct oh_shape_field *field;
    struct oh_fault *fault;
    struct oh_objective objective;
    uint32_t terms; /* bit i: the term was there */
};

/* OH_TERM_COUNT: none of them. */
static uint32_t term_find(const char *word)
{
    static const char *const words[OH_TERM_COUNT] = {
#define TERM_ROW(name, number, text) [number] = (text),
        OH_TERMS(TERM_ROW)
#undef TERM_ROW
    };
    uint32_t term = 0;
    while (term < OH_TERM_COUNT && strcmp(words[term], word) != 0)
        term++;
    return term;
}

static bool level_add(struct levels *levels, const char *word, double weight)
{
    uint32_t level = levels->objective.level_count;
    uint32_t term = term_find(word);
    if (term == OH_TERM_COUNT)
        return refuse_at(levels->field, level, OH_FAULT_INVALID_VALUE, TERMS_REASON, levels->fault);
    if ((levels->terms >> term & 1) != 0)
        return refuse_at(levels->field, level, OH_FAULT_INVALID_VALUE, "has a term twice", levels->fault);
    if (!(weight >= 1 && weight <= OH_WEIGHT_MAX) || weight != (double)(int32_t)weight)
        return refuse_at(levels->field, level, OH_FAULT_OUT_OF_RANGE,
                         "has weights that are whole numbers from 1 to 1000000", levels->fault);
    levels->terms |= UINT32_C(1) << term;
    levels->objective.weights[level][term] = (int32_t)weight;
    return true;
}

static bool level_take(struct levels *levels, const cJSON *value)
{
    if (value_is(value, cJSON_String))
        return level_add(levels, value->valuestring, 1);
    if (!value_is(value, cJSON_Object) || value->child == NULL)
        return refuse_at(levels->field, levels->objective.level_count, OH_FAULT_WRONG_TYPE,
                         "is a list of terms, or of objects of terms and their weights", levels->fault);
    for (const cJSON *member = value->child; member != NULL; member = member->next)
        if (!level_add(levels, member->string, value_is(member, cJSON_Number) ? member->valuedouble : 0))
            return false;
    return true;
}

bool oh_json_read_levels(const struct oh_shape_field *field, void *object, struct oh_json_document *document,
                         const cJSON *value, struct oh_fault *fault)
{
    (void)document;
    struct levels levels = { .field = field, .fault = fault };
    uint32_t count = 0;
    if (!list_count(field, value, cJSON_Array, &count, fault))
        return false;
    for (const cJSON *element = value->child; element != NULL; element = element->next) {
        if (!level_take(&levels, element))
            return false;
        levels.objective.level_count++;
    }
    memcpy((char *)object + field->offset, &levels.objective, sizeof(levels.objective));
    return true;
}
