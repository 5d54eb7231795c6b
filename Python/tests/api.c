/* A C program over cafe_api.h: an episode of "take the first task that is allowed", labels, and errors. */
#include "cafe_api.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    assert(cafe_api_version() == CAFE_API_VERSION);
    cafe_games *games = cafe_games_create("{\"tasks\": 30, \"workers\": 8, \"games\": 2}");
    assert(games && !strcmp(cafe_api_error(), ""));
    cafe_games_shape s;
    assert(cafe_games_get_shape(games, &s) && s.games == 2 && s.agents == 8 && s.actions == 9);
    int64_t width = s.context + s.actions * s.candidate;
    float *seen = calloc((size_t)(s.games * s.agents * width), sizeof *seen);
    int8_t *mask = calloc((size_t)(s.games * s.agents * s.actions), 1);
    int32_t *actions = calloc((size_t)(s.games * s.agents), sizeof *actions);
    float *rewards = calloc((size_t)(s.games * s.agents), sizeof *rewards);
    uint8_t ended[2] = {0, 0};
    double paid = 0;
    for (int64_t g = 0; g < s.games; g++) assert(cafe_games_reset(games, g, 7, g));
    for (int step = 0; step < 400 && !(ended[0] && ended[1]); step++) {
        assert(cafe_games_observe(games, seen, mask));
        for (int64_t row = 0; row < s.games * s.agents; row++) actions[row] = mask[row * s.actions + 1];
        assert(cafe_games_step(games, actions, rewards, ended, 0, NULL));
        paid += rewards[0];
    }
    cafe_game_status status;
    assert(cafe_games_get_status(games, 0, &status) && ended[0] && status.ended == 30 && status.illegal == 0);
    assert(paid > 0 && paid - status.revenue < 1e-3 && status.revenue - paid < 1e-3);
    assert(!cafe_games_reset(games, 2, 7, 0) && strstr(cafe_api_error(), "game 2"));
    cafe_games_free(games);
    assert(!cafe_games_create("{\"task\": 3}") && strstr(cafe_api_error(), "did you mean 'tasks'"));
    assert(!cafe_games_create("{") && strlen(cafe_api_error()) > 0);

    char *report = cafe_api_call("evaluate", "{\"policies\": [\"greedy\", \"coalition\"], \"tasks\": 20, \"workers\": 6, "
                                             "\"episodes\": 2}");
    assert(report && strstr(report, "\"minus_first\"") && strstr(report, "\"warnings\":[]"));
    cafe_api_free(report);
    assert(!cafe_api_call("evaluate", "{\"policies\": [\"gredy\"]}") && strstr(cafe_api_error(), "did you mean 'greedy'"));
    assert(!cafe_api_call("evaluat", "{}") && strstr(cafe_api_error(), "did you mean 'evaluate'"));

    int32_t tasks[] = {0, 0, 0, 1, 1, 1}, workers[] = {0, 1, 2, 0, 1, 2}, labels[] = {0, 0, 1, 1, 1, 1};
    double posterior[4];
    int64_t winner[2];
    report = cafe_labels_aggregate("{\"method\": \"mv\"}", 6, tasks, workers, labels, 2, 3, 2, posterior, winner,
                                         NULL, NULL);
    assert(report && winner[0] == 0 && winner[1] == 1);
    cafe_api_free(report);
    labels[3] = 9;
    assert(!cafe_labels_aggregate("{\"method\": \"mv\"}", 6, tasks, workers, labels, 2, 3, 2, posterior, winner, NULL,
                                  NULL) &&
           strstr(cafe_api_error(), "labels[3]"));
    free(seen), free(mask), free(actions), free(rewards);
    puts("cafe_api.h: all checks passed");
    return 0;
}
