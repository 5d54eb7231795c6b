/* cafe_api.h - the C ABI of CAFE's library: what Python and every other language calls. One shared library, libcafe.so.
 *
 * Conventions
 *   - Functions that can fail return 0, or NULL where a pointer is wanted; success is 1 or a pointer. cafe_api_error()
 *     then gives a sentence for the calling thread. Nothing is written where a call fails.
 *   - Handles are opaque and owned by the caller, who frees them once. A handle is used by one thread at a time;
 *     different handles may be used by different threads.
 *   - Strings are UTF-8, ended by 0. Strings that are returned are freed with cafe_api_free.
 *   - Arrays are row-major and the caller's; the library keeps no pointer after a call.
 *   - The same seed, episode and actions give the same bits as the Swift library, at any number of threads.
 *   - CAFE_API_VERSION grows by one when a function is added, and its hundreds when one is changed or removed: a
 *     program made for version v works with a library of version w where w / 100 == v / 100 and w >= v.
 */
#ifndef CAFE_API_H
#define CAFE_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAFE_API_VERSION 100

/* The version of this interface that the library has. */
int32_t cafe_api_version(void);
/* The calling thread's last error, "" if there was none. Valid until the thread's next call. */
const char *cafe_api_error(void);
/* Frees a string that the library returned. NULL is allowed. */
void cafe_api_free(char *text);
/* How many threads kernels use; 0 or less asks for one per available processor. Results do not depend on it. */
void cafe_api_threads(int32_t count);
/* One JSON document in, one out. `verb` is one of those that cafe_api_call("verbs", "{}") lists; docs/python.md has their
 * documents. "dispatch", "check" and "recommend" take the requests of docs/api.md; what is wrong with a request is a
 * document too, with a code other than 0. Policies stay loaded for the calling thread. "evaluate" gives the document of
 * `cafe-cli evaluate --json`. O(the verb's work). */
char *cafe_api_call(const char *verb, const char *json);

/* ---- dispatch game ---------------------------------------------------------------------------------------------- */

/* N games of collaborative spatial crowdsourcing in step, M agents (workers) each. */
typedef struct cafe_games cafe_games;

/* The sizes of a batch. An observation has O = C + K * D numbers: the context row, then a row for each action; action 0
 * is "stay", action a > 0 the a-th candidate task. */
typedef struct cafe_games_shape {
    int64_t games;     /* N */
    int64_t agents;    /* M */
    int64_t actions;   /* K */
    int64_t context;   /* C */
    int64_t candidate; /* D */
    int64_t state;     /* S: width of the state of a game, for centralised critics */
} cafe_games_shape;

/* What a game has come to. */
typedef struct cafe_game_status {
    double now;      /* minutes since the day's start */
    double revenue;  /* all payments so far, in the scenario's money */
    int64_t tasks;   /* tasks of the episode */
    int64_t ended;   /* tasks that have ended so far */
    int64_t open;    /* tasks that are open now */
    int64_t acting;  /* agents with a choice now */
    int64_t illegal; /* illegal actions since the episode began; each counted as 0, "stay" */
    int64_t episode; /* the number of the episode */
} cafe_game_status;

/* Games of a scenario. json: {"scenario": NAME or path of a YAML file, "tasks": 200, "workers": 50, "games": 1,
 * "candidates": 8, "window": 1, "teamCap": 50, "showPosition": false, "reward": "team" | "share" | "difference",
 * "split": "training" | "evaluation"}. Split "evaluation" plays the episodes of `cafe-cli evaluate`, to test what was
 * trained on the others.
 * Reward "team" gives each agent what the platform earned in the step; "share" gives the members of a team their parts
 * of its payment by work done; "difference" the payment less what the team would have earned without the agent. */
cafe_games *cafe_games_create(const char *json);
void cafe_games_free(cafe_games *games);
int32_t cafe_games_get_shape(cafe_games *games, cafe_games_shape *shape);
/* Starts episode `episode` >= 0 of `seed` in game `game`; the numbers are those of the split: evaluations never play
 * what is trained on. O(tasks + workers). */
int32_t cafe_games_reset(cafe_games *games, int64_t game, uint64_t seed, int64_t episode);
/* What all agents see: observations[N x M x O] and mask[N x M x K], 1 for an allowed action. Who has no choice sees
 * zeros, and may only stay. O(N (agents + acting agents * O)). */
int32_t cafe_games_observe(cafe_games *games, float *observations, int8_t *mask);
/* state[N x S]: time, revenue, shares of open tasks and idle workers; per worker whether it is on shift and idle, its
 * place and the time until it is free; counts of understaffed tasks and idle workers on an 8 x 8 grid. */
int32_t cafe_games_state(cafe_games *games, float *state);
/* Plays actions[N x M] for one window. Illegal actions count as 0. Writes rewards[N x M] (float), ended[N] (1: the game
 * has ended by itself), and, with autoreset 1, begins the next episode of a game that has ended (its number grows by N).
 * final_observations[N x M x O], where not NULL, receives what agents of ended games saw last. Games run on separate
 * threads. */
int32_t cafe_games_step(cafe_games *games, const int32_t *actions, float *rewards, uint8_t *ended, int32_t autoreset,
                        float *final_observations);
int32_t cafe_games_get_status(cafe_games *games, int64_t game, cafe_game_status *status);

/* ---- simple_spread ---------------------------------------------------------------------------------------------- */

/* N worlds of simple_spread_v3: 3 agents, 5 actions, 18 numbers each, episodes of `horizon` steps. */
typedef struct cafe_spread_worlds cafe_spread_worlds;

cafe_spread_worlds *cafe_spread_create(int64_t worlds, int64_t horizon);
void cafe_spread_free(cafe_spread_worlds *worlds);
/* Begins episode 0 of `seed`: observations[N x 3 x 18]. */
int32_t cafe_spread_begin(cafe_spread_worlds *worlds, uint64_t seed, float *observations);
/* Plays actions[N x 3]; after the last step of an episode truncated[N] is 1, observations are those of the next episode,
 * and final_observations[N x 3 x 18] (not NULL) holds the last ones. rewards[N x 3]. */
int32_t cafe_spread_play(cafe_spread_worlds *worlds, const int32_t *actions, float *observations, float *rewards,
                         uint8_t *truncated, float *final_observations);

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* Aggregates n labels: tasks[n] in 0 ..< N, workers[n] in 0 ..< K, labels[n] in 0 ..< C, in any order. json:
 * {"method": NAME, "seed": 0, "iterations": 100, "tolerance": 1e-5, "restarts": 10, "smoothing": 0.01}; numbers that a
 * method has no use for are refused. "soft": {"models": [NAME], "tasks": [i], "rows": [m], "probabilities": [[p]],
 * "families": [f]} is what models say, for ds, ds-ml, one-coin, bcc and pooled: row r is of task tasks[r] by model rows[r],
 * C numbers that sum to 1; families, which may be left out, one number a model. The answer has their names in "models" and
 * their weights in "softWeights" then. posterior[N x C] receives probabilities, winner[N] the class of each task;
 * errors[K x C x C], where not NULL and the method has confusion matrices, P(label l | class c) at [worker, c, l];
 * skills[K], where not NULL, one number a worker for the methods that have one. Returns a JSON document with what is known
 * of the fit. */
char *cafe_labels_aggregate(const char *json, int64_t n, const int32_t *tasks, const int32_t *workers,
                            const int32_t *labels, int64_t task_count, int64_t worker_count, int64_t class_count,
                            double *posterior, int64_t *winner, double *errors, double *skills);

/* A live session of label collection in a folder. */
typedef struct cafe_session cafe_session;

/* Opens a session that `cafe-cli label init` or verb "label.init" made. */
cafe_session *cafe_session_open(const char *folder);
void cafe_session_close(cafe_session *session);
/* One JSON document in, one out; `verb` is next, record, decline, expire, status, labels, raw, join, gold, budget, bar or
 * unbar. Each decision and answer is on the disk before the call returns. */
char *cafe_session_call(cafe_session *session, const char *verb, const char *json);

#ifdef __cplusplus
}
#endif
#endif
