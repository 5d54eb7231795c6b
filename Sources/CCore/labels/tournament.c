/* tournament.c - the least of many keys, kept in a tree of winners.
 *
 * Representation: node k's children are 2 k and 2 k + 1; positions lie in the leaves from left to right, so that a range
 * of positions is a range of nodes on each level. Hot call: cafe_tournament_repair, over a whole context after a loss.
 */
#include "cafe.h"

/* Of two positions, -1 for none, the one with the smaller key, then the smaller order. Which it is cannot be foretold, so
 * it is chosen without a jump. */
static inline int32_t winner(const double *keys, const int32_t *order, int32_t a, int32_t b) {
    if (b < 0) return a;
    if (a < 0) return b;
    double x = keys[a], y = keys[b];
    if (__builtin_expect(x == y, 0)) return order[a] < order[b] ? a : b;
    return x < y ? a : b;
}

void cafe_tournament_repair(int32_t *nodes, const double *keys, const int32_t *order, int64_t leaves, int64_t first,
                            int64_t last) {
    if (first >= last) return;
    for (int64_t low = (leaves + first) / 2, high = (leaves + last - 1) / 2; low >= 1; low /= 2, high /= 2)
        for (int64_t k = low; k <= high; k++) nodes[k] = winner(keys, order, nodes[2 * k], nodes[2 * k + 1]);
}
