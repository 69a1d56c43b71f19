/*
 * instructions_world.h - a small retailer and a server without sockets, for counting instructions.
 *
 * Everything is the same in every run: names, quantities, the clock, which stands still. The journal is of class
 * memory: records are encoded and go nowhere. Whatever cannot be made ends the program. One thread, one world.
 */
#ifndef ONHAND_BENCH_INSTRUCTIONS_WORLD_H
#define ONHAND_BENCH_INSTRUCTIONS_WORLD_H

#include "base/strbuf.h"
#include "onhand/promise.h"
#include "server/service.h"

#define WORLD_NOW_US INT64_C(1795352400000000) /* 2026-11-22T13:00:00Z, a Sunday */
#define WORLD_ITEMS  400u
#define WORLD_NODES  100u
#define WORLD_NAME_SIZE 16

/* The client's end of the one connection. */
struct world_peer {
    struct oh_bytes sent; /* what the server has not read yet */
    uint64_t replies;     /* of the status expected */
    const char *status;   /* "HTTP/1.1 200" */
};

struct world {
    struct oh_ledger *ledger;
    struct oh_journal *journal;
    struct oh_service *service;
    struct oh_server_hooks hooks;
    struct oh_router *router;
    struct oh_engine *engine;
    struct oh_connection *connection;
    struct world_peer peer;
    struct oh_strbuf record; /* of the last world_apply */
    char skus[WORLD_ITEMS][WORLD_NAME_SIZE];
    char nodes[WORLD_NODES][WORLD_NAME_SIZE];
};

/* Ends the program when it is not so. */
void world_require(bool is_so, const char *what);

struct world *world_create(void);
void world_destroy(struct world **world);

/* Applies and takes the record. The answer is lent until the next one. */
void world_apply(struct world *world, const struct oh_command *command, struct oh_answer *out_answer);

/*
 * world_request - one request through the server: received, handled, its reply sent.
 *
 * Shapes: the request as bytes; status: how the reply begins, else the program ends.
 */
void world_request(struct world *world, struct oh_bytes request, const char *status);

#endif
