/*
 * json_document.h - memory for one request at a time; the values of its body, or cJSON trees of it.
 *
 * A document is one arena: allocation moves a pointer, clearing sets it back,
 * nothing is freed one by one. Requests are bound from their values, as
 * json_guard.h notes them; a tree is made of what has no fixed shape. cJSON is
 * given the arena while it parses, by
 * way of its process-wide hooks; outside of oh_json_document_parse the hooks
 * are malloc and free, so other users of cJSON notice nothing.
 *
 * Not for the layers above: they see json_request.h. One thread per document.
 */
#ifndef ONHAND_CODEC_JSON_DOCUMENT_H
#define ONHAND_CODEC_JSON_DOCUMENT_H

#include "codec/fault.h"
#include "codec/json_guard.h"
#include "codec/json_request.h"

struct cJSON;

/* As oh_json_document_create (json_request.h), with an arena of that many bytes. Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_json_document_create_sized(size_t size_max,
                                                        struct oh_json_document **out_document);

/*
 * oh_json_document_read - guard the body and note its values.
 *
 * Errors: as oh_json_document_parse.
 * Owner:  the values are lent until the document is cleared; they say where in the body something is.
 */
OH_MUST_CHECK enum oh_err oh_json_document_read(struct oh_json_document *document, struct oh_bytes body,
                                                const struct oh_json_value **out_values, struct oh_fault *fault);

/*
 * oh_json_document_tree - the tree of one value that has passed the guard; what is behind it is not looked at.
 *
 * Errors: OH_E_SYNTAX, too_many, when the arena is used up.
 */
OH_MUST_CHECK enum oh_err oh_json_document_tree(struct oh_json_document *document, struct oh_bytes text,
                                                const struct cJSON **out_root, struct oh_fault *fault);

/* As oh_json_document_allocate (json_request.h), for what is filled as a whole: not cleared. */
void *oh_json_document_take(struct oh_json_document *document, size_t count, size_t size);

/* Copies bytes into the document. Errors: OH_E_SYNTAX, too_many. */
OH_MUST_CHECK enum oh_err oh_json_document_keep(struct oh_json_document *document, struct oh_bytes bytes,
                                                struct oh_bytes *out_kept, struct oh_fault *fault);

/*
 * oh_json_document_parse - guard the body, then build its tree.
 *
 * Errors: OH_E_SYNTAX with *fault filled; too_many when the arena is used up.
 * Owner:  the tree is lent until the document is cleared; earlier trees stay good.
 */
OH_MUST_CHECK enum oh_err oh_json_document_parse(struct oh_json_document *document, struct oh_bytes body,
                                                 const struct cJSON **out_root, struct oh_fault *fault);

/* The member of that name, when it is a text; else nothing. Lent by the tree. */
struct oh_bytes oh_json_text_of(const struct cJSON *object, const char *name);

/* How much is given out, and back to what it was: everything allocated since is taken back. */
size_t oh_json_document_mark(const struct oh_json_document *document);
void oh_json_document_rewind(struct oh_json_document *document, size_t mark);

/* The fault for an arena that is used up. */
void oh_json_document_full(struct oh_fault *fault);

#endif
