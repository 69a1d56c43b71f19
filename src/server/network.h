/*
 * network.h - threads that make the system calls of connections, so that the loop thread does not.
 *
 * A receive and a send through the kernel cost several times what a request costs otherwise. With network threads each
 * socket belongs to one of them, which receives, sends, waits and closes; to the engine it is a struct oh_transport
 * like any other. The ledger, parsing and replies stay on the loop thread: there is still one writer, and the order of
 * a turn is the same (engine.h).
 *
 * Bytes change hands by the lists in network_mail.h, all of a round at once: one lock of a mutex per thread and side,
 * and a system call only to wake a side that sleeps. Of each connection at most OH_NETWORK_MAIL_SIZE_MAX bytes in a
 * direction are with the thread, as many between, and as many with the loop; who is ahead of the other stops there.
 *
 * Thread: the loop thread, all of it.
 */
#ifndef ONHAND_SERVER_NETWORK_H
#define ONHAND_SERVER_NETWORK_H

#include "onhand/error.h"
#include "server/engine.h"

#define OH_NETWORK_THREADS_MAX   32
#define OH_NETWORK_MAIL_SIZE_MAX 65536u
#define OH_NETWORK_CLOSE_MS      2000 /* what is closed may take so long to give its last bytes to the kernel */

struct oh_network;

struct oh_network_options {
    uint32_t thread_count;       /* 1 to OH_NETWORK_THREADS_MAX */
    struct oh_engine *engine;    /* borrowed until it has closed its connections */
    void (*wake)(void *context); /* any thread: there is something for the loop */
    void *wake_context;
};

/* Errors: OH_E_NOMEM, OH_E_IO (no thread, no descriptor); diag says which. */
enum oh_err oh_network_create(const struct oh_network_options *options, struct oh_diag *diag,
                              struct oh_network **out_network) OH_MUST_CHECK;

/* After the engine has closed its connections: last bytes leave, for OH_NETWORK_CLOSE_MS at most; joins the threads. */
void oh_network_destroy(struct oh_network **network);

/*
 * oh_network_take - a connection in the engine for an accepted socket, on the thread that has the fewest.
 *
 * Errors: as oh_engine_open; fd is then still the caller's.
 */
enum oh_err oh_network_take(struct oh_network *network, int fd) OH_MUST_CHECK;

/*
 * oh_network_collect - before a turn: what has come from the clients. Tells the engine which connections are ready.
 *
 * Errors: OH_E_IO: a thread cannot wait for its sockets any more; nothing further will come from it.
 */
enum oh_err oh_network_collect(struct oh_network *network) OH_MUST_CHECK;

/* After a turn: gives the threads what the turn has written. */
void oh_network_hand_over(struct oh_network *network);

#endif
