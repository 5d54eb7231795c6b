/* advantages.c - generalised advantage estimation, backwards along chains of steps.
 *
 * Representation: [T x A]; a chain runs in double and is rounded once per step. Eight chains go in the lanes of a vector. No multiplication is fused with an addition, so both forms give the same
 * bits. Hot call: once a rollout.
 */
#include "lanes.h"

#include "internal.h"

#include <string.h>

enum { LEAST_CHAINS = 16 };
typedef float floats __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef uint8_t flags __attribute__((vector_size(LANES), aligned(1)));

static void one_chain(float *advantages, float *returns, const cafe_steps *s, int64_t actor) {
    double carried = 0;
    for (int64_t t = s->steps - 1; t >= 0; t--) {
        int64_t at = actor + t * s->actors;
        uint8_t end = s->ends ? s->ends[at] : CAFE_CONTINUES;
        double delta = (double)s->rewards[at] - s->values[at];
        if (end != CAFE_TERMINATED) delta += (double)s->discounts[at] * s->next_values[at];
        if (end != CAFE_CONTINUES) carried = 0;
        carried = delta + (double)s->discounts[at] * s->lambdas[at] * carried;
        advantages[at] = (float)carried;
        returns[at] = (float)(carried + s->values[at]);
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

/* LANES chains side by side, from `actor` on. */
WIDE static void chains_abreast(float *advantages, float *returns, const cafe_steps *s, int64_t actor) {
    lanes carried = {0};
    for (int64_t t = s->steps - 1; t >= 0; t--) {
        int64_t at = actor + t * s->actors;
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
        narrowed(advantages + at, &carried);
        narrowed(returns + at, &sum);
    }
}

/* The chains begin ..< end. */
static void some_chains(float *advantages, float *returns, const cafe_steps *s, int64_t begin, int64_t end) {
    int64_t actor = begin;
    for (; actor + LANES <= end; actor += LANES) chains_abreast(advantages, returns, s, actor);
    for (; actor < end; actor++) one_chain(advantages, returns, s, actor);
}

void cafe_gae(float *advantages, float *returns, const cafe_steps *s) {
    chunks c = chunks_of(s->actors, LEAST_CHAINS);
    if (c.threads < 2) { // a region of one allocates
        some_chains(advantages, returns, s, 0, s->actors);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++) some_chains(advantages, returns, s, k * c.size, chunk_end(c, k, s->actors));
}
