#include "codec/json_bind.h"
#include "base/assert.h"
#include <cjson/cJSON.h>
#include <stdio.h>

/* An object whose members are being read: the body, a member of another object, or an element of an array. */
struct frame {
    const struct oh_shape *shape;
    const struct oh_shape_field *via; /* the field that led here; NULL for the body */
    const cJSON *element;             /* the object itself; its `next` is the next element */
    const cJSON *member;              /* the next one to read */
    char *object;
    uint32_t index; /* in the array */
    uint32_t seen;  /* bit i: fields[i] was there */
    uint32_t given; /* ... and was not null */
    uint32_t hint;  /* the field that is likely next */
};

struct binding {
    struct oh_json_document *document;
    struct oh_fault *fault;
    uint32_t depth;
    struct frame frames[OH_BIND_DEPTH_MAX];
};

/* ---- Paths ------------------------------------------------------------------------------------ */

/* Writes the way to the top frame, "reservations[1].lines[2]", and returns its size. It always fits. */
static size_t path_write(const struct binding *binding, char *path, size_t size_max)
{
    size_t size = 0;
    for (uint32_t i = 1; i < binding->depth; i++) {
        const struct frame *frame = &binding->frames[i];
        bool is_element = frame->via->type == OH_SHAPE_OBJECTS;
        const char *dot = i == 1 ? "" : ".";
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

static bool refuse_name(struct binding *binding, enum oh_fault_type type, const char *name,
                        const char *reason)
{
    oh_fault_set(binding->fault, type, oh_bytes_of(name), "%s", reason);
    return refuse(binding);
}

static bool refuse_memory(struct binding *binding)
{
    oh_json_document_full(binding->fault);
    return false;
}

/* ---- Frames ----------------------------------------------------------------------------------- */

static bool cjson_is(const cJSON *value, int type)
{
    return (value->type & 0xff) == type;
}

/* Makes the top frame read `element`, a value that must be an object. */
static bool frame_begin(struct binding *binding, const cJSON *element)
{
    struct frame *frame = &binding->frames[binding->depth - 1];
    if (!cjson_is(element, cJSON_Object))
        return refuse_name(binding, OH_FAULT_WRONG_TYPE, "", "An object is expected here.");
    frame->element = element;
    frame->member = element->child;
    frame->seen = 0;
    frame->given = 0;
    frame->hint = 0;
    oh_shape_prepare(frame->shape, frame->object);
    return true;
}

static bool frame_push(struct binding *binding, const struct oh_shape_field *via,
                       const struct oh_shape *shape, const cJSON *element, void *object)
{
    OH_ASSERT(binding->depth < OH_BIND_DEPTH_MAX);
    binding->frames[binding->depth++] = (struct frame){ .shape = shape, .via = via, .object = object };
    return frame_begin(binding, element);
}

/* The top object has been read: check it, then go on to the next element or back to the object around it. */
static bool frame_end(struct binding *binding)
{
    struct frame *frame = &binding->frames[binding->depth - 1];
    if (!oh_shape_finish(frame->shape, frame->object, frame->given, binding->fault))
        return refuse(binding);
    bool is_element = frame->via != NULL && frame->via->type == OH_SHAPE_OBJECTS;
    if (!is_element || frame->element->next == NULL) {
        binding->depth--;
        return true;
    }
    frame->object += frame->shape->size;
    frame->index++;
    return frame_begin(binding, frame->element->next);
}

/* ---- Values ----------------------------------------------------------------------------------- */

/* Counts an array's elements and stores the array, for IDS and OBJECTS. */
static bool array_store(struct binding *binding, const struct oh_shape_field *field, const cJSON *value,
                        char *object, size_t element_size, void **out_elements)
{
    uint32_t count = 0;
    for (const cJSON *element = value->child; element != NULL; element = element->next)
        count++;
    if (!oh_shape_check_count(field, count, binding->fault))
        return refuse(binding);
    void *elements = oh_json_document_allocate(binding->document, count, element_size);
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
static bool id_store(struct binding *binding, const struct oh_shape_field *field, const cJSON *element,
                     uint32_t index, struct oh_bytes *out_id)
{
    char name[OH_FAULT_FIELD_SIZE];
    struct oh_shape_field one = { .name = name, .type = OH_SHAPE_ID, .max = OH_ID_SIZE_MAX };
    if (!cjson_is(element, cJSON_String))
        return refuse_element(binding, field, index);
    struct oh_bytes text = oh_bytes_of(element->valuestring);
    if (text.size >= 1 && text.size <= OH_ID_SIZE_MAX) {
        *out_id = text;
        return true;
    }
    snprintf(name, sizeof(name), "%s[%u]", field->name, (unsigned)index);
    return oh_shape_set_string(&one, out_id, text, binding->fault) || refuse(binding);
}

static bool bind_ids(struct binding *binding, const struct oh_shape_field *field, const cJSON *value,
                     char *object)
{
    void *elements = NULL;
    uint32_t index = 0;
    if (!array_store(binding, field, value, object, sizeof(struct oh_bytes), &elements))
        return false;
    struct oh_bytes *ids = elements;
    for (const cJSON *element = value->child; element != NULL; element = element->next) {
        if (!id_store(binding, field, element, index, &ids[index]))
            return false;
        index++;
    }
    return true;
}

static bool bind_objects(struct binding *binding, const struct oh_shape_field *field, const cJSON *value,
                         char *object)
{
    void *elements = NULL;
    if (!array_store(binding, field, value, object, field->object->size, &elements))
        return false;
    return value->child == NULL || frame_push(binding, field, field->object, value->child, elements);
}

static bool bind_array(struct binding *binding, const struct oh_shape_field *field, const cJSON *value,
                       char *object)
{
    if (field->type == OH_SHAPE_IDS)
        return bind_ids(binding, field, value, object);
    if (field->type == OH_SHAPE_OBJECTS)
        return bind_objects(binding, field, value, object);
    oh_shape_refuse_type(field, binding->fault);
    return refuse(binding);
}

static bool bind_object(struct binding *binding, const struct oh_shape_field *field, const cJSON *value,
                        char *object)
{
    if (field->type == OH_SHAPE_OBJECT)
        return frame_push(binding, field, field->object, value, object + field->offset);
    oh_shape_refuse_type(field, binding->fault);
    return refuse(binding);
}

static bool bind_scalar(struct binding *binding, const struct oh_shape_field *field, const cJSON *value,
                        char *object)
{
    bool is_set;
    if (cjson_is(value, cJSON_String))
        is_set = oh_shape_set_string(field, object, oh_bytes_of(value->valuestring), binding->fault);
    else if (cjson_is(value, cJSON_Number))
        is_set = oh_shape_set_number(field, object, value->valuedouble, binding->fault);
    else
        is_set = oh_shape_set_bool(field, object, cjson_is(value, cJSON_True), binding->fault);
    return is_set || refuse(binding);
}

/* The next member of the top object. May push a frame. */
static bool bind_member(struct binding *binding)
{
    struct frame *frame = &binding->frames[binding->depth - 1];
    const cJSON *value = frame->member;
    frame->member = value->next;
    uint32_t index = oh_shape_find(frame->shape, oh_bytes_of(value->string), frame->hint);
    if (index == frame->shape->field_count)
        return refuse_name(binding, OH_FAULT_UNKNOWN_FIELD, value->string, "There is no such field here.");
    const struct oh_shape_field *field = &frame->shape->fields[index];
    uint32_t bit = UINT32_C(1) << index;
    if ((frame->seen & bit) != 0)
        return refuse_name(binding, OH_FAULT_DUPLICATE_FIELD, field->name, "The field is given twice.");
    frame->seen |= bit;
    frame->hint = index + 1 < frame->shape->field_count ? index + 1 : 0;
    if (cjson_is(value, cJSON_NULL))
        return true;
    frame->given |= bit;
    if (field->type == OH_SHAPE_OTHER)
        return field->read(field, frame->object, binding->document, value, binding->fault) || refuse(binding);
    if (cjson_is(value, cJSON_Array))
        return bind_array(binding, field, value, frame->object);
    if (cjson_is(value, cJSON_Object))
        return bind_object(binding, field, value, frame->object);
    return bind_scalar(binding, field, value, frame->object);
}

enum oh_err oh_json_bind_value(struct oh_json_document *document, const struct oh_shape *shape,
                               const struct cJSON *value, void *object, struct oh_fault *fault)
{
    struct binding binding;
    binding.document = document;
    binding.fault = fault;
    binding.depth = 0;
    bool is_good = frame_push(&binding, NULL, shape, value, object);
    while (is_good && binding.depth > 0) {
        bool is_read = binding.frames[binding.depth - 1].member == NULL;
        is_good = is_read ? frame_end(&binding) : bind_member(&binding);
    }
    return is_good ? OH_OK : OH_E_SYNTAX;
}

enum oh_err oh_json_bind(struct oh_json_document *document, const struct oh_shape *shape,
                         struct oh_bytes body, void *object, struct oh_fault *fault)
{
    const cJSON *root = NULL;
    if (oh_json_document_parse(document, body, &root, fault) != OH_OK)
        return OH_E_SYNTAX;
    return oh_json_bind_value(document, shape, root, object, fault);
}
