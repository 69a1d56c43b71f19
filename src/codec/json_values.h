/*
 * json_values.h - the values of documents that no shape type has: days, dates,
 * times of day, levels of an objective, and so on. Each is an oh_shape_read.
 */
#ifndef ONHAND_CODEC_JSON_VALUES_H
#define ONHAND_CODEC_JSON_VALUES_H

#include "codec/shape.h"

oh_shape_read oh_json_read_week;     /* ["mon", "sun"] to struct oh_week; not empty, each once */
oh_shape_read oh_json_read_clock;    /* "08:30" to int32_t minutes of the day, min..max */
oh_shape_read oh_json_read_dates;    /* ["2025-12-25"] to struct oh_dates; at most max */
oh_shape_read oh_json_read_capitals; /* "GB" to struct oh_bytes; max letters A to Z */
oh_shape_read oh_json_read_prefix;   /* "sw1a 1" to struct oh_bytes, as postal codes are compared */
oh_shape_read oh_json_read_prefixes; /* a list of them, min..max, counted at count_offset */
oh_shape_read oh_json_read_minutes;  /* {"large": 120} to struct oh_class_minutes, at most max, counted */
oh_shape_read oh_json_read_pairs;    /* [["a", "b"]] to struct oh_class_names, at most max, counted */
oh_shape_read oh_json_read_levels;   /* ["parcels", {"date": 1, "cost": 5}] to struct oh_objective */

#endif
