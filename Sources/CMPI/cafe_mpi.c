/* cafe_mpi.c - see cafe_mpi.h.
 *
 * Every collective is started without blocking and looked at until it has ended or its deadline is over. Who is missing
 * cannot be seen in a collective, so rank 0 asks: after half of the time it sends each rank a question on a communicator
 * of its own, which a rank that waits in the same collective answers with the number of collectives it has begun. Who
 * does not answer by the deadline, or answers with a smaller number, has not come. Nothing of this costs anything while
 * all goes well. A rank that hears no question in time says that rank 0 is missing.
 */
#define _GNU_SOURCE
#include "cafe_mpi.h"

#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { question_tag = 1, answer_tag = 2, most_at_once = 1 << 30 };

static const double briefly = 2e-3; /* seconds for which a wait does not pause */
static const double much = 1 << 16; /* bytes of a message that MPI moves in parts */
static const double slow = 100e6;   /* bytes a second: a message of a slower network is waited for with pauses */

static MPI_Comm work = MPI_COMM_NULL, control = MPI_COMM_NULL;
static int rank = 0, size = 1, started = 0;
static double deadline = 60;
static int crowded = 0;     /* more ranks share this one's processors than there are of them */
static long long begun = 0; /* collectives that this rank has begun */
static long long *heard;    /* rank 0: what each rank has answered to the present question, -1 for nothing */
static int asked = 0;       /* rank 0: the present collective's question is out */
static int questioned = 0;  /* others: a question has come during the present collective */
static char failure[2048] = "";
static char engine[MPI_MAX_LIBRARY_VERSION_STRING] = "";

int32_t cafe_mpi_interface(void) {
    return CAFE_MPI_INTERFACE;
}
int32_t cafe_mpi_rank(void) {
    return rank;
}
int32_t cafe_mpi_size(void) {
    return size;
}
const char *cafe_mpi_failure(void) {
    return failure;
}
const char *cafe_mpi_engine(void) {
    return engine;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int32_t fail(const char *what, int code) {
    char reason[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, reason, &length);
    snprintf(failure, sizeof failure, "%s: %s", what, reason);
    return -1;
}

/* A message of 8 bytes that nobody waits for. */
static void post(long long *number, int to, int tag) {
    MPI_Request request;
    if (MPI_Isend(number, 1, MPI_LONG_LONG, to, tag, control, &request) == MPI_SUCCESS) MPI_Request_free(&request);
}

/* The questions and answers of messages in flight must stay where they are. */
static long long question, answer;

/* Rank 0: asks once, and hears who has answered. */
static void ask(void) {
    if (!asked) {
        asked = 1;
        question = begun;
        for (int r = 0; r < size; r++) heard[r] = r == 0 ? begun : -1;
        for (int r = 1; r < size; r++) post(&question, r, question_tag);
    }
    for (;;) {
        int there = 0;
        MPI_Status status;
        if (MPI_Iprobe(MPI_ANY_SOURCE, answer_tag, control, &there, &status) != MPI_SUCCESS || !there) return;
        long long said = -1;
        if (MPI_Recv(&said, 1, MPI_LONG_LONG, status.MPI_SOURCE, answer_tag, control, &status) != MPI_SUCCESS) return;
        if (said > heard[status.MPI_SOURCE]) heard[status.MPI_SOURCE] = said;
    }
}

/* Others: answers the questions that have come. */
static void reply(void) {
    for (;;) {
        int there = 0;
        MPI_Status status;
        if (MPI_Iprobe(0, question_tag, control, &there, &status) != MPI_SUCCESS || !there) return;
        long long wanted = 0;
        if (MPI_Recv(&wanted, 1, MPI_LONG_LONG, 0, question_tag, control, &status) != MPI_SUCCESS) return;
        questioned = 1;
        answer = begun;
        post(&answer, 0, answer_tag);
    }
}

/* Rank 0: names who has not come. */
static void name_missing(const char *what) {
    int missing = 0, named = 0, silent = 0;
    char list[1024] = "";
    size_t used = 0;
    for (int r = 1; r < size; r++) silent += heard[r] < 0;
    for (int r = 1; r < size; r++) {
        /* Who answers from an earlier exchange may be held up there by one who does not answer. */
        if (silent ? heard[r] >= 0 : heard[r] >= begun) continue;
        missing++;
        if (used + 16 < sizeof list) {
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%d", named ? ", " : "", r);
            named++;
        }
    }
    if (missing == 0) {
        snprintf(failure, sizeof failure,
                 "%s (exchange %lld) did not end within %g s, though every rank answers: the network", what, begun,
                 deadline);
        return;
    }
    snprintf(failure, sizeof failure, "rank%s %s%s did not come to exchange %lld (%s) within %g s",
             missing > 1 ? "s" : "", list, named < missing ? ", ..." : "", begun, what, deadline);
}

/* Waits for a collective. MPI moves the parts of a long message only while it is called, so for so many seconds it is
 * called without a pause; then with pauses. Who gives the processor away may get it back milliseconds later, so that is
 * done at once only where ranks share processors. */
static int32_t wait_for(MPI_Request *request, const char *what, double busy) {
    double start = now(), looked = start;
    asked = questioned = 0;
    /* Others wait longer than rank 0, which is to say who is missing. */
    double patience = rank == 0 ? deadline : deadline * 1.25 + 2 + (rank < 50 ? 0.1 * rank : 5);
    for (long turn = 0, paused = 0;; turn++) {
        int done = 0;
        int code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS) return fail(what, code);
        if (done) return 0;
        if (turn < 40) continue;
        double time = now();
        if (paused == 0 && time - start < busy) {
            if (crowded) sched_yield();
            continue;
        }
        struct timespec pause = {0, paused++ < 4000 ? 20000 : 200000};
        nanosleep(&pause, NULL);
        time = now();
        if (time - looked < 0.02) continue;
        looked = time;
        double waited = time - start;
        if (rank != 0) reply();
        if (rank == 0 && waited > deadline / 2) ask();
        if (waited < patience) continue;
        if (rank == 0)
            name_missing(what);
        else if (questioned)
            snprintf(failure, sizeof failure, "exchange %lld (%s) did not end within %g s", begun, what, patience);
        else
            snprintf(failure, sizeof failure, "rank 0 was not heard of in exchange %lld (%s) within %g s", begun, what,
                     patience);
        return 1;
    }
}

/* Whether more ranks of this machine may use just the same processors as this one than there are of these. */
static void look_around(void) {
    MPI_Comm near;
    cpu_set_t mine;
    CPU_ZERO(&mine);
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) return;
    if (MPI_Comm_split_type(work, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &near) != MPI_SUCCESS) return;
    int ranks = 0, alike = 0;
    MPI_Comm_size(near, &ranks);
    cpu_set_t *masks = calloc((size_t)ranks, sizeof *masks);
    if (masks && MPI_Allgather(&mine, sizeof mine, MPI_BYTE, masks, sizeof mine, MPI_BYTE, near) == MPI_SUCCESS)
        for (int r = 0; r < ranks; r++) alike += CPU_EQUAL(&masks[r], &mine) != 0;
    free(masks);
    MPI_Comm_free(&near);
    crowded = alike > CPU_COUNT(&mine);
}

int32_t cafe_mpi_start(double seconds) {
    int is = 0, provided = 0;
    if (started) return 0;
    deadline = seconds;
    MPI_Initialized(&is);
    int code = is ? MPI_SUCCESS : MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (code != MPI_SUCCESS) return fail("MPI cannot be started", code);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    code = MPI_Comm_dup(MPI_COMM_WORLD, &work);
    if (code == MPI_SUCCESS) code = MPI_Comm_dup(MPI_COMM_WORLD, &control);
    if (code != MPI_SUCCESS) return fail("the ranks cannot be brought together", code);
    MPI_Comm_set_errhandler(work, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(control, MPI_ERRORS_RETURN);
    MPI_Comm_rank(work, &rank);
    MPI_Comm_size(work, &size);
    int length = 0;
    MPI_Get_library_version(engine, &length);
    engine[strcspn(engine, "\r\n")] = 0;
    look_around();
    heard = calloc((size_t)size, sizeof *heard);
    if (!heard) {
        snprintf(failure, sizeof failure, "no memory for %d ranks", size);
        return -1;
    }
    started = 1;
    return 0;
}

/* Ranks that wait for others pause. Where much is to be moved they first meet, so that nobody pauses meanwhile. */
static int32_t gather_round(void *all, const int *counts, const int *places) {
    MPI_Request request;
    begun++;
    double bytes = 0;
    for (int r = 0; r < size; r++) bytes += counts[r];
    if (bytes > much) {
        int code = MPI_Ibarrier(work, &request);
        if (code != MPI_SUCCESS) return fail("gather", code);
        int32_t ended = wait_for(&request, "gather", briefly);
        if (ended != 0) return ended;
    }
    int code = MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, counts, places, MPI_BYTE, work, &request);
    if (code != MPI_SUCCESS) return fail("gather", code);
    return wait_for(&request, "gather", briefly + bytes / slow);
}

/* Sums of bytes beyond an int: rounds with a part of each rank's, through memory of their own. */
static int32_t gather_in_rounds(char *all, const int64_t *sizes, int *counts, int *places, int64_t most) {
    int64_t chunk = most_at_once / size, rounds = (most + chunk - 1) / chunk;
    char *room = malloc((size_t)chunk * (size_t)size);
    int32_t code = room ? 0 : -1;
    if (!room) snprintf(failure, sizeof failure, "no memory for a gather of %lld bytes a rank", (long long)most);
    for (int64_t round = 0; round < rounds && code == 0; round++) {
        int64_t from = round * chunk, begin = 0, place = 0;
        for (int pass = 0; pass < 2; pass++) {
            begin = place = 0;
            for (int r = 0; r < size; r++) {
                int64_t count = sizes[r] - from;
                counts[r] = (int)(count < 0 ? 0 : count < chunk ? count : chunk);
                places[r] = (int)place;
                if (pass == 0 && r == rank) memcpy(room + place, all + begin + from, (size_t)counts[r]);
                if (pass == 1) memcpy(all + begin + from, room + place, (size_t)counts[r]);
                begin += sizes[r];
                place += counts[r];
            }
            if (pass == 0 && (code = gather_round(room, counts, places)) != 0) break;
        }
    }
    free(room);
    return code;
}

int32_t cafe_mpi_gather(void *all, const int64_t *sizes) {
    int *counts = malloc(2 * (size_t)size * sizeof *counts), *places = counts + size;
    if (!counts) {
        snprintf(failure, sizeof failure, "no memory for %d ranks", size);
        return -1;
    }
    int64_t total = 0, most = 0;
    for (int r = 0; r < size; r++) {
        counts[r] = (int)sizes[r];
        places[r] = (int)total;
        total += sizes[r];
        most = sizes[r] > most ? sizes[r] : most;
    }
    int32_t code =
        total <= most_at_once ? gather_round(all, counts, places) : gather_in_rounds(all, sizes, counts, places, most);
    free(counts);
    return code;
}

int32_t cafe_mpi_broadcast(void *bytes, int64_t length, int32_t root) {
    for (int64_t done = 0; done < length; done += most_at_once) {
        int64_t left = length - done;
        MPI_Request request;
        begun++;
        int code = MPI_Ibcast((char *)bytes + done, (int)(left < most_at_once ? left : most_at_once), MPI_BYTE, root,
                              work, &request);
        if (code != MPI_SUCCESS) return fail("broadcast", code);
        int32_t ended = wait_for(&request, "broadcast", briefly + (double)length / slow);
        if (ended != 0) return ended;
    }
    return 0;
}

int32_t cafe_mpi_barrier(void) {
    MPI_Request request;
    begun++;
    int code = MPI_Ibarrier(work, &request);
    if (code != MPI_SUCCESS) return fail("barrier", code);
    return wait_for(&request, "barrier", briefly);
}

int32_t cafe_mpi_wait(void) {
    double kept = deadline;
    deadline = 1e15;
    int32_t code = cafe_mpi_barrier();
    deadline = kept;
    return code;
}

int32_t cafe_mpi_finish(void) {
    if (!started) return 0;
    int32_t code = cafe_mpi_barrier();
    if (code != 0) return code;
    if (rank != 0) reply();
    started = 0;
    int ended = MPI_Finalize();
    return ended == MPI_SUCCESS ? 0 : fail("MPI cannot be ended", ended);
}

void cafe_mpi_abort(int32_t status) {
    MPI_Abort(MPI_COMM_WORLD, status);
    _Exit(status);
}
