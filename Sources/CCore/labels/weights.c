/* weights.c - exponential weights: fill, draw, weighted vote with confidence.
 *
 * Representation: one row of K losses and one of K weights for each context, owned by the caller. The losses are
 * shifted by their minimum before the exponential. Sums run in eight lanes over blocks of eight, added in one fixed
 * order, and no multiplication is fused with an addition: the bits do not depend on the vector width that the
 * processor offers. Hot calls: cafe_weights_fill once per step, cafe_weights_vote over a context when a loss occurs.
 */
#include "lanes.h"

#include "cafe.h"

#include <stddef.h>
#include <string.h>

enum { BLOCK = 64 };
typedef uint8_t flags __attribute__((vector_size(LANES), aligned(1)));

/* exp(x) for x <= 0; zero at and below -700. */
INLINE void exp_down(lanes *value) {
    bits keep = *value > -700.0;
    exp_lanes(value);
    *value = (lanes)((bits)*value & keep);
}

/* The least of K >= 1 numbers. Two vectors in flight: one after the other it would cost as much as the
 * exponentials. */
INLINE double least_of(const double *x, int64_t K) {
    lanes low[2], next;
    if (K < LANES) {
        double least = x[0];
        for (int64_t j = 1; j < K; j++) least = x[j] < least ? x[j] : least;
        return least;
    }
    memcpy(&low[0], x, sizeof low[0]);
    memcpy(&low[1], x + K - LANES, sizeof low[1]); // the last, which may overlap: none is left over
    for (int64_t j = LANES; j + LANES < K; j += 2 * LANES)
        for (int v = 0; v < 2 && j + v * LANES + LANES < K; v++) {
            memcpy(&next, x + j + v * LANES, sizeof next);
            lower_lanes(&low[v], &next);
        }
    lower_lanes(&low[0], &low[1]);
    return least_lane(&low[0]);
}

/* w = exp(-rate * (loss - least)) of the last `rest` < LANES of K arms; value holds them from lane 0 on, and zeros. From
 * LANES arms on the last LANES of them are worked out, some for the second time and alike, and moved down. */
INLINE void fill_rest(lanes *value, double *w, const double *loss, double least, double rate, int64_t K, int64_t rest) {
    double room[2 * LANES] = {0};
    lanes x = {0};
    if (K >= LANES) {
        memcpy(&x, loss + K - LANES, sizeof x);
    } else {
        for (int lane = 0; lane < LANES; lane++) x[lane] = lane < rest ? loss[lane] : least;
    }
    x = -rate * (x - least);
    exp_down(&x);
    memcpy(room, &x, sizeof x);
    if (K >= LANES) {
        memcpy(w + K - LANES, &x, sizeof x);
        memcpy(value, room + LANES - rest, sizeof x);
        return;
    }
    for (int lane = 0; lane < LANES; lane++) {
        if (lane < rest) w[lane] = x[lane];
        (*value)[lane] = lane < rest ? x[lane] : 0.0;
    }
}

WIDE double cafe_weights_fill(double *w, const double *loss, double rate, int64_t K) {
    const double least = least_of(loss, K);
    lanes sum = {0};
    int64_t j = 0;
    for (; j + LANES <= K; j += LANES) {
        lanes x;
        memcpy(&x, loss + j, sizeof x);
        x = -rate * (x - least); // w = exp(-eta*(L - min L))
        exp_down(&x);
        memcpy(w + j, &x, sizeof x);
        sum += x;
    }
    if (j < K) {
        lanes x;
        fill_rest(&x, w, loss, least, rate, K, K - j);
        sum += x;
    }
    return sum_lanes(&sum);
}

WIDE double cafe_weights_one(double loss, double rate) {
    lanes x = {-rate * loss};
    exp_down(&x);
    return x[0];
}

/* Rows ahead that are asked of the memory while one is at work: runs of pairs lie scattered in their segment. */
enum { AHEAD = 12 };
INLINE void prefetch_row(const int32_t *start, const int32_t *cell, int64_t k, int64_t n) {
    if (k + AHEAD >= n) return;
    const char *run = (const char *)(cell + 2 * (int64_t)start[k + AHEAD]);
    __builtin_prefetch(run);
    __builtin_prefetch(run + 64);
}

WIDE void cafe_weights_fill_workers(double *w, const double *loss, double least, double rate, int64_t n,
                                    const int32_t *start, const int32_t *count, const int32_t *cell) {
    for (int64_t k = 0; k < n; k++) {
        prefetch_row(start, cell, k, n);
        const int32_t *pair = cell + 2 * (int64_t)start[k];
        for (int32_t a = 0, left = count[k]; a < left; a += LANES) {
            lanes x = {0};
            int32_t size = left - a < LANES ? left - a : LANES;
            for (int32_t lane = 0; lane < size; lane++) x[lane] = -rate * (loss[pair[2 * (a + lane)]] - least);
            exp_down(&x);
            for (int32_t lane = 0; lane < size; lane++) w[pair[2 * (a + lane)]] = x[lane];
        }
    }
}

/* The sum of the allowed weights among [first, last), which spans at most BLOCK arms. */
INLINE double block_sum(const double *w, const uint8_t *allowed, int64_t first, int64_t last) {
    lanes sum = {0};
    int64_t j = first;
    for (; j + LANES <= last; j += LANES) {
        lanes x;
        memcpy(&x, w + j, sizeof x);
        if (allowed) {
            flags f;
            memcpy(&f, allowed + j, sizeof f);
            x *= __builtin_convertvector(f, lanes);
        }
        sum += x;
    }
    for (int64_t lane = 0; j < last; j++, lane++) sum[lane] += allowed && !allowed[j] ? 0.0 : w[j];
    return sum_lanes(&sum);
}

WIDE int64_t cafe_weights_draw(double *probability, const double *w, const uint8_t *allowed, double u, int64_t K) {
    double total = 0;
    for (int64_t first = 0; first < K; first += BLOCK)
        total += block_sum(w, allowed, first, first + BLOCK < K ? first + BLOCK : K);
    if (!(total >= 1e-200)) return -1;
    double left = u * total; // what is still to be passed over
    int64_t chosen = -1;     // the last allowed arm so far: what rounding at the very end falls back on
    for (int64_t first = 0; first < K; first += BLOCK) {
        int64_t last = first + BLOCK < K ? first + BLOCK : K;
        double sum = block_sum(w, allowed, first, last);
        if (left >= sum && last < K) {
            left -= sum;
            continue;
        }
        int found = 0;
        for (int64_t j = first; j < last && !found; j++) {
            if ((allowed && !allowed[j]) || w[j] == 0.0) continue;
            chosen = j;
            found = left < w[j];
            left -= w[j];
        }
        if (found) break;
    }
    for (int64_t j = K - 1; chosen < 0; j--)
        if ((!allowed || allowed[j]) && w[j] > 0.0) chosen = j;
    *probability = w[chosen] / total; // p_j = w_j / sum over the allowed
    return chosen;
}

/* One of `tied` classes, uniformly, from the coin of this task at this number of pairs. */
static int32_t coin(uint64_t seed, uint64_t ties, int64_t task, int32_t count, int32_t tied) {
    uint64_t u = cafe_random_u64(seed, ties | (uint64_t)task, (uint64_t)count);
    return (int32_t)((unsigned __int128)u * (unsigned)tied >> 64);
}

void cafe_weights_vote(double *score, int32_t *vote, double *sums, const double *w, double total, const int32_t *task,
                       int64_t n, const int32_t *start, const int32_t *count, const int32_t *cell, int32_t C,
                       int32_t rule, uint64_t seed, uint64_t ties) {
    for (int64_t k = 0; k < n; k++) {
        prefetch_row(start, cell, k, n);
        const int32_t *pair = cell + 2 * (int64_t)start[k], *end = pair + 2 * (int64_t)count[k];
        if (C == 2) { /* the same sums in the same order, kept in registers */
            double zero = 0, one = 0;
            for (; pair < end; pair += 2) {
                double x = w[pair[0]];
                zero += pair[1] == 0 ? x : 0.0;
                one += pair[1] == 1 ? x : 0.0;
            }
            sums[0] = zero;
            sums[1] = one;
        } else {
            for (int32_t c = 0; c < C; c++) sums[c] = 0;
            for (; pair < end; pair += 2)
                if (pair[1] >= 0) sums[pair[1]] += w[pair[0]];
        }
        double top = sums[0], second = 0;
        int32_t best = 0, tied = 1;
        for (int32_t c = 1; c < C; c++) {
            if (sums[c] > top) {
                second = top, top = sums[c];
                best = c, tied = 1;
            } else {
                tied += sums[c] == top;
                if (sums[c] > second) second = sums[c];
            }
        }
        if (tied > 1) {
            int32_t skip = coin(seed, ties, task[k], count[k], tied);
            for (best = 0; sums[best] != top || skip-- > 0; best++) {
            }
        }
        vote[k] = best;
        score[k] = (rule == 0 ? top - second : top) / total;
    }
}
