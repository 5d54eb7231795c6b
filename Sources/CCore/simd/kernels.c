/* kernels.c - the kernels for any processor (128-bit vectors: SSE2, NEON), and the choice of a set at run time. */
#include "kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#if defined(__aarch64__)
#define TALL_4 4
#define TALL_2 8
#else
#define TALL_4 2
#define TALL_2 4
#endif
#define TALL_1 8
#include "simd_math.h"
#include "simd_matrix.h"
#include "simd_rows.h"

const kernels cafe_kernels_portable = KERNELS;

/* The widest vectors allowed to calls from this thread: a kernel chooses once, at its entry. */
static _Thread_local int32_t widest = CAFE_AVX512;

void cafe_vectors_set(int32_t level) {
    widest = level;
}

int32_t cafe_vectors_get(void) {
    int32_t allowed = widest;
#if defined(__x86_64__)
    if (allowed >= CAFE_AVX512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return CAFE_AVX512;
    if (allowed >= CAFE_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CAFE_AVX2;
#else
    (void)allowed;
#endif
    return CAFE_PORTABLE;
}

const kernels *cafe_kernels(void) {
#if defined(__x86_64__)
    int32_t level = cafe_vectors_get();
    if (level == CAFE_AVX512) return &cafe_kernels_avx512;
    if (level == CAFE_AVX2) return &cafe_kernels_avx2;
#endif
    return &cafe_kernels_portable;
}

void cafe_exp(float *out, const float *in, int64_t count) {
    cafe_kernels()->exp(out, in, count);
}

void cafe_tanh(float *out, const float *in, int64_t count) {
    cafe_kernels()->tanh(out, in, count);
}
