/*
 * recorded_client.h - clients that shop, and remember what they saw.
 *
 * Each client is a thread with one connection at a time. It sends one request
 * after the other; one that is not answered is sent again under its key until
 * it is. All clients of a record work on the same few items and on each
 * other's reservations, so that there is something to order.
 */
#ifndef ONHAND_TESTS_LINEAR_RECORDED_CLIENT_H
#define ONHAND_TESTS_LINEAR_RECORDED_CLIENT_H

#include "linear/linear.h"
#include "linear/recorded_server.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define RECORDED_NODES        3u
#define RECORDED_FAMILIES_MAX 64u /* of two items each: "A0" and "B0", .. */
#define RECORDED_CLIENTS_MAX  32u
#define RECORDED_BODY_SIZE    1024u
#define RECORDED_RECENT       8u
#define RECORDED_SHARING      2u /* families that one window of capacity is for */
#define RECORDED_SUPPLIES     2u /* of a family */

/* Reservations that any client may act on: number << 2 | promised << 1 | whether it has one claim. 0: none. */
struct recorded_family {
    _Atomic uint64_t recent[RECORDED_RECENT];
    _Atomic uint32_t versions; /* of counts */
    _Atomic uint32_t worked;   /* of the window that begins with this family: promises that were fulfilled, about */
};

struct recorded_shop {
    struct recorded_server *server;
    uint32_t family_count;
    struct recorded_family families[RECORDED_FAMILIES_MAX];
    _Atomic uint64_t left;      /* operations still to do */
    _Atomic bool is_broken;     /* a client met what cannot be */
    char day[16];               /* the only one on which anything is delivered */
    char trouble[RECORDED_BODY_SIZE];
};

struct recorded_request {
    char method[8];
    char target[96];
    char body[RECORDED_BODY_SIZE];
    struct lin_op op;
    bool is_promised; /* the reservation that is acted on, in the window of its family */
    uint32_t window;
    bool is_repeat;   /* answered before */
};

/* One request as it was sent, and the life of the server it was sent to. */
struct recorded_row {
    struct lin_op op;
    uint32_t life;
};

struct recorded_client {
    struct recorded_shop *shop;
    uint32_t number;
    uint64_t chance;
    uint64_t serial;
    uint64_t to_release; /* a reservation that fell out of the recent ones; 0: none */
    struct recorded_request request;
    struct recorded_request answered; /* a write, to be sent again some time */
    struct recorded_row *rows;
    uint32_t row_count;
    uint32_t row_max;
    _Atomic int fd; /* of its connection, for whoever cuts it; -1: none */
    pthread_t thread;
};

/* Starts the thread; it ends when nothing is left to do. False: it could not start. */
bool recorded_client_start(struct recorded_client *client, struct recorded_shop *shop, uint32_t number, uint64_t seed);

/* Waits for the end of the thread. The rows are the caller's to free. */
void recorded_client_join(struct recorded_client *client);

/* Ends its connection while it uses it. Any thread. */
void recorded_client_cut(struct recorded_client *client);

/* Creates nodes, items, the channel, and what promises need. False: the server refused. */
bool recorded_shop_open(struct recorded_shop *shop);

uint64_t recorded_chance(uint64_t *state);

#endif
