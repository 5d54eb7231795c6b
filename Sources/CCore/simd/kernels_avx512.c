/* kernels_avx512.c - the kernels for AVX-512 (F, DQ, VL, BW): 32 registers of 16 floats. Compiled into every x86-64 build, run where the processor
 * has them. */
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))),                   \
                             apply_to = function)
#define LANES 16
#define TALL_4 6
#define TALL_2 14
#define TALL_1 8
#define SCALED(x, n) ((vf)_mm512_scalef_ps((__m512)(x), (__m512)(n))) /* x 2^n, rounded once */
#include "simd_math.h"
#include "simd_matrix.h"
#include "simd_rows.h"
#pragma clang attribute pop

const kernels cafe_kernels_avx512 = KERNELS;
#endif
