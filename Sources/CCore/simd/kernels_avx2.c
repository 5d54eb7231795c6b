/* kernels_avx2.c - the kernels for AVX2 with FMA: 16 registers of 8 floats. Compiled into every x86-64 build, run where the processor
 * has them. */
#include "kernels.h"

#if defined(__x86_64__)
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define TALL_4 0
#define TALL_2 6
#define TALL_1 6
#include "simd_math.h"
#include "simd_matrix.h"
#include "simd_rows.h"
#pragma clang attribute pop

const kernels cafe_kernels_avx2 = KERNELS;
#endif
