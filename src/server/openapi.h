/*
 * openapi.h - docs/openapi.yaml as JSON, made when the program is built (cmake/yaml_to_json.py). Any thread: constant.
 */
#ifndef ONHAND_SERVER_OPENAPI_H
#define ONHAND_SERVER_OPENAPI_H

#include <stddef.h>

extern const char oh_openapi_json[];
extern const size_t oh_openapi_json_size;

#endif
