/*
 * client.h - one blocking HTTP/1.1 connection to an Onhand server, for the
 * program's own commands.
 *
 * Not a general client: no TLS yet, no redirects, no proxies, no chunked
 * replies (Onhand's carry Content-Length). Every wait has a time limit. One
 * thread per client.
 */
#ifndef ONHAND_APP_CLIENT_H
#define ONHAND_APP_CLIENT_H

#include "base/strbuf.h"
#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_URL_HOST_SIZE             256
#define OH_URL_PORT_SIZE             6
#define OH_RESPONSE_HEAD_SIZE_MAX    65536u
#define OH_RESPONSE_BODY_SIZE_MAX    (16u << 20)
#define OH_CLIENT_TIMEOUT_MS_DEFAULT 60000

/* Where a server is. host has no brackets, port is decimal. */
struct oh_url {
    char host[OH_URL_HOST_SIZE];
    char port[OH_URL_PORT_SIZE];
};

/*
 * oh_url_parse - read http://host[:port][/], port 80 when not given.
 *
 * Errors: OH_E_INVALID with a sentence in diag; https is one of them, for now.
 */
enum oh_err oh_url_parse(const char *text, struct oh_url *out_url, struct oh_diag *diag) OH_MUST_CHECK;

/* Writes the line "Host: ..." of a request to this server. */
void oh_url_put_host(const struct oh_url *url, struct oh_strbuf *out);

/* The start of a reply, as far as a client must understand it. */
struct oh_response_head {
    size_t size;     /* bytes up to the end of the empty line */
    unsigned status; /* 100..599 */
    bool has_content_length;
    uint64_t content_length; /* 0 when a status has no body */
    bool closes;             /* the server closes the connection after it */
    bool is_chunked;
    unsigned retry_after_s; /* 0 when not said */
};

/*
 * oh_response_head_parse - understand the bytes of a reply so far.
 *
 * Errors: OH_E_AGAIN (the empty line has not come yet), OH_E_SYNTAX,
 *         OH_E_TOO_LARGE (no empty line in OH_RESPONSE_HEAD_SIZE_MAX bytes).
 * Cost:   O(bytes of the head). Any thread.
 */
enum oh_err oh_response_head_parse(struct oh_bytes bytes, struct oh_response_head *out_head) OH_MUST_CHECK;

struct oh_response {
    unsigned status;
    unsigned retry_after_s;
    struct oh_bytes body; /* lent until the next call on the client */
};

struct oh_client {
    struct oh_url url;
    int fd; /* -1: not connected */
    int timeout_ms;
    struct oh_strbuf in;
    size_t reply_size; /* bytes of `in` that the last reply took */
};

/* Copies the URL. No connection is made yet. timeout_ms >= 1 bounds each single wait. */
void oh_client_init(struct oh_client *client, const struct oh_url *url, int timeout_ms);
void oh_client_fini(struct oh_client *client);

/* Errors: OH_E_UNAVAILABLE, with a sentence. No-op when connected. */
enum oh_err oh_client_connect(struct oh_client *client, struct oh_diag *diag) OH_MUST_CHECK;

/* Drops the connection and what came over it. No-op when not connected. */
void oh_client_disconnect(struct oh_client *client);

/*
 * oh_client_send - send all bytes.
 *
 * Errors: OH_E_AGAIN (the server answered before it had all: read the reply),
 *         OH_E_CLOSED (the server closed; a reply may still be readable),
 *         OH_E_UNAVAILABLE (no progress within the time limit).
 */
enum oh_err oh_client_send(struct oh_client *client, struct oh_bytes bytes) OH_MUST_CHECK;

/*
 * oh_client_receive - read one reply, skipping 1xx ones.
 *
 * Post:    disconnects when the reply says so, or on any error.
 * Errors:  OH_E_CLOSED, OH_E_UNAVAILABLE (time limit), OH_E_SYNTAX,
 *          OH_E_TOO_LARGE, OH_E_NOMEM; diag has the sentence.
 * Owner:   lends the body until the next call.
 */
enum oh_err oh_client_receive(struct oh_client *client, struct oh_response *out_response,
                              struct oh_diag *diag) OH_MUST_CHECK;

/*
 * oh_client_request - send a request that can be repeated (GET, PUT) and read
 * the reply.
 *
 * Pre:     target begins with '/' and has no byte that must be escaped; the
 *          caller checks what came from outside with oh_target_is_plain().
 * Post:    connects when needed; when a kept connection turns out closed,
 *          tries once more on a new one.
 * Errors:  as connect and receive.
 */
enum oh_err oh_client_request(struct oh_client *client, const char *method, const char *target,
                              struct oh_bytes body, struct oh_response *out_response,
                              struct oh_diag *diag) OH_MUST_CHECK;

/* Whether a text can stand in a request line as it is: '/' first, visible ASCII, at most 2,048 bytes. */
bool oh_target_is_plain(const char *target);

#endif
