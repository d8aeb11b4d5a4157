#include "cmd/model_data.h"

#include <string.h>

const struct dataset *choose_split(struct session *session, const struct data_splits *splits, const char *split) {
    static const char *const names[] = {"test", "validation", "train"};
    const struct dataset *const sets[] = {&splits->test, &splits->validation, &splits->train};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(split, names[i]) != 0) continue;
        if (sets[i]->count) return sets[i];
        error_set(&session->error, ERROR_DATA, NULL,
                  "the data have no %s images; choose another --split, or other data", split);
        return NULL;
    }
    error_set(&session->error, ERROR_CONFIG, "--split", "must be test, validation or train, got \"%s\"", split);
    return NULL;
}

int check_images(struct session *session, const struct model *model, const struct dataset *dataset, int classes) {
    struct shape images = run_image_shape(dataset);
    char a[SHAPE_TEXT_SIZE], b[SHAPE_TEXT_SIZE];
    if (!shape_equal(&images, &model->input))
        return error_set(
            &session->error, ERROR_DATA, NULL,
            "the images are %s, but the model takes %s; give data with such images, or train a model on these",
            shape_text(&images, a, sizeof a), shape_text(&model->input, b, sizeof b));
    if (classes > model->output.size[0])
        return error_set(&session->error, ERROR_DATA, NULL,
                         "the data have %d classes, but the model knows %d; give data of the classes it was trained on",
                         classes, model->output.size[0]);
    return 0;
}
