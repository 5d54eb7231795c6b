/* cafe.h - the numeric core of CAFE: the whole C API, readable alone.
 *
 * Conventions
 *   - Matrices are row-major. Networks compute in float; bandit losses, conjugate-gradient scalars, running sums
 *     and statistics in double.
 *   - The caller allocates everything; a function borrows its arguments for one call and keeps no pointer.
 *     Outputs come first, then inputs, then dimensions. `*_forward` overwrites, `*_backward` accumulates into
 *     gradients that the caller has zeroed.
 *   - Dimension letters: B batch rows, N environments, M agents, A = N*M actors, T steps, D observation width,
 *     H hidden width, K actions or arms, Z latent width, P parameters, S contexts.
 *   - The same arguments give the same bits at any thread count: work is cut into chunks whose size does not depend
 *     on the number of threads, and partial sums are added in chunk order.
 *   - Nothing allocates, prints or exits. Misuse is the caller's to prevent (the Swift layer traps with both
 *     shapes); numerical trouble comes back as a status.
 */
#ifndef CAFE_H
#define CAFE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- threads ------------------------------------------------------------------------------------------------ */

/* Sets how many threads the core may use; 0 or less asks for one per available processor. BLAS stays at one. */
void cafe_threads_set(int32_t count);
/* The number of threads that the next parallel kernel will use, at least 1. */
int32_t cafe_threads_get(void);
/* Calls body(context, index) once for each index in [0, count), indices handed out dynamically to the threads.
 * A kernel called from inside body runs on its own thread only. O(count) calls. */
void cafe_parallel_for(int64_t count, void (*body)(void *context, int64_t index), void *context);

/* ---- random ------------------------------------------------------------------------------------------------- */

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): the 128-bit block at position `counter` of stream `stream`
 * under key `seed`. A pure function: any draw can be made in any order on any thread. out[4]. */
void cafe_random_block(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t counter);
/* The first 64 bits of that block. */
uint64_t cafe_random_u64(uint64_t seed, uint64_t stream, uint64_t counter);

/* ---- linear: symmetric eigenproblems ------------------------------------------------------------------------ */

/* a = V' diag(values) V of a symmetric a[n x n], whose upper triangle is read: values[n] in rising order, row k of
 * vectors[n x n] the unit eigenvector of values[k], its largest component positive. work[3 n + 1]. Returns 0, -1 where
 * an element is not finite (nothing is written), or LAPACK's positive count of values that did not converge. O(n^3),
 * one thread. */
int32_t cafe_symmetric_eigen(double *values, double *vectors, double *work, const double *a, int32_t n);

/* ---- weights ------------------------------------------------------------------------------------------------ */

/* Exponential weights of one context: w[j] = exp(-rate * (loss[j] - min loss)), so the largest weight is 1 and
 * nothing overflows; a weight below e^-700 is 0. Returns sum_j w[j], added in an order that depends on K alone.
 * The exponential is within 1 ulp, the same bits on every processor. w[K], loss[K], rate >= 0. O(K). */
double cafe_weights_fill(double *w, const double *loss, double rate, int64_t K);
/* Draws arm j with p_j = w[j] / (sum of w over the allowed arms) from one uniform u in [0, 1): the first j whose
 * running sum exceeds u times the total. Writes p_j. allowed[K] holds 0 or 1; NULL allows all. Returns -1, and
 * writes nothing, if the allowed weights sum to less than 1e-200 (fill them again from the allowed losses). O(K). */
int64_t cafe_weights_draw(double *probability, const double *w, const uint8_t *allowed, double u, int64_t K);
/* The weighted vote and the confidence of n tasks (spec/bbta.md, BBTA steps 1 and 2):
 *   sum[c] = sum of w[worker] over the task's pairs with label c;  vote = argmax_c sum[c]
 *   rule 0, margin: (largest - second largest sum) / total;  rule 1, least confidence: largest sum / total
 * Equal largest sums are broken by a coin that is a pure function of (seed, ties | task, pairs of the task).
 * Task i's pairs are worker[start[i] ...] and label[start[i] ...], count[i] of them; a label below 0 (asked, not
 * answered) is passed over. score and vote are indexed by task; tasks[n] lists the tasks, NULL means 0, 1, ..., n-1.
 * sums[C] is scratch. O(n C + pairs). */
void cafe_weights_vote(double *score, int32_t *vote, double *sums, const double *w, double total,
                       const int32_t *tasks, int64_t n, const int64_t *start, const int32_t *count,
                       const int32_t *worker, const int32_t *label, int32_t C, int32_t rule, uint64_t seed,
                       uint64_t ties);

#ifdef __cplusplus
}
#endif
#endif
