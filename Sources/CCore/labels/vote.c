/* vote.c - aggregation of recorded labels: votes, EM for Dawid-Skene and its tied cases, GLAD.
 *
 * Representation: labels stand task by task; one 32-bit cell = worker * C + label a label indexes every
 * table, so an EM iteration reads each label once for both steps. With two classes a posterior is one number
 * and a cell's score is one difference. Sums over tasks are kept a chunk and added in chunk order: the same
 * bits at any thread count. Hot call: cafe_vote_em.
 */
#include "cafe.h"
#include "wide.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF // the bits of one vector width are those of another

enum { BLOCK = 128 };

/* exp(x), clamped to [e^-700, e^700]: x = n ln 2 + r, a Taylor polynomial of degree 13 in r, 2^n by its bits.
 * Within 2 ulp; the same bits on every processor, and simple enough for the compiler to run on lanes. */
INLINE double exp_of(double x) {
    x = x < -700 ? -700 : x > 700 ? 700 : x;
    const double magic = 0x1.8p52;
    double shifted = x * 0x1.71547652b82fep0 + magic;
    double n = shifted - magic;
    double r = x - n * 0x1.62e42fefa0000p-1;
    r -= n * 0x1.cf79abc9e3b39p-40;
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    int64_t bits, power;
    memcpy(&bits, &shifted, sizeof bits);
    memcpy(&power, &p, sizeof power);
    power += (int64_t)((uint64_t)bits << 52); // p * 2^n
    memcpy(&p, &power, sizeof p);
    return p;
}

INLINE double logistic(double x) {
    return 1 / (1 + exp_of(-x));
}

void cafe_vote_count(int32_t *counts, const int32_t *task, const int32_t *label, int64_t n, int32_t C) {
    if (C == 2) {
        for (int64_t e = 0; e < n; e++) counts[2 * (int64_t)task[e] + label[e]]++;
        return;
    }
    for (int64_t e = 0; e < n; e++) counts[(int64_t)task[e] * C + label[e]]++;
}

void cafe_vote_tally(int32_t *counts, const int32_t *start, const int32_t *label, int64_t N, int32_t C) {
    if (C == 2) {
        for (int64_t i = 0; i < N; i++) {
            int32_t ones = 0;
            for (int32_t e = start[i]; e < start[i + 1]; e++) ones += label[e];
            counts[2 * i] = start[i + 1] - start[i] - ones;
            counts[2 * i + 1] = ones;
        }
        return;
    }
    memset(counts, 0, (size_t)(N * C) * sizeof *counts);
    for (int64_t i = 0; i < N; i++)
        for (int32_t e = start[i]; e < start[i + 1]; e++) counts[i * C + label[e]]++;
}

void cafe_vote_winner(int32_t *winner, int32_t *equals, const int32_t *counts, int64_t N, int32_t C) {
    if (C == 2) {
        for (int64_t i = 0; i < N; i++) {
            winner[i] = counts[2 * i + 1] > counts[2 * i];
            equals[i] = 1 + (counts[2 * i + 1] == counts[2 * i]);
        }
        return;
    }
    for (int64_t i = 0; i < N; i++) {
        const int32_t *row = counts + i * C;
        int32_t best = 0, same = 1;
        for (int32_t c = 1; c < C; c++) {
            if (row[c] > row[best]) {
                best = c;
                same = 1;
            } else {
                same += row[c] == row[best];
            }
        }
        winner[i] = best;
        equals[i] = same;
    }
}

/* Two classes: no comparison decides a branch, so the loop runs on lanes. */
static int64_t decide_binary(int64_t *winner, double *share, int32_t *equals, const int32_t *counts, int64_t N) {
    int64_t ties = 0;
    for (int64_t i = 0; i < N; i++) {
        int32_t zero = counts[2 * i], one = counts[2 * i + 1], sum = zero + one;
        double whole = sum == 0 ? 2.0 : (double)sum; // no vote at all: one of two each
        share[2 * i] = (sum == 0 ? 1.0 : (double)zero) / whole;
        share[2 * i + 1] = (sum == 0 ? 1.0 : (double)one) / whole;
        winner[i] = one > zero;
        equals[i] = 1 + (one == zero);
        ties += one == zero;
    }
    return ties;
}

int64_t cafe_vote_decide(int64_t *winner, double *share, int32_t *equals, const int32_t *counts, int64_t N, int32_t C) {
    if (C == 2) return decide_binary(winner, share, equals, counts, N);
    int64_t ties = 0;
    for (int64_t i = 0; i < N; i++) {
        const int32_t *row = counts + i * C;
        int32_t best = 0, same = 1, sum = row[0];
        for (int32_t c = 1; c < C; c++) {
            sum += row[c];
            same = row[c] > row[best] ? 1 : same + (row[c] == row[best]);
            best = row[c] > row[best] ? c : best;
        }
        for (int32_t c = 0; c < C; c++) share[i * C + c] = sum == 0 ? 1.0 / C : (double)row[c] / (double)sum;
        winner[i] = best;
        equals[i] = same;
        ties += same > 1;
    }
    return ties;
}

void cafe_vote_weighted(double *sum, const double *weight, const int32_t *start, const int32_t *cell, int64_t N,
                        int32_t C) {
    memset(sum, 0, (size_t)(N * C) * sizeof *sum);
    for (int64_t i = 0; i < N; i++)
        for (int32_t e = start[i]; e < start[i + 1]; e++) sum[i * C + cell[e] % C] += weight[cell[e] / C];
}

/* ---- EM
 * ----------------------------------------------------------------------------------------------------- */

/* Two classes, tasks [first, last): delta[cell] = score[cell, 1] - score[cell, 0]; counts[cell] += posterior
 * of 1. */
WIDE static double em_binary(double *posterior, double *counts, const double *delta, double bias, const double *own,
                             const int32_t *start, const int32_t *cell, int64_t first, int64_t last) {
    double largest = 0, logit[BLOCK];
    for (int64_t block = first; block < last; block += BLOCK) {
        int64_t size = last - block < BLOCK ? last - block : BLOCK;
        if (delta) {
            for (int64_t i = 0; i < size; i++) {
                double even = bias, odd = 0;
                if (own) even += own[2 * (block + i) + 1] - own[2 * (block + i)];
                int32_t e = start[block + i], end = start[block + i + 1];
                for (; e + 1 < end; e += 2) {
                    even += delta[cell[e]];
                    odd += delta[cell[e + 1]];
                }
                if (e < end) even += delta[cell[e]];
                logit[i] = even + odd;
            }
            for (int64_t i = 0; i < size; i++) logit[i] = logistic(logit[i]);
            for (int64_t i = 0; i < size; i++) {
                double p = logit[i], change = fabs(p - posterior[2 * (block + i) + 1]);
                largest = change > largest ? change : largest;
                posterior[2 * (block + i)] = 1 - p;
                posterior[2 * (block + i) + 1] = p;
            }
        }
        for (int64_t i = block; i < block + size; i++) {
            double p = posterior[2 * i + 1];
            for (int32_t e = start[i]; e < start[i + 1]; e++) counts[cell[e]] += p;
        }
    }
    return largest;
}

/* Any number of classes: counts[cell, c] += posterior of c. */
WIDE static double em_classes(double *posterior, double *counts, double *before, const double *score,
                              const double *bias, const double *own, const int32_t *start, const int32_t *cell,
                              int64_t first, int64_t last, int32_t C) {
    double largest = 0;
    for (int64_t i = first; i < last; i++) {
        double *p = posterior + i * C;
        if (score) {
            double top = -INFINITY, sum = 0;
            memcpy(before, p, (size_t)C * sizeof *p);
            for (int32_t c = 0; c < C; c++) p[c] = own ? bias[c] + own[i * C + c] : bias[c];
            for (int32_t e = start[i]; e < start[i + 1]; e++) {
                const double *row = score + (int64_t)cell[e] * C;
                for (int32_t c = 0; c < C; c++) p[c] += row[c];
            }
            for (int32_t c = 0; c < C; c++) top = p[c] > top ? p[c] : top;
            for (int32_t c = 0; c < C; c++) p[c] = exp_of(p[c] - top);
            for (int32_t c = 0; c < C; c++) sum += p[c];
            for (int32_t c = 0; c < C; c++) p[c] /= sum;
            for (int32_t c = 0; c < C; c++) largest = fmax(largest, fabs(p[c] - before[c]));
        }
        for (int32_t e = start[i]; e < start[i + 1]; e++) {
            double *row = counts + (int64_t)cell[e] * C;
            for (int32_t c = 0; c < C; c++) row[c] += p[c];
        }
    }
    return largest;
}

double cafe_vote_em(double *posterior, double *counts, double *scratch, const double *score, const double *bias,
                    const double *own, const double *total, const int32_t *start, const int32_t *cell, int64_t N,
                    int64_t K, int32_t C, int64_t chunks) {
    int64_t cells = K * C, width = C == 2 ? cells : cells * C;
    double *delta = scratch + chunks * cells * C, *before = delta + cells, change = 0;
    int32_t threads = cafe_threads_get();
    if (threads > chunks) threads = (int32_t)chunks;
    if (C == 2 && score)
        for (int64_t k = 0; k < cells; k++) delta[k] = score[2 * k + 1] - score[2 * k];
#pragma omp parallel for num_threads(threads) schedule(static) reduction(max : change) if (threads > 1)
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        int64_t first = chunk * N / chunks, last = (chunk + 1) * N / chunks;
        double *part = scratch + chunk * width, moved;
        memset(part, 0, (size_t)width * sizeof *part);
        if (C == 2)
            moved = em_binary(posterior, part, score ? delta : 0, score ? bias[1] - bias[0] : 0, own, start, cell,
                              first, last);
        else
            moved = em_classes(posterior, part, before + chunk * C, score, bias, own, start, cell, first, last, C);
        change = moved > change ? moved : change;
    }
    for (int64_t chunk = 1; chunk < chunks; chunk++)
        for (int64_t k = 0; k < width; k++) scratch[k] += scratch[chunk * width + k];
    if (C != 2) {
        memcpy(counts, scratch, (size_t)width * sizeof *counts);
        return change;
    }
    for (int64_t k = 0; k < cells; k++) {
        double rest = total[k] - scratch[k];
        counts[2 * k] = rest > 0 ? rest : 0;
        counts[2 * k + 1] = scratch[k];
    }
    return change;
}

/* ---- GLAD
 * --------------------------------------------------------------------------------------------------- */

INLINE double at_most_one(double step) {
    return step > 1 ? 1 : step < -1 ? -1 : step;
}

/* E and M of one task; returns the largest change of its posterior. */
INLINE double glad_task(double *p, double *before, double *easiness, double *scale, const double *ability,
                        const double *bias, const int32_t *cell, int32_t n, double mean, double variance, int32_t C) {
    double beta = *scale, other = log(C - 1.0), largest = 0, top = -INFINITY, sum = 0;
    memcpy(before, p, (size_t)C * sizeof *p);
    for (int32_t c = 0; c < C; c++) p[c] = bias[c];
    for (int32_t e = 0; e < n; e++) p[cell[e] % C] += ability[cell[e] / C] * beta + other;
    for (int32_t c = 0; c < C; c++) top = p[c] > top ? p[c] : top;
    for (int32_t c = 0; c < C; c++) p[c] = exp_of(p[c] - top);
    for (int32_t c = 0; c < C; c++) sum += p[c];
    for (int32_t c = 0; c < C; c++) p[c] /= sum;
    for (int32_t c = 0; c < C; c++) largest = fmax(largest, fabs(p[c] - before[c]));
    double slope = -(*easiness - mean) / variance, curvature = 1 / variance;
    for (int32_t e = 0; e < n; e++) {
        double x = ability[cell[e] / C] * beta, s = logistic(x);
        slope += (p[cell[e] % C] - s) * x; // d/db of q ln s(x) + (1 - q) ln(1 - s(x)), dx/db = x
        curvature += s * (1 - s) * x * x;  // its Fisher information
    }
    *easiness += at_most_one(slope / curvature);
    *scale = exp_of(*easiness);
    return largest;
}

void cafe_vote_glad_tasks(double *posterior, double *easiness, double *scale, double *change, double *scratch,
                          const double *ability, const double *bias, const int32_t *start, const int32_t *cell,
                          double mean, double variance, int64_t N, int32_t C, int64_t chunks) {
    int32_t threads = cafe_threads_get();
    if (threads > chunks) threads = (int32_t)chunks;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        double largest = 0;
        for (int64_t i = chunk * N / chunks; i < (chunk + 1) * N / chunks; i++) {
            double *p = posterior + i * C, *b = easiness + i, *s = scale + i, *before = scratch + chunk * C;
            const int32_t *own = cell + start[i];
            int32_t n = start[i + 1] - start[i];
            double moved = C == 2 // a constant C turns its divisions into shifts
                               ? glad_task(p, before, b, s, ability, bias, own, n, mean, variance, 2)
                               : glad_task(p, before, b, s, ability, bias, own, n, mean, variance, C);
            largest = moved > largest ? moved : largest;
        }
        change[chunk] = largest;
    }
}

INLINE double glad_worker(double ability, const double *posterior, const double *scale, const int32_t *answer,
                          int32_t n, double mean, double variance, int32_t C) {
    double slope = -(ability - mean) / variance, curvature = 1 / variance;
    for (int32_t e = 0; e < n; e++) {
        double beta = scale[answer[e] / C], s = logistic(ability * beta);
        slope += (posterior[answer[e]] - s) * beta;
        curvature += s * (1 - s) * beta * beta;
    }
    return ability + at_most_one(slope / curvature);
}

void cafe_vote_glad_workers(double *ability, const double *posterior, const double *scale, const int32_t *start,
                            const int32_t *answer, double mean, double variance, int64_t K, int32_t C) {
    int32_t threads = start[K] > 20000 ? cafe_threads_get() : 1;
#pragma omp parallel for num_threads(threads) schedule(static, 8) if (threads > 1)
    for (int64_t j = 0; j < K; j++) {
        const int32_t *own = answer + start[j];
        int32_t n = start[j + 1] - start[j];
        ability[j] = C == 2 ? glad_worker(ability[j], posterior, scale, own, n, mean, variance, 2)
                            : glad_worker(ability[j], posterior, scale, own, n, mean, variance, C);
    }
}
