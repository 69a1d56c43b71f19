/*
 * thread.h - starting a helper thread.
 */
#ifndef ONHAND_BASE_THREAD_H
#define ONHAND_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * oh_thread_start - a thread with all signals blocked: they are for the loop thread. Whoever starts it joins it.
 *
 * Returns false when there is no thread to be had; *out_thread is then not set.
 */
bool oh_thread_start(void *(*entry)(void *context), void *context, pthread_t *out_thread)
    __attribute__((warn_unused_result));

/* What `top -H` calls the calling thread, a helper; at most 15 bytes. The loop thread has the program's name. */
void oh_thread_name(const char *name);

/* The calling thread gives way to those that answer clients, where there are too few processors for all. */
void oh_thread_give_way(void);

#endif
