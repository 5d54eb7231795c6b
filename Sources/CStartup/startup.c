/* startup.c - environment, descriptors, signals and standard output of the program cafe-cli.
 *
 * Two libraries decide about threads before `main`: OpenBLAS starts one on every processor as soon as it is loaded,
 * and ends the process where it may not; libomp (version 14) aborts or takes all memory on a malformed OMP_NUM_THREADS
 * or a tiny OMP_STACKSIZE. `prepare` therefore stands in .preinit_array, which the loader runs before the libraries'
 * own constructors, and starts the program again with a corrected environment where there is something to correct. Once
 * is enough: the corrected environment passes. Starting again costs as much as starting, so where OpenBLAS's variable is
 * all that is missing it takes the place of one that only shells read.
 */
#define _GNU_SOURCE
#include "startup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- before the libraries ---- */

/* A whole number from 1 to most with blanks around it; moves *text behind it. 0 where there is none. */
static int64_t whole_number(const char **text, int64_t most) {
    while (**text == ' ' || **text == '\t') ++*text;
    int64_t value = 0;
    if (**text < '0' || **text > '9') return 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        value = value * 10 + (**text - '0');
        if (value > most) return 0;
    }
    while (**text == ' ' || **text == '\t') ++*text;
    return value;
}

int32_t cafe_environment_sound(const char *name, const char *value) {
    if (strcmp(name, "OMP_NUM_THREADS") == 0 || strcmp(name, "OMP_THREAD_LIMIT") == 0) {
        for (;;) { /* a list, one number for each level of nesting */
            if (!whole_number(&value, 1 << 16)) return 0;
            if (*value == 0) return 1;
            if (*value++ != ',') return 0;
        }
    }
    if (strstr(name, "STACKSIZE")) {
        int64_t size = whole_number(&value, (int64_t)1 << 32), unit = 1024;
        switch (*value) {
        case 'b':
        case 'B':
            unit = 1;
            break;
        case 'm':
        case 'M':
            unit = 1 << 20;
            break;
        case 'g':
        case 'G':
            unit = 1 << 30;
            break;
        }
        if (*value && strchr("kKmMgG", *value)) value++;
        if (*value == 'b' || *value == 'B') value++;
        while (*value == ' ' || *value == '\t') value++;
        return *value == 0 && size > 0 && size <= ((int64_t)1 << 33) / unit && size * unit >= 1 << 18;
    }
    return 1;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1 /* the sanitizers start in .preinit_array themselves */
#endif
#endif

/* CAFE_LIBRARY: in a shared library the loader would run it in somebody else's process. */
#if defined(__linux__) && !defined(SANITIZED) && !defined(CAFE_LIBRARY)

enum { most_variables = 8192 };

static const char blas[] = "OPENBLAS_NUM_THREADS=1";

/* Whether a library can be given this variable. */
static int is_sound(const char *entry) {
    static const char *const checked[] = {"OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_STACKSIZE", "KMP_STACKSIZE",
                                          "GOMP_STACKSIZE"};
    for (size_t i = 0; i < sizeof checked / sizeof *checked; i++) {
        size_t length = strlen(checked[i]);
        if (strncmp(entry, checked[i], length) == 0 && entry[length] == '=')
            return cafe_environment_sound(checked[i], entry + length + 1);
    }
    return strncmp(entry, "OPENBLAS_NUM_THREADS=", 21) != 0 || strcmp(entry, blas) == 0;
}

static void say(const char *entry) {
    static const char before[] = "note: OpenMP cannot be given ", after[] = "; it is left out\n";
    if (write(2, before, sizeof before - 1) < 0 || write(2, entry, strlen(entry)) < 0) return;
    if (write(2, after, sizeof after - 1) < 0) return;
}

static void restart(char **argv, char **environment) {
    static char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) execve(path, argv, environment);
    execve("/proc/self/exe", argv, environment);
}

static void prepare(int argc, char **argv, char **envp) {
    /* A descriptor 0 to 2 that is closed would be given to the next file opened, which prints would then damage. One
     * that cannot be used takes its place: reading or writing it fails as it should. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
            int taken = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
            if (taken >= 0 && taken != fd) close(taken);
        }
    if (argc < 1 || !argv || !envp) return;
    static char *environment[most_variables + 2];
    int kept = 0, changed = 0, known = 0;
    char **spare = NULL;
    for (char **entry = envp; *entry; entry++) {
        if (kept == most_variables) return;
        if (!is_sound(*entry)) {
            changed = 1;
            if (strncmp(*entry, "OPENBLAS", 8) != 0) say(*entry);
            continue;
        }
        known |= strcmp(*entry, blas) == 0;
        if (strncmp(*entry, "_=", 2) == 0) spare = entry; /* the path of the program, by the shell that starts it */
        environment[kept++] = *entry;
    }
    if (!known && !changed && spare) { /* the libraries are given this very array */
        *spare = (char *)blas;
        return;
    }
    if (!known) environment[kept++] = (char *)blas, changed = 1;
    environment[kept] = NULL;
    if (changed) restart(argv, environment);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = prepare;

#endif

/* ---- standard output ---- */

int32_t cafe_output_flush(void) {
    static _Atomic int32_t seen = 0;
    errno = 0;
    if (fflush(stdout) == EOF || ferror(stdout)) {
        int32_t none = 0;
        atomic_compare_exchange_strong(&seen, &none, errno ? errno : -1);
    }
    return atomic_load(&seen);
}

/* ---- signals ---- */

static const int wishes[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t interrupted = 0;

static void take(int number) {
    if (interrupted) _exit(128 + number);
    interrupted = number;
}

static void handle(void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct sigaction before;
        /* Who runs it under nohup wants no SIGHUP. */
        if (sigaction(wishes[i], NULL, &before) == 0 && wishes[i] == SIGHUP && before.sa_handler == SIG_IGN) continue;
        sigaction(wishes[i], &action, NULL);
    }
}

void cafe_interrupts_begin(void) {
    interrupted = 0;
    handle(take);
    /* A parent may have had them blocked, as the worker threads of libdispatch have, and children inherit that. */
    sigset_t wanted;
    sigemptyset(&wanted);
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) sigaddset(&wanted, wishes[i]);
    sigprocmask(SIG_UNBLOCK, &wanted, NULL);
}

int32_t cafe_interrupted(void) {
    return (int32_t)interrupted;
}

void cafe_interrupts_end(void) {
    handle(SIG_DFL);
}
