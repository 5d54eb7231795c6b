/* threads.c - the thread policy: OpenMP owns the cores, OpenBLAS stays at one thread.
 *
 * Representation: two ints, the only mutable globals of the core: the count that was set, and how many threads have
 * once been alive together. Debian's OpenBLAS is the pthread build and would otherwise start its own threads beside
 * OpenMP's.
 */
#define _GNU_SOURCE
#include "cafe.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

/* The Swift toolchain's clang ships no omp.h; these two prototypes are what the OpenMP API fixes. */
extern int omp_get_num_procs(void);
extern int omp_in_parallel(void);
extern void openblas_set_num_threads(int count);

static _Atomic int32_t thread_count = 0;
static _Atomic int32_t proven = 1;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t go;
    int32_t released;
} gate;

static void *wait_at(void *context) {
    gate *at = context;
    pthread_mutex_lock(&at->lock);
    while (!at->released) pthread_cond_wait(&at->go, &at->lock);
    pthread_mutex_unlock(&at->lock);
    return NULL;
}

/* How many threads, the caller included, can be alive at once, `wanted` at most: starts and ends them. Their stacks are
 * as large as libomp's. */
static int32_t alive_together(int32_t wanted) {
    pthread_t threads[CAFE_MAX_THREADS];
    pthread_attr_t attributes;
    gate at = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    int32_t started = 0;
    if (pthread_attr_init(&attributes)) return 1;
    pthread_attr_setstacksize(&attributes, 4 << 20);
    while (started < wanted - 1 && pthread_create(threads + started, &attributes, wait_at, &at) == 0) started++;
    pthread_mutex_lock(&at.lock);
    at.released = 1;
    pthread_cond_broadcast(&at.go);
    pthread_mutex_unlock(&at.lock);
    for (int32_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
    return started + 1;
}

int32_t cafe_threads_available(void) {
    cpu_set_t mask;
    int count = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
    return count > 0 ? (int32_t)count : 1;
}

void cafe_threads_set(int32_t count) {
    openblas_set_num_threads(1);
    if (count < 1) count = (int32_t)omp_get_num_procs();
    if (count > CAFE_MAX_THREADS) count = CAFE_MAX_THREADS;
    if (count > atomic_load(&proven)) {
        int32_t possible = alive_together(count);
        if (possible == count) atomic_store(&proven, count);
        count = possible;
    }
    atomic_store(&thread_count, count);
}

int32_t cafe_threads_get(void) {
    int32_t count = atomic_load(&thread_count);
    if (count == 0) {
        cafe_threads_set(0);
        count = atomic_load(&thread_count);
    }
    return omp_in_parallel() ? 1 : count;
}

/* The indices are drawn from a shared counter rather than by `schedule(dynamic)`: the Swift toolchain's clang would
 * call __kmpc_dispatch_deinit, which Debian 12's libomp does not have. */
void cafe_parallel_for(int64_t count, void (*body)(void *context, int64_t index), void *context) {
    int32_t threads = cafe_threads_get();
    if (threads > count) threads = count > 0 ? (int32_t)count : 1;
    if (threads < 2) {
        for (int64_t index = 0; index < count; index++) body(context, index);
        return;
    }
    _Atomic int64_t next = 0;
#pragma omp parallel num_threads(threads)
    for (int64_t index = atomic_fetch_add(&next, 1); index < count; index = atomic_fetch_add(&next, 1))
        body(context, index);
}
