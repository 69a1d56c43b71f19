/*
 * document_checks.h - what no field of a document can say alone: the checks
 * that its shapes call at the end of an object. Inside src/codec only.
 */
#ifndef ONHAND_CODEC_DOCUMENT_CHECKS_H
#define ONHAND_CODEC_DOCUMENT_CHECKS_H

#include "codec/fault.h"
#include <stdbool.h>
#include <stdint.h>

/* Each is the `finish` of a shape (shape.h), named for its struct. */
bool oh_check_calendar(void *object, uint32_t given, struct oh_fault *fault);
bool oh_check_capacity(void *object, uint32_t given, struct oh_fault *fault);
bool oh_check_transit(void *object, uint32_t given, struct oh_fault *fault);
bool oh_check_service(void *object, uint32_t given, struct oh_fault *fault);
bool oh_check_lane(void *object, uint32_t given, struct oh_fault *fault);
bool oh_check_sourcing(void *object, uint32_t given, struct oh_fault *fault);

#endif
