#include "codec/json_bind.h"
#include "base/assert.h"
#include <stdio.h>

/* An object whose members are being read: the body, a member of another object, or an element of an array. */
struct frame {
    const struct oh_shape *shape;
    const struct oh_shape_field *via; /* the field that led here; NULL for the body */
    const struct oh_json_value *next; /* behind what was read: a member's name, or behind the object */
    uint32_t members_left;
    uint32_t elements_left; /* of the array, behind this object */
    char *object;
    uint32_t index; /* in the array */
    uint32_t seen;  /* bit i: fields[i] was there */
    uint32_t given; /* ... and was not null */
    uint32_t hint;  /* the field that is likely next */
};

struct binding {
    struct oh_json_document *document;
    const struct oh_json_value *values;
    struct oh_bytes body;
    struct oh_fault *fault;
    struct frame *top; /* the first of `frames` is of none */
    struct frame frames[OH_BIND_DEPTH_MAX + 1];
};

/* ---- Paths ------------------------------------------------------------------------------------ */

/* Writes the way to the top frame, "reservations[1].lines[2]", and returns its size. It always fits. */
static size_t path_write(const struct binding *binding, char *path, size_t size_max)
{
    size_t size = 0;
    for (const struct frame *frame = binding->frames + 2; frame <= binding->top; frame++) {
        bool is_element = frame->via->type == OH_SHAPE_OBJECTS;
        const char *dot = size == 0 ? "" : ".";
        int written = is_element ? snprintf(path + size, size_max - size, "%s%s[%u]", dot, frame->via->name,
                                            (unsigned)frame->index)
                                 : snprintf(path + size, size_max - size, "%s%s", dot, frame->via->name);
        OH_ASSERT(written > 0 && (size_t)written < size_max - size);
        size += (size_t)written;
    }
    return size;
}

/* Puts the way to the top frame in front of fault->field. Returns false. */
static bool refuse(struct binding *binding)
{
    char path[OH_FAULT_FIELD_SIZE];
    if (path_write(binding, path, sizeof(path)) != 0)
        oh_fault_prefix(binding->fault, path);
    return false;
}

static bool refuse_name(struct binding *binding, enum oh_fault_type type, struct oh_bytes name,
                        const char *reason)
{
    oh_fault_set(binding->fault, type, name, "%s", reason);
    return refuse(binding);
}

static bool refuse_memory(struct binding *binding)
{
    oh_json_document_full(binding->fault);
    return false;
}

/* ---- Frames ----------------------------------------------------------------------------------- */

/* Makes the top frame read the value, which must be an object. */
static bool frame_begin(struct binding *binding, const struct oh_json_value *value)
{
    struct frame *frame = binding->top;
    if (value->type != OH_JSON_OBJECT)
        return refuse_name(binding, OH_FAULT_WRONG_TYPE, OH_BYTES_NONE, "An object is expected here.");
    frame->next = value + 1;
    frame->members_left = value->count;
    frame->seen = 0;
    frame->given = 0;
    frame->hint = 0;
    oh_shape_prepare(frame->shape, frame->object);
    return true;
}

/* `count` objects from `first` on, one behind the other. */
static bool frame_push(struct binding *binding, const struct oh_shape_field *via, const struct oh_shape *shape,
                       const struct oh_json_value *first, uint32_t count, void *object)
{
    OH_ASSERT(binding->top < binding->frames + OH_BIND_DEPTH_MAX);
    struct frame *frame = ++binding->top;
    frame->shape = shape;
    frame->via = via;
    frame->elements_left = count - 1;
    frame->index = 0;
    frame->object = object;
    return frame_begin(binding, first);
}

/* The top object has been read: check it, then go on to the next element or back to the object around it. */
static bool frame_end(struct binding *binding)
{
    struct frame *frame = binding->top;
    if (!oh_shape_finish(frame->shape, frame->object, frame->given, binding->fault))
        return refuse(binding);
    if (frame->elements_left == 0) {
        binding->top--;
        return true;
    }
    frame->elements_left--;
    frame->object += frame->shape->size;
    frame->index++;
    return frame_begin(binding, frame->next);
}

/* ---- Values ----------------------------------------------------------------------------------- */

/* What is behind the value. */
static inline const struct oh_json_value *value_next(const struct binding *binding, const struct oh_json_value *value)
{
    bool has_more = value->type == OH_JSON_ARRAY || value->type == OH_JSON_OBJECT;
    return has_more ? &binding->values[value->next] : value + 1;
}

/* What a string with escapes says, in memory of the document. */
static bool text_unescape(struct binding *binding, struct oh_bytes raw, struct oh_bytes *out)
{
    char *text = oh_json_document_allocate(binding->document, raw.size, 1);
    if (text == NULL)
        return refuse_memory(binding);
    *out = (struct oh_bytes){ text, oh_json_unescape(raw, text) };
    return true;
}

/* What a string says: mostly what is between its quotes. */
static inline bool text_of(struct binding *binding, const struct oh_json_value *value, struct oh_bytes *out)
{
    *out = (struct oh_bytes){ binding->body.data + value->at, value->size };
    return !value->has_escapes || text_unescape(binding, *out, out);
}

/* Stores an array of as many elements as `value` has, for IDS and OBJECTS. */
static bool array_store(struct binding *binding, const struct oh_shape_field *field,
                        const struct oh_json_value *value, char *object, size_t element_size, void **out_elements)
{
    uint32_t count = value->count;
    if (!oh_shape_check_count(field, count, binding->fault))
        return refuse(binding);
    void *elements = oh_json_document_take(binding->document, count, element_size);
    if (elements == NULL)
        return refuse_memory(binding);
    memcpy(object + field->offset, &elements, sizeof(elements));
    memcpy(object + field->count_offset, &count, sizeof(count));
    *out_elements = elements;
    return true;
}

static bool refuse_element(struct binding *binding, const struct oh_shape_field *field, uint32_t index)
{
    char name[OH_FAULT_FIELD_SIZE];
    snprintf(name, sizeof(name), "%s[%u]", field->name, (unsigned)index);
    oh_fault_set(binding->fault, OH_FAULT_WRONG_TYPE, oh_bytes_of(name), "%s is a list of texts.",
                 field->name);
    return refuse(binding);
}

/* One element of IDS, by the rules of an ID. */
static bool id_store(struct binding *binding, const struct oh_shape_field *field,
                     const struct oh_json_value *element, uint32_t index, struct oh_bytes *out_id)
{
    char name[OH_FAULT_FIELD_SIZE];
    struct oh_shape_field one = { .name = name, .type = OH_SHAPE_ID, .max = OH_ID_SIZE_MAX };
    struct oh_bytes text;
    if (element->type != OH_JSON_STRING)
        return refuse_element(binding, field, index);
    if (!text_of(binding, element, &text))
        return false;
    if (text.size >= 1 && text.size <= OH_ID_SIZE_MAX) {
        *out_id = text;
        return true;
    }
    snprintf(name, sizeof(name), "%s[%u]", field->name, (unsigned)index);
    return oh_shape_set_string(&one, out_id, text, binding->fault) || refuse(binding);
}

/* While all elements are texts, they are one behind the other; the first that is not ends it. */
static bool bind_ids(struct binding *binding, const struct oh_shape_field *field,
                     const struct oh_json_value *value, char *object)
{
    void *elements = NULL;
    if (!array_store(binding, field, value, object, sizeof(struct oh_bytes), &elements))
        return false;
    struct oh_bytes *ids = elements;
    for (uint32_t i = 0; i < value->count; i++)
        if (!id_store(binding, field, value + 1 + i, i, &ids[i]))
            return false;
    return true;
}

static bool bind_objects(struct binding *binding, const struct oh_shape_field *field,
                         const struct oh_json_value *value, char *object)
{
    void *elements = NULL;
    if (!array_store(binding, field, value, object, field->object->size, &elements))
        return false;
    return value->count == 0 || frame_push(binding, field, field->object, value + 1, value->count, elements);
}

static bool bind_array(struct binding *binding, const struct oh_shape_field *field,
                       const struct oh_json_value *value, char *object)
{
    if (field->type == OH_SHAPE_IDS)
        return bind_ids(binding, field, value, object);
    if (field->type == OH_SHAPE_OBJECTS)
        return bind_objects(binding, field, value, object);
    oh_shape_refuse_type(field, binding->fault);
    return refuse(binding);
}

static bool bind_object(struct binding *binding, const struct oh_shape_field *field,
                        const struct oh_json_value *value, char *object)
{
    if (field->type == OH_SHAPE_OBJECT)
        return frame_push(binding, field, field->object, value, 1, object + field->offset);
    oh_shape_refuse_type(field, binding->fault);
    return refuse(binding);
}

static bool bind_text(struct binding *binding, const struct oh_shape_field *field,
                      const struct oh_json_value *value, char *object)
{
    struct oh_bytes text;
    if (!text_of(binding, value, &text))
        return false;
    if (oh_shape_field_takes_text(field, text)) { /* nearly all */
        memcpy(object + field->offset, &text, sizeof(text));
        return true;
    }
    return oh_shape_set_string(field, object, text, binding->fault) || refuse(binding);
}

static bool refuse_rounded(struct binding *binding, const struct oh_shape_field *field)
{
    oh_fault_set(binding->fault, OH_FAULT_NUMBER_NOT_EXACT, oh_bytes_of(field->name),
                 "Numbers have at most 15 significant digits.");
    return refuse(binding);
}

/* Only of a point on the map, or a distance, does a 16th digit say nothing. */
static bool bind_number(struct binding *binding, const struct oh_shape_field *field,
                        const struct oh_json_value *value, char *object)
{
    if (value->is_rounded && field->type != OH_SHAPE_REAL)
        return refuse_rounded(binding, field);
    return oh_shape_set_number(field, object, value->number, binding->fault) || refuse(binding);
}

static bool has_rounded(const struct binding *binding, const struct oh_json_value *value)
{
    const struct oh_json_value *end = value_next(binding, value);
    while (value != end && !(value->type == OH_JSON_NUMBER && value->is_rounded))
        value++;
    return value != end;
}

/* What has no fixed shape is read as a tree. */
static bool bind_other(struct binding *binding, const struct oh_shape_field *field,
                       const struct oh_json_value *value, char *object)
{
    size_t at = value->type == OH_JSON_STRING ? value->at - 1 : value->at;
    struct oh_bytes text = { binding->body.data + at, binding->body.size - at };
    const struct cJSON *tree;
    if (has_rounded(binding, value))
        return refuse_rounded(binding, field);
    if (oh_json_document_tree(binding->document, text, &tree, binding->fault) != OH_OK)
        return false;
    return field->read(field, object, binding->document, tree, binding->fault) || refuse(binding);
}

static bool bind_value(struct binding *binding, const struct oh_shape_field *field,
                       const struct oh_json_value *value, char *object)
{
    if (field->type == OH_SHAPE_OTHER)
        return bind_other(binding, field, value, object);
    if (value->type == OH_JSON_STRING)
        return bind_text(binding, field, value, object);
    if (value->type == OH_JSON_NUMBER)
        return bind_number(binding, field, value, object);
    if (value->type == OH_JSON_ARRAY)
        return bind_array(binding, field, value, object);
    if (value->type == OH_JSON_OBJECT)
        return bind_object(binding, field, value, object);
    return oh_shape_set_bool(field, object, value->type == OH_JSON_TRUE, binding->fault) || refuse(binding);
}

/* The index of the field that a member names; mostly it is the one behind the last. field_count: there is none. */
static inline uint32_t member_find(const struct oh_shape *shape, struct oh_bytes name, uint32_t hint)
{
    return oh_shape_field_is_named(&shape->fields[hint], name) ? hint : oh_shape_find(shape, name, hint + 1);
}

/* The members of the top object, up to its end or to one that is made of objects: then those come first. */
static bool bind_members(struct binding *binding, struct frame *frame)
{
    const struct oh_shape *shape = frame->shape;
    while (frame->members_left > 0 && binding->top == frame) {
        const struct oh_json_value *value = frame->next + 1;
        struct oh_bytes name;
        if (!text_of(binding, frame->next, &name))
            return false;
        frame->next = value_next(binding, value);
        frame->members_left--;
        uint32_t index = member_find(shape, name, frame->hint);
        if (index == shape->field_count)
            return refuse_name(binding, OH_FAULT_UNKNOWN_FIELD, name, "There is no such field here.");
        uint32_t bit = UINT32_C(1) << index;
        if ((frame->seen & bit) != 0)
            return refuse_name(binding, OH_FAULT_DUPLICATE_FIELD, oh_bytes_of(shape->fields[index].name),
                               "The field is given twice.");
        frame->seen |= bit;
        frame->hint = index + 1 < shape->field_count ? index + 1 : 0;
        if (value->type == OH_JSON_NULL)
            continue;
        frame->given |= bit;
        if (!bind_value(binding, &shape->fields[index], value, frame->object))
            return false;
    }
    return true;
}

static enum oh_err bind_from(struct binding *binding, const struct oh_shape *shape, const struct oh_json_value *value,
                             void *object)
{
    binding->top = binding->frames;
    bool is_good = frame_push(binding, NULL, shape, value, 1, object);
    while (is_good && binding->top != binding->frames) {
        struct frame *frame = binding->top;
        is_good = frame->members_left == 0 ? frame_end(binding) : bind_members(binding, frame);
    }
    return is_good ? OH_OK : OH_E_SYNTAX;
}

static enum oh_err binding_init(struct binding *binding, struct oh_json_document *document, struct oh_bytes body,
                                struct oh_fault *fault)
{
    binding->document = document;
    binding->body = body;
    binding->fault = fault;
    return oh_json_document_read(document, body, &binding->values, fault);
}

enum oh_err oh_json_bind(struct oh_json_document *document, const struct oh_shape *shape,
                         struct oh_bytes body, void *object, struct oh_fault *fault)
{
    struct binding binding;
    if (binding_init(&binding, document, body, fault) != OH_OK)
        return OH_E_SYNTAX;
    return bind_from(&binding, shape, binding.values, object);
}

enum oh_err oh_json_bind_member(struct oh_json_document *document, const struct oh_shape *shape, struct oh_bytes body,
                                const char *name, void *object, struct oh_fault *fault)
{
    struct binding binding;
    if (binding_init(&binding, document, body, fault) != OH_OK)
        return OH_E_SYNTAX;
    uint32_t left = binding.values[0].type == OH_JSON_OBJECT ? binding.values[0].count : 0;
    for (const struct oh_json_value *member = binding.values + 1; left > 0; left--) {
        struct oh_bytes own;
        binding.top = binding.frames;
        if (!text_of(&binding, member, &own))
            return OH_E_SYNTAX;
        if (oh_bytes_equal(own, oh_bytes_of(name)))
            return bind_from(&binding, shape, member + 1, object);
        member = value_next(&binding, member + 1);
    }
    return OH_OK;
}
