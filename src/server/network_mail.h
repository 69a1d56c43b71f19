/*
 * network_mail.h - what the loop and the network threads have in common. Internal to network*.c.
 *
 * A socket has three parts: what only the loop touches, what only its thread touches, and the mail between them,
 * under the thread's lock. Input goes  kernel -> received | inbox | input -> engine,  output goes
 * engine -> output | outbox | sending -> kernel.
 */
#ifndef ONHAND_SERVER_NETWORK_MAIL_H
#define ONHAND_SERVER_NETWORK_MAIL_H

#include "base/strbuf.h"
#include "server/network.h"
#include "server/reactor.h"
#include <pthread.h>
#include <sys/queue.h>

#define NETWORK_KEPT_SIZE_MAX 4096 /* a larger buffer is freed when it becomes empty */
#define NETWORK_OPEN_ENDED    1    /* an end that has not come */
#define NETWORK_BUFFER_COUNT  6    /* of one socket */

enum network_order {
    NETWORK_OPEN = 1,     /* begin to watch it */
    NETWORK_SHUT = 2,     /* no more from us, after what was written */
    NETWORK_CLOSE = 4,    /* after what was written; then it is freed */
    NETWORK_CONTINUE = 8, /* there is room in the inbox again */
};

struct network_socket {
    struct network_thread *thread;
    int fd;

    /* The loop's. */
    struct oh_connection *connection; /* NULL: closed */
    struct oh_strbuf input;
    size_t input_at;       /* the engine has read so far */
    int input_end;         /* what recv says behind the input: 0, -errno, or NETWORK_OPEN_ENDED */
    struct oh_strbuf output;
    size_t unsent_size;    /* in output and outbox */
    unsigned orders;       /* enum network_order, for the thread */
    int output_error;      /* what send says; 0: none */
    bool has_mail;         /* the inbox has more, left there because the input was not empty */
    bool is_refused;       /* the engine was told that there is no room for output */
    bool is_on_touched;
    TAILQ_ENTRY(network_socket) touched_entry;

    /* The mail, under thread->lock. */
    struct oh_strbuf inbox;
    int inbox_end;
    bool is_held_back;     /* the thread keeps bytes for which the inbox had no room */
    struct oh_strbuf outbox;
    size_t taken_size;     /* of the outbox, by the thread, which the loop has not noted yet */
    bool is_room_wanted;   /* the loop waits for the thread to take something */
    unsigned told;         /* enum network_order */
    int broken_error;      /* of a send, 0: none */
    bool is_on_news;       /* for the loop */
    bool is_on_orders;     /* for the thread */
    TAILQ_ENTRY(network_socket) news_entry;
    TAILQ_ENTRY(network_socket) orders_entry;

    /* The thread's. */
    struct event event;
    bool is_watched;
    bool can_recv;
    bool can_send;
    bool is_peer_closed;   /* an end is behind what can be received */
    bool is_shutting;
    bool is_shut;
    bool is_closing;
    bool is_given_up;      /* closing has taken too long */
    bool is_on_active;     /* there may be something to receive, send or end */
    bool is_on_mail;       /* there is something to exchange with the loop */
    struct oh_strbuf received;
    int end;               /* of what was received */
    struct oh_strbuf sending;
    size_t sent_size;
    int send_error;
    TAILQ_ENTRY(network_socket) active_entry;
    TAILQ_ENTRY(network_socket) mail_entry;
    TAILQ_ENTRY(network_socket) all_entry;
};

TAILQ_HEAD(network_sockets, network_socket);

struct network_thread {
    struct oh_network *network;

    /* The loop's. */
    pthread_t handle;
    bool is_started;
    uint32_t socket_count;
    struct network_sockets touched;

    /* Under the lock. */
    pthread_mutex_t lock;
    struct network_sockets news;
    struct network_sockets orders;
    bool is_stopping;
    bool is_failed;        /* it cannot wait for its sockets any more */

    /* The thread's. */
    struct event_base *base;
    struct oh_waker waker;
    struct network_sockets all;
    struct network_sockets active;
    struct network_sockets mail;
    char read_buffer[OH_NETWORK_MAIL_SIZE_MAX];
};

struct oh_network {
    struct oh_network_options options;
    uint32_t thread_count;
    struct network_thread *threads;
};

/* network_thread.c: the thread itself. `thread` is zeroed but for its network. */
enum oh_err network_thread_start(struct network_thread *thread, struct oh_diag *diag) OH_MUST_CHECK;
void network_thread_join(struct network_thread *thread);

/* All buffers of a socket, to begin and to end with. */
void network_buffers_of(struct network_socket *sock, struct oh_strbuf *out_buffers[NETWORK_BUFFER_COUNT]);

/* Takes a buffer's memory away when it is empty and large. */
void network_buffer_trim(struct oh_strbuf *buffer);

/* All bytes of `from` go behind those of `to`; `from` is empty then. False: no memory, `from` is unchanged. */
bool network_buffer_move(struct oh_strbuf *to, struct oh_strbuf *from) OH_MUST_CHECK;

/* The loop looks at it before its next turn. Under the lock. */
void network_give_news(struct network_socket *sock);

void network_lock(struct network_thread *thread);
void network_unlock(struct network_thread *thread);

#endif
