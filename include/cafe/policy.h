/* cafe/policy.h - packed decisions, categorical policies, Gaussians, advantages. The conventions are in cafe.h. */
#ifndef CAFE_POLICY_H
#define CAFE_POLICY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- rows: packed decisions (ragged rows) ------------------------------------------------------------------------------------ */

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

/* What cafe_policy_softmax and cafe_policy_log_softmax gave for the logits of a call, lent through `known` to the two
 * functions that are called once per direction (clipped_r, fisher), which would else compute it each time:
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
/* The most probable allowed candidate of each decision, the first one at a tie. actions[n]. */
void cafe_policy_greedy(int32_t *actions, const cafe_segments *segments, const float *logits);
/* Means over the decisions of a minibatch. */
typedef struct cafe_policy_loss {
    double policy;        /* max(-A r, -A clip(r, 1 - c, 1 + c)) with r = exp(log pi(a) - old) */
    double entropy;       /* nats */
    double approx_kl;     /* (r - 1) - log r: Schulman's k3 estimate of KL(old || new), CleanRL's approx_kl */
    double clip_fraction; /* how many |r - 1| > c */
} cafe_policy_loss;

/* Clipped PPO objective ([Schulman17], eq. 7) to be minimised: L = policy - entropy_coef * entropy.
 * logit_gradient = dL/dlogits, overwritten. */
void cafe_policy_clipped(float *logit_gradient, cafe_policy_loss *loss, const cafe_segments *segments,
                         const float *logits, const int32_t *actions, const float *old_log_probabilities,
                         const float *advantages, float clip_coef, float entropy_coef);
/* R of the gradient above: its directional derivative when the logits move at rate r_logits. The clip's active set is
 * held fixed, as the derivative demands almost everywhere. r_logit_gradient overwritten. */
void cafe_policy_clipped_r(float *r_logit_gradient, const cafe_segments *segments, const float *logits,
                           const float *r_logits, const int32_t *actions, const float *old_log_probabilities,
                           const float *advantages, float clip_coef, float entropy_coef);
/* Fisher (Gauss-Newton) head: product = scale * (diag p - p p') r_logits, segment by segment. Positive semi-definite
 * for scale > 0. */
void cafe_policy_fisher(float *product, const cafe_segments *segments, const float *logits, const float *r_logits,
                        float scale);

/* KL(p || q) in nats of each segment from logits; the mask holds for both. kl[n]. */
void cafe_categorical_kl(float *kl, const cafe_segments *segments, const float *logits_p, const float *logits_q);
/* Value loss 0.5 * mean (v - R)^2; with clip_coef > 0 CleanRL's clipped form 0.5 * mean max((v - R)^2,
 * (old + clip(v - old, -c, c) - R)^2), otherwise old_values may be NULL. gradient[n] = dL/dvalues, overwritten. */
double cafe_value_loss(float *gradient, const float *values, const float *old_values, const float *returns,
                       float clip_coef, int64_t count);

/* How a step ends. */
enum { CAFE_CONTINUES = 0, CAFE_TERMINATED = 1, CAFE_TRUNCATED = 2 };
/* A rollout of T steps by A actors: step t of actor a lies at t * A + a of each array [T x A]. */
typedef struct cafe_steps {
    const float *rewards, *values;
    const float *next_values; /* of the observation after the step; truncated: of the final one; terminated: not read */
    const float *discounts;   /* gamma to the power of the step's duration */
    const float *lambdas;     /* lambda, or that to the power of the step's duration */
    const uint8_t *ends;      /* a code above per step, or NULL: every step continues */
    int64_t steps, actors;
} cafe_steps;
/* Generalised advantage estimation ([Schulman16], eq. 16) on chains whose steps may last different times.
 *   delta_t = r_t + [not terminated] discount_t * next_values_t - values_t
 *   A_t = delta_t + [continues and not last] discount_t * lambda_t * A_{t+1},  returns_t = A_t + values_t
 * advantages[T x A], returns[T x A]. O(T A). */
void cafe_gae(float *advantages, float *returns, const cafe_steps *steps);

/* ---- gaussian: diagonal Gaussians, [B x Z] means and log standard deviations ------------------------------------ */

/* kl[B] = KL(p || q) in nats: sum over Z of sq - sp + (exp(2 sp) + (mp - mq)^2) / (2 exp(2 sq)) - 1/2.
 * mean_q and log_sd_q may both be NULL: the standard normal. */
void cafe_gaussian_kl(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q, const float *log_sd_q,
                      int64_t rows, int64_t width);
#ifdef __cplusplus
}
#endif
#endif
