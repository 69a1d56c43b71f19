/*
 * world.h - the whole server, over a disk, a clock and a network that are simulated.
 *
 * What it is: the real core, codec, journal, snapshots, recovery, routes and HTTP engine on one thread, put together
 * as `onhand serve` puts them together. Its disk is support/storage_disk.h, which loses what was not synced; its
 * clock moves when it is told to; its helper threads run when they are told to; its connections are struct sim_peer.
 * A crash throws the process away and keeps the disk; a start recovers from it.
 *
 * What it is not: a judge. It only writes down in which order the server read the requests, and between which seqs.
 *
 * Threads: one.
 */
#ifndef ONHAND_TESTS_SIM_WORLD_H
#define ONHAND_TESTS_SIM_WORLD_H

#include "base/strbuf.h"
#include "server/engine.h"
#include "server/service.h"
#include "storage/journal.h"
#include "storage/projector.h"
#include "storage/snapshotter.h"
#include "support/storage_disk.h"

#define SIM_PEERS_MAX    8u
#define SIM_REQUESTS_MAX 32u /* of one peer that were sent and not answered */
#define SIM_READS_MAX    4096u

/* A request on its way: where it ends in what the peer sent. */
struct sim_sent {
    uint32_t number; /* the caller's */
    bool is_write;
    bool is_alone; /* nothing is read together with it */
    size_t room;   /* what it asks of the journal; 0: nothing */
    uint64_t end;  /* bytes since the connection opened; set by sim_peer_send */
};

/* The client's end of a connection. */
struct sim_peer {
    struct oh_connection *connection;
    struct sim_world *world;
    bool is_open;   /* the server has it */
    bool is_reset;  /* the client broke it: recv and send fail */
    bool has_ended; /* the client sends no more */
    struct oh_strbuf sent;
    uint64_t sent_base; /* bytes of the connection before sent.data */
    uint64_t read_at;   /* bytes that the server has read */
    uint64_t readable;  /* bytes that have arrived there */
    bool reads_joined;  /* several writes may be read at once */
    size_t take_max;    /* bytes that one send may pass on; 0: the window is shut */
    bool was_shut;      /* a send was refused: say when it may go on */
    struct oh_strbuf received;
    struct sim_sent requests[SIM_REQUESTS_MAX]; /* in order; the first ones are read by the server already */
    uint32_t request_count;
    uint32_t read_count;
};

/* The server has read the last byte of a request: it applies it in this turn, after those read before. */
struct sim_read {
    uint32_t number;
    bool is_write;
    int64_t now_us;      /* of the turn */
    uint64_t seq_before; /* of the ledger when it was read */
    uint64_t seq_after;  /* when the next one was, or the requests of the turn were done */
    bool is_joined;      /* read at once with other writes: the seqs are those of all of them together */
    bool has_no_room;    /* the journal could not have taken it: it must be refused */
};

/* What a test of failures puts in between. Each may be NULL. */
struct sim_hooks {
    void *ctx;
    void (*wrap_io)(void *ctx, struct oh_io *io); /* may put a table of its own in front of this one */
    bool (*memory_fails)(void *ctx);              /* of the ledger's pools */
    ssize_t (*network)(void *ctx, bool is_send,
                       size_t size); /* bytes that pass now, or what the call returns */
};

struct sim_world_options {
    enum oh_durability durability;
    uint64_t segment_size;
    uint32_t prepared_count;
    uint32_t record_size_max;
    uint32_t frame_align;
    uint64_t snapshot_bytes; /* of journal between snapshots */
    uint32_t keep_count;     /* snapshots; 0: two */
    uint64_t buffer_size;    /* of the journal; 0: 16 MiB */
    uint32_t history_max;    /* movements that are remembered; 0: more than a run has */
    uint64_t backlog_bytes_max; /* of journal for the projector; 0: there is none */
    uint32_t batch_effects;  /* of the projector; 0: its default */
    uint64_t seed;           /* of the disk */
    int64_t now_us;          /* realtime at first */
    struct sim_hooks hooks;
};

struct sim_world {
    struct sim_world_options options;
    struct storage_disk *disk;
    struct storage_watch watch;
    struct oh_router *router;
    int64_t realtime_us;
    int64_t monotonic_us;

    /* One life of the process; NULL between a crash and the next start. */
    struct oh_io io;
    struct oh_directory *directory;
    struct oh_ledger *ledger;
    struct oh_journal *journal;
    struct oh_snapshotter *snapshotter;
    struct oh_projector *projector; /* NULL without */
    int64_t projector_due_us;       /* monotonic: its next step */
    struct oh_service *service;
    struct oh_engine *engine;
    struct oh_server_hooks service_hooks;
    struct oh_server_hooks hooks;
    bool is_stopped; /* the service asked for the end: the journal failed */

    struct sim_peer peers[SIM_PEERS_MAX];

    struct sim_read reads[SIM_READS_MAX]; /* of this turn */
    uint32_t read_count;
    void (*applied)(void *ctx,
                    const struct sim_read *read); /* and nothing behind it yet; NULL: nobody looks */
    void *applied_ctx;
    void (*closing)(void *ctx); /* the process is about to end, whichever way; NULL: nobody looks */
    uint64_t turns;
    uint64_t snapshots;    /* completed, of lives that have ended */
    uint64_t rotations;    /* changes of the journal's file */
    uint64_t changes_left; /* that the disk still takes, then the process is gone; 0: for ever */
    bool has_failed_sync;  /* of a file of the journal, in this life */
    char torn[256];        /* what the last start cut */
};

void sim_world_init(struct sim_world *world, const struct sim_world_options *options);
void sim_world_fini(struct sim_world *world);

/* Starts a process on the disk. Errors: what opening or recovery says; the world is then without a process. */
enum oh_err sim_world_start(struct sim_world *world, struct oh_diag *diag);
bool sim_world_is_up(const struct sim_world *world);

/* The process ends by itself, as after a failed journal: no drain. The disk stays as it is. */
void sim_world_exit(struct sim_world *world);

/* The process is gone. With is_power_loss, so is what was not synced. */
void sim_world_crash(struct sim_world *world, bool is_power_loss);

/* SIGTERM without anyone who looks at the replies: drains and ends. False: it did not drain. */
bool sim_world_terminate(struct sim_world *world);
/* The process ends in order: what was appended is written and synced. */
void sim_world_end(struct sim_world *world);

/* Both clocks go on; realtime may be set apart. */
void sim_world_pass(struct sim_world *world, int64_t us);
void sim_world_set_clock(struct sim_world *world, int64_t step_us);

/* One turn of the loop: reads, applies, submits, releases, flushes. Fills world->reads. */
void sim_world_turn(struct sim_world *world);

/* What the journal's helper threads do next: some of enum oh_journal_work_kind, and the snapshot's. */
void sim_world_work(struct sim_world *world, unsigned kinds);
void sim_world_work_snapshot(struct sim_world *world);
void sim_world_work_projector(struct sim_world *world); /* a step of it, if it is time for one */

/* The client connects. False: refused. */
bool sim_peer_connect(struct sim_world *world, struct sim_peer *peer);
/* Queues a request. False: too many are waiting. */
bool sim_peer_send(struct sim_peer *peer, struct oh_bytes request, const struct sim_sent *sent);
/* So many bytes more arrive at the server; SIZE_MAX: all. */
void sim_peer_deliver(struct sim_peer *peer, size_t size);
void sim_peer_reset(struct sim_peer *peer); /* cut: nothing more goes either way */
void sim_peer_end(struct sim_peer *peer);   /* closes in order: what was sent is read */
void sim_peer_open_window(struct sim_peer *peer, size_t take_max);

#endif
