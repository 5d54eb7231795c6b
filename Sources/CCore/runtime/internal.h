/* internal.h - what the files of the core share: how work is cut into chunks.
 *
 * A chunk's size depends on the amount of work alone, never on the number of threads, and partial sums are added in
 * chunk order: that is what makes results the same bits at any thread count.
 */
#ifndef CAFE_INTERNAL_H
#define CAFE_INTERNAL_H

#include "cafe.h"

/* Into how many chunks a reduction is cut at most; partial sums live on the stack. */
enum { MOST_CHUNKS = 64 };

typedef struct chunks {
    int64_t size, count;
    int32_t threads;
} chunks;

/* Cuts `work` items into at most MOST_CHUNKS chunks of at least `least` items. One thread where there is one chunk. */
static inline chunks chunks_of(int64_t work, int64_t least) {
    chunks c;
    c.size = (work + MOST_CHUNKS - 1) / MOST_CHUNKS;
    if (c.size < least) c.size = least;
    c.count = (work + c.size - 1) / c.size;
    c.threads = c.count > 1 ? cafe_threads_get() : 1;
    if (c.threads > c.count) c.threads = c.count > 0 ? (int32_t)c.count : 1;
    return c;
}

static inline int64_t chunk_end(chunks c, int64_t chunk, int64_t work) {
    int64_t end = (chunk + 1) * c.size;
    return end < work ? end : work;
}

#endif
