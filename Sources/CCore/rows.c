/* rows.c - what deciders saw, packed: the rows of allowed actions, one after the other, each with its context
 * behind.
 *
 * Representation: decision i owns the rows offsets[i] ..< offsets[i + 1]; a row is candidate[D] and then
 * context[C]. The summary of a decision is its context and the mean of its candidates. Hot calls: both, once
 * a step of a rollout and once a shard of an update; they move memory and nothing else.
 */
#include "cafe.h"

#include <string.h>

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

void cafe_rows_gather(float *rows, uint8_t *slots, int32_t *offsets, float *summary, const float *from_rows,
                      const uint8_t *from_slots, const int32_t *from_offsets, const float *from_summary,
                      const int32_t *indices, int64_t count, cafe_row_sizes sizes) {
    const int64_t width = sizes.context + sizes.candidate;
    int64_t row = 0;
    offsets[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t first = from_offsets[indices[i]], size = from_offsets[indices[i] + 1] - first;
        memcpy(rows + row * width, from_rows + first * width, sizeof(float) * (size_t)(size * width));
        memcpy(slots + row, from_slots + first, (size_t)size);
        memcpy(summary + i * width, from_summary + indices[i] * width, sizeof(float) * (size_t)width);
        row += size;
        offsets[i + 1] = (int32_t)row;
    }
}
