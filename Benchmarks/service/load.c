// Annotators for the service: each keeps one connection, asks for its next question, answers it, and asks again.
// One thread, epoll, HTTP/1.1 with keep-alive. cc -O2 -o load load.c -lm
//   load PORT BASE STUDY TOKENS [--seconds S] [--rate PAIRS_PER_SECOND] [--log FILE] [--patient]
// TOKENS: a line "name token" for each annotator. Without --rate an annotator asks again at once (closed loop). With it
// each has its own schedule and a pair's time counts from its schedule, so that a slow server cannot hide (open loop).
// --patient: a lost connection is opened again and what was not acknowledged is sent again (for kills).
// --log: "Q name task question" for each question and "A name task label" for each acknowledged answer.
// Prints one JSON line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, NAME = 128 };
typedef enum { CLOSED, CONNECTING, IDLE, ASKED, ANSWERED, OVER } state_t;
typedef struct {
    char name[NAME], token[NAME], task[NAME], label[NAME];
    long long question;
    state_t state;
    int fd, tries;
    bool pending;            // an answer that is not acknowledged
    double due, sent, begun; // when to act, when the request went out, when the pair began
    size_t used;
    char *in;
    uint64_t random;
} annotator_t;
typedef struct {
    float *at;
    size_t count, room;
} series_t;

static int port, poll_fd;
static const char *base, *study;
static annotator_t *crowd;
static int people, over;
static double rate;
static bool patient;
static FILE *log_file;
static series_t nexts, answers, pairs;
static long long errors, refused, lost, waits;
static int *heap, heaped;
static volatile sig_atomic_t stopped;
static char last_code[64] = "", last_error[200] = "";

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static void add(series_t *s, double seconds) {
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 1 << 16;
        s->at = realloc(s->at, s->room * sizeof *s->at);
        if (!s->at) exit(3);
    }
    s->at[s->count++] = (float)(1000 * seconds);
}
static uint64_t draw(annotator_t *a) {
    a->random ^= a->random << 13;
    a->random ^= a->random >> 7;
    a->random ^= a->random << 17;
    return a->random;
}

// --- A heap of who acts when ------------------------------------------------------------------------------------------
static void push(int who, double due) {
    crowd[who].due = due;
    int i = heaped++;
    while (i && crowd[heap[(i - 1) / 2]].due > due) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = who;
}
static int pop(void) {
    int top = heap[0], moved = heap[--heaped], i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child >= heaped) break;
        if (child + 1 < heaped && crowd[heap[child + 1]].due < crowd[heap[child]].due) child++;
        if (crowd[heap[child]].due >= crowd[moved].due) break;
        heap[i] = heap[child];
        i = child;
    }
    if (heaped) heap[i] = moved;
    return top;
}

// --- Connections ------------------------------------------------------------------------------------------------------
static void drop(annotator_t *a, double wait) {
    if (a->fd >= 0) {
        close(a->fd);
        a->fd = -1;
    }
    a->used = 0;
    a->state = CLOSED;
    push((int)(a - crowd), now() + wait);
}
static void connect_to(annotator_t *a) {
    a->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (a->fd < 0) {
        perror("socket");
        exit(3);
    }
    int one = 1;
    setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(a->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        lost++;
        drop(a, .02);
        return;
    }
    a->state = CONNECTING;
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)(a - crowd)};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, a->fd, &event);
}
static void send_all(annotator_t *a, const char *text, size_t size) {
    a->sent = now();
    if (send(a->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size) {
        lost++;
        drop(a, .02);
    }
}
static void request(annotator_t *a, const char *verb, const char *body) {
    char text[2048];
    int size = snprintf(text, sizeof text,
                        "POST %s/v1/studies/%s/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer "
                        "%s\r\n%sContent-Length: %zu\r\n\r\n%s",
                        base, study, verb, port, a->token, *body ? "Content-Type: application/json\r\n" : "",
                        strlen(body), body);
    a->state = *body ? ANSWERED : ASKED;
    send_all(a, text, (size_t)size);
}
static void send_answer(annotator_t *a) {
    char body[512];
    snprintf(body, sizeof body, "{\"question\":%lld,\"label\":\"%s\"}", a->question, a->label);
    request(a, "answers", body);
}
static void act(annotator_t *a) {
    if (a->state == CLOSED) {
        connect_to(a);
        return;
    }
    if (a->pending) {
        send_answer(a);
        return;
    }
    a->begun = rate > 0 && a->due > 0 ? a->due : now();
    request(a, "next", "");
}
static void next_pair(annotator_t *a) {
    a->state = IDLE;
    if (rate <= 0) {
        act(a);
        return;
    }
    double step = people / rate, due = a->begun + step;
    push((int)(a - crowd), due);
}

// --- Reading answers --------------------------------------------------------------------------------------------------
static bool text_of(const char *body, const char *key, char *out) {
    const char *found = strstr(body, key);
    if (!found) return false;
    found += strlen(key);
    size_t n = 0;
    while (found[n] && found[n] != '"' && n + 1 < NAME) {
        out[n] = found[n];
        n++;
    }
    out[n] = 0;
    return true;
}
// The task's true class by a hash, with probability 3/4; any class otherwise.
static void choose(annotator_t *a, const char *body) {
    const char *at = strstr(body, "\"classes\":[");
    if (!at) {
        a->label[0] = 0;
        return;
    }
    at += 11;
    const char *starts[64];
    int count = 0;
    for (const char *c = at; *c && *c != ']' && count < 64; c++) {
        if (*c != '"') continue;
        starts[count++] = c + 1;
        c = strchr(c + 1, '"');
        if (!c) break;
    }
    if (!count) {
        a->label[0] = 0;
        return;
    }
    uint64_t hash = 1469598103934665603u;
    for (const char *c = a->task; *c; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    uint64_t r = draw(a);
    const char *start = starts[(r & 3) ? hash % (uint64_t)count : (r >> 8) % (uint64_t)count];
    size_t n = 0;
    while (start[n] != '"' && n + 1 < NAME) {
        a->label[n] = start[n];
        n++;
    }
    a->label[n] = 0;
}
static void understand(annotator_t *a, int status, const char *body) {
    double t = now();
    if (status != 200) {
        refused++;
        snprintf(last_error, sizeof last_error, "%d %.150s", status, body);
        if (status >= 500 || status == 429) {
            a->state = IDLE;
            push((int)(a - crowd), t + .05);
            return;
        }
        a->pending = false;
        if (++a->tries > 100) {
            a->state = OVER;
            over++;
            return;
        }
        next_pair(a);
        return;
    }
    if (a->state == ANSWERED) {
        add(&answers, t - a->sent);
        add(&pairs, t - a->begun);
        if (log_file) fprintf(log_file, "A %s %s %s\n", a->name, a->task, a->label);
        a->pending = false;
        next_pair(a);
        return;
    }
    add(&nexts, t - a->sent);
    const char *question = strstr(body, "\"question\":{");
    const char *id = question ? strstr(question, "\"id\":") : NULL;
    if (id && text_of(question, "\"task\":\"", a->task)) {
        a->question = strtoll(id + 5, NULL, 10);
        choose(a, question);
        if (log_file) fprintf(log_file, "Q %s %s %lld\n", a->name, a->task, a->question);
        a->pending = true;
        send_answer(a);
        return;
    }
    nexts.count--;
    char code[NAME] = "?";
    text_of(body, "\"code\":\"", code);
    if (!strcmp(code, "wait")) {
        waits++;
        a->state = IDLE;
        push((int)(a - crowd), t + .05);
        return;
    }
    snprintf(last_code, sizeof last_code, "%s", code);
    a->state = OVER;
    over++;
    close(a->fd);
    a->fd = -1;
}
static void readable(annotator_t *a) {
    for (;;) {
        ssize_t got = recv(a->fd, a->in + a->used, BUFFER - 1 - a->used, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            lost++;
            if (!patient) {
                errors++;
                a->state = OVER;
                over++;
                close(a->fd);
                a->fd = -1;
                return;
            }
            drop(a, .02);
            return;
        }
        a->used += (size_t)got;
        a->in[a->used] = 0;
        char *end = strstr(a->in, "\r\n\r\n");
        if (!end) {
            if (a->used >= BUFFER - 1) {
                errors++;
                drop(a, .1);
                return;
            }
            continue;
        }
        char *length = strcasestr(a->in, "\r\ncontent-length:");
        if (!length || length > end) {
            errors++;
            snprintf(last_error, sizeof last_error, "no content-length");
            drop(a, .1);
            return;
        }
        size_t size = strtoul(length + 17, NULL, 10), whole = (size_t)(end + 4 - a->in) + size;
        if (whole >= BUFFER) {
            errors++;
            drop(a, .1);
            return;
        }
        if (a->used < whole) continue;
        int status = atoi(a->in + 9);
        a->used = 0;
        understand(a, status, end + 4);
        if (a->state != ASKED && a->state != ANSWERED) return;
    }
}

// --- The report -------------------------------------------------------------------------------------------------------
static int by_size(const void *x, const void *y) {
    float a = *(const float *)x, b = *(const float *)y;
    return (a > b) - (a < b);
}
static void report(const char *name, series_t *s) {
    if (s->count) qsort(s->at, s->count, sizeof *s->at, by_size);
    printf(",\"%s\":{\"count\":%zu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", name, s->count,
           s->count ? s->at[s->count / 2] : 0, s->count ? s->at[s->count * 9 / 10] : 0,
           s->count ? s->at[(size_t)((double)s->count * .99)] : 0, s->count ? s->at[s->count - 1] : 0);
}

static void stop(int number) {
    (void)number;
    stopped = 1;
}

int main(int count, char **words) {
    if (count < 5) {
        fprintf(stderr, "load PORT BASE STUDY TOKENS [--seconds S] [--rate R] [--log FILE] [--patient]\n");
        return 64;
    }
    port = atoi(words[1]);
    base = words[2];
    study = words[3];
    double seconds = 10;
    for (int i = 5; i < count; i++) {
        if (!strcmp(words[i], "--patient"))
            patient = true;
        else if (i + 1 < count && !strcmp(words[i], "--seconds"))
            seconds = atof(words[++i]);
        else if (i + 1 < count && !strcmp(words[i], "--rate"))
            rate = atof(words[++i]);
        else if (i + 1 < count && !strcmp(words[i], "--log")) {
            log_file = fopen(words[++i], "a");
            if (!log_file) {
                perror("log");
                return 1;
            }
        } else {
            fprintf(stderr, "load: what is %s?\n", words[i]);
            return 64;
        }
    }
    FILE *file = fopen(words[4], "r");
    if (!file) {
        perror(words[4]);
        return 1;
    }
    int room = 0;
    char name[NAME], token[NAME];
    while (fscanf(file, "%127s %127s", name, token) == 2) {
        if (people == room) {
            room = room ? 2 * room : 64;
            crowd = realloc(crowd, (size_t)room * sizeof *crowd);
            if (!crowd) return 3;
        }
        annotator_t *a = &crowd[people++];
        memset(a, 0, sizeof *a);
        strcpy(a->name, name);
        strcpy(a->token, token);
        a->fd = -1;
        a->random = 88172645463325252u + 7919u * (uint64_t)people;
        for (int k = 0; k < 20; k++) draw(a);
        a->in = malloc(BUFFER);
        if (!a->in) return 3;
    }
    fclose(file);
    if (!people) {
        fprintf(stderr, "load: nobody in %s\n", words[4]);
        return 1;
    }
    heap = malloc((size_t)people * sizeof *heap);
    poll_fd = epoll_create1(0);
    signal(SIGTERM, stop);
    double began = now(), end = began + seconds;
    for (int i = 0; i < people; i++) {
        crowd[i].state = CLOSED;
        push(i, began + (rate > 0 ? i / rate : 0));
    }
    struct epoll_event events[512];
    while (!stopped && over < people && now() < end) {
        double t = now();
        while (heaped && crowd[heap[0]].due <= t) act(&crowd[pop()]);
        double wait = heaped ? crowd[heap[0]].due - now() : .1;
        struct timespec pause = {.tv_nsec = wait <= 0 ? 0 : wait > .1 ? 100000000 : (long)(1e9 * wait)};
        int ready = epoll_pwait2(poll_fd, events, 512, &pause, NULL);
        for (int i = 0; i < ready; i++) {
            annotator_t *a = &crowd[events[i].data.u32];
            if (a->fd < 0) continue;
            if (a->state == CONNECTING) {
                int fault = 0;
                socklen_t size = sizeof fault;
                getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &fault, &size);
                if (fault) {
                    lost++;
                    drop(a, .02);
                    continue;
                }
                struct epoll_event event = {.events = EPOLLIN, .data.u32 = events[i].data.u32};
                epoll_ctl(poll_fd, EPOLL_CTL_MOD, a->fd, &event);
                a->state = IDLE;
                act(a);
            } else
                readable(a);
        }
    }
    double took = now() - began;
    if (log_file) fclose(log_file);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    printf("{\"annotators\":%d,\"seconds\":%.2f,\"pairs_per_second\":%.1f,\"rate\":%.1f", people, took,
           (double)pairs.count / took, rate);
    report("next", &nexts);
    report("answer", &answers);
    report("pair", &pairs);
    printf(",\"refused\":%lld,\"errors\":%lld,\"connections_lost\":%lld,\"waits\":%lld,\"over\":%d,\"code\":\"%s\","
           "\"load_cpu_share\":%.3f}\n",
           refused, errors, lost, waits, over, last_code, cpu / took);
    if (*last_error) fprintf(stderr, "load: last refusal: %s\n", last_error);
    return 0;
}
