/* simd_math.h - template: vectors of LANES floats, their exponential and hyperbolic tangent.
 *
 * Included by kernels_*.c after LANES is defined. Both functions are within 2 ulp over all of float (a test sweeps
 * it): 1.0 for exp, 1.8 for tanh. Polynomials are minimax fits on the reduced argument.
 */
#include <stdint.h>
#include <string.h>

typedef float vf __attribute__((ext_vector_type(LANES)));
typedef int32_t vi __attribute__((ext_vector_type(LANES)));

#define INLINE static inline __attribute__((always_inline))

INLINE vf load(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }

INLINE vf splat(float x) { return (vf)x; }

/* Sum of the lanes in a fixed order. */
INLINE float sum_of(vf v) {
    float lane[LANES], total = 0;
    store(lane, v);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    total = lane[0];
    return total;
}

/* exp: x = n log 2 + r, |r| <= log(2) / 2, exp(r) by a polynomial, 2^n in two factors so that results down to the
 * smallest denormal and up to infinity come out right. NaN stays NaN. */
INLINE vf exp_of(vf x) {
    x = splat(89.0f) < x ? splat(89.0f) : x;
    x = splat(-104.0f) > x ? splat(-104.0f) : x;
    vf t = x * 1.44269504f + 12582912.0f; // 1.5 * 2^23: the low bits are n
    vf n = t - 12582912.0f;
    vf r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    vf p = splat(1.98756915e-4f);
    p = p * r + 1.39819995e-3f;
    p = p * r + 8.33345205e-3f;
    p = p * r + 4.16657962e-2f;
    p = p * r + 1.66666657e-1f;
    p = p * r + 0.5f;
    p = p * (r * r) + r;
    p = p + 1.0f;
    vi k = __builtin_bit_cast(vi, t) - 0x4B400000, half = k >> 1;
    vf low = __builtin_bit_cast(vf, (half + 127) << 23), high = __builtin_bit_cast(vf, (k - half + 127) << 23);
    return p * low * high;
}

/* tanh |x| = 1 - 2 / (exp(2|x|) + 1), and below 0.6, where that would cancel, an odd polynomial. With 2|x| =
 * n log 2 + 2r the exponential's remainder is a polynomial in r. NaN stays NaN. */
INLINE vf tanh_of(vf x) {
    vi sign = __builtin_bit_cast(vi, x) & (int32_t)0x80000000;
    vf a = __builtin_bit_cast(vf, __builtin_bit_cast(vi, x) ^ sign);
    a = splat(9.02f) < a ? splat(9.02f) : a;
    vf u = a * a;
    vf near = splat(-0.00589515611f);
    near = near * u + 0.0207959692f;
    near = near * u - 0.0537838293f;
    near = near * u + 0.133319241f;
    near = near * u - 0.33333298f;
    near = near * (u * a) + a;
    vf t = a * 2.88539008f + 12582912.0f; // 1.5 * 2^23: the low bits are n
    vf r = a - (t - 12582912.0f) * 0.34657359f;
    vf p = splat(0.265999174f);
    p = p * r + 0.67024878f;
    p = p * r + 1.33336931f;
    p = p * r + 1.99996915f;
    p = p * (r * r) + (r + r);
    vf power = __builtin_bit_cast(vf, (__builtin_bit_cast(vi, t) << 23) + 0x3F800000);
    vf y = 1.0f - 2.0f / (p * power + (power + 1.0f));
    y = a < splat(0.6f) ? near : y;
    return __builtin_bit_cast(vf, __builtin_bit_cast(vi, y) | sign);
}
