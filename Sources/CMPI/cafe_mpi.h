/* cafe_mpi.h - the few calls of MPI that CAFE needs, with deadlines: libcafe-mpi.so, made by `make mpi`.
 *
 * The program loads the library when it is started by mpirun or srun; nothing else of CAFE knows MPI. All calls come
 * from one thread. Sizes are bytes. A call that returns other than 0 leaves a sentence in `cafe_mpi_failure`; the group
 * cannot be used any more then, but for `cafe_mpi_abort`.
 */
#ifndef CAFE_MPI_H
#define CAFE_MPI_H

#include <stdint.h>

/* Raised where a function changes what it takes. */
#define CAFE_MPI_INTERFACE 2

/* CAFE_MPI_INTERFACE of the library. */
int32_t cafe_mpi_interface(void);

/* Joins the group of all ranks. From now on a call that has not ended after `deadline` seconds fails: rank 0 asks who
 * is there and names those that do not answer or have not come so far. */
int32_t cafe_mpi_start(double deadline);

/* This process among the others, 0 ..< size. */
int32_t cafe_mpi_rank(void);
int32_t cafe_mpi_size(void);

/* The engine and its version, one line. */
const char *cafe_mpi_engine(void);

/* Every rank's part on every rank: part r is `sizes[r]` bytes and lies behind those before it in `all`. This rank's own
 * part must lie there already. `sizes` has `cafe_mpi_size` entries and is the same on every rank. */
int32_t cafe_mpi_gather(void *all, const int64_t *sizes);

/* The `size` bytes of rank `root` on every rank. */
int32_t cafe_mpi_broadcast(void *bytes, int64_t size, int32_t root);

/* Returns when every rank has come. */
int32_t cafe_mpi_barrier(void);

/* As the barrier, without a deadline: where ranks do work whose length nobody knows. */
int32_t cafe_mpi_wait(void);

/* Leaves the group in order: waits for every rank. */
int32_t cafe_mpi_finish(void);

/* Ends the processes of all ranks with this status. */
void cafe_mpi_abort(int32_t status);

/* What went wrong in the last call that failed. */
const char *cafe_mpi_failure(void);

#endif
