/*
 * limits.h - every limit and deadline of the network side, as one plain value.
 *
 * Each row is also a configuration key of the same name (src/app/config.def includes this table).
 * X(name, unit, min, max, default, is_reloadable, help)
 */
#ifndef ONHAND_SERVER_LIMITS_H
#define ONHAND_SERVER_LIMITS_H

#include <stdint.h>

#define OH_LIMITS(X)                                                                                                   \
    X(connections_max, "connections", 1, 1000000, 10000, true,                                                         \
      "Open client connections. One more is answered 503 and closed.")                                                 \
    X(header_size_max, "bytes", 1024, 65536, 16384, true,                                                              \
      "Request line and headers of one request, line ends included. More is 431.")                                     \
    X(header_count_max, "headers", 8, 64, 64, true, "Headers of one request. More is 431.")                            \
    X(target_size_max, "bytes", 128, 8192, 8192, true, "Path and query of one request. More is 414.")                  \
    X(body_size_max, "bytes", 1024, 268435456, 8388608, true,                                                          \
      "Body of one request, after de-chunking. More is 413. Imports stream and have no limit.")                        \
    X(pipeline_max, "requests", 1, 1024, 64, false,                                                                    \
      "Requests of one connection whose replies still wait for the disk; then it is not read until one leaves.")       \
    X(output_soft_size, "bytes", 4096, 67108864, 1048576, true,                                                        \
      "Reply bytes a slow reader may leave waiting before the server stops reading from it.")                          \
    X(output_size_max, "bytes", 1048576, 1073741824, 134217728, false,                                                 \
      "Reply bytes one connection may hold, the largest single reply included. More ends the connection.")             \
    X(header_timeout_ms, "ms", 10, 600000, 10000, true,                                                                \
      "From the first byte of a request (or the accept) to the end of its headers. Then 408.")                         \
    X(body_timeout_ms, "ms", 10, 3600000, 30000, true,                                                                 \
      "From the headers to the end of a buffered body; for an import, the longest pause between two reads. Then 408.") \
    X(idle_timeout_ms, "ms", 10, 86400000, 75000, true, "A connection without a request. Then it is closed.")          \
    X(write_timeout_ms, "ms", 10, 3600000, 30000, true,                                                                \
      "A client that takes no byte of a reply that is ready to leave. Then it is closed.")                             \
    X(linger_timeout_ms, "ms", 10, 60000, 2000, true,                                                                  \
      "After a reply that ends the connection, how long the client's remaining bytes are thrown away.")                \
    X(drain_timeout_ms, "ms", 0, 600000, 10000, true,                                                                  \
      "After SIGTERM, how long requests in flight may take before their connections are closed.")

struct oh_limits {
#define OH_LIMIT_FIELD(name, unit, min, max, fallback, is_reloadable, help) uint32_t name;
    OH_LIMITS(OH_LIMIT_FIELD)
#undef OH_LIMIT_FIELD
};

/* The defaults of the table. */
static inline struct oh_limits oh_limits_default(void)
{
    return (struct oh_limits){
#define OH_LIMIT_DEFAULT(name, unit, min, max, fallback, is_reloadable, help) .name = (fallback),
        OH_LIMITS(OH_LIMIT_DEFAULT)
#undef OH_LIMIT_DEFAULT
    };
}

#endif
