/* crowd.c - belief propagation between tasks and workers: the label loops of the hierarchical worker model.
 *
 * Representation: label e of task[e] by the worker (and context) cell[e] says y = label[e]. A task is in a state: a level
 * of difficulty d and a class z, number d C + z. A worker is of one of `kinds` kinds. What kind k says of a task of level d
 * and class z stands in three tables by level and label, [levels, C, kinds]:
 *   P(y | d, z, k) = own[d, y, k]                                      where z = y,
 *                    other[d, y, k] * confusion[z, y] + add[d, y, k]   elsewhere,
 * so that a label costs O(levels (C + kinds)) and not their product. Kinds come in fours (a multiple of LANES), summed lane
 * by lane in one order, which gives the same bits at any vector width. Hot calls: cafe_crowd_gather, cafe_crowd_send.
 */
#include "cafe.h"
#include "wide.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF // the bits of one vector width are those of another

enum { LANES = 4 };

/* The tables of all levels, of one label: row d is `stride` numbers after row d - 1. */
typedef struct {
    const double *own, *other, *add;
    int64_t stride;
    int32_t levels, kinds;
} Rows;

/* The states' probabilities of a task without what one label said: softmax of score - log message, or of score - apart
 * where that is given; over the states of the class `gold` alone where that is not negative. O(states). */
INLINE void cavity_of(double *q, const double *score, const double *message, const double *apart, int32_t gold,
                      int32_t C, int32_t states) {
    double top = -INFINITY, sum = 0;
    for (int32_t z = 0; z < states; z++) {
        int out = gold >= 0 && z % C != gold;
        q[z] = out ? -INFINITY : score[z] - (apart ? apart[z] : log(message[z]));
        top = q[z] > top ? q[z] : top;
    }
    for (int32_t z = 0; z < states; z++) {
        q[z] = exp(q[z] - top);
        sum += q[z];
    }
    for (int32_t z = 0; z < states; z++) q[z] /= sum;
}

/* What the three tables of each level are multiplied with, given the states' probabilities without the label: three a
 * level. O(levels C). */
INLINE void factors(double *f, const double *q, const double *confusion, int32_t y, int32_t C, int32_t levels) {
    for (int32_t d = 0; d < levels; d++, f += 3, q += C) {
        f[0] = q[y];
        f[1] = f[2] = 0;
        for (int32_t z = 0; z < C; z++) {
            if (z == y) continue;
            f[1] += q[z] * confusion[(int64_t)z * C + y];
            f[2] += q[z];
        }
    }
}

/* P(y | k) under the factors. O(levels). */
INLINE double says(const double *f, const Rows *rows, int32_t k) {
    double p = f[0] * rows->own[k] + f[1] * rows->other[k] + f[2] * rows->add[k];
    for (int32_t d = 1; d < rows->levels; d++) {
        int64_t at = d * rows->stride + k;
        p += f[3 * d] * rows->own[at] + f[3 * d + 1] * rows->other[at] + f[3 * d + 2] * rows->add[at];
    }
    return p;
}

/* evidence[k] *= P(y | k); where the largest falls below 1e-100 the row is scaled up and the scale's log kept. */
INLINE void weigh_kinds(double *evidence, double *scale, const double *f, const Rows *rows) {
    double top[LANES] = {0, 0, 0, 0};
    for (int32_t k = 0; k < rows->kinds; k += LANES)
        for (int32_t l = 0; l < LANES; l++) {
            evidence[k + l] *= says(f, rows, k + l);
            top[l] = evidence[k + l] > top[l] ? evidence[k + l] : top[l];
        }
    double most = top[0];
    for (int32_t l = 1; l < LANES; l++) most = top[l] > most ? top[l] : most;
    if (most < 1e-100 && most > 0) {
        for (int32_t k = 0; k < rows->kinds; k++) evidence[k] /= most;
        *scale += log(most);
    }
}

WIDE void cafe_crowd_gather(double *evidence, double *scale, double *count, double *spread, double *cavity,
                            const double *score, const double *message, const double *apart, const double *confusion,
                            const double *own, const double *other, const double *add, const int32_t *task,
                            const int32_t *cell, const int32_t *label, const int32_t *gold, int64_t n, int32_t C,
                            int32_t kinds, int32_t levels) {
    int32_t states = levels * C;
    for (int64_t e = 0; e < n; e++) {
        int64_t i = task[e], j = cell[e], y = label[e];
        double *q = cavity + e * states, f[3 * CAFE_CROWD_LEVELS];
        const double *m = message + e * states;
        Rows rows = {own + y * kinds, other + y * kinds, add + y * kinds, (int64_t)C * kinds, levels, kinds};
        cavity_of(q, score + i * states, m, apart ? apart + e * states : 0, gold[i], C, states);
        factors(f, q, confusion, (int32_t)y, C, levels);
        weigh_kinds(evidence + j * kinds, scale + j, f, &rows);
        if (!count) continue;
        double sum = 0;
        for (int32_t z = 0; z < C; z++) sum += q[z] * m[z];
        for (int32_t z = 0; z < C; z++) {
            double share = q[z] * m[z] / sum;
            count[(j * C + z) * C + y] += share;
            if (z != y) spread[z * C + y] += share;
        }
    }
}

/* The three sums over kinds that make a message of level d: of posterior (without the label's own say, where f is given)
 * times own, other and add. O(levels kinds). */
INLINE void sums_of(double s[3], const double *posterior, const double *f, const Rows *rows, int32_t d) {
    double a[LANES] = {0, 0, 0, 0}, b[LANES] = {0, 0, 0, 0}, c[LANES] = {0, 0, 0, 0}, t[LANES] = {0, 0, 0, 0};
    const double *own = rows->own + d * rows->stride, *other = rows->other + d * rows->stride;
    const double *add = rows->add + d * rows->stride;
    for (int32_t k = 0; k < rows->kinds; k += LANES)
        for (int32_t l = 0; l < LANES; l++) {
            double w = posterior[k + l];
            if (f) w /= says(f, rows, k + l);
            a[l] += w * own[k + l];
            b[l] += w * other[k + l];
            c[l] += w * add[k + l];
            t[l] += w;
        }
    double total = (t[0] + t[1]) + (t[2] + t[3]);
    s[0] = ((a[0] + a[1]) + (a[2] + a[3])) / total;
    s[1] = ((b[0] + b[1]) + (b[2] + b[3])) / total;
    s[2] = ((c[0] + c[1]) + (c[2] + c[3])) / total;
}

WIDE void cafe_crowd_send(double *message, double *score, const double *posterior, const double *count,
                          const double *row, double strength, const double *cavity, const double *power,
                          const double *confusion, const double *own, const double *other, const double *add,
                          const int32_t *task, const int32_t *cell, const int32_t *label, int64_t n, int32_t C,
                          int32_t kinds, int32_t levels) {
    int32_t states = levels * C;
    for (int64_t e = 0; e < n; e++) {
        int64_t i = task[e], j = cell[e], y = label[e];
        double *m = message + e * states, *total = score + i * states, f[3 * CAFE_CROWD_LEVELS], s[3], sum = 0;
        const double *q = cavity ? cavity + e * states : 0;
        Rows rows = {own + y * kinds, other + y * kinds, add + y * kinds, (int64_t)C * kinds, levels, kinds};
        if (q) {
            factors(f, q, confusion, (int32_t)y, C, levels);
            for (int32_t z = 0; z < states; z++) sum += q[z] * m[z];
        }
        for (int32_t d = 0; d < levels; d++) {
            sums_of(s, posterior + j * kinds, q ? f : 0, &rows, d);
            for (int32_t z = 0; z < C; z++) {
                double mean = z == y ? s[0] : s[1] * confusion[(int64_t)z * C + y] + s[2];
                if (count) { // what the worker's other labels say of this row of the confusion matrix
                    double share = q ? q[z] * m[z] / sum : 0, seen = count[(j * C + z) * C + y] - share;
                    double all = row[j * C + z] - share;
                    seen = seen > 0 ? seen : 0;
                    all = all > seen ? all : seen;
                    mean = (seen + strength * mean) / (all + strength);
                }
                m[d * C + z] = mean > 1e-12 ? mean : 1e-12;
            }
        }
        for (int32_t z = 0; z < states; z++) total[z] += power ? power[e] * log(m[z]) : log(m[z]);
    }
}
