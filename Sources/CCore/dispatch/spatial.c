/* spatial.c - the k nearest qualified, reachable, still useful points of the plane, by Manhattan distance.
 *
 * Representation: the caller keeps the points as columns (x, y, skill bits, latest useful arrival); a uniform
 * grid holds their indices sorted by cell (start, order), and place and skill of each once more in that order
 * (cafe_placed), so that a row of cells is read in one sweep. `latest` may change at any time without a rebuild:
 * minus infinity takes a point out. Hot call: cafe_spatial_nearest for many points, cafe_spatial_nearest_scan
 * for few (below a few hundred the straight scan wins).
 */
#include "cafe.h"

#include <math.h>

static inline int32_t cell_index(double value, double origin, double cell, int32_t count) {
    double position = floor((value - origin) / cell);
    if (!(position > 0)) return 0;
    return position < count - 1 ? (int32_t)position : count - 1;
}

cafe_grid cafe_spatial_grid(const double *x, const double *y, int32_t n, int32_t max_cells) {
    cafe_grid grid = {0, 0, 1, 1, 1};
    if (n == 0) return grid;
    double x_low = x[0], x_high = x[0], y_low = y[0], y_high = y[0];
    for (int32_t i = 1; i < n; i++) {
        x_low = fmin(x_low, x[i]), x_high = fmax(x_high, x[i]);
        y_low = fmin(y_low, y[i]), y_high = fmax(y_high, y[i]);
    }
    double width = x_high - x_low, height = y_high - y_low;
    int32_t cells = n / 2 < max_cells ? n / 2 : max_cells;
    grid.x = x_low, grid.y = y_low;
    /* Places more than 1.8e308 apart, or without a distance, have no cells either. */
    if (cells < 2 || !(fmax(width, height) > 0) || !isfinite(width + height)) {
        grid.cell = fmax(fmax(width, height), 1);
        return grid;
    }
    /* columns * rows <= cells: the side of a cell from the area, but no cell thinner than the longer side /
     * cells. */
    double cell = fmax(sqrt(width * height / cells), fmax(width, height) / cells);
    for (;;) {
        double columns = floor(width / cell) + 1, rows = floor(height / cell) + 1;
        if (columns * rows <= cells) {
            grid.cell = cell, grid.columns = (int32_t)columns, grid.rows = (int32_t)rows;
            return grid;
        }
        cell *= 1.05;
    }
}

void cafe_spatial_build(int32_t *start, int32_t *order, cafe_placed *placed, const double *x, const double *y,
                        const uint64_t *skill, int32_t n, cafe_grid grid) {
    int32_t cells = grid.columns * grid.rows;
    for (int32_t c = 0; c <= cells; c++) start[c] = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t c = cell_index(y[i], grid.y, grid.cell, grid.rows) * grid.columns +
                    cell_index(x[i], grid.x, grid.cell, grid.columns);
        start[c + 1]++;
    }
    for (int32_t c = 0; c < cells; c++) start[c + 1] += start[c];
    for (int32_t i = 0; i < n; i++) {
        int32_t c = cell_index(y[i], grid.y, grid.cell, grid.rows) * grid.columns +
                    cell_index(x[i], grid.x, grid.cell, grid.columns);
        placed[start[c]] = (cafe_placed){x[i], y[i], skill[i]};
        order[start[c]++] = i;
    }
    for (int32_t c = cells; c > 0; c--) start[c] = start[c - 1];
    start[0] = 0;
}

/* Puts point i into the list of the k nearest if it is allowed and near enough; returns the new length. */
static inline int32_t offer(int32_t *found, double *distance, int32_t count, int32_t k, int32_t i, double x, double y,
                            uint64_t skill, double latest, const cafe_traveller *who) {
    double d = fabs(x - who->x) + fabs(y - who->y);
    if (!(skill & who->skills) || d > who->reach) return count;
    if (count == k && (d > distance[k - 1] || (d == distance[k - 1] && i > found[k - 1]))) return count;
    if (!(who->now + d / who->speed < latest)) return count;
    int32_t slot = count < k ? count : k - 1;
    while (slot > 0 && (distance[slot - 1] > d || (distance[slot - 1] == d && found[slot - 1] > i))) {
        distance[slot] = distance[slot - 1];
        found[slot] = found[slot - 1];
        slot--;
    }
    distance[slot] = d;
    found[slot] = i;
    return count < k ? count + 1 : k;
}

/* Offers the points first ..< end of the grid's order. */
static inline int32_t offer_all(int32_t *found, double *distance, int32_t count, int32_t k, int32_t first, int32_t end,
                                const int32_t *order, const cafe_placed *placed, const double *latest,
                                const cafe_traveller *who) {
    for (int32_t at = first; at < end; at++) {
        const cafe_placed *point = placed + at;
        if (!(point->skill & who->skills)) continue;
        int32_t i = order[at];
        count = offer(found, distance, count, k, i, point->x, point->y, point->skill, latest[i], who);
    }
    return count;
}

int32_t cafe_spatial_nearest(int32_t *found, double *distance, const int32_t *start, const int32_t *order,
                             const cafe_placed *placed, const double *latest, cafe_grid grid, cafe_traveller who,
                             int32_t k) {
    int32_t count = 0;
    if (k <= 0) return 0;
    /* The home cell may lie outside the grid: rings are counted in unclamped cells. */
    double home_x = floor((who.x - grid.x) / grid.cell), home_y = floor((who.y - grid.y) / grid.cell);
    double outside_x = fmax(fmax(-home_x, home_x - (grid.columns - 1)), 0);
    double outside_y = fmax(fmax(-home_y, home_y - (grid.rows - 1)), 0);
    double first = fmax(outside_x, outside_y);
    double last = fmax(fmax(home_x, grid.columns - 1 - home_x), fmax(home_y, grid.rows - 1 - home_y));
    /* Rings this far out cannot be counted: all points are about as far away. */
    if (!(last < 0x1p52))
        return offer_all(found, distance, 0, k, 0, start[(int64_t)grid.rows * grid.columns], order, placed, latest,
                         &who);
    for (double ring = first; ring <= last; ring++) {
        /* Any point of this ring is at least (ring - 1) cells and the rest of the home cell away. */
        double nearest = (ring - 1) * grid.cell;
        if (nearest > who.reach || (count == k && nearest > distance[k - 1])) break;
        int32_t row_low = (int32_t)fmax(home_y - ring, 0), row_high = (int32_t)fmin(home_y + ring, grid.rows - 1);
        double left = home_x - ring, right = home_x + ring;
        int32_t low = (int32_t)fmax(left, 0), high = (int32_t)fmin(right, grid.columns - 1);
        for (int32_t row = row_low; row <= row_high; row++) {
            const int32_t *cells = start + (int64_t)row * grid.columns;
            /* The first and last row of a ring are whole, the others only their two ends. */
            if ((double)row == home_y - ring || (double)row == home_y + ring) {
                if (low <= high)
                    count =
                        offer_all(found, distance, count, k, cells[low], cells[high + 1], order, placed, latest, &who);
                continue;
            }
            if (left >= 0)
                count = offer_all(found, distance, count, k, cells[low], cells[low + 1], order, placed, latest, &who);
            if (right < grid.columns)
                count = offer_all(found, distance, count, k, cells[high], cells[high + 1], order, placed, latest, &who);
        }
    }
    return count;
}

int32_t cafe_spatial_nearest_scan(int32_t *found, double *distance, const double *x, const double *y,
                                  const uint64_t *skill, const double *latest, int32_t n, cafe_traveller who,
                                  int32_t k) {
    int32_t count = 0;
    if (k <= 0) return 0;
    for (int32_t i = 0; i < n; i++) count = offer(found, distance, count, k, i, x[i], y[i], skill[i], latest[i], &who);
    return count;
}

int32_t cafe_spatial_count(const int32_t *start, const int32_t *order, const cafe_placed *placed, const double *latest,
                           cafe_grid grid, double x0, double y0, double radius, uint64_t skills, double now) {
    int32_t count = 0;
    int32_t column_low = cell_index(x0 - radius, grid.x, grid.cell, grid.columns);
    int32_t column_high = cell_index(x0 + radius, grid.x, grid.cell, grid.columns);
    int32_t row_low = cell_index(y0 - radius, grid.y, grid.cell, grid.rows);
    int32_t row_high = cell_index(y0 + radius, grid.y, grid.cell, grid.rows);
    for (int32_t row = row_low; row <= row_high; row++) {
        int32_t first = start[row * grid.columns + column_low], end = start[row * grid.columns + column_high + 1];
        for (int32_t at = first; at < end; at++) {
            double d = fabs(placed[at].x - x0) + fabs(placed[at].y - y0);
            count += (placed[at].skill & skills) != 0 && d <= radius && latest[order[at]] > now;
        }
    }
    return count;
}

int32_t cafe_spatial_count_scan(const double *x, const double *y, const uint64_t *skill, const double *latest,
                                int32_t n, double x0, double y0, double radius, uint64_t skills, double now) {
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) {
        double d = fabs(x[i] - x0) + fabs(y[i] - y0);
        count += (skill[i] & skills) != 0 && d <= radius && latest[i] > now;
    }
    return count;
}
