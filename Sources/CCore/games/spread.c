/* spread.c - simple_spread of the multi-agent particle environments, many worlds at a time.
 *
 * Rules: [Lowe17], as PettingZoo's simple_spread_v3 fixes them. Three agents, three landmarks on the plane.
 *
 * Representation: worlds are kept in blocks of LANES, a block being COMPONENTS rows of LANES floats (structure of
 * arrays within a block), so that every line of the dynamics is one vector operation over a block's worlds. What goes
 * in and out (actions, observations, rewards) is row-major, one row per agent. Hot call: block_step.
 *
 * Sums are written out and never contracted to fused operations: the same bits on every machine.
 */
#include "cafe.h"

#include <math.h>
#include <string.h>

enum { LANES = CAFE_SPREAD_LANES, M = CAFE_SPREAD_AGENTS, WIDTH = CAFE_SPREAD_OBSERVATION, COMPONENTS = 18 };
/* Rows of a block: agent i's x is row X + i, and so on; landmark k's row LX + k. */
enum { X = 0, Y = 3, VX = 6, VY = 9, LX = 12, LY = 15 };
/* Fewer blocks than this a thread are not worth waking it. */
enum { LEAST_BLOCKS = 8 };

static const float TIME_STEP = 0.1f, KEPT_SPEED = 0.75f, PUSH = 5.0f;
static const float CONTACT_FORCE = 100.0f, CONTACT_MARGIN = 1e-3f, CONTACT_DISTANCE = 0.3f;
/* Beyond this distance the softplus of the contact force is below 1e-13 of the margin. */
static const float CONTACT_REACH = 0.33f;

#if defined(__x86_64__) && !defined(CAFE_ONE_TARGET)
#define WIDEST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDEST
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float quad __attribute__((vector_size(16)));
typedef float loose_quad __attribute__((vector_size(16), aligned(4)));

int64_t cafe_spread_state(int64_t worlds) {
    return (worlds + LANES - 1) / LANES * LANES * COMPONENTS;
}

/* Four rows of four lanes to four columns: out[l] = (a[l], b[l], c[l], d[l]). */
INLINE void transpose(quad out[4], quad a, quad b, quad c, quad d) {
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), abh = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cdh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    out[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    out[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    out[2] = __builtin_shufflevector(abh, cdh, 0, 1, 4, 5);
    out[3] = __builtin_shufflevector(abh, cdh, 2, 3, 6, 7);
}

INLINE quad load(const float *p) {
    return *(const quad *)p;
}
INLINE void store(float *p, quad q) {
    *(loose_quad *)p = q;
}

/* observations[LANES x M x WIDTH] of a whole block: own velocity and position, the landmarks and then the other
 * agents relative to oneself, and what the others say (nothing: these agents are silent). */
INLINE void block_observe(float *restrict observations, const float *restrict s) {
    const quad zero = {0, 0, 0, 0};
    for (int32_t lane = 0; lane < LANES; lane += 4) {
        const float *at = s + lane;
        for (int32_t i = 0; i < M; i++) {
            int32_t p = i == 0 ? 1 : 0, q = i == 2 ? 1 : 2;
            quad x = load(at + (X + i) * LANES), y = load(at + (Y + i) * LANES);
            quad c[4][4];
            transpose(c[0], load(at + (VX + i) * LANES), load(at + (VY + i) * LANES), x, y);
            transpose(c[1], load(at + LX * LANES) - x, load(at + LY * LANES) - y, load(at + (LX + 1) * LANES) - x,
                      load(at + (LY + 1) * LANES) - y);
            transpose(c[2], load(at + (LX + 2) * LANES) - x, load(at + (LY + 2) * LANES) - y,
                      load(at + (X + p) * LANES) - x, load(at + (Y + p) * LANES) - y);
            transpose(c[3], load(at + (X + q) * LANES) - x, load(at + (Y + q) * LANES) - y, zero, zero);
            for (int32_t l = 0; l < 4; l++) {
                float *row = observations + ((lane + l) * M + i) * WIDTH;
                store(row + 14, zero);
                store(row, c[0][l]);
                store(row + 4, c[1][l]);
                store(row + 8, c[2][l]);
                store(row + 12, c[3][l]);
            }
        }
    }
}

/* The contact force between two agents as a multiple of their difference, for those lanes that are close:
 * f = force * margin * softplus((contact distance - d) / margin) / d. */
INLINE void contact(float *restrict factor, const float *restrict squared) {
    for (int32_t l = 0; l < LANES; l++) {
        if (squared[l] >= CONTACT_REACH * CONTACT_REACH || squared[l] == 0) continue;
        float distance = sqrtf(squared[l]);
        float z = (CONTACT_DISTANCE - distance) / CONTACT_MARGIN;
        float softplus = z > 30 ? z : log1pf(expf(z));
        factor[l] = CONTACT_FORCE * CONTACT_MARGIN * softplus / distance;
    }
}

/* One step of a whole block: actions[LANES x M] in, rewards[LANES x M] and observations out. */
WIDEST static void block_step(float *restrict observations, float *restrict rewards, float *restrict s,
                              const int32_t *restrict actions) {
#pragma STDC FP_CONTRACT OFF
    float fx[M][LANES], fy[M][LANES];
    for (int32_t i = 0; i < M; i++)
        for (int32_t l = 0; l < LANES; l++) {
            int32_t a = actions[l * M + i];
            fx[i][l] = PUSH * (float)((a == 2) - (a == 1)); // 1 left, 2 right, 3 down, 4 up, 0 nothing
            fy[i][l] = PUSH * (float)((a == 4) - (a == 3));
        }
    for (int32_t i = 0; i < M; i++)
        for (int32_t j = i + 1; j < M; j++) {
            float dx[LANES], dy[LANES], squared[LANES], factor[LANES] = {0};
            int32_t close = 0;
            for (int32_t l = 0; l < LANES; l++) {
                dx[l] = s[(X + i) * LANES + l] - s[(X + j) * LANES + l];
                dy[l] = s[(Y + i) * LANES + l] - s[(Y + j) * LANES + l];
                squared[l] = dx[l] * dx[l] + dy[l] * dy[l];
                close += squared[l] < CONTACT_REACH * CONTACT_REACH;
            }
            if (close == 0) continue;
            contact(factor, squared);
            for (int32_t l = 0; l < LANES; l++) {
                fx[i][l] += factor[l] * dx[l];
                fy[i][l] += factor[l] * dy[l];
                fx[j][l] -= factor[l] * dx[l];
                fy[j][l] -= factor[l] * dy[l];
            }
        }
    for (int32_t i = 0; i < M; i++)
        for (int32_t l = 0; l < LANES; l++) {
            float *x = s + (X + i) * LANES + l, *y = s + (Y + i) * LANES + l;
            float *vx = s + (VX + i) * LANES + l, *vy = s + (VY + i) * LANES + l;
            *x = *x + *vx * TIME_STEP; // p += v dt, with the velocity before the forces
            *y = *y + *vy * TIME_STEP;
            *vx = *vx * KEPT_SPEED + fx[i][l] * TIME_STEP; // unit mass
            *vy = *vy * KEPT_SPEED + fy[i][l] * TIME_STEP;
        }

    float shared[LANES] = {0}, local[M][LANES] = {{0}};
    for (int32_t k = 0; k < M; k++)
        for (int32_t l = 0; l < LANES; l++) {
            float nearest = INFINITY;
            for (int32_t i = 0; i < M; i++) {
                float dx = s[(X + i) * LANES + l] - s[(LX + k) * LANES + l];
                float dy = s[(Y + i) * LANES + l] - s[(LY + k) * LANES + l];
                float squared = dx * dx + dy * dy;
                nearest = squared < nearest ? squared : nearest;
            }
            shared[l] -= sqrtf(nearest); // each landmark costs the distance of its nearest agent
        }
    for (int32_t i = 0; i < M; i++)
        for (int32_t j = i + 1; j < M; j++)
            for (int32_t l = 0; l < LANES; l++) {
                float dx = s[(X + i) * LANES + l] - s[(X + j) * LANES + l];
                float dy = s[(Y + i) * LANES + l] - s[(Y + j) * LANES + l];
                float hit = dx * dx + dy * dy < CONTACT_DISTANCE * CONTACT_DISTANCE ? 1.0f : 0.0f;
                local[i][l] -= hit;
                local[j][l] -= hit;
            }
    for (int32_t i = 0; i < M; i++)
        for (int32_t l = 0; l < LANES; l++) rewards[l * M + i] = 0.5f * shared[l] + 0.5f * local[i][l];
    block_observe(observations, s);
}

/* The blocks [from, to). */
static void blocks_step(float *observations, float *rewards, float *state, const int32_t *actions, int64_t from,
                        int64_t to) {
    for (int64_t b = from; b < to; b++)
        block_step(observations + b * LANES * M * WIDTH, rewards + b * LANES * M, state + b * LANES * COMPONENTS,
                   actions + b * LANES * M);
}

void cafe_spread_step(float *observations, float *rewards, float *state, const int32_t *actions, int64_t worlds) {
    int64_t blocks = worlds / LANES, rest = worlds % LANES;
    int32_t threads = blocks >= 2 * LEAST_BLOCKS ? cafe_threads_get() : 1;
    if (threads == 1) { // not `if (threads > 1)` in the pragma: libomp's serialised region costs some microseconds
        blocks_step(observations, rewards, state, actions, 0, blocks);
    } else {
        int64_t share = (blocks + threads - 1) / threads;
#pragma omp parallel for schedule(static) num_threads(threads)
        for (int32_t t = 0; t < threads; t++)
            blocks_step(observations, rewards, state, actions, t * share < blocks ? t * share : blocks,
                        (t + 1) * share < blocks ? (t + 1) * share : blocks);
    }
    if (rest > 0) {
        float seen[LANES * M * WIDTH], earned[LANES * M];
        int32_t done[LANES * M] = {0};
        memcpy(done, actions + blocks * LANES * M, (size_t)(rest * M) * sizeof *done);
        block_step(seen, earned, state + blocks * LANES * COMPONENTS, done);
        memcpy(observations + blocks * LANES * M * WIDTH, seen, (size_t)(rest * M * WIDTH) * sizeof *seen);
        memcpy(rewards + blocks * LANES * M, earned, (size_t)(rest * M) * sizeof *earned);
    }
}

void cafe_spread_observe(float *observations, const float *state, int64_t worlds) {
    int64_t blocks = worlds / LANES, rest = worlds % LANES;
    for (int64_t b = 0; b < blocks; b++)
        block_observe(observations + b * LANES * M * WIDTH, state + b * LANES * COMPONENTS);
    if (rest > 0) {
        float seen[LANES * M * WIDTH];
        block_observe(seen, state + blocks * LANES * COMPONENTS);
        memcpy(observations + blocks * LANES * M * WIDTH, seen, (size_t)(rest * M * WIDTH) * sizeof *seen);
    }
}

/* A uniform number in [-1, 1) of 24 bits. */
static float signed_unit(uint32_t bits) {
    return (float)(bits >> 8) * 0x1p-23f - 1.0f;
}

void cafe_spread_reset(float *state, uint64_t seed, uint64_t stream, uint64_t episode, int64_t worlds) {
    for (int64_t w = 0; w < (worlds + LANES - 1) / LANES * LANES; w++) {
        float *s = state + w / LANES * LANES * COMPONENTS + w % LANES;
        uint32_t bits[12];
        for (uint64_t part = 0; part < 3; part++)
            cafe_random_block(bits + 4 * part, seed, stream + (uint64_t)w, 3 * episode + part);
        for (int32_t i = 0; i < M; i++) {
            s[(X + i) * LANES] = signed_unit(bits[2 * i]);
            s[(Y + i) * LANES] = signed_unit(bits[2 * i + 1]);
            s[(VX + i) * LANES] = 0;
            s[(VY + i) * LANES] = 0;
            s[(LX + i) * LANES] = signed_unit(bits[6 + 2 * i]);
            s[(LY + i) * LANES] = signed_unit(bits[6 + 2 * i + 1]);
        }
    }
}

void cafe_spread_place(float *state, const float *agents, const float *velocities, const float *landmarks,
                       int64_t world) {
    float *s = state + world / LANES * LANES * COMPONENTS + world % LANES;
    for (int32_t i = 0; i < M; i++) {
        s[(X + i) * LANES] = agents[2 * i];
        s[(Y + i) * LANES] = agents[2 * i + 1];
        s[(VX + i) * LANES] = velocities[2 * i];
        s[(VY + i) * LANES] = velocities[2 * i + 1];
        s[(LX + i) * LANES] = landmarks[2 * i];
        s[(LY + i) * LANES] = landmarks[2 * i + 1];
    }
}
