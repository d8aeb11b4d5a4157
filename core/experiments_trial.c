#include "core/experiments_trial.h"

#include "core/experiments_data.h"

struct course {
    const struct experiments_request *request;
    struct experiments_plan plan;
    struct batch_data data;
    void (*listen)(void *listener, const struct batch_trial *trial);
    void *listener;
};

static int count_left(const struct experiments_plan *plan, const struct experiment_entry *entries) {
    int left = 0;
    for (int i = 0; i < plan->seed_count; i++) left += !run_is_finished(entries[i].folder);
    return left;
}

/* All seeds of a config take alike: the first one stands for them. */
static int try_config(struct course *course, const struct experiment_entry *entries, struct error *error) {
    const double seconds = 1;
    const struct workshop *workshop = course->request->workshop;
    const struct config *config = &entries[0].config;
    if (batch_data_provide(&course->data, workshop, config, error) != 0) return -1;
    struct run_parts parts = {.workshop = workshop, .config = config, .splits = &course->data.splits};
    struct batch_trial trial = {.name = config->values.name, .epochs = config->values.training.epochs};
    int status = run_parts_build(&parts, error);
    if (status == 0) status = run_parts_open(&parts, error);
    if (status == 0) status = trial_run(&parts, seconds, &trial.trial, error);
    if (status == 0) {
        trial.parameters = (long long)(parts.model.trainable_count + parts.model.non_trainable_count);
        trial.multiplications = model_multiplications(&parts.model);
        trial.runs = course->plan.seed_count;
        trial.runs_left = count_left(&course->plan, entries);
        course->listen(course->listener, &trial);
    }
    run_parts_close(&parts);
    return status;
}

static int try_all(struct course *course, struct error *error) {
    struct experiments_plan *plan = &course->plan;
    if (experiments_plan_read(plan, course->request, error) != 0) return -1;
    if (experiments_plan_folders(plan, error) != 0) return -1;
    for (int c = 0; c < plan->config_count; c++) {
        const struct experiment_entry *entries = &plan->entries[(ptrdiff_t)c * plan->seed_count];
        if (entries[0].is_wanted && try_config(course, entries, error) != 0) return -1;
    }
    return 0;
}

int batch_trial_run(const struct experiments_request *request,
                    void (*listen)(void *listener, const struct batch_trial *trial), void *listener,
                    struct error *error) {
    struct course course = {.request = request, .listen = listen, .listener = listener};
    int status = try_all(&course, error);
    batch_data_free(&course.data);
    experiments_plan_free(&course.plan);
    return status;
}
