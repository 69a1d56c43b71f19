/*
 * json_bind.h - one JSON object to a C struct, by its shape.
 *
 * Refuses, in the order of the text: unknown_field, duplicate_field, and what
 * is wrong with a value; at the end of each object missing_field and what the
 * object's `finish` says (H11). A null is the same as a field that is not there.
 * Since every object has a shape and the first unknown or repeated field ends
 * the work, no object costs more than its fields times its shape's.
 *
 * Thread: the document's.
 */
#ifndef ONHAND_CODEC_JSON_BIND_H
#define ONHAND_CODEC_JSON_BIND_H

#include "codec/json_document.h"
#include "codec/shape.h"

#define OH_BIND_DEPTH_MAX 4u /* objects inside each other, of any shape */

/*
 * oh_json_bind - read the body and fill *object.
 *
 * Errors: OH_E_SYNTAX with *fault filled; fault->field is the whole path.
 * Owner:  arrays are lent by the document. Texts are borrowed from the body; those with escapes are lent by the
 *         document.
 * Cost:   O(size). Nothing is copied but texts with escapes, and no tree is made but of an OTHER.
 */
OH_MUST_CHECK enum oh_err oh_json_bind(struct oh_json_document *document, const struct oh_shape *shape,
                                       struct oh_bytes body, void *object, struct oh_fault *fault);

/*
 * The same for the object that a member of the body is; *object is untouched when there is no such member. Errors:
 * OH_E_SYNTAX, the path beginning at the object.
 */
OH_MUST_CHECK enum oh_err oh_json_bind_member(struct oh_json_document *document, const struct oh_shape *shape,
                                              struct oh_bytes body, const char *name, void *object,
                                              struct oh_fault *fault);

#endif
