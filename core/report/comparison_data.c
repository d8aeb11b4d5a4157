/* results.csv and results.json: the comparison for programs. */
#include <math.h>
#include <stdlib.h>

#include "core/csv.h"
#include "core/json.h"
#include "core/report/comparison.h"
#include "core/report/format.h"

/* CSV */

static void add_number(struct text *text, double value) {
    struct format format;
    text_print(text, ",%s", format_exact(&format, value));
}

/* A run that failed has no numbers that could be compared: its cells stay empty. */
static void add_measured(const struct run_result *result, struct text *text) {
    if (result->status != RUN_FINISHED) {
        text_add(text, ",,,,,,\n");
        return;
    }
    add_number(text, result->train_accuracy);
    add_number(text, result->validation_accuracy);
    add_number(text, result->test_accuracy);
    add_number(text, result->test_loss);
    add_number(text, result->seconds_per_epoch);
    add_number(text, result->images_per_second);
    text_add(text, "\n");
}

void comparison_csv(const struct comparison *comparison, struct text *text) {
    const struct comparison_input *input = comparison->input;
    text_add(text, "name,seed,parameters,multiplications,train_accuracy,val_accuracy,test_accuracy,test_loss,"
                   "seconds_per_epoch,images_per_second\n");
    for (int i = 0; i < input->combinations; i++)
        for (int seed = 0; seed < input->seed_count; seed++) {
            const struct run_result *result = comparison_run_at(input, i, seed)->result;
            if (!result || result->status == RUN_INTERRUPTED) continue;
            csv_add_cell(text, input->names[i]);
            text_print(text, ",%lld,", input->seeds[seed]);
            if (result->parameters > 0) text_print(text, "%lld", result->parameters);
            add_number(text, result->multiplications);
            add_measured(result, text);
        }
}

/* JSON. NAN prints as null. */

static bool add_estimate(cJSON *object, const char *key, const struct estimate *estimate) {
    static const char *const kinds[] = {[INTERVAL_NONE] = NULL,
                                        [INTERVAL_STUDENT] = "student over seeds",
                                        [INTERVAL_WILSON] = "wilson over test images"};
    const char *kind = kinds[estimate->interval];
    cJSON *item = cJSON_AddObjectToObject(object, key);
    return item && cJSON_AddNumberToObject(item, "runs", estimate->count) &&
           cJSON_AddNumberToObject(item, "mean", estimate->mean) &&
           cJSON_AddNumberToObject(item, "deviation", estimate->deviation) &&
           cJSON_AddNumberToObject(item, "low", estimate->low) &&
           cJSON_AddNumberToObject(item, "high", estimate->high) &&
           (kind ? cJSON_AddStringToObject(item, "interval", kind) : cJSON_AddNullToObject(item, "interval"));
}

static bool add_class_accuracy(cJSON *object, const struct comparison *comparison, const struct comparison_row *row) {
    cJSON *list = cJSON_AddArrayToObject(object, "class_accuracy");
    for (int i = 0; list && i < comparison->class_count; i++)
        if (!json_append(list, cJSON_CreateNumber(row->class_accuracy[i]))) return false;
    return list;
}

static bool add_combination(cJSON *list, const struct comparison *comparison, const struct comparison_row *row) {
    cJSON *item = cJSON_CreateObject();
    double parameters = row->parameters < 0 ? NAN : (double)row->parameters;
    return json_append(list, item) && cJSON_AddStringToObject(item, "name", row->name) &&
           cJSON_AddNumberToObject(item, "finished", row->finished) &&
           cJSON_AddNumberToObject(item, "parameters", parameters) &&
           cJSON_AddNumberToObject(item, "multiplications", row->multiplications) &&
           add_estimate(item, "train_accuracy", &row->train_accuracy) &&
           add_estimate(item, "val_accuracy", &row->validation_accuracy) &&
           add_estimate(item, "test_accuracy", &row->test_accuracy) &&
           add_estimate(item, "test_loss", &row->test_loss) &&
           add_estimate(item, "seconds_per_epoch", &row->seconds_per_epoch) &&
           add_estimate(item, "images_per_second", &row->images_per_second) &&
           add_class_accuracy(item, comparison, row);
}

static bool add_pair(cJSON *list, const struct comparison *comparison, const struct comparison_pair *pair) {
    cJSON *item = cJSON_CreateObject();
    const char *better = pair->better < 0 ? NULL : comparison->rows[pair->better].name;
    return json_append(list, item) && cJSON_AddStringToObject(item, "first", comparison->rows[pair->a].name) &&
           cJSON_AddStringToObject(item, "second", comparison->rows[pair->b].name) &&
           cJSON_AddNumberToObject(item, "seeds", pair->seeds) &&
           cJSON_AddNumberToObject(item, "only_first_right", (double)pair->only_a_right) &&
           cJSON_AddNumberToObject(item, "only_second_right", (double)pair->only_b_right) &&
           cJSON_AddNumberToObject(item, "p", pair->p) && cJSON_AddNumberToObject(item, "p_holm", pair->p_holm) &&
           (better ? cJSON_AddStringToObject(item, "better", better) : cJSON_AddNullToObject(item, "better"));
}

static bool add_run(cJSON *list, const char *name, long long seed, const struct run_result *result) {
    cJSON *item = cJSON_CreateObject();
    return json_append(list, item) && cJSON_AddStringToObject(item, "name", name) &&
           cJSON_AddNumberToObject(item, "seed", (double)seed) &&
           cJSON_AddStringToObject(item, "status", result ? run_status_name(result->status) : "pending") &&
           json_add(item, "metrics", result ? run_result_json(result) : cJSON_CreateNull());
}

static bool add_lists(cJSON *root, const struct comparison *comparison) {
    const struct comparison_input *input = comparison->input;
    cJSON *classes = cJSON_AddArrayToObject(root, "classes");
    cJSON *combinations = cJSON_AddArrayToObject(root, "combinations");
    cJSON *pairs = cJSON_AddArrayToObject(root, "pairs");
    cJSON *runs = cJSON_AddArrayToObject(root, "runs");
    if (!classes || !combinations || !pairs || !runs) return false;
    for (int i = 0; i < comparison->class_count; i++)
        if (!json_append(classes, cJSON_CreateString(comparison->classes[i].name))) return false;
    for (int i = 0; i < input->combinations; i++)
        if (!add_combination(combinations, comparison, &comparison->rows[i])) return false;
    for (int i = 0; i < comparison->pair_count; i++)
        if (!add_pair(pairs, comparison, &comparison->pairs[i])) return false;
    for (int i = 0; i < input->combinations; i++)
        for (int seed = 0; seed < input->seed_count; seed++)
            if (!add_run(runs, input->names[i], input->seeds[seed], comparison_run_at(input, i, seed)->result))
                return false;
    return true;
}

static bool fill(cJSON *root, const struct comparison *comparison) {
    const struct comparison_input *input = comparison->input;
    return root && json_add(root, "name", input->name ? cJSON_CreateString(input->name) : cJSON_CreateNull()) &&
           json_add(root, "command", input->command ? cJSON_CreateString(input->command) : cJSON_CreateNull()) &&
           cJSON_AddNumberToObject(root, "runs_finished", comparison->finished) &&
           cJSON_AddNumberToObject(root, "runs_failed", comparison->failed) &&
           cJSON_AddNumberToObject(root, "runs_total", comparison->total) && add_lists(root, comparison);
}

void comparison_json(const struct comparison *comparison, struct text *text) {
    cJSON *root = cJSON_CreateObject();
    char *printed = fill(root, comparison) ? json_print(root) : NULL;
    cJSON_Delete(root);
    if (printed)
        text_add(text, printed);
    else
        text->failed = true;
    free(printed);
}
