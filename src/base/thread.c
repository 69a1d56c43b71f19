#include "base/thread.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE 5

bool oh_thread_start(void *(*entry)(void *context), void *context, pthread_t *out_thread)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    pthread_t thread;
    bool is_started = pthread_create(&thread, NULL, entry, context) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started)
        *out_thread = thread;
    return is_started;
}

void oh_thread_name(const char *name)
{
    (void)prctl(PR_SET_NAME, name);
}

void oh_thread_give_way(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* of this thread alone, on Linux */
}
