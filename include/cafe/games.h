/* cafe/games.h - batched particle environments. The conventions are in cafe.h. */
#ifndef CAFE_GAMES_H
#define CAFE_GAMES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- spread: simple_spread of the multi-agent particle environments ------------------------------------------------ */

/* M agents per world, K actions (nothing, left, right, down, up), the width of an observation, and how many worlds lie
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

#ifdef __cplusplus
}
#endif
#endif
