/* cafe.h - the numeric core of CAFE: the whole C API, one header per subject.
 *
 * Conventions
 *   - Matrices are row-major. Networks compute in float; bandit losses, conjugate-gradient scalars, running sums
 *     and statistics in double.
 *   - The caller allocates everything; a function borrows its arguments for one call and keeps no pointer.
 *     Outputs come first, then inputs, then dimensions. `*_forward` overwrites, `*_backward` accumulates into
 *     gradients that the caller has zeroed.
 *   - Dimension letters: B batch rows, N environments, M agents, A = N*M actors, T steps, D observation width,
 *     H hidden width, K actions or arms, Z latent width, P parameters, S contexts.
 *   - The same arguments give the same bits at any thread count: work is cut into chunks whose size does not depend
 *     on the number of threads, and partial sums are added in chunk order.
 *   - Nothing allocates, prints or exits. Misuse is the caller's to prevent (the Swift layer traps with both
 *     shapes); numerical trouble comes back as a status.
 */
#ifndef CAFE_H
#define CAFE_H

#include "cafe/threads.h"  /* threads and vector kernels */
#include "cafe/random.h"   /* counter-based random numbers */
#include "cafe/nets.h"     /* multilayer perceptrons and elementary functions */
#include "cafe/policy.h"   /* packed decisions, categorical policies, Gaussians, advantages */
#include "cafe/linalg.h"   /* optimisers, conjugate gradient, eigenproblems */
#include "cafe/dispatch.h" /* the spatial index */
#include "cafe/labels.h"   /* exponential weights, votes, beta tails */
#include "cafe/games.h"    /* batched particle environments */

#endif
