/* sampler.c - draws from exponential weights whose rate falls every round, in less than O(K) per round.
 *
 * Representation: for one row of K losses, taken at a rate called the anchor,
 *   - a tree of sums over v[j] = exp(-lowest * (loss[j] - least)), FAN children a node, `lowest` the rate at which the
 *     anchor ends. For every rate in between w[j] <= v[j], so a leaf drawn from the tree and kept with probability
 *     w[j] / v[j] is an exact draw from w: rejection, not an approximation;
 *   - the moments sum_j w0[j] (anchor x[j])^n / n!, x = loss - least, w0 the weights at the anchor: with
 *     g = 1 - rate / anchor the sum of the weights is sum_n g^n moment[n]. All terms are positive and g < 0.106, so
 *     TERMS of them leave out less than K * 1e-20.
 * A loss changes one leaf, its ancestors and the moments. Sums of the tree are recomputed from the children and the
 * moments carry their rounding errors along, so nothing drifts. Past the anchor's end, or when the least loss has gone
 * up so far that draws are refused too often, cafe_sampler_total anchors again: O(K), once while the rounds grow by a
 * quarter. Hot calls: cafe_sampler_total, cafe_sampler_draw, cafe_sampler_charge.
 */
#include "lanes.h"

#include "cafe.h"

#include <string.h>

enum { TERMS = CAFE_SAMPLER_TERMS, BLOCKS = TERMS / LANES, FAN = 16, MOST_LEVELS = 16, MOST_TRIES = 200 };
static const double END = 0.8944271909999159; /* lowest / anchor: sqrt(1 / 1.25) */
static const double LEAST_KEPT = 0.125;       /* below this share of kept draws, anchor anew */
static const double LEAST_LEFT = 0.0625;      /* and below this share of the sum at the anchor: its rounding shows */

/* exp(-x) for x >= 0, zero from 700 on. */
INLINE double exp_minus(double x) {
    lanes value = {-x};
    if (x >= 700.0) return 0.0;
    exp_lanes(&value);
    return value[0];
}

/* The tree: leaves first, each level padded to whole nodes. first[l] is where level l begins. Returns the number of
 * levels; the last is the root alone. */
static int levels_of(int64_t *first, int64_t *size, int64_t K) {
    int count = 0;
    int64_t at = 0, nodes = K;
    for (;; count++) {
        first[count] = at;
        size[count] = nodes;
        if (nodes == 1 && count > 0) return count + 1;
        int64_t next = (nodes + FAN - 1) / FAN;
        at += next * FAN;
        nodes = next;
    }
}

int64_t cafe_sampler_tree_size(int64_t K) {
    int64_t first[MOST_LEVELS], size[MOST_LEVELS];
    int levels = levels_of(first, size, K);
    return first[levels - 1] + 1;
}

INLINE double node_sum(const double *children) {
    lanes low, high;
    memcpy(&low, children, sizeof low);
    memcpy(&high, children + LANES, sizeof high);
    low += high;
    return sum_lanes(&low);
}

/* 1 / n!, eight of them a vector. */
static const lanes INVERSE[BLOCKS] = {{1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040},
                                      {1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600,
                                       1.0 / 6227020800, 1.0 / 87178291200, 1.0 / 1307674368000},
                                      {1.0 / 20922789888000, 1.0 / 355687428096000, 1.0 / 6402373705728000,
                                       1.0 / 121645100408832000, 1.0 / 2432902008176640000,
                                       1.0 / 51090942171709440000.0, 1.0 / 1124000727777607680000.0,
                                       1.0 / 25852016738884976640000.0}};

/* x^0 ... x^7, and x^8. The products are those of cafe_sampler_anchor, so what it adds up is taken off exactly. */
INLINE double powers(lanes *power, double x) {
    double second = x * x, fourth = second * second;
    lanes low = {1, x, 1, x, 1, x, 1, x}, middle = {1, 1, second, second, 1, 1, second, second},
          high = {1, 1, 1, 1, fourth, fourth, fourth, fourth};
    *power = low * middle * high;
    return fourth * fourth;
}

WIDE void cafe_sampler_anchor(cafe_sampler *s, double *tree, const double *loss, double rate, int64_t K) {
    int64_t first[MOST_LEVELS], size[MOST_LEVELS];
    int levels = levels_of(first, size, K);
    double least = loss[0];
    for (int64_t j = 1; j < K; j++) least = loss[j] < least ? loss[j] : least;
    s->anchor = rate;
    s->lowest = rate * END;
    s->least = least;
    lanes moment[TERMS];
    for (int n = 0; n < TERMS; n++) moment[n] = (lanes){0};
    for (int64_t j = 0; j < first[1]; j += LANES) {
        lanes x, w, v;
        for (int64_t lane = 0; lane < LANES; lane++) x[lane] = (j + lane < K ? loss[j + lane] : least) - least;
        lanes y = rate * x;
        v = -s->lowest * x;
        w = -y;
        bits keep = w > -700.0, inside = (bits){0, 1, 2, 3, 4, 5, 6, 7} < K - j;
        exp_lanes(&v);
        exp_lanes(&w);
        v = (lanes)((bits)v & inside & (-s->lowest * x > -700.0));
        w = (lanes)((bits)w & inside & keep);
        memcpy(tree + j, &v, sizeof v);
        y = (lanes)((bits)y & inside & keep); // w is zero beyond, and stays so
        lanes one = (lanes){0} + 1.0, second = y * y, third = y * second, fourth = second * second;
        lanes eighth = fourth * fourth,
              power[LANES] = {one, y, second, third, fourth, y * fourth, second * fourth, third * fourth};
        for (int n = 0; n < TERMS; n++) {
            moment[n] += power[n % LANES] * INVERSE[n / LANES][n % LANES] * w; // w0 y^n / n!
            power[n % LANES] *= eighth;
        }
    }
    for (int n = 0; n < TERMS; n++) {
        s->moment[n] = sum_lanes(&moment[n]);
        s->rest[n] = 0;
    }
    s->sum = s->moment[0];
    for (int l = 1; l < levels; l++) {
        int64_t padded = l + 1 < levels ? first[l + 1] - first[l] : 1;
        for (int64_t k = 0; k < padded; k++)
            tree[first[l] + k] = k < size[l] ? node_sum(tree + first[l - 1] + k * FAN) : 0.0;
    }
}

WIDE static double total_at(const cafe_sampler *s, double rate) {
    lanes power, sum = {0};
    double eighth = powers(&power, 1.0 - rate / s->anchor);
    for (int n = 0; n < TERMS; n += LANES, power *= eighth) {
        lanes moment, rest;
        memcpy(&moment, s->moment + n, sizeof moment);
        memcpy(&rest, s->rest + n, sizeof rest);
        sum += power * (moment + rest);
    }
    return sum_lanes(&sum);
}

double cafe_sampler_total(cafe_sampler *s, double *tree, const double *loss, double rate, int64_t K) {
    double root = tree[cafe_sampler_tree_size(K) - 1];
    if (!(s->anchor > 0 && rate <= s->anchor && rate >= s->lowest)) {
        cafe_sampler_anchor(s, tree, loss, rate, K);
        return s->moment[0];
    }
    double total = total_at(s, rate);
    if (total >= LEAST_KEPT * root && total >= LEAST_LEFT * s->sum) return total;
    cafe_sampler_anchor(s, tree, loss, rate, K);
    return s->moment[0];
}

WIDE void cafe_sampler_charge(cafe_sampler *s, double *tree, double *loss, int64_t arm, double to, int64_t K) {
    double x = loss[arm] - s->least, next = to - s->least;
    loss[arm] = to;
    if (next < 0) s->anchor = -1; // less than the least: the next total anchors anew
    if (!(s->anchor > 0)) return;
    lanes e = {-s->lowest * next, -s->anchor * next, -s->anchor * x};
    bits keep = e > -700.0;
    exp_lanes(&e);
    e = (lanes)((bits)e & keep);
    int64_t first[MOST_LEVELS], size[MOST_LEVELS], node = arm;
    int levels = levels_of(first, size, K);
    tree[arm] = e[0];
    for (int l = 1; l < levels; l++) {
        node /= FAN;
        tree[first[l] + node] = node_sum(tree + first[l - 1] + node * FAN);
    }
    // Beyond 700 the weight is zero; its powers must not be infinite.
    double y = s->anchor * next, before = s->anchor * x;
    lanes up, down;
    double up_8 = powers(&up, y < 700.0 ? y : 700.0), down_8 = powers(&down, before < 700.0 ? before : 700.0);
    for (int n = 0; n < TERMS; n += LANES, up *= up_8, down *= down_8) { // moment + rest += change, to twice the digits
        lanes change = up * INVERSE[n / LANES] * e[1] - down * INVERSE[n / LANES] * e[2], moment, rest;
        memcpy(&moment, s->moment + n, sizeof moment);
        memcpy(&rest, s->rest + n, sizeof rest);
        lanes sum = moment + change, part = sum - moment;
        rest += (moment - (sum - part)) + (change - part);
        memcpy(s->moment + n, &sum, sizeof sum);
        memcpy(s->rest + n, &rest, sizeof rest);
    }
}

INLINE double unit(const uint32_t *words) {
    return (double)(((uint64_t)words[0] | (uint64_t)words[1] << 32) >> 11) * 0x1p-53;
}

WIDE int64_t cafe_sampler_draw(double *probability, const cafe_sampler *s, const double *tree, const double *loss,
                               const uint8_t *allowed, double total, double rate, uint64_t seed, uint64_t stream,
                               uint64_t counter, int64_t K) {
    int64_t first[MOST_LEVELS], size[MOST_LEVELS];
    int levels = levels_of(first, size, K);
    double root = tree[first[levels - 1]];
    for (int try = 0; try < MOST_TRIES; try++) {
        uint32_t words[4];
        cafe_random_block(words, seed, stream, counter + (uint64_t)try);
        double left = unit(words) * root;
        int64_t node = 0;
        for (int l = levels - 2; l >= 0; l--) {
            const double *child = tree + first[l] + node * FAN;
            int64_t k = 0;
            for (; k < FAN - 1 && left >= child[k]; k++) left -= child[k];
            node = node * FAN + k;
        }
        if (node >= K || !(tree[node] > 0) || (allowed && !allowed[node])) continue;
        double kept = exp_minus((rate - s->lowest) * (loss[node] - s->least)); // w / v
        if (unit(words + 2) >= kept) continue;
        *probability = tree[node] * kept / total;
        return node;
    }
    return -1;
}

WIDE int64_t cafe_sampler_pick(double *probability, const double *loss, double rate, double u, int64_t K) {
    enum { MOST = CAFE_SAMPLER_PICK / LANES };
    lanes w[MOST], least, sum = {0};
    int64_t count = (K + LANES - 1) / LANES;
    for (int64_t k = 0; k < count; k++) {
        memcpy(&w[k], loss + k * LANES, sizeof w[k]);
        if (k == 0) least = w[0];
        lower_lanes(&least, &w[k]);
    }
    double low = least_lane(&least);
    for (int64_t k = 0; k < count; k++) {
        lanes x = -rate * (w[k] - low);
        bits keep = x > -700.0; // false in the padding: infinite, or 0 times infinity at rate 0
        exp_lanes(&x);
        w[k] = (lanes)((bits)x & keep);
        sum += w[k];
    }
    double total = sum_lanes(&sum);
    double left = u * total;
    const double *row = (const double *)w;
    int64_t chosen = 0;
    while (chosen < K - 1 && left >= row[chosen]) left -= row[chosen++];
    while (!(row[chosen] > 0)) chosen--; // rounding at the very end falls back on the last with weight
    *probability = row[chosen] / total;
    return chosen;
}
