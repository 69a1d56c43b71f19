/*
 * recorded_server.h - the real program as a child process that is killed,
 * stopped, slowed down and started again, while clients find it by its place.
 *
 * One thread owns it; clients only read `place` and, when all is over, `crashes`.
 */
#ifndef ONHAND_TESTS_LINEAR_RECORDED_SERVER_H
#define ONHAND_TESTS_LINEAR_RECORDED_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RECORDED_LIVES_MAX 4096u
#define RECORDED_PATH_SIZE 256u

struct recorded_server {
    const char *program;
    const char *faults; /* a library to preload, or NULL */
    const char *durability;
    char home[RECORDED_PATH_SIZE]; /* holds the data, the configuration, the log, the wish of faults.c */
    pid_t pid;                     /* 0: not running */
    _Atomic uint64_t place;        /* life << 16 | port; port 0: nowhere */
    uint32_t life;
    int64_t crashes[RECORDED_LIVES_MAX]; /* when each life had certainly ended, by CLOCK_REALTIME */
};

/* Makes a home under /tmp. False: it cannot be made. */
bool recorded_server_init(struct recorded_server *server, const char *program, const char *faults,
                          const char *durability);

/* Removes the home; the program must not run. */
void recorded_server_fini(struct recorded_server *server);

/* Starts the program; it has no place yet. */
bool recorded_server_spawn(struct recorded_server *server);

/* Waits until it answers, and gives it its place. False: it ended, or not within a minute; the log says why. */
bool recorded_server_wait(struct recorded_server *server);

/* kill -9, at whatever it does. The next life begins with the next start. */
void recorded_server_kill(struct recorded_server *server);

/* SIGTERM. Returns the exit status, -1 when it did not end in a minute. */
int recorded_server_stop(struct recorded_server *server);

/* What the next syncs of the disk do: "delay 20", "" (see faults.c). */
void recorded_server_wish(const struct recorded_server *server, const char *wish);

/* Runs "program verify data". Returns its exit status. */
int recorded_server_verify(const struct recorded_server *server);

/* Time of day in microseconds. */
int64_t recorded_now_us(void);

void recorded_pause_ms(unsigned pause_ms);

#endif
