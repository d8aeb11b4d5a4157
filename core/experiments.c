#include "core/experiments.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/experiments_data.h"
#include "core/file.h"
#include "core/platform.h"

/* A run in a process of its own. */
struct child {
    pid_t process;  /* 0: none */
    int descriptor; /* where its last words come from */
};

struct batch_state {
    const struct experiments_request *request;
    struct experiments_outcome *outcome;
    struct experiments_plan plan;
    struct batch_data data;
    int lock;
    struct child *children; /* (total) */
    int running;
    volatile sig_atomic_t *stop; /* in memory shared with the children */
};

/* Builds every model that goes with the first config's data, so that a mistake in the last config shows now. */
static int check_models(struct batch_state *state, struct error *error) {
    if (state->plan.total == 0) return 0;
    const struct workshop *workshop = state->request->workshop;
    const struct data_splits *splits = &state->data.splits;
    if (batch_data_provide(&state->data, workshop, &state->plan.entries[0].config, error) != 0) return -1;
    for (int c = 0; c < state->plan.config_count; c++) {
        const struct config *config = &state->plan.entries[(ptrdiff_t)c * state->plan.seed_count].config;
        if (!batch_data_fits(&state->data, workshop, config)) continue;
        struct shape images = run_image_shape(&splits->train), input;
        struct model model;
        if (config_input_shape(config, &images, &input, error) != 0) return -1;
        if (run_build_model(config, &input, splits->classes, &model, error) != 0) return -1;
        model_free(&model);
    }
    return 0;
}

/* ---- reports ---- */

struct evidence {
    struct run_result *results;
    struct predictions *predictions;
    struct history *histories;
    struct comparison_run *runs;
    int count;
};

static void free_evidence(struct evidence *evidence) {
    for (int i = 0; i < evidence->count; i++) {
        if (evidence->runs && evidence->runs[i].result) run_result_free(&evidence->results[i]);
        if (evidence->runs && evidence->runs[i].predictions) predictions_free(&evidence->predictions[i]);
        if (evidence->runs && evidence->runs[i].history) history_free(&evidence->histories[i]);
    }
    free(evidence->results);
    free(evidence->predictions);
    free(evidence->histories);
    free(evidence->runs);
}

/* A file of the entry's folder where there is one: 1 and its name, which the caller frees; 0: none. */
static int find_file(const struct experiment_entry *entry, const char *name, char **path, struct error *error) {
    *path = run_file(entry->folder, name, error);
    if (!*path) return -1;
    if (file_exists(*path)) return 1;
    free(*path);
    return 0;
}

static int read_predictions(const struct experiment_entry *entry, struct evidence *evidence, int index,
                            struct error *error) {
    char *path;
    int found = find_file(entry, "predictions.csv", &path, error);
    if (found <= 0) return found;
    int status = predictions_read(path, &evidence->predictions[index], error);
    if (status == 0) evidence->runs[index].predictions = &evidence->predictions[index];
    free(path);
    return status;
}

static int read_history(const struct experiment_entry *entry, struct evidence *evidence, int index,
                        struct error *error) {
    char *path;
    int found = find_file(entry, "history.csv", &path, error);
    if (found <= 0) return found;
    int status = history_read(path, &evidence->histories[index], error);
    if (status == 0) evidence->runs[index].history = &evidence->histories[index];
    free(path);
    return status;
}

/* One that was interrupted has a report, too. */
static int find_report(const struct experiment_entry *entry, struct comparison_run *run, struct error *error) {
    char *path;
    int found = find_file(entry, "report.html", &path, error);
    if (found <= 0) return found;
    run->folder = file_name_of(entry->folder);
    free(path);
    return 0;
}

static int read_run(const struct experiment_entry *entry, struct evidence *evidence, int index, struct error *error) {
    char *path;
    if (find_report(entry, &evidence->runs[index], error) != 0) return -1;
    int found = find_file(entry, "metrics.json", &path, error);
    if (found <= 0) return found;
    int status = run_result_read(path, &evidence->results[index], error);
    if (status == 0) evidence->runs[index].result = &evidence->results[index];
    free(path);
    if (status != 0 || read_predictions(entry, evidence, index, error) != 0) return -1;
    return read_history(entry, evidence, index, error);
}

static int gather(const struct batch_state *state, struct evidence *evidence, struct error *error) {
    size_t count = (size_t)state->plan.total + 1;
    *evidence = (struct evidence){.results = calloc(count, sizeof *evidence->results),
                                  .predictions = calloc(count, sizeof *evidence->predictions),
                                  .histories = calloc(count, sizeof *evidence->histories),
                                  .runs = calloc(count, sizeof *evidence->runs),
                                  .count = state->plan.total};
    if (!evidence->results || !evidence->predictions || !evidence->histories || !evidence->runs)
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the comparison");
    for (int i = 0; i < state->plan.total; i++)
        if (read_run(&state->plan.entries[i], evidence, i, error) != 0) return -1;
    return 0;
}

static int compare(struct batch_state *state, const struct evidence *evidence, struct error *error) {
    long long seeds[FIELD_LIST_MAX];
    for (int s = 0; s < state->plan.seed_count; s++) seeds[s] = state->plan.seeds[s];
    struct comparison_input input = {.name = state->plan.name,
                                     .command = state->request->command,
                                     .names = state->plan.names,
                                     .seeds = seeds,
                                     .combinations = state->plan.config_count,
                                     .seed_count = state->plan.seed_count,
                                     .runs = evidence->runs};
    struct comparison comparison;
    if (comparison_make(&input, &comparison, error) != 0) return -1;
    text_free(&state->outcome->table);
    comparison_table(&comparison, &state->outcome->table);
    state->outcome->finished = comparison.finished;
    state->outcome->total = comparison.total;
    int status = comparison_write(&comparison, state->plan.folder, error);
    comparison_free(&comparison);
    return status;
}

static int report(struct batch_state *state, struct error *error) {
    struct evidence evidence;
    int status = gather(state, &evidence, error);
    if (status == 0) status = compare(state, &evidence, error);
    free_evidence(&evidence);
    return status;
}

/* ---- running ---- */

static void tell_event(const struct batch_state *state, const struct experiment_event *event) {
    if (state->request->listen) state->request->listen(state->request->listener, event);
}

/* Of the batch as a whole. */
static void tell_batch(const struct batch_state *state, enum experiment_event_kind kind) {
    tell_event(state, &(struct experiment_event){.kind = kind, .plan = &state->plan, .total = state->plan.total});
}

static struct experiment_event event_of(const struct batch_state *state, enum experiment_event_kind kind, int index) {
    const struct experiment_entry *entry = &state->plan.entries[index];
    return (struct experiment_event){.kind = kind,
                                     .plan = &state->plan,
                                     .name = entry->config.values.name,
                                     .seed = entry->config.values.seed,
                                     .number = index + 1,
                                     .total = state->plan.total};
}

static void tell(const struct batch_state *state, enum experiment_event_kind kind, int index, bool resumed) {
    struct run_result result;
    struct error ignored = {0};
    char *path = run_file(state->plan.entries[index].folder, "metrics.json", &ignored);
    bool read =
        kind != EXPERIMENT_RUN_BEGIN && path && file_exists(path) && run_result_read(path, &result, &ignored) == 0;
    struct experiment_event event = event_of(state, kind, index);
    event.resumed = resumed;
    event.result = read ? &result : NULL;
    tell_event(state, &event);
    if (read) run_result_free(&result);
    free(path);
}

static void tell_failure(const struct batch_state *state, int index, const struct error *error) {
    struct experiment_event event = event_of(state, EXPERIMENT_RUN_FAILED, index);
    event.error = error;
    tell_event(state, &event);
}

static void tell_training(const struct batch_state *state, int index, const struct train_event *train) {
    struct experiment_event event = event_of(state, EXPERIMENT_RUN_TRAINS, index);
    event.train = train;
    tell_event(state, &event);
}

static bool has_checkpoint(const struct experiment_entry *entry) {
    struct error ignored = {0};
    char *path = run_file(entry->folder, "last.safetensors", &ignored);
    bool found = path && file_exists(path);
    free(path);
    return found;
}

/* A run that diverged is recorded in its folder: for the batch that is no failure. */
static int run_entry(struct batch_state *state, const struct workshop *workshop, int index, struct error *error) {
    const struct experiment_entry *entry = &state->plan.entries[index];
    run_guard(workshop, true);
    if (run_make_folder(entry->folder, error) != 0) return -1;
    struct run_request request = {.workshop = workshop,
                                  .config = &entry->config,
                                  .splits = &state->data.splits,
                                  .folder = entry->folder,
                                  .resume = true};
    if (run_execute(&request, error) == 0) return 0;
    if (error->code != ERROR_NOT_FINITE) return -1;
    error_clear(error);
    return 0;
}

static bool is_stopped(const struct batch_state *state) {
    const struct workshop *workshop = state->request->workshop;
    return workshop->stop && *workshop->stop;
}

static int interrupted(const struct batch_state *state, struct error *error) {
    return error_set(error, ERROR_INTERRUPTED, state->plan.folder, "interrupted; the same command goes on from here");
}

/* A run of this process. */
struct heard_run {
    const struct batch_state *state;
    int index;
};

static void hear_run(void *listener, const struct train_event *event) {
    const struct heard_run *run = listener;
    const struct workshop *workshop = run->state->request->workshop;
    if (workshop->listen) workshop->listen(workshop->listener, event);
    tell_training(run->state, run->index, event);
}

static void note_run(void *listener, const char *line) {
    const struct workshop *workshop = ((const struct heard_run *)listener)->state->request->workshop;
    if (workshop->note) workshop->note(workshop->listener, line);
}

static void detail_run(void *listener, const char *line) {
    const struct workshop *workshop = ((const struct heard_run *)listener)->state->request->workshop;
    workshop->detail(workshop->listener, line);
}

static int run_here(struct batch_state *state, int index, struct error *error) {
    struct workshop workshop = *state->request->workshop;
    struct heard_run heard = {state, index};
    workshop.listen = hear_run;
    workshop.note = note_run;
    workshop.detail = workshop.detail ? detail_run : NULL;
    workshop.listener = &heard;
    if (run_entry(state, &workshop, index, error) == 0) return 0;
    tell_failure(state, index, error);
    return -1;
}

/* One run after the other, in this process. */
static int run_in_turn(struct batch_state *state, struct error *error) {
    for (int i = 0; i < state->plan.total; i++) {
        const struct experiment_entry *entry = &state->plan.entries[i];
        if (!entry->is_wanted) continue;
        if (run_is_finished(entry->folder)) {
            tell(state, EXPERIMENT_RUN_SKIPPED, i, false);
            continue;
        }
        if (is_stopped(state)) return interrupted(state, error);
        if (batch_data_provide(&state->data, state->request->workshop, &entry->config, error) != 0) return -1;
        tell(state, EXPERIMENT_RUN_BEGIN, i, has_checkpoint(entry));
        if (run_here(state, i, error) != 0) return -1;
        tell(state, EXPERIMENT_RUN_END, i, false);
        if (report(state, error) != 0) return -1;
    }
    return 0;
}

/* ---- side by side ---- */

/* What a child tells, in one piece that no other can come between: how its training goes, or why it failed. */
struct message {
    bool is_failure;
    union {
        struct error failure;
        struct {
            struct train_event event; /* its pointers mean nothing to the parent */
            struct history_row row;   /* TRAIN_EPOCH_END */
        } training;
    } of;
};
_Static_assert(sizeof(struct message) <= PIPE_BUF, "a write of it to a pipe is all or nothing");

/* Where a child's training goes. */
struct teller {
    const struct workshop *workshop; /* whose listener hears it first, here */
    int descriptor;
    double last_step; /* seconds: when one was told */
};

/* The parent may be busy: what the pipe has no room for is left out, and no training waits. */
static void tell_parent(void *listener, const struct train_event *event) {
    struct teller *teller = listener;
    if (teller->workshop->listen) teller->workshop->listen(teller->workshop->listener, event);
    bool is_often = event->kind == TRAIN_STEP || event->kind == TRAIN_VALIDATION || event->kind == TRAIN_TEST;
    double now = platform_seconds();
    if (event->kind == TRAIN_CHECKPOINT || (is_often && now - teller->last_step < 0.1)) return;
    if (is_often) teller->last_step = now;
    struct message message;
    memset(&message, 0, sizeof message); /* padding goes through the pipe too */
    message.of.training.event = *event;
    if (event->row) message.of.training.row = *event->row;
    ssize_t told = write(teller->descriptor, &message, sizeof message);
    (void)told;
}

/* In the child, which ends here or with its parent. */
static void run_child(struct batch_state *state, int index, int descriptor, pid_t parent) {
    platform_end_with(parent);
    struct workshop workshop = *state->request->workshop;
    struct teller teller = {.workshop = state->request->workshop, .descriptor = descriptor};
    struct message message;
    memset(&message, 0, sizeof message);
    message.is_failure = true;
    workshop.stop = state->stop;
    workshop.listen = tell_parent;
    workshop.listener = &teller;
    workshop.note = NULL;
    workshop.detail = NULL;
    int flags = fcntl(descriptor, F_GETFL);
    fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
    int status = run_entry(state, &workshop, index, &message.of.failure);
    fcntl(descriptor, F_SETFL, flags);
    ssize_t told = status == 0 ? 0 : write(descriptor, &message, sizeof message);
    _exit(status == 0 ? 0 : told == (ssize_t)sizeof message ? (int)message.of.failure.code : ERROR_RUN);
}

/* Nothing is at stake while data are loaded, unless others run: they are to end with a checkpoint. */
static int provide_data(struct batch_state *state, const struct experiment_entry *entry, struct error *error) {
    struct workshop workshop = *state->request->workshop;
    if (state->running > 0) workshop.guard = NULL;
    int status = batch_data_provide(&state->data, &workshop, &entry->config, error);
    run_guard(&workshop, true);
    return status;
}

static int start_child(struct batch_state *state, int index, struct error *error) {
    struct child *child = &state->children[index];
    const struct experiment_entry *entry = &state->plan.entries[index];
    int ends[2];
    if (provide_data(state, entry, error) != 0) return -1;
    if (pipe(ends) != 0) return error_set(error, ERROR_RUN, NULL, "cannot start a process: %s", strerror(errno));
    tell(state, EXPERIMENT_RUN_BEGIN, index, has_checkpoint(entry));
    pid_t parent = getpid(), process = fork();
    if (process == 0) run_child(state, index, ends[1], parent);
    close(ends[1]);
    if (process < 0) {
        close(ends[0]);
        return error_set(error, ERROR_RUN, NULL, "cannot start a process: %s", strerror(errno));
    }
    *child = (struct child){process, ends[0]};
    state->running++;
    return 0;
}

/* 1: the child told how it goes on; 0: it has come to its end, or to a failure. */
static int hear_child(const struct batch_state *state, int index, struct message *message) {
    ssize_t got = read(state->children[index].descriptor, message, sizeof *message);
    if (got < 0 && errno == EINTR) return 1;
    if (got != (ssize_t)sizeof *message) {
        *message = (struct message){0};
        return 0;
    }
    if (message->is_failure) return 0;
    struct train_event *event = &message->of.training.event;
    event->row = event->kind == TRAIN_EPOCH_END ? &message->of.training.row : NULL;
    event->path = NULL;
    tell_training(state, index, event);
    return 1;
}

/* Lets the child go that has told its last: 0 for a run that came to its end. */
static int reap(struct batch_state *state, int index, const struct message *last, struct error *error) {
    struct child *child = &state->children[index];
    const char *folder = state->plan.entries[index].folder;
    const struct error *failure = &last->of.failure;
    int status = 0;
    pid_t ended = 0;
    close(child->descriptor);
    while ((ended = waitpid(child->process, &status, 0)) < 0 && errno == EINTR) continue;
    const int reason = errno;
    *child = (struct child){0};
    state->running--;
    if (ended < 0)
        return error_set(error, ERROR_RUN, folder,
                         "cannot learn how the run's process ended: %s; the same command goes on from here",
                         strerror(reason));
    if (WIFSIGNALED(status))
        return error_set(error, ERROR_RUN, folder,
                         "the run's process was ended by signal %d; the same command goes on from here",
                         WTERMSIG(status));
    if (WEXITSTATUS(status) == 0) return 0;
    if (!last->is_failure)
        return error_set(error, ERROR_RUN, folder,
                         "the run's process ended with code %d; the same command goes on from here",
                         WEXITSTATUS(status));
    if (failure->code == ERROR_INTERRUPTED) return interrupted(state, error);
    return error_set(error, failure->code, *failure->path ? failure->path : folder, "%s", failure->message);
}

/* The run's own failure is told, the batch's first one kept. */
static int end_child(struct batch_state *state, int index, const struct message *last, struct error *error) {
    struct error own = {0};
    if (reap(state, index, last, &own) != 0) {
        tell_failure(state, index, &own);
        return error_set(error, own.code, own.path, "%s", own.message);
    }
    tell(state, EXPERIMENT_RUN_END, index, false);
    return report(state, error);
}

/* Waits until a child has something to say or ends; a wish to stop is passed on to all of them. */
static void await_children(const struct batch_state *state, struct pollfd *polled) {
    enum { MILLISECONDS = 100 };
    for (int i = 0; i < state->plan.total; i++)
        polled[i] = (struct pollfd){state->children[i].process ? state->children[i].descriptor : -1, POLLIN, 0};
    int ready = 0;
    while (ready == 0) {
        if (is_stopped(state)) *state->stop = 1;
        tell_batch(state, EXPERIMENT_WAITING);
        ready = poll(polled, (nfds_t)state->plan.total, MILLISECONDS);
        if (ready < 0) ready = errno != EINTR;
    }
}

static int collect_children(struct batch_state *state, struct pollfd *polled, struct error *error) {
    int status = 0;
    await_children(state, polled);
    for (int i = 0; i < state->plan.total; i++) {
        struct message message;
        if (polled[i].fd < 0 || !polled[i].revents || hear_child(state, i, &message) == 1) continue;
        if (end_child(state, i, &message, error) == 0) continue;
        *state->stop = 1; /* the others write a checkpoint and wait for another day */
        status = -1;
    }
    return status;
}

static int next_entry(const struct batch_state *state, int from) {
    for (; from < state->plan.total; from++) {
        if (!state->plan.entries[from].is_wanted) continue;
        if (!run_is_finished(state->plan.entries[from].folder)) return from;
        tell(state, EXPERIMENT_RUN_SKIPPED, from, false);
    }
    return from;
}

static int run_children(struct batch_state *state, struct pollfd *polled, struct error *error) {
    int status = 0, next = next_entry(state, 0), total = state->plan.total;
    for (;;) {
        bool more = status == 0 && next < total && !is_stopped(state);
        if (more && state->running < state->request->jobs) {
            status = start_child(state, next, error);
            if (status == 0) next = next_entry(state, next + 1);
        } else if (state->running > 0) {
            if (collect_children(state, polled, error) != 0) status = -1;
        } else {
            return status == 0 && next < total ? interrupted(state, error) : status;
        }
    }
}

static int run_side_by_side(struct batch_state *state, struct error *error) {
    size_t total = (size_t)state->plan.total;
    struct pollfd *polled = calloc(total, sizeof *polled);
    state->children = calloc(total, sizeof *state->children);
    void *shared = mmap(NULL, sizeof *state->stop, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = -1;
    if (!polled || !state->children || shared == MAP_FAILED) {
        error_set(error, ERROR_RUN, NULL, "not enough memory for %d runs side by side", state->plan.total);
    } else {
        state->stop = shared;
        status = run_children(state, polled, error);
    }
    if (shared != MAP_FAILED) munmap(shared, sizeof *state->stop);
    free(state->children);
    free(polled);
    return status;
}

/* ---- a batch ---- */

static int open_folder(struct batch_state *state, struct error *error) {
    run_guard(state->request->workshop, true);
    if (experiments_plan_folders(&state->plan, error) != 0) return -1;
    if (run_make_folder(state->plan.folder, error) != 0) return -1;
    state->lock = run_lock_folder(state->plan.folder, error);
    return state->lock < 0 ? -1 : experiments_plan_check(&state->plan, error);
}

static int run_batch(struct batch_state *state, struct error *error) {
    if (experiments_plan_read(&state->plan, state->request, error) != 0) return -1;
    if (check_models(state, error) != 0 || open_folder(state, error) != 0) return -1;
    if (report(state, error) != 0) return -1;
    tell_batch(state, EXPERIMENT_BATCH_BEGIN);
    int status = state->request->jobs > 1 ? run_side_by_side(state, error) : run_in_turn(state, error);
    struct error ignored = {0};
    if (status != 0) report(state, &ignored); /* the run that was interrupted has something to show */
    return status;
}

int experiments_run(const struct experiments_request *request, struct experiments_outcome *outcome,
                    struct error *error) {
    *outcome = (struct experiments_outcome){0};
    struct batch_state state = {.request = request, .outcome = outcome, .lock = -1};
    int status = run_batch(&state, error);
    if (state.lock >= 0) close(state.lock);
    batch_data_free(&state.data);
    outcome->folder = state.plan.folder; /* the plan needs it no more */
    state.plan.folder = NULL;
    experiments_plan_free(&state.plan);
    return status;
}

void experiments_free(struct experiments_outcome *outcome) {
    free(outcome->folder);
    text_free(&outcome->table);
    *outcome = (struct experiments_outcome){0};
}
