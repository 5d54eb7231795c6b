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

/* The vector kernels: 128-bit on any processor, AVX2 with FMA, AVX-512. Bits differ between them. */
enum { CAFE_PORTABLE = 0, CAFE_AVX2 = 1, CAFE_AVX512 = 2 };
/* Allows calls from this thread kernels up to `level` only: for tests and measurements. The default is the widest. */
void cafe_vectors_set(int32_t level);
/* The kernels in use: the widest that the processor has and cafe_vectors_set allows. */
int32_t cafe_vectors_get(void);

/* ---- random ------------------------------------------------------------------------------------------------- */

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): the 128-bit block at position `counter` of stream `stream`
 * under key `seed`. A pure function: any draw can be made in any order on any thread. out[4]. */
void cafe_random_block(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t counter);
/* The first 64 bits of that block. */
uint64_t cafe_random_u64(uint64_t seed, uint64_t stream, uint64_t counter);
/* out[count] uniform in 0 ..< bound, to within bound * 2^-32: four of them from each block from `counter` on. O(count). */
void cafe_random_below(int32_t *out, uint32_t bound, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] uniform in [0, 1), 24 bits each, four of them from each block from `counter` on. O(count). */
void cafe_random_units(float *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] uniform in [0, 1), 53 bits each: the first 64 bits of one block each from `counter` on. O(count). */
void cafe_random_doubles(double *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] standard normal (Box and Muller 1958): sqrt(-2 ln(1 - u)) cos(2 pi v), u and v being the first 53 bits of
 * the 64 of two blocks each from `counter` on. O(count). */
void cafe_random_normals(float *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* out[count] = 1 with probability `bound`, else 0: one block each from `counter` on. O(count). */
void cafe_random_bernoulli(uint8_t *out, double bound, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);
/* Puts elements[count] in a uniformly random order (Fisher and Yates), from the last to the first: count - 1 blocks
 * from `counter` on. O(count). */
void cafe_random_shuffle(int32_t *elements, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count);

/* ---- spread: simple_spread of the multi-agent particle environments ------------------------------------------------ */

/* M agents a world, K actions (nothing, left, right, down, up), the width of an observation, and how many worlds lie
 * side by side in memory. */
enum { CAFE_SPREAD_AGENTS = 3, CAFE_SPREAD_ACTIONS = 5, CAFE_SPREAD_OBSERVATION = 18, CAFE_SPREAD_LANES = 16 };

/* How many floats hold the state of N worlds; the state must begin at a multiple of 16 bytes. */
int64_t cafe_spread_state(int64_t worlds);
/* Puts every world at a random beginning: agents and landmarks uniform in [-1, 1)^2, agents at rest. World w draws from
 * the stream `stream` + w, from counter 3 * episode on. O(N). */
void cafe_spread_reset(float *state, uint64_t seed, uint64_t stream, uint64_t episode, int64_t worlds);
/* Puts one world at a given state: agents[M x 2], velocities[M x 2], landmarks[M x 2]. */
void cafe_spread_place(float *state, const float *agents, const float *velocities, const float *landmarks,
                       int64_t world);
/* observations[N*M x 18]: velocity, position, three landmarks and two other agents relative to oneself, four zeros. */
void cafe_spread_observe(float *observations, const float *state, int64_t worlds);
/* One step of every world under actions[N*M], each 0 ..< 5: observations[N*M x 18] of the new state and rewards[N*M],
 * half the shared term (minus the distance of each landmark's nearest agent) and half the agent's own (minus one for
 * each agent it touches). Worlds are spread over the threads; the bits do not depend on how. O(N). */
void cafe_spread_step(float *observations, float *rewards, float *state, const int32_t *actions, int64_t worlds);

/* ---- linear: symmetric eigenproblems ------------------------------------------------------------------------ */

/* a = V' diag(values) V of a symmetric a[n x n], whose upper triangle is read: values[n] in rising order, row k of
 * vectors[n x n] the unit eigenvector of values[k], its largest component positive. work[3 n + 1]. Returns 0, -1 where
 * an element is not finite (nothing is written), or LAPACK's positive count of values that did not converge. O(n^3),
 * one thread. */
int32_t cafe_symmetric_eigen(double *values, double *vectors, double *work, const double *a, int32_t n);
/* ---- spatial ------------------------------------------------------------------------------------------------ */

/* A uniform grid of columns x rows square cells of side `cell` whose lower left corner is (x, y). */
typedef struct {
    double x, y, cell;
    int32_t columns, rows;
} cafe_grid;

/* A point of the plane with the bit set of its skills. */
typedef struct {
    double x, y;
    uint64_t skill;
} cafe_placed;

/* The grid that covers n points with about two points a cell and at most max_cells (>= 1) cells. O(n). */
cafe_grid cafe_spatial_grid(const double *x, const double *y, int32_t n, int32_t max_cells);
/* Sorts n points into the grid's cells (counting sort, stable): the points of cell c are
 * order[start[c]] .. order[start[c + 1] - 1] in rising index, and placed[] holds place and skill of each in the same
 * order. start[columns * rows + 1], order[n], placed[n]. O(n + cells). */
void cafe_spatial_build(int32_t *start, int32_t *order, cafe_placed *placed, const double *x, const double *y,
                        const uint64_t *skill, int32_t n, cafe_grid grid);

/* One who asks: at (x, y), holding the skills of the bit set `skills`, travels Manhattan distances of at most `reach`
 * at `speed` from the time `now` on. */
typedef struct {
    double x, y, reach, speed, now;
    uint64_t skills;
} cafe_traveller;

/* The k nearest points i with skill[i] & who.skills != 0, distance <= who.reach and arrival before latest[i], nearest
 * first and lower index first among equals: found[k], distance[k]; returns how many there are. The grid form visits
 * rings of cells outwards and stops when no nearer point can follow; the scan form looks at all n points. Both give
 * the same answer. O(points of the visited cells * k) and O(n + k * candidates). */
int32_t cafe_spatial_nearest(int32_t *found, double *distance, const int32_t *start, const int32_t *order,
                             const cafe_placed *placed, const double *latest, cafe_grid grid, cafe_traveller who,
                             int32_t k);
int32_t cafe_spatial_nearest_scan(int32_t *found, double *distance, const double *x, const double *y,
                                  const uint64_t *skill, const double *latest, int32_t n, cafe_traveller who,
                                  int32_t k);
/* How many points with skill[i] & skills != 0 and latest[i] > now lie within the Manhattan distance `radius` of
 * (x0, y0). Grid form and scan form. O(points of the cells within the radius), O(n). */
int32_t cafe_spatial_count(const int32_t *start, const int32_t *order, const cafe_placed *placed, const double *latest,
                           cafe_grid grid, double x0, double y0, double radius, uint64_t skills, double now);
int32_t cafe_spatial_count_scan(const double *x, const double *y, const uint64_t *skill, const double *latest,
                                int32_t n, double x0, double y0, double radius, uint64_t skills, double now);

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
/* Exponential weights whose rate falls from round to round, below O(K) a round: a tree and moments taken at an anchor
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
/* sum_j exp(-rate * (loss[j] - s->least)) to 1e-14; anchors anew where the rate is outside the anchor's range or the
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
/* The weighted vote and the confidence of n tasks, row by row (spec/bbta.md, BBTA steps 1 and 2):
 *   sum[c] = sum of w[worker] over the row's pairs with label c;  vote = argmax_c sum[c]
 *   rule 0, margin: (largest - second largest sum) / total;  rule 1, least confidence: largest sum / total
 * Row k's pairs are (cell[2 a], cell[2 a + 1]) = (worker, label) for the count[k] values of a from start[k] on; a label
 * below 0 (asked, not answered) is passed over. Equal largest sums are broken by a coin that is a pure function of
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

/* ---- mlp: multilayer perceptrons, batched -------------------------------------------------------------------- */

/* Element-wise functions of a layer. */
enum { CAFE_IDENTITY = 0, CAFE_TANH = 1, CAFE_RELU = 2 };
/* The most layers of weights that a net may have. */
enum { CAFE_MLP_LAYERS = 16 };

/* A net's shape. widths[layers + 1] runs from the input to the output width, each at least 1; `hidden` is applied
 * after every layer but the last, `output` after the last. The struct and `widths` are borrowed for the call.
 *
 * Parameters are one buffer, layer by layer: W [in x out] row-major, then b [out]. A layer computes
 * z = h W + b, h' = f(z). relu's derivative at 0 is 0. */
typedef struct cafe_mlp {
    const int32_t *widths;
    int32_t layers;
    int32_t hidden;
    int32_t output;
} cafe_mlp;

/* How many floats the parameters take: sum of (in + 1) * out. */
int64_t cafe_mlp_parameters(const cafe_mlp *net);
/* How many floats of workspace suffice for up to `rows` rows of every function below. Pages are touched only by the
 * functions that need them. O(layers). */
int64_t cafe_mlp_workspace(const cafe_mlp *net, int64_t rows);

/* output[B x widths[layers]] = net(input[B x widths[0]]). Keeps the activations in the workspace for the functions
 * below, which must follow with the same net, parameters, input and rows. O(B P). */
void cafe_mlp_forward(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                      int64_t rows);
/* The same output, bit for bit, without keeping the activations: for rollouts and evaluation. Less memory traffic; the
 * workspace then serves no backward. */
void cafe_mlp_predict(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                      int64_t rows);
/* After cafe_mlp_forward: adds to parameter_gradient[P] the gradient of sum(output * G), G = output_gradient[B x out],
 * and, unless input_gradient is NULL, adds to input_gradient[B x in]. O(B P). */
void cafe_mlp_backward(float *parameter_gradient, float *input_gradient, float *workspace, const cafe_mlp *net,
                       const float *parameters, const float *input, const float *output_gradient, int64_t rows);
/* Pearlmutter's R{.} (Fast exact multiplication by the Hessian, Neural Computation 1994), after cafe_mlp_forward:
 * r_output = d/de net(input; parameters + e * direction) at e = 0, direction[P]. Keeps R of the activations. */
void cafe_mlp_rforward(float *r_output, float *workspace, const cafe_mlp *net, const float *parameters,
                       const float *direction, const float *input, int64_t rows);
/* After cafe_mlp_forward: stores in the workspace what cafe_mlp_rbackward needs of the ordinary backward pass under
 * output_gradient. Once per gradient: any number of (rforward, rbackward) pairs may follow. */
void cafe_mlp_deltas(float *workspace, const cafe_mlp *net, const float *parameters, const float *output_gradient,
                     int64_t rows);
/* After cafe_mlp_deltas and cafe_mlp_rforward: adds to r_parameter_gradient[P] the directional derivative of what
 * cafe_mlp_backward computes, when the output gradient itself changes at rate r_output_gradient[B x out].
 * With G and R{G} from a loss, this is the exact Hessian-vector product of that loss. O(B P). */
void cafe_mlp_rbackward(float *r_parameter_gradient, float *workspace, const cafe_mlp *net, const float *parameters,
                        const float *direction, const float *input, const float *r_output_gradient, int64_t rows);

/* ---- rows: what deciders saw ------------------------------------------------------------------------------------ */

/* C numbers of context, D of each of K <= 256 actions. */
typedef struct cafe_row_sizes {
    int32_t context, candidate, actions;
} cafe_row_sizes;

/* How many of mask[count] are not 0. */
int64_t cafe_rows_count(const uint8_t *mask, int64_t count);
/* Packs decisions context[n x C], candidates[n x K x D], mask[n x K]: row after row of the R allowed actions, the
 * candidate and then the context, into rows[R x (D + C)]; the action of each into slots[R]; where the rows of a decision
 * begin into offsets[n + 1]; context and mean of the allowed candidates into summary[n x (C + D)]. Returns -1, or the
 * first decision without an allowed action, at which it stopped. O(n K (C + D)). */
int64_t cafe_rows_pack(float *rows, uint8_t *slots, int32_t *offsets, float *summary, const float *context,
                       const float *candidates, const uint8_t *mask, int64_t count, cafe_row_sizes sizes);
/* What learnt credit reads: one output row for each decision with an action, in order of time. The decisions come as a
 * packed store (rows, offsets, summary) with times[n] and taken[n], the row taken within the decision's rows, -1 for no
 * action; items[R] says which of payments[P] a row stands for, -1 for none. Episode e owns the decisions episodes[e] ..
 * episodes[e + 1] - 1 and the output rows from firsts[e] on. observations[m x (C + D + 2)] = summary, a quarter of the
 * mean over the candidates of how many others took the same item at the same time, an eighth of the number of
 * candidates; actions[m x (D + 1)] = the candidate taken, a quarter of how many others took its item; targets[m] = the
 * sum of the candidates' payments or, with after >= 0, of column `after` of the row taken and `before` of the others;
 * joined[m] = 1 where an item was taken. takers[P], all 0, is 0 again afterwards. O(R + n (C + D)). */
void cafe_credit_rows(float *observations, float *actions, float *targets, uint8_t *joined, int32_t *takers,
                      const float *times, const int32_t *taken, const float *rows, const int32_t *offsets,
                      const float *summary, const int32_t *items, const float *payments, cafe_row_sizes sizes,
                      int32_t before, int32_t after, const int64_t *episodes, const int64_t *firsts, int64_t count);
/* Copies the decisions indices[n] of a packed store, in that order. O(their rows). */
void cafe_rows_gather(float *rows, uint8_t *slots, int32_t *offsets, float *summary, const float *from_rows,
                      const uint8_t *from_slots, const int32_t *from_offsets, const float *from_summary,
                      const int32_t *indices, int64_t count, cafe_row_sizes sizes);

/* Steps of a fixed-horizon rollout as records, side by side: what was seen[D], the action, its log-probability, the
 * advantage and the return. How many floats one record takes. */
int32_t cafe_record_floats(int32_t width);
/* records[n x cafe_record_floats(D)] = the numbers of n steps; observations[n x D], the rest [n]. O(n D). */
void cafe_records_pack(float *records, const float *observations, const int32_t *actions,
                       const float *log_probabilities, const float *advantages, const float *returns, int64_t count,
                       int32_t width);
/* Takes apart the records indices[n], in that order. Records far apart are asked for ahead. O(n D). */
void cafe_records_gather(float *observations, int32_t *actions, float *log_probabilities, float *advantages,
                         float *returns, const float *records, const int32_t *indices, int64_t count, int32_t width);

/* ---- policy: categorical distributions over segments ----------------------------------------------------------- */

/* Decision i of n owns the logits offsets[i] ..< offsets[i + 1] (offsets[n + 1], not decreasing). With offsets NULL
 * every decision has `width` logits. mask (or NULL) has one byte a logit; 0 forbids the candidate: probability 0,
 * log-probability -inf, no gradient. An action is an index within its segment. A segment without an allowed
 * candidate has action -1, log-probability 0, entropy 0 and no gradient; an action of -1 is skipped likewise. Without
 * offsets and mask, and up to 64 wide, cafe_policy_sample and cafe_policy_clipped work on a decision a lane: several times as
 * fast, with other last bits. */
typedef struct cafe_segments {
    const int32_t *offsets;
    const uint8_t *mask;
    int64_t count;
    int32_t width;
    const struct cafe_softmax *known; /* or NULL; see cafe_softmax */
} cafe_segments;

/* What cafe_policy_softmax and cafe_policy_log_softmax gave for the logits of a call, lent through `known` to the three
 * functions that are called once a direction (clipped_r, score_r, fisher), which would else work it out anew each time:
 * the same bits in a tenth of the time. The others do not read it. */
typedef struct cafe_softmax {
    const float *probabilities;
    const float *log_probabilities;
} cafe_softmax;

/* probabilities = softmax of each segment. */
void cafe_policy_softmax(float *probabilities, const cafe_segments *segments, const float *logits);
/* log_probabilities = log softmax of each segment. */
void cafe_policy_log_softmax(float *log_probabilities, const cafe_segments *segments, const float *logits);
/* Draws one action a decision by inverting the distribution function at uniforms[n] in [0, 1). actions[n],
 * log_probabilities[n]. */
void cafe_policy_sample(int32_t *actions, float *log_probabilities, const cafe_segments *segments, const float *logits,
                        const float *uniforms);
/* The likeliest allowed candidate of each decision, the first one at a tie. actions[n]. */
void cafe_policy_greedy(int32_t *actions, const cafe_segments *segments, const float *logits);
/* log pi(a) and the entropy (nats) of each decision. log_probabilities[n], entropies[n]. */
void cafe_policy_evaluate(float *log_probabilities, float *entropies, const cafe_segments *segments,
                          const float *logits, const int32_t *actions);

/* Means over the decisions of a minibatch. */
typedef struct cafe_policy_loss {
    double policy;        /* max(-A r, -A clip(r, 1 - c, 1 + c)) with r = exp(log pi(a) - old) */
    double entropy;       /* nats */
    double approx_kl;     /* (r - 1) - log r: Schulman's k3 estimate of KL(old || new), CleanRL's approx_kl */
    double clip_fraction; /* how many |r - 1| > c */
} cafe_policy_loss;

/* Clipped PPO objective (Schulman et al. 2017, eq. 7) to be minimised: L = policy - entropy_coef * entropy.
 * logit_gradient = dL/dlogits, overwritten. */
void cafe_policy_clipped(float *logit_gradient, cafe_policy_loss *loss, const cafe_segments *segments,
                         const float *logits, const int32_t *actions, const float *old_log_probabilities,
                         const float *advantages, float clip_coef, float entropy_coef);
/* R of the gradient above: its directional derivative when the logits move at rate r_logits. The clip's active set is
 * held fixed, as the derivative demands almost everywhere. r_logit_gradient overwritten. */
void cafe_policy_clipped_r(float *r_logit_gradient, const cafe_segments *segments, const float *logits,
                           const float *r_logits, const int32_t *actions, const float *old_log_probabilities,
                           const float *advantages, float clip_coef, float entropy_coef);
/* Policy-gradient head, to be maximised: J = scale * sum_i (weights_i log pi(a_i) + entropy_coef * entropy_i).
 * logit_gradient = dJ/dlogits, overwritten. */
void cafe_policy_score(float *logit_gradient, const cafe_segments *segments, const float *logits,
                       const int32_t *actions, const float *weights, float scale, float entropy_coef);
/* R of that gradient when the logits move at rate r_logits. */
void cafe_policy_score_r(float *r_logit_gradient, const cafe_segments *segments, const float *logits,
                         const float *r_logits, const int32_t *actions, const float *weights, float scale,
                         float entropy_coef);
/* Fisher (Gauss-Newton) head: product = scale * (diag p - p p') r_logits, segment by segment. Positive semi-definite
 * for scale > 0. */
void cafe_policy_fisher(float *product, const cafe_segments *segments, const float *logits, const float *r_logits,
                        float scale);

/* KL(p || q) in nats of each segment from logits; the mask holds for both. kl[n]. */
void cafe_categorical_kl(float *kl, const cafe_segments *segments, const float *logits_p, const float *logits_q);
/* Adds weights[n] * dKL/dlogits to gradient_p and gradient_q; either may be NULL. */
void cafe_categorical_kl_backward(float *gradient_p, float *gradient_q, const cafe_segments *segments,
                                  const float *logits_p, const float *logits_q, const float *weights);

/* Value loss 0.5 * mean (v - R)^2; with clip_coef > 0 CleanRL's clipped form 0.5 * mean max((v - R)^2,
 * (old + clip(v - old, -c, c) - R)^2), otherwise old_values may be NULL. gradient[n] = dL/dvalues, overwritten. */
double cafe_value_loss(float *gradient, const float *values, const float *old_values, const float *returns,
                       float clip_coef, int64_t count);

/* How a step ends. */
enum { CAFE_CONTINUES = 0, CAFE_TERMINATED = 1, CAFE_TRUNCATED = 2 };
/* Generalised advantage estimation (Schulman et al. 2016, eq. 16) on chains whose steps may last different times.
 * Step t of chain c lies at offset c * chain_stride + t * step_stride, or, with offsets (chains + 1), at
 * offsets[c] + t. discounts_t is gamma to the power of the step's duration, lambdas_t likewise.
 *   delta_t = r_t + [not terminated] discount_t * next_values_t - values_t
 *   A_t = delta_t + [continues and not last] discount_t * lambda_t * A_{t+1},  returns_t = A_t + values_t
 * next_values_t is the value of the observation that follows step t: for a truncated step, of the final observation;
 * for a terminated one it is not read. ends (or NULL: every step continues) has one of the codes above a step. */
void cafe_gae(float *advantages, float *returns, const float *rewards, const float *values, const float *next_values,
              const float *discounts, const float *lambdas, const uint8_t *ends, const int32_t *offsets, int64_t chains,
              int64_t steps, int64_t chain_stride, int64_t step_stride);

/* ---- gaussian: diagonal Gaussians, [B x Z] means and log standard deviations ------------------------------------ */

/* kl[B] = KL(p || q) in nats: sum over Z of sq - sp + (exp(2 sp) + (mp - mq)^2) / (2 exp(2 sq)) - 1/2.
 * mean_q and log_sd_q may both be NULL: the standard normal. */
void cafe_gaussian_kl(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q, const float *log_sd_q,
                      int64_t rows, int64_t width);
/* Adds weights[B] * dKL to the four gradients [B x Z]; the last two may be NULL. */
void cafe_gaussian_kl_backward(float *mean_p_gradient, float *log_sd_p_gradient, float *mean_q_gradient,
                               float *log_sd_q_gradient, const float *mean_p, const float *log_sd_p,
                               const float *mean_q, const float *log_sd_q, const float *weights, int64_t rows,
                               int64_t width);
/* sample = mean + exp(log_sd) * noise, all of `count` entries (Kingma and Welling 2014). */
void cafe_gaussian_sample(float *sample, const float *mean, const float *log_sd, const float *noise, int64_t count);
/* Adds to both gradients what sample_gradient sends back through the sample. */
void cafe_gaussian_sample_backward(float *mean_gradient, float *log_sd_gradient, const float *log_sd,
                                   const float *noise, const float *sample_gradient, int64_t count);
/* log_likelihood[B] = log N(x; mean, diag exp(2 log_sd)), the constant included. */
void cafe_gaussian_log_likelihood(float *log_likelihood, const float *x, const float *mean, const float *log_sd,
                                  int64_t rows, int64_t width);
/* Adds weights[B] * d log_likelihood to both gradients [B x Z]; log_sd_gradient may be NULL. */
void cafe_gaussian_log_likelihood_backward(float *mean_gradient, float *log_sd_gradient, const float *x,
                                           const float *mean, const float *log_sd, const float *weights, int64_t rows,
                                           int64_t width);

/* ---- elementary functions --------------------------------------------------------------------------------------- */

/* out = exp(in), within 2 ulp over all of float (measured: 1.0): inf above 88.72, denormals and 0 below, NaN kept. In
 * place is allowed. One thread. */
void cafe_exp(float *out, const float *in, int64_t count);
/* out = tanh(in), within 2 ulp over all of float (measured: 1.8). */
void cafe_tanh(float *out, const float *in, int64_t count);

/* ---- optimize ---------------------------------------------------------------------------------------------------- */

/* One step of Adam (Kingma and Ba 2015, algorithm 1, bias-corrected), PyTorch's form: p -= lr * m^ / (sqrt(v^) + eps).
 * step counts from 1. m[P] and v[P] are the moments. */
void cafe_adam_step(float *parameters, float *m, float *v, const float *gradient, int64_t count, int64_t step,
                    double learning_rate, double beta1, double beta2, double epsilon);
/* sum of a_k * b_k, accumulated in double. */
double cafe_dot(const float *a, const float *b, int64_t count);
/* y = y + scale * x. */
void cafe_axpy(float *y, double scale, const float *x, int64_t count);
/* Scales the gradient by max / norm where its Euclidean norm exceeds max; returns the norm before. A norm that is not
 * finite leaves the gradient as it was. */
double cafe_norm_clip(float *gradient, int64_t count, double maximum);

/* Why conjugate gradient stopped. */
enum {
    CAFE_CG_CONVERGED = 0,  /* the recurrence's residual is below the tolerance */
    CAFE_CG_ITERATIONS = 1, /* the allowed iterations are used up */
    CAFE_CG_CURVATURE = 2,  /* p'(A + damping)p <= 0: the operator is not positive definite along p */
    CAFE_CG_NOT_FINITE = 3, /* the operator or the right-hand side gave a number that is not finite */
    CAFE_CG_STAGNATED = 4,  /* no progress in 16 iterations at float precision */
};
typedef struct cafe_cg_report {
    int32_t status;
    int32_t iterations;        /* applications of the operator before the final check */
    double relative_residual;  /* |b - (A + damping) x| / |b|, recomputed from x at the end */
    double smallest_curvature; /* least p'(A + damping)p / p'p met; +inf before the first */
} cafe_cg_report;

/* Solves (A + damping) x = b by conjugate gradient (Hestenes and Stiefel 1952) from x = 0, A symmetric, given only as
 * apply(context, product, vector): product[count] = A vector, overwritten. b is scaled to unit length inside. Vectors
 * are float, scalars double. On non-positive curvature x is the iterate reached so far (0 in the first iteration).
 * scratch[3 * count]. At most `iterations` + 1 applications. */
void cafe_cg_solve(float *x, float *scratch, cafe_cg_report *report, const float *b, int64_t count, double damping,
                   int32_t iterations, double tolerance,
                   void (*apply)(void *context, float *product, const float *vector), void *context);
/* Solves A X = B for a symmetric positive definite A[n x n] (both triangles given) and `count` right-hand sides, row i
 * of b[count x n] being one. Overwrites a with its Cholesky factor and b with the solutions. Returns 0, or k > 0 where
 * the leading minor of order k is not positive definite (b is then unchanged), or -1 for an entry of a or b that is
 * not finite. LAPACK's dposv. O(n^3). */
int32_t cafe_spd_solve(double *a, double *b, int32_t n, int32_t count);
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
 * score[j, l, c] (Dawid and Skene 1979; one-coin is the tied case).
 *   E: posterior[i, c] = softmax over c of (bias[c] + sum over the labels of i of score[cell, c])
 *   M: counts[j, l, c] = sum of posterior[i, c] over the tasks that j labelled l
 * score == NULL leaves the posterior as it is and only counts. posterior[N, C]; counts[K, C, C] overwritten;
 * score[K, C, C]; bias[C]; total[K, C] = labels of each cell; scratch[chunks * (K * C * C + C) + K * C]; the tasks are
 * cut into `chunks` runs whose counts are added in order. Returns the largest change of a posterior. O(n C). */
double cafe_vote_em(double *posterior, double *counts, double *scratch, const double *score, const double *bias,
                    const double *total, const int32_t *start, const int32_t *cell, int64_t N, int64_t K, int32_t C,
                    int64_t chunks);
/* The tasks' half of one iteration of GLAD (Whitehill et al. 2009): label l of worker j on task i is right with
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

/* Belief propagation between tasks and workers (Liu, Peng, Ihler, NIPS 2012) where a worker is of one of `kinds` kinds,
 * a multiple of 4, in each cell (a worker in a context). Kind k gives a task of class z the label y with probability
 * own[y, k] if y = z, else other[y, k] confusion[z, y] + add[y, k]; own, other, add [C, kinds], confusion [C, C].
 * Label e: task[e], cell[e], label[e]; message[e, z] = P(label[e] | class z) by the worker's other labels. */

/* From tasks to workers. cavity[n, C] = the classes' probabilities of the label's task without the label: softmax of
 * score[task] - log message, or the class gold[task] where that is not negative. Multiplies evidence[cell, k] by the
 * label's probability under kind k; scale[cell] gathers the logs of what was divided out. Where count is not NULL,
 * count[cell, z, y] and spread[z, y] (z != y) receive the expected number of labels y on tasks of class z. All of those
 * are added to. O(n (C + kinds)). */
void cafe_crowd_gather(double *evidence, double *scale, double *count, double *spread, double *cavity,
                       const double *score, const double *message, const double *confusion, const double *own,
                       const double *other, const double *add, const int32_t *task, const int32_t *cell,
                       const int32_t *label, const int32_t *gold, int64_t n, int32_t C, int32_t kinds);
/* From workers to tasks: message[e, z] under posterior[cell, kinds], with the label's own say taken out of it if cavity
 * (of cafe_crowd_gather) is not NULL; where count is not NULL the mean m becomes (count + strength m) / (row + strength),
 * again without the label's own share, row[cell, z] the sum of count over y. score[task, z] += log message. message holds
 * the old messages, which gather saw. O(n (C + kinds)). */
void cafe_crowd_send(double *message, double *score, const double *posterior, const double *count, const double *row,
                     double strength, const double *cavity, const double *confusion, const double *own,
                     const double *other, const double *add, const int32_t *task, const int32_t *cell,
                     const int32_t *label, int64_t n, int32_t C, int32_t kinds);

/* ---- beta --------------------------------------------------------------------------------------------------- */

/* The smaller side of Beta(a, b) about one half, min(P(theta < 1/2), P(theta >= 1/2)): the regularised incomplete
 * beta I_{1/2}(max(a, b), min(a, b)) by its continued fraction, eight at a time; relative error below 1e-11 for
 * 0.05 <= a, b <= 1e5. tail[n], a[n], b[n]. O(n sqrt(a + b)). */
void cafe_beta_tail(double *tail, const double *a, const double *b, int64_t n);
/* OptKG's optimistic gain of n pairs (spec/bbta.md, OptKG): theta ~ Beta(a, b) of the task, rho ~ Beta(c, d) of the
 * worker, gain = max over z = +1, -1 of tail(a, b) - tail(a'_z, b'_z) with (a'_z, b'_z) matched to the moments after
 * the label z. The arrays advance by task_stride (a, b, tail) and worker_stride (c, d): 0 or 1. gain[n]. */
void cafe_optkg_gain(double *gain, const double *a, const double *b, const double *tail, int64_t task_stride,
                     const double *c, const double *d, int64_t worker_stride, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
