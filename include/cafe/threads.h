/* cafe/threads.h - threads and vector kernels. The conventions are in cafe.h. */
#ifndef CAFE_THREADS_H
#define CAFE_THREADS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- threads ------------------------------------------------------------------------------------------------ */

/* Sets how many threads the core may use; 0 or less asks for one per available processor. BLAS stays at one. Where the
 * system does not let the process have so many (tried by starting and ending them), it is as many as it may have, at
 * least 1: OpenMP's runtime would abort. At most CAFE_MAX_THREADS. */
void cafe_threads_set(int32_t count);
#define CAFE_MAX_THREADS 1024
/* How many processors this process may use, at least 1. */
int32_t cafe_threads_available(void);
/* The number of threads that the next parallel kernel will use, at least 1. */
int32_t cafe_threads_get(void);
/* Calls body(context, index) once for each index in [0, count), indices handed out dynamically to the threads.
 * A kernel called from inside body runs on its own thread only. O(count) calls. */
void cafe_parallel_for(int64_t count, void (*body)(void *context, int64_t index), void *context);

/* The vector kernels: 128-bit on any processor, AVX2 with FMA, AVX-512. Bits differ between them. */
enum { CAFE_PORTABLE = 0, CAFE_AVX2 = 1, CAFE_AVX512 = 2 };
/* Allows calls from this thread kernels up to `level` only: for tests and measurements. The default is the widest. */
void cafe_vectors_set(int32_t level);
/* The kernels in use: the widest that the processor has and cafe_vectors_set allows. */
int32_t cafe_vectors_get(void);

#ifdef __cplusplus
}
#endif
#endif
