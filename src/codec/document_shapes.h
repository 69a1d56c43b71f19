/*
 * document_shapes.h - the shape of each kind of document. Inside src/codec
 * only: document.h is the interface.
 */
#ifndef ONHAND_CODEC_DOCUMENT_SHAPES_H
#define ONHAND_CODEC_DOCUMENT_SHAPES_H

#include "codec/document.h"
#include "codec/shape.h"

/* Asserts that the kind is one. */
const struct oh_shape *oh_document_shape(enum oh_document_kind kind);

#endif
