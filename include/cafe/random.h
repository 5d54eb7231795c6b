/* cafe/random.h - counter-based random numbers. The conventions are in cafe.h. */
#ifndef CAFE_RANDOM_H
#define CAFE_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- random ------------------------------------------------------------------------------------------------- */

/* Philox4x32-10 ([Salmon11]): the 128-bit block at position `counter` of stream `stream`
 * under key `seed`. A pure function: any draw can be made in any order on any thread. out[4]. */
void cafe_random_block(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t counter);
/* The first 64 bits of that block. */
uint64_t cafe_random_u64(uint64_t seed, uint64_t stream, uint64_t counter);
/* out[count] uniform in 0 ..< bound, to within bound * 2^-32: four of them from each block from `counter` on. O(count). */
void cafe_random_below(int32_t *out, uint32_t bound, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] uniform in [0, 1), 24 bits each, four of them from each block from `counter` on. O(count). */
void cafe_random_units(float *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] uniform in [0, 1), 53 bits each: the first 64 bits of one block each from `counter` on. O(count). */
void cafe_random_doubles(double *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] standard normal ([BM58]): sqrt(-2 ln(1 - u)) cos(2 pi v), u and v being the first 53 bits of
 * the 64 of two blocks each from `counter` on. O(count). */
void cafe_random_normals(float *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] = 1 with probability `bound`, else 0: one block each from `counter` on. O(count). */
void cafe_random_bernoulli(uint8_t *out, double bound, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* Puts elements[count] in a uniformly random order (Fisher and Yates), from the last to the first: count - 1 blocks
 * from `counter` on. O(count). */
void cafe_random_shuffle(int32_t *elements, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
