/* cnntrain predict: what a trained model says about pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/document.h"
#include "cmd/terminal.h"
#include "core/engine.h"
#include "core/memory.h"
#include "core/model_file.h"
#include "data/image.h"

struct predictor {
    struct saved_model saved;
    struct engine *engine;
    struct dataset dataset; /* one picture */
    struct feed feed;
    float *probabilities;
    int top;
};

static void close_predictor(struct session *session, struct predictor *predictor) {
    engine_close(predictor->engine);
    if (predictor->feed.fill) session->workshop.data_room->close(&predictor->feed);
    dataset_free(&predictor->dataset);
    free(predictor->probabilities);
    saved_model_free(&predictor->saved);
}

static int open_predictor(struct session *session, struct predictor *predictor, const char *path) {
    struct config_request request = session_request(session, path);
    if (session_check_model(session, path) != 0) return -1;
    if (saved_model_open(&predictor->saved, path, false, &request, &session->error) != 0) return -1;
    session_note_guess(session, &predictor->saved, path);
    struct model *model = &predictor->saved.model;
    int channels = model->input.size[2];
    if (model->input.rank != 3 || (channels != 1 && channels != 3))
        return error_set(&session->error, ERROR_DATA, path, "takes images of %d channels; pictures have 1 or 3",
                         channels);
    predictor->dataset = (struct dataset){.count = 1,
                                          .height = model->input.size[0],
                                          .width = model->input.size[1],
                                          .channels = channels,
                                          .type = PIXEL_UINT8};
    predictor->dataset.pixels =
        memory_allocate(dataset_image_bytes(&predictor->dataset), 1, "a picture", &session->error);
    predictor->dataset.labels = memory_allocate(1, sizeof(int32_t), "a label", &session->error);
    size_t classes = (size_t)model->output.size[0];
    predictor->probabilities = memory_allocate(classes, sizeof(float), "probabilities", &session->error);
    if (!predictor->dataset.pixels || !predictor->dataset.labels || !predictor->probabilities) return -1;
    const struct data_room *room = session->workshop.data_room;
    if (room->open(&predictor->saved.config.values.data, &predictor->saved.normalization, &predictor->dataset, 0,
                   &predictor->feed, &session->error) != 0)
        return -1;
    struct engine_options options = {
        .threads = 1, .batch_size = 1, .feed_scratch_bytes = predictor->feed.scratch_bytes};
    return engine_open(&predictor->engine, model, session->workshop.kernels, &options, &session->error);
}

static int read_picture(struct session *session, struct predictor *predictor, const char *path) {
    struct image image = {0};
    int size[2] = {predictor->dataset.height, predictor->dataset.width};
    enum data_color color = predictor->dataset.channels == 1 ? COLOR_GRAYSCALE : COLOR_RGB;
    int status = image_read(path, &image, &session->error);
    if (status == 0) status = image_convert(&image, color, size, path, &session->error);
    if (status == 0) memcpy(predictor->dataset.pixels, image.pixels, dataset_image_bytes(&predictor->dataset));
    image_free(&image);
    return status;
}

static const char *label_of(const struct predictor *predictor, int index, char *buffer, size_t size) {
    if (predictor->saved.class_names && index < predictor->saved.classes) return predictor->saved.class_names[index];
    snprintf(buffer, size, "%d", index);
    return buffer;
}

/* The class of rank `rank` (0: the likeliest); equal probabilities keep the order of the classes. */
static int class_of_rank(const struct predictor *predictor, int rank) {
    int classes = predictor->saved.model.output.size[0];
    const float *p = predictor->probabilities;
    for (int i = 0; i < classes; i++) {
        int before = 0;
        for (int k = 0; k < classes; k++) before += p[k] > p[i] || (p[k] == p[i] && k < i);
        if (before == rank) return i;
    }
    return 0;
}

static void add_class(const struct predictor *predictor, struct document *document, cJSON *item, int rank) {
    char number[16];
    int class = class_of_rank(predictor, rank);
    document_add_string(document, item, "label", label_of(predictor, class, number, sizeof number));
    document_add_number(document, item, "probability", (double)predictor->probabilities[class]);
}

static void add_picture(const struct predictor *predictor, struct document *document, const char *path) {
    cJSON *item = document_add_object(document, document->root, NULL);
    document_add_string(document, item, "image", path);
    add_class(predictor, document, item, 0);
    cJSON *top = document_add_list(document, item, "top");
    for (int rank = 0; rank < predictor->top; rank++)
        add_class(predictor, document, document_add_object(document, top, NULL), rank);
}

static void print_picture(const struct predictor *predictor, const char *path) {
    char number[16];
    terminal_print(stdout, path);
    putchar(':');
    for (int rank = 0; rank < predictor->top; rank++) {
        int class = class_of_rank(predictor, rank);
        fputs(rank ? ", " : " ", stdout);
        terminal_print(stdout, label_of(predictor, class, number, sizeof number));
        printf(" %.4f", (double)predictor->probabilities[class]);
    }
    putchar('\n');
}

/* A picture that cannot be read is named, and the next one follows; the exit code is that of the first. Without memory
 * none follows. */
static int predict_all(struct session *session, struct predictor *predictor, const char **paths, int count) {
    struct document document = document_list();
    int64_t sample = 0;
    struct batch batch = {.feed = &predictor->feed, .samples = &sample, .count = 1};
    int classes = predictor->saved.model.output.size[0], failed = 0;
    enum error_code code = ERROR_NONE;
    if (predictor->top > classes) predictor->top = classes;
    for (int i = 0; i < count; i++) {
        if (read_picture(session, predictor, paths[i]) != 0) {
            if (count == 1 || session->error.code == ERROR_RUN) break;
            terminal_error(session);
            if (failed++ == 0) code = session->error.code;
            error_clear(&session->error);
            continue;
        }
        engine_evaluate(predictor->engine, &batch, predictor->probabilities, NULL);
        if (session->json)
            add_picture(predictor, &document, paths[i]);
        else
            print_picture(predictor, paths[i]);
    }
    int status = session->error.code == ERROR_NONE ? 0 : -1;
    if (session->json && status == 0)
        status = document_print(session, &document);
    else
        document_free(&document);
    return failed && status == 0
               ? error_set(&session->error, code, NULL, "%d of %d pictures could not be read", failed, count)
               : status;
}

static int run_predict(struct session *session, int argc, const char **argv);

const struct command predict_command = {
    .name = "predict",
    .summary = "what a trained model says about pictures (PNG, JPEG, BMP)",
    .usage = "MODEL IMAGE... [options]",
    .details = "Prints the likeliest label, or with --top that many, and its probability for each picture, which is "
               "resized as the model needs.\n",
    .examples = "cnntrain predict runs/sep_max picture.png\n"
                "cnntrain predict runs/sep_max *.jpg --top 3\n"
                "cnntrain predict runs/sep_max picture.png --json\n",
    .run = run_predict,
};

static int run_predict(struct session *session, int argc, const char **argv) {
    struct predictor predictor = {.top = 1};
    const struct poptOption table[] = {
        {"top", 0, POPT_ARG_INT, &predictor.top, 0, "likeliest classes to show (default 1)", "K"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &predict_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &predict_command, 2, -1, "a model and at least one picture");
        if (status == 0 && predictor.top < 1)
            status = error_set(&session->error, ERROR_CONFIG, "--top", "must be 1 or more, got %d", predictor.top);
        if (status == 0) status = session_start(session);
        if (status == 0) session_start_threads(1);
        if (status == 0) status = open_predictor(session, &predictor, options.arguments[0]);
        if (status == 0) status = predict_all(session, &predictor, options.arguments + 1, options.argument_count - 1);
        close_predictor(session, &predictor);
    }
    options_free(&options);
    return status;
}
