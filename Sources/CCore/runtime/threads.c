/* threads.c - the thread policy: OpenMP owns the cores, OpenBLAS stays at one thread.
 *
 * Representation: one int, the only mutable global of the core. Debian's OpenBLAS is the pthread build and would
 * otherwise start its own threads beside OpenMP's.
 */
#include "cafe.h"

#include <stdatomic.h>

/* The Swift toolchain's clang ships no omp.h; these three prototypes are what the OpenMP API fixes. */
extern int omp_get_num_procs(void);
extern int omp_in_parallel(void);
extern void openblas_set_num_threads(int count);

static _Atomic int32_t thread_count = 0;

void cafe_threads_set(int32_t count) {
    openblas_set_num_threads(1);
    int32_t available = (int32_t)omp_get_num_procs();
    atomic_store(&thread_count, count > 0 ? count : available);
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
