/* advantages.c - generalised advantage estimation, backwards along chains of steps.
 *
 * Representation: any strides; a chain runs in double and is rounded once per step. Where the chains lie side by side,
 * eight of them go in the lanes of a vector. No multiplication is fused with an addition, so both forms give the same
 * bits. Hot call: once a rollout.
 */
#include "lanes.h"

#include "internal.h"

#include <string.h>

enum { LEAST_CHAINS = 16 };
typedef float floats __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef uint8_t flags __attribute__((vector_size(LANES), aligned(1)));

/* The arguments of cafe_gae. */
typedef struct steps {
    float *advantages, *returns;
    const float *rewards, *values, *next_values, *discounts, *lambdas;
    const uint8_t *ends;
} steps;

static void one_chain(const steps *s, int64_t base, int64_t length, int64_t stride) {
    double carried = 0;
    for (int64_t t = length - 1; t >= 0; t--) {
        int64_t at = base + t * stride;
        uint8_t end = s->ends ? s->ends[at] : CAFE_CONTINUES;
        double delta = (double)s->rewards[at] - s->values[at];
        if (end != CAFE_TERMINATED) delta += (double)s->discounts[at] * s->next_values[at];
        if (end != CAFE_CONTINUES) carried = 0;
        carried = delta + (double)s->discounts[at] * s->lambdas[at] * carried;
        s->advantages[at] = (float)carried;
        s->returns[at] = (float)(carried + s->values[at]);
    }
}

INLINE void widened(lanes *to, const float *from) {
    floats x;
    memcpy(&x, from, sizeof x);
    *to = __builtin_convertvector(x, lanes);
}

INLINE void narrowed(float *to, const lanes *from) {
    floats x = __builtin_convertvector(*from, floats);
    memcpy(to, &x, sizeof x);
}

/* LANES chains side by side, the first of which begins at `base`. */
WIDE static void chains_abreast(const steps *s, int64_t base, int64_t length, int64_t stride) {
    lanes carried = {0};
    for (int64_t t = length - 1; t >= 0; t--) {
        int64_t at = base + t * stride;
        lanes reward, value, next, discount, lambda;
        widened(&reward, s->rewards + at);
        widened(&value, s->values + at);
        widened(&next, s->next_values + at);
        widened(&discount, s->discounts + at);
        widened(&lambda, s->lambdas + at);
        lanes delta = reward - value, ahead = delta + discount * next;
        if (s->ends) {
            flags end;
            memcpy(&end, s->ends + at, sizeof end);
            bits code = __builtin_convertvector(end, bits), terminated = code == CAFE_TERMINATED;
            ahead = (lanes)((terminated & (bits)delta) | (~terminated & (bits)ahead));
            carried = (lanes)((bits)carried & (code == CAFE_CONTINUES));
        }
        carried = ahead + discount * lambda * carried;
        lanes sum = carried + value;
        narrowed(s->advantages + at, &carried);
        narrowed(s->returns + at, &sum);
    }
}

/* The chains begin ..< end. */
static void some_chains(const steps *s, const int32_t *offsets, int64_t begin, int64_t end, int64_t length,
                        int64_t chain_stride, int64_t step_stride) {
    int64_t chain = begin;
    for (; !offsets && chain_stride == 1 && chain + LANES <= end; chain += LANES)
        chains_abreast(s, chain, length, step_stride);
    for (; chain < end; chain++) {
        int64_t base = offsets ? offsets[chain] : chain * chain_stride;
        one_chain(s, base, offsets ? offsets[chain + 1] - base : length, offsets ? 1 : step_stride);
    }
}

void cafe_gae(float *advantages, float *returns, const float *rewards, const float *values, const float *next_values,
              const float *discounts, const float *lambdas, const uint8_t *ends, const int32_t *offsets, int64_t chains,
              int64_t steps_each, int64_t chain_stride, int64_t step_stride) {
    const steps s = {advantages, returns, rewards, values, next_values, discounts, lambdas, ends};
    chunks c = chunks_of(chains, LEAST_CHAINS);
    if (c.threads < 2) { // a region of one allocates
        some_chains(&s, offsets, 0, chains, steps_each, chain_stride, step_stride);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++)
        some_chains(&s, offsets, k * c.size, chunk_end(c, k, chains), steps_each, chain_stride, step_stride);
}
