/* rows.c - what acting agents saw, packed: the rows of allowed actions, one after the other, each with its context
 * behind.
 *
 * Representation: decision i owns the rows offsets[i] ..< offsets[i + 1]; a row is candidate[D] and then
 * context[C]. The summary of a decision is its context and the mean of its candidates. Hot calls: pack,
 * once per step of a rollout, and gather, once per shard of an update; they move memory and nothing else.
 *
 * Steps of a fixed-horizon rollout lie in records: what was seen[D], then action, log-probability, advantage and return,
 * then unused room up to a multiple of 8 floats, so that a record of D <= 20 lies on two cache lines. Minibatches take
 * them in random order, and a rollout of many environments fits no cache: one array each would miss five times per row.
 */
#include "cafe.h"

#include <string.h>

enum { AHEAD = 4 }; /* decisions between asking for one and copying it */

int64_t cafe_rows_count(const uint8_t *mask, int64_t count) {
    int64_t allowed = 0;
    for (int64_t i = 0; i < count; i++) allowed += mask[i] != 0;
    return allowed;
}

int64_t cafe_rows_pack(float *rows, uint8_t *slots, int32_t *offsets, float *summary, const float *context,
                       const float *candidates, const uint8_t *mask, int64_t count, cafe_row_sizes sizes) {
    const int64_t c = sizes.context, d = sizes.candidate, k = sizes.actions;
    int64_t row = 0;
    offsets[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        const float *own = context + i * c;
        float *mean = summary + i * (c + d) + c;
        memcpy(mean - c, own, sizeof(float) * (size_t)c);
        for (int64_t j = 0; j < d; j++) mean[j] = 0;
        for (int64_t slot = 0; slot < k; slot++) {
            if (!mask[i * k + slot]) continue;
            const float *restrict from = candidates + (i * k + slot) * d;
            float *restrict to = rows + row * (c + d);
            for (int64_t j = 0; j < d; j++) {
                to[j] = from[j];
                mean[j] += from[j];
            }
            for (int64_t j = 0; j < c; j++) to[d + j] = own[j];
            slots[row++] = (uint8_t)slot;
        }
        if (row == offsets[i]) return i;
        offsets[i + 1] = (int32_t)row;
        float scale = 1 / (float)(row - offsets[i]);
        for (int64_t j = 0; j < d; j++) mean[j] *= scale;
    }
    return -1;
}

/* Asks for a decision's rows and summary before they are copied: a shuffled rollout is larger than the caches. */
static inline void fetch(const float *rows, const float *summary, int64_t floats, int64_t width) {
    for (int64_t j = 0; j < floats; j += 16) __builtin_prefetch(rows + j);
    for (int64_t j = 0; j < width; j += 16) __builtin_prefetch(summary + j);
}

void cafe_rows_gather(float *rows, uint8_t *slots, int32_t *offsets, float *summary, const float *from_rows,
                      const uint8_t *from_slots, const int32_t *from_offsets, const float *from_summary,
                      const int32_t *indices, int64_t count, cafe_row_sizes sizes) {
    const int64_t width = sizes.context + sizes.candidate;
    int64_t row = 0;
    offsets[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            int32_t later = indices[i + AHEAD];
            int64_t begin = from_offsets[later];
            fetch(from_rows + begin * width, from_summary + later * width, (from_offsets[later + 1] - begin) * width,
                  width);
        }
        int64_t first = from_offsets[indices[i]], size = from_offsets[indices[i] + 1] - first;
        memcpy(rows + row * width, from_rows + first * width, sizeof(float) * (size_t)(size * width));
        memcpy(slots + row, from_slots + first, (size_t)size);
        memcpy(summary + i * width, from_summary + indices[i] * width, sizeof(float) * (size_t)width);
        row += size;
        offsets[i + 1] = (int32_t)row;
    }
}

/* The arguments of cafe_credit_rows that are read. */
typedef struct played {
    const float *times, *rows, *summary, *payments;
    const int32_t *actions, *offsets, *items;
    cafe_row_sizes sizes;
    int32_t before, after;
} played;

static int32_t item_taken(const played *from, int64_t i) {
    return from->items[from->offsets[i] + from->actions[i]];
}

/* One decision's row of credit data; `takers` counts who took each item at its time, itself included. */
static void credit_row(float *observation, float *action, float *target, uint8_t *joined, const int32_t *takers,
                       const played *from, int64_t i) {
    const int64_t c = from->sizes.context, d = from->sizes.candidate;
    const int64_t taken = from->offsets[i] + from->actions[i];
    const int32_t item = from->items[taken];
    float others = 0, candidates = 0, money = 0;
    for (int64_t row = from->offsets[i]; row < from->offsets[i + 1]; row++) {
        if (from->items[row] < 0) continue;
        candidates += 1;
        others += (float)(takers[from->items[row]] - (row == taken));
        money += from->after < 0 ? from->payments[from->items[row]]
                                 : from->rows[row * (c + d) + (row == taken ? from->after : from->before)];
    }
    memcpy(observation, from->summary + i * (c + d), sizeof(float) * (size_t)(c + d));
    observation[c + d] = 0.25f * others / (candidates > 1 ? candidates : 1);
    observation[c + d + 1] = 0.125f * candidates;
    memcpy(action, from->rows + taken * (c + d), sizeof(float) * (size_t)d);
    action[d] = item >= 0 ? 0.25f * (float)(takers[item] - 1) : 0;
    *target = money;
    *joined = item >= 0;
}

/* The decisions begin ..< end, window by window: who took what, the rows, and all forgotten again. */
static void credit_episode(float *observations, float *actions, float *targets, uint8_t *joined, int32_t *takers,
                           const played *from, int64_t begin, int64_t end, int64_t out) {
    const int64_t o = from->sizes.context + from->sizes.candidate + 2, a = from->sizes.candidate + 1;
    for (int64_t start = begin, stop; start < end; start = stop) {
        for (stop = start; stop < end && from->times[stop] == from->times[start]; stop++)
            if (from->actions[stop] >= 0 && item_taken(from, stop) >= 0) takers[item_taken(from, stop)]++;
        for (int64_t i = start; i < stop; i++) {
            if (from->actions[i] < 0) continue;
            credit_row(observations + out * o, actions + out * a, targets + out, joined + out, takers, from, i);
            out++;
        }
        for (int64_t i = start; i < stop; i++)
            if (from->actions[i] >= 0 && item_taken(from, i) >= 0) takers[item_taken(from, i)] = 0;
    }
}

void cafe_credit_rows(float *observations, float *actions, float *targets, uint8_t *joined, int32_t *takers,
                      const float *times, const int32_t *taken, const float *rows, const int32_t *offsets,
                      const float *summary, const int32_t *items, const float *payments, cafe_row_sizes sizes,
                      int32_t before, int32_t after, const int64_t *episodes, const int64_t *firsts, int64_t count) {
    const played from = {times, rows, summary, payments, taken, offsets, items, sizes, before, after};
    int32_t threads = cafe_threads_get();
    if (threads > count) threads = (int32_t)count;
#pragma omp parallel for schedule(static, 1) num_threads(threads) if (threads > 1)
    for (int64_t e = 0; e < count; e++)
        credit_episode(observations, actions, targets, joined, takers, &from, episodes[e], episodes[e + 1], firsts[e]);
}

/* Records between asking for one and copying it; numbers of one after what was seen. */
enum { RECORDS_AHEAD = 12, SCALARS = 4, RECORD_UNIT = 8 };

int32_t cafe_record_floats(int32_t width) {
    return (width + SCALARS + RECORD_UNIT - 1) / RECORD_UNIT * RECORD_UNIT;
}

void cafe_records_pack(float *records, const float *observations, const int32_t *actions,
                       const float *log_probabilities, const float *advantages, const float *returns, int64_t count,
                       int32_t width) {
    int64_t size = cafe_record_floats(width);
    for (int64_t i = 0; i < count; i++) {
        float *to = records + i * size;
        memcpy(to, observations + i * width, sizeof(float) * (size_t)width);
        memcpy(to + width, actions + i, sizeof *actions); // the bits of an integer
        to[width + 1] = log_probabilities[i];
        to[width + 2] = advantages[i];
        to[width + 3] = returns[i];
    }
}

void cafe_records_gather(float *observations, int32_t *actions, float *log_probabilities, float *advantages,
                         float *returns, const float *records, const int32_t *indices, int64_t count, int32_t width) {
    int64_t size = cafe_record_floats(width);
    for (int64_t i = 0; i < count; i++) {
        if (i + RECORDS_AHEAD < count)
            for (int64_t at = 0; at < size; at += 16)
                __builtin_prefetch(records + indices[i + RECORDS_AHEAD] * size + at);
        const float *from = records + indices[i] * size;
        memcpy(observations + i * width, from, sizeof(float) * (size_t)width);
        memcpy(actions + i, from + width, sizeof *actions);
        log_probabilities[i] = from[width + 1];
        advantages[i] = from[width + 2];
        returns[i] = from[width + 3];
    }
}
