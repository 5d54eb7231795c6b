/* cafe/dispatch.h - the spatial index. The conventions are in cafe.h. */
#ifndef CAFE_DISPATCH_H
#define CAFE_DISPATCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/* The grid that covers n points with about two points per cell and at most max_cells (>= 1) cells. O(n). */
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

#ifdef __cplusplus
}
#endif
#endif
