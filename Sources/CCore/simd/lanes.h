/* lanes.h - eight doubles at a time: the type, and the exponential that weights.c and beta.c share.
 *
 * No multiplication is fused with an addition in a file that includes it, so the bits do not depend on the vector
 * width that the processor offers.
 */
#ifndef CAFE_LANES_H
#define CAFE_LANES_H

#include "wide.h"

#include <stdint.h>

#pragma STDC FP_CONTRACT OFF

enum { LANES = 8 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(8)));
typedef int64_t bits __attribute__((vector_size(LANES * sizeof(int64_t)), aligned(8)));

/* exp(x), each lane in place, for -700 <= x <= 700: x = n ln 2 + r, a Taylor polynomial of degree 13 in r, 2^n put in
 * the exponent. |r| <= 0.3466, so the truncation is below 5e-18. Beyond that range the caller masks or clamps. */
INLINE void exp_lanes(lanes *value) {
    const double magic = 0x1.8p52; /* adding it rounds to an integer, which stays in the low bits */
    lanes x = *value, shifted = x * 0x1.71547652b82fep0 + magic;
    lanes n = shifted - magic;
    lanes r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33; /* r = x - n*ln2, ln2 in two parts */
    /* Terms in pairs, pairs in fours (Estrin): a chain of 8 operations where Horner's has 26. */
    lanes square = r * r, fourth = square * square;
    lanes low = (r * (1.0 / 120.0) + 1.0 / 24.0) * square + (r * (1.0 / 6.0) + 0.5);
    lanes middle = (r * (1.0 / 362880.0) + 1.0 / 40320.0) * square + (r * (1.0 / 5040.0) + 1.0 / 720.0);
    lanes high = (r * (1.0 / 6227020800.0) + 1.0 / 479001600.0) * square + (r * (1.0 / 39916800.0) + 1.0 / 3628800.0);
    lanes p = high * (fourth * fourth) + (middle * fourth + low);
    p = p * square + r + 1.0;
    *value = (lanes)((bits)p + ((bits)shifted << 52)); /* p * 2^n */
}

/* The sum of the lanes, in a fixed order: ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)). */
INLINE double sum_lanes(const lanes *value) {
    lanes s = *value;
    s += __builtin_shufflevector(s, s, 4, 5, 6, 7, 0, 1, 2, 3);
    s += __builtin_shufflevector(s, s, 2, 3, 0, 1, 6, 7, 4, 5);
    return s[0] + s[1];
}

/* value = the lesser of both, lane by lane. */
INLINE void lower_lanes(lanes *value, const lanes *other) {
    bits less = *other < *value;
    *value = (lanes)((less & (bits)*other) | (~less & (bits)*value));
}

/* The least of the lanes. */
INLINE double least_lane(const lanes *value) {
    lanes s = *value, other = __builtin_shufflevector(s, s, 4, 5, 6, 7, 0, 1, 2, 3);
    lower_lanes(&s, &other);
    other = __builtin_shufflevector(s, s, 2, 3, 0, 1, 6, 7, 4, 5);
    lower_lanes(&s, &other);
    return s[0] < s[1] ? s[0] : s[1];
}

#endif
