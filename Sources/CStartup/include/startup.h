/* startup.h - what the program cafe-cli sets right about its process: environment, descriptors, signals, output.
 *
 * Linked into executables only: its first part runs before any library's own start (see startup.c).
 */
#ifndef CAFE_STARTUP_H
#define CAFE_STARTUP_H

#include <stdint.h>

/* Whether OpenMP's runtime can be given the environment variable `name` with this value: 0 for what makes it abort or
 * run away. Knows OMP_NUM_THREADS, OMP_THREAD_LIMIT and the variables of the stack's size; others pass. */
int32_t cafe_environment_sound(const char *name, const char *value);

/* Flushes standard output. 0, or the error number of whatever has failed to be written since the program
 * began; -1 where that is not known any more. */
int32_t cafe_output_flush(void);

/* From now on SIGINT, SIGTERM and SIGHUP are wishes to stop, which `cafe_interrupted` tells; a second one ends the
 * process at once, by `_exit` with 128 and its number. */
void cafe_interrupts_begin(void);

/* The number of the first signal that came, 0 while there was none. */
int32_t cafe_interrupted(void);

/* The signals end the process again, as they did before `cafe_interrupts_begin`. */
void cafe_interrupts_end(void);

#endif
