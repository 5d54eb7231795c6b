/* cafe/labels.h - exponential weights, votes, beta tails. The conventions are in cafe.h. */
#ifndef CAFE_LABELS_H
#define CAFE_LABELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- weights ------------------------------------------------------------------------------------------------ */

/* Exponential weights of one context: w[j] = exp(-rate * (loss[j] - min loss)), so the largest weight is 1 and
 * nothing overflows; a weight below e^-700 is 0. Returns sum_j w[j], added in an order that depends on K alone.
 * The exponential is within 1 ulp, the same bits on every processor. w[K], loss[K], rate >= 0. O(K). */
double cafe_weights_fill(double *w, const double *loss, double rate, int64_t K);
/* exp(-rate * loss) as cafe_weights_fill computes it, for rate * loss >= 0. */
double cafe_weights_one(double loss, double rate);
/* w[j] = exp(-rate * (loss[j] - least)) for the workers j of the pairs of n rows; the other weights are left as they
 * are. Rows and cells as in cafe_weights_vote. O(pairs). */
void cafe_weights_fill_workers(double *w, const double *loss, double least, double rate, int64_t n,
                               const int32_t *start, const int32_t *count, const int32_t *cell);
/* Draws arm j with p_j = w[j] / (sum of w over the allowed arms) from one uniform u in [0, 1): the first j whose
 * running sum exceeds u times the total. Writes p_j. allowed[K] holds 0 or 1; NULL allows all. Returns -1, and
 * writes nothing, if the allowed weights sum to less than 1e-200 (fill them again from the allowed losses). O(K). */
int64_t cafe_weights_draw(double *probability, const double *w, const uint8_t *allowed, double u, int64_t K);
/* Exponential weights whose rate falls from round to round, below O(K) per round: a tree and moments taken at an anchor
 * rate (sampler.c). Begin with a zeroed struct: the first cafe_sampler_total anchors it. */
enum { CAFE_SAMPLER_TERMS = 24, CAFE_SAMPLER_PICK = 64 };
typedef struct cafe_sampler {
    double anchor, lowest; /* it serves rates in [lowest, anchor], lowest = sqrt(4/5) anchor */
    double least, sum;     /* what losses are counted from; the sum of the weights at the anchor */
    double moment[CAFE_SAMPLER_TERMS], rest[CAFE_SAMPLER_TERMS];
} cafe_sampler;
/* How many doubles the tree of K arms takes, its zeroed memory the caller's: about 17/16 K. */
int64_t cafe_sampler_tree_size(int64_t K);
/* Takes losses and rate as the anchor. loss[K]. O(K). */
void cafe_sampler_anchor(cafe_sampler *s, double *tree, const double *loss, double rate, int64_t K);
/* sum_j exp(-rate * (loss[j] - s->least)) to 1e-14; anchors again where the rate is outside the anchor's range or the
 * tree's weights are over eight times the sum: O(K) then, else O(1). */
double cafe_sampler_total(cafe_sampler *s, double *tree, const double *loss, double rate, int64_t K);
/* Sets one arm's loss. O(log K). */
void cafe_sampler_charge(cafe_sampler *s, double *tree, double *loss, int64_t arm, double to, int64_t K);
/* Draws arm j with p_j = exp(-rate * (loss[j] - s->least)) / total among the allowed (NULL: all), `total` the sum over
 * them, after cafe_sampler_total at the same rate. Random numbers are those of (seed, stream) from `counter` on. Writes
 * p_j. Returns -1, and writes nothing, after 200 refusals: the allowed have little of the weight. O(log K) expected. */
int64_t cafe_sampler_draw(double *probability, const cafe_sampler *s, const double *tree, const double *loss,
                          const uint8_t *allowed, double total, double rate, uint64_t seed, uint64_t stream,
                          uint64_t counter, int64_t K);
/* The same draw by u, uniform in [0, 1), all arms allowed, without any state: for K <= CAFE_SAMPLER_PICK arms. loss is
 * padded with infinity to a multiple of 8. O(K). */
int64_t cafe_sampler_pick(double *probability, const double *loss, double rate, double u, int64_t K);
/* The weighted vote and the confidence of n tasks, row by row ([BBTA], algorithm 1):
 *   sum[c] = sum of w[worker] over the row's pairs with label c;  vote = argmax_c sum[c]
 *   rule 0, margin: (largest - second largest sum) / total;  rule 1, least confidence: largest sum / total
 * Row k's pairs are (cell[2 a], cell[2 a + 1]) = (worker, label) for the count[k] values of a from start[k] on; a label
 * below 0 (asked, not answered) is skipped. Equal largest sums are broken by a coin that is a pure function of
 * (seed, ties | task[k], count[k]). score[n], vote[n], task[n], start[n], count[n]; sums[C] is scratch.
 * O(n C + pairs). */
void cafe_weights_vote(double *score, int32_t *vote, double *sums, const double *w, double total, const int32_t *task,
                       int64_t n, const int32_t *start, const int32_t *count, const int32_t *cell, int32_t C,
                       int32_t rule, uint64_t seed, uint64_t ties);

/* ---- tournament: the least of many keys ---------------------------------------------------------------------- */

/* A tree over keys[n] whose node k holds the position of the least key below it, -1 where there is none: node 1 is the
 * root, node `leaves` + p the leaf of position p, `leaves` a power of two of at least n. Among equal keys the smallest
 * order[p] wins. nodes[2 leaves] holds the leaves from the start; node 0 is unused. */

/* Brings the tree up to changed keys of the positions [first, last). O(last - first + log n). */
void cafe_tournament_repair(int32_t *nodes, const double *keys, const int32_t *order, int64_t leaves, int64_t first,
                            int64_t last);

/* ---- votes -------------------------------------------------------------------------------------------------- */

/* Recorded labels of N tasks by K workers in C classes, task by task: task i owns the entries start[i] ..
 * start[i + 1] - 1 of cell = worker * C + label. n is the number of labels. */

/* Counts votes from pairs in any order: counts[task, label] += 1. counts[N, C] zeroed by the caller, task[n],
 * label[n]. O(n). */
void cafe_vote_count(int32_t *counts, const int32_t *task, const int32_t *label, int64_t n, int32_t C);
/* The same from label[n] task by task. counts[N, C] overwritten. O(n + N C). */
void cafe_vote_tally(int32_t *counts, const int32_t *start, const int32_t *label, int64_t N, int32_t C);
/* The class with most votes in each row of counts[N, C], the first of equals, and how many classes are equal to it.
 * winner[N], equals[N]. O(N C). */
void cafe_vote_winner(int32_t *winner, int32_t *equals, const int32_t *counts, int64_t N, int32_t C);
/* All that a majority vote says: as cafe_vote_winner, and the shares of the votes, share[N, C], uniform for a task without
 * votes. Returns how many tasks are tied. O(N C). */
int64_t cafe_vote_decide(int64_t *winner, double *share, int32_t *equals, const int32_t *counts, int64_t N, int32_t C);
/* Sums of weights: sum[i, c] = sum of weight[worker] over the labels c of task i. sum[N, C], weight[K]. O(N C + n). */
void cafe_vote_weighted(double *sum, const double *weight, const int32_t *start, const int32_t *cell, int64_t N,
                        int32_t C);
/* One iteration of EM for mixtures in which class c of a task gives worker j's label l the log-probability
 * score[j, l, c] ([DS79]; one-coin is the tied case).
 *   E: posterior[i, c] = softmax over c of (bias[c] + own[i, c] + sum over the labels of i of score[cell, c])
 *   M: counts[j, l, c] = sum of posterior[i, c] over the tasks that j labelled l
 * score == NULL leaves the posterior as it is and only counts. posterior[N, C]; counts[K, C, C] overwritten;
 * score[K, C, C]; bias[C]; own[N, C], what is known of each task besides, NULL for nothing; total[K, C] = labels of each cell; scratch[chunks * (K * C * C + C) + K * C]; the tasks are
 * cut into `chunks` runs whose counts are added in order. Returns the largest change of a posterior. O(n C). */
double cafe_vote_em(double *posterior, double *counts, double *scratch, const double *score, const double *bias,
                    const double *own, const double *total, const int32_t *start, const int32_t *cell, int64_t N,
                    int64_t K, int32_t C, int64_t chunks);
/* The tasks' half of one iteration of GLAD ([GLAD09]): label l of worker j on task i is right with
 * probability s(ability[j] * e^easiness[i]), s the logistic function, and else uniform over the other classes.
 *   E: posterior[i, c] = softmax over c of (bias[c] + sum over labels c of (ability * e^easiness + ln(C - 1)))
 *   M: one Fisher step on easiness[i] under the prior N(mean, variance), at most 1 long; scale[i] = e^easiness[i]
 * change[chunks] receives each run's largest change of a posterior; scratch[chunks * C]. O(n + N C). */
void cafe_vote_glad_tasks(double *posterior, double *easiness, double *scale, double *change, double *scratch,
                          const double *ability, const double *bias, const int32_t *start, const int32_t *cell,
                          double mean, double variance, int64_t N, int32_t C, int64_t chunks);
/* The workers' half: one Fisher step on ability[j] under the prior N(mean, variance), at most 1 long. Worker j owns
 * start[j] .. start[j + 1] - 1 of answer = task * C + label. O(n). */
void cafe_vote_glad_workers(double *ability, const double *posterior, const double *scale, const int32_t *start,
                            const int32_t *answer, double mean, double variance, int64_t K, int32_t C);

/* ---- crowds ------------------------------------------------------------------------------------------------- */

/* Belief propagation between tasks and workers ([Liu12]) where a task has a class and one of `levels` levels of difficulty,
 * together its state d C + z, and a worker is of one of `kinds` kinds, a multiple of 4, in each cell (a worker in a context).
 * Kind k gives a task of level d and class z the label y with probability own[d, y, k] if y = z, else
 * other[d, y, k] confusion[z, y] + add[d, y, k]; own, other, add [levels, C, kinds], confusion [C, C].
 * Label e: task[e], cell[e], label[e]; message[e, state] = P(label[e] | state) by the worker's other labels. */
enum { CAFE_CROWD_LEVELS = 4 }; /* how many levels there may be */

/* From tasks to workers. cavity[n, levels C] = the states' probabilities of the label's task without the label: softmax of
 * score[task] - log message (or - apart[n, levels C] where that is not NULL: what other labels that go with this one said
 * too), over the states of the class gold[task] alone where that is not negative. Multiplies evidence[cell, k] by the
 * label's probability under kind k; scale[cell] gathers the logs of what was divided out. Where count is not NULL, which
 * takes one level, count[cell, z, y] and spread[z, y] (z != y) receive the expected number of labels y on tasks of class z.
 * All of those are added to. O(n levels (C + kinds)). */
void cafe_crowd_gather(double *evidence, double *scale, double *count, double *spread, double *cavity,
                       const double *score, const double *message, const double *apart, const double *confusion,
                       const double *own, const double *other, const double *add, const int32_t *task,
                       const int32_t *cell, const int32_t *label, const int32_t *gold, int64_t n, int32_t C,
                       int32_t kinds, int32_t levels);
/* From workers to tasks: message[e, state] under posterior[cell, kinds], with the label's own say taken out of it if cavity
 * (of cafe_crowd_gather) is not NULL; where count is not NULL, which takes one level, the mean m becomes
 * (count + strength m) / (row + strength), again without the label's own share, row[cell, z] the sum of count over y.
 * score[task, state] += log message, times power[n] where that is not NULL. message holds the old messages, which gather
 * saw. O(n levels (C + levels kinds)). */
void cafe_crowd_send(double *message, double *score, const double *posterior, const double *count, const double *row,
                     double strength, const double *cavity, const double *power, const double *confusion,
                     const double *own, const double *other, const double *add, const int32_t *task,
                     const int32_t *cell, const int32_t *label, int64_t n, int32_t C, int32_t kinds, int32_t levels);

/* ---- beta --------------------------------------------------------------------------------------------------- */

/* The smaller side of Beta(a, b) about one half, min(P(theta < 1/2), P(theta >= 1/2)): the regularised incomplete
 * beta I_{1/2}(max(a, b), min(a, b)) by its continued fraction, eight at a time; relative error below 1e-11 for
 * 0.05 <= a, b <= 1e5. tail[n], a[n], b[n]. O(n sqrt(a + b)). */
void cafe_beta_tail(double *tail, const double *a, const double *b, int64_t n);
/* The optimistic knowledge gradient of n pairs ([OptKG13]): theta ~ Beta(a, b) of the task, rho ~ Beta(c, d) of the
 * worker, gain = max over z = +1, -1 of tail(a, b) - tail(a'_z, b'_z) with (a'_z, b'_z) matched to the moments after
 * the label z. The arrays advance by task_stride (a, b, tail) and worker_stride (c, d): 0 or 1. gain[n]. */
void cafe_optkg_gain(double *gain, const double *a, const double *b, const double *tail, int64_t task_stride,
                     const double *c, const double *d, int64_t worker_stride, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
