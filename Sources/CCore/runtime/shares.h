/* shares.h - work cut evenly over threads, where a thread that is done takes over from those that are not.
 *
 * The processors of a shared machine are seldom equally fast: with fixed shares all threads wait for the slowest. Which
 * thread does a task never changes a result. Representation: a thread's share is what is left of a range of tasks, both
 * ends in one atomic word; its owner takes from the front, so that it goes through neighbouring memory and finds in its
 * cache what it worked on in the last call, the others take from the back.
 */
#ifndef CAFE_SHARES_H
#define CAFE_SHARES_H

#include <stdatomic.h>
#include <stdint.h>

extern int omp_get_thread_num(void); /* the toolchain's clang ships no omp.h */

enum { MOST_SHARES = 64 };

typedef struct share {
    _Alignas(64) _Atomic uint64_t left; /* the first task in the low half, the end in the high half */
} share;

typedef struct shares {
    share of[MOST_SHARES];
    int32_t threads;
} shares;

/* Cuts `tasks` tasks for up to MOST_SHARES threads; gives how many threads that makes. */
static inline int32_t shares_cut(shares *s, int64_t tasks, int32_t threads) {
    s->threads = threads < MOST_SHARES ? threads : MOST_SHARES;
    int64_t size = (tasks + s->threads - 1) / s->threads;
    for (int32_t t = 0; t < s->threads; t++) {
        int64_t first = t * size < tasks ? t * size : tasks, end = first + size < tasks ? first + size : tasks;
        atomic_init(&s->of[t].left, (uint64_t)first | (uint64_t)end << 32);
    }
    return s->threads;
}

/* One task of a share, from its front or its back; -1 where nothing is left. */
static inline int64_t share_take(share *from, int front) {
    uint64_t left = atomic_load_explicit(&from->left, memory_order_relaxed);
    for (;;) {
        uint64_t first = left & UINT32_MAX, end = left >> 32;
        if (first >= end) return -1;
        uint64_t less = front ? left + 1 : left - ((uint64_t)1 << 32);
        if (atomic_compare_exchange_weak_explicit(&from->left, &left, less, memory_order_relaxed, memory_order_relaxed))
            return (int64_t)(front ? first : end - 1);
    }
}

/* The next task for a thread, its own or another's; -1 where all are taken. */
static inline int64_t shares_next(shares *s, int32_t thread) {
    int64_t task = share_take(&s->of[thread], 1);
    for (int32_t t = 1; task < 0 && t < s->threads; t++) task = share_take(&s->of[(thread + t) % s->threads], 0);
    return task;
}

/* How many tasks the first thread took of its own share, from task 0 on; when all are taken. */
static inline int64_t shares_first(const shares *s) {
    return (int64_t)(atomic_load_explicit(&s->of[0].left, memory_order_relaxed) & UINT32_MAX);
}

#endif
