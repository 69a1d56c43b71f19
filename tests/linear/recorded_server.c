#include "linear/recorded_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_US (INT64_C(60) * 1000000)

int64_t recorded_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

void recorded_pause_ms(unsigned pause_ms)
{
    struct timespec pause = { .tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000L };
    (void)nanosleep(&pause, NULL);
}

static void path_of(const struct recorded_server *server, const char *name,
                    char out_path[static 2 * RECORDED_PATH_SIZE])
{
    (void)snprintf(out_path, 2 * RECORDED_PATH_SIZE, "%s/%s", server->home, name);
}

static bool file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool is_written = file != NULL && fputs(text, file) >= 0;
    return file != NULL && fclose(file) == 0 && is_written;
}

/* Small, so that a start takes milliseconds; snapshots often, so that many kills meet one. */
static const char config_text[] = "journal_segment_mib = 9\nsnapshot_journal_mib = 1\nitems_max = 4096\n"
                                  "positions_max = 16384\nreservations_max = 1000000\nclaims_max = 2000000\n"
                                  "keys_max = 4000000\nhistory_max = 1048576\nlisten = 127.0.0.1:0\n";

bool recorded_server_init(struct recorded_server *server, const char *program, const char *faults,
                          const char *durability)
{
    char path[2 * RECORDED_PATH_SIZE];
    *server = (struct recorded_server){ .program = program, .faults = faults, .durability = durability };
    (void)snprintf(server->home, sizeof server->home, "/tmp/onhand-record-XXXXXX");
    if (mkdtemp(server->home) == NULL)
        return false;
    path_of(server, "conf", path);
    return file_write(path, config_text);
}

/* The home holds files and the two folders of the data directory. */
void recorded_server_fini(struct recorded_server *server)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", "--", server->home, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}

/* In the child: becomes the program. */
static void child_run(const struct recorded_server *server, const char *command)
{
    char data[2 * RECORDED_PATH_SIZE], conf[2 * RECORDED_PATH_SIZE], port[2 * RECORDED_PATH_SIZE];
    char log[2 * RECORDED_PATH_SIZE], wish[2 * RECORDED_PATH_SIZE];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever ends the recorder ends the server too */
    path_of(server, "data", data);
    path_of(server, "conf", conf);
    path_of(server, "port", port);
    path_of(server, "log", log);
    path_of(server, "wish", wish);
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file >= 0) {
        (void)dup2(file, 1);
        (void)dup2(file, 2);
    }
    if (strcmp(command, "verify") == 0) {
        (void)execl(server->program, server->program, command, data, (char *)NULL);
        _exit(127);
    }
    if (server->faults != NULL) {
        (void)setenv("LD_PRELOAD", server->faults, 1);
        (void)setenv("ONHAND_FAULTS_FILE", wish, 1);
    }
    (void)execl(server->program, server->program, command, "--config", conf, "--data", data, "--port-file",
                port, "--durability", server->durability, (char *)NULL);
    _exit(127);
}

bool recorded_server_spawn(struct recorded_server *server)
{
    char port[2 * RECORDED_PATH_SIZE];
    path_of(server, "port", port);
    (void)unlink(port);
    pid_t pid = fork();
    if (pid == 0)
        child_run(server, "serve");
    server->pid = pid > 0 ? pid : 0;
    return pid > 0;
}

/* The port that the program wrote, 0 when it has not yet. */
static unsigned port_read(const struct recorded_server *server)
{
    char path[2 * RECORDED_PATH_SIZE];
    char line[16] = "";
    path_of(server, "port", path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    bool is_line = fgets(line, sizeof line, file) != NULL && strchr(line, '\n') != NULL;
    (void)fclose(file);
    return is_line ? (unsigned)strtoul(line, NULL, 10) : 0;
}

bool recorded_server_wait(struct recorded_server *server)
{
    int64_t end_us = recorded_now_us() + DEADLINE_US;
    unsigned port = 0;
    while ((port = port_read(server)) == 0) {
        int status;
        if (recorded_now_us() > end_us || waitpid(server->pid, &status, WNOHANG) != 0)
            return false;
        recorded_pause_ms(1);
    }
    atomic_store(&server->place, (uint64_t)server->life << 16 | port);
    return true;
}

void recorded_server_kill(struct recorded_server *server)
{
    if (server->pid == 0)
        return;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
    server->crashes[server->life++] = recorded_now_us();
    atomic_store(&server->place, (uint64_t)server->life << 16);
}

int recorded_server_stop(struct recorded_server *server)
{
    int64_t end_us = recorded_now_us() + DEADLINE_US;
    int status = -1;
    (void)kill(server->pid, SIGTERM);
    while (waitpid(server->pid, &status, WNOHANG) == 0) {
        if (recorded_now_us() > end_us) {
            (void)kill(server->pid, SIGKILL);
            (void)waitpid(server->pid, &status, 0);
            status = -1;
            break;
        }
        recorded_pause_ms(1);
    }
    server->pid = 0;
    return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Replaced in one step: a half-written wish would be none. */
void recorded_server_wish(const struct recorded_server *server, const char *wish)
{
    char path[2 * RECORDED_PATH_SIZE];
    char made[2 * RECORDED_PATH_SIZE];
    path_of(server, "wish", path);
    path_of(server, "wish.new", made);
    if (file_write(made, wish))
        (void)rename(made, path);
}

int recorded_server_verify(const struct recorded_server *server)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        child_run(server, "verify");
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
