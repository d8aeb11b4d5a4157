/* cnntrain predict: what a trained model says about pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/document.h"
#include "cmd/output.h"
#include "cmd/picture_input.h"
#include "cmd/terminal.h"
#include "core/csv.h"
#include "core/engine.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/model_file.h"
#include "data/entries.h"

struct arguments {
    const char *resize;
    int top;
    int csv;
};

enum { PIXEL_BYTES = 64 << 20 /* of the pictures that are held at a time */ };

/* Pictures go through the model in batches: read by all threads, then evaluated, then told in their order. */
struct predictor {
    struct saved_model saved;
    struct picture_input input;
    struct engine *engine;
    struct dataset dataset; /* of as many pictures as a batch has */
    struct feed feed;
    float *probabilities; /* (batch, classes) */
    struct error *errors; /* (batch) */
    int64_t *samples;     /* (batch): those that could be read */
    int *ranked;          /* (classes): the likeliest first */
    int top;
    const char **paths; /* of the batch */
};

/* What has been told so far. */
struct tally {
    struct document document;
    int64_t failed, count;
    enum error_code code; /* of the first picture that failed */
};

/* ---- memory ---- */

static void close_predictor(struct session *session, struct predictor *predictor) {
    engine_close(predictor->engine);
    if (predictor->feed.fill) session->workshop.data_room->close(&predictor->feed);
    dataset_free(&predictor->dataset);
    free(predictor->probabilities);
    free(predictor->errors);
    free(predictor->samples);
    free(predictor->ranked);
    saved_model_free(&predictor->saved);
}

static size_t batch_of(size_t image_bytes, size_t pictures) {
    size_t batch = PIXEL_BYTES / image_bytes;
    if (batch > ENGINE_EVALUATION_BATCH) batch = ENGINE_EVALUATION_BATCH;
    if (batch > pictures) batch = pictures;
    return batch > 0 ? batch : 1;
}

static int take_memory(struct session *session, struct predictor *predictor, size_t pictures) {
    const struct model *model = &predictor->saved.model;
    const size_t classes = (size_t)model->output.size[0];
    struct dataset *dataset = &predictor->dataset;
    *dataset = (struct dataset){.height = model->input.size[0],
                                .width = model->input.size[1],
                                .channels = model->input.size[2],
                                .type = PIXEL_UINT8};
    const size_t bytes = dataset_image_bytes(dataset), batch = batch_of(bytes, pictures);
    dataset->count = (int64_t)batch;
    dataset->pixels = memory_allocate(batch, bytes, "the pictures", &session->error);
    dataset->labels = memory_allocate(batch, sizeof *dataset->labels, "the pictures", &session->error);
    predictor->probabilities = memory_allocate(batch * classes, sizeof(float), "probabilities", &session->error);
    predictor->errors = memory_allocate(batch, sizeof *predictor->errors, "the pictures", &session->error);
    predictor->samples = memory_allocate(batch, sizeof *predictor->samples, "the pictures", &session->error);
    predictor->ranked = memory_allocate(classes, sizeof *predictor->ranked, "probabilities", &session->error);
    return session->error.code == ERROR_NONE ? 0 : -1;
}

static int open_model(struct session *session, struct predictor *predictor, const char *path) {
    const struct config_request request = session_request(session, path);
    if (session_check_model(session, path) != 0) return -1;
    if (saved_model_open(&predictor->saved, path, false, &request, &session->error) != 0) return -1;
    session_note_guess(session, &predictor->saved, path);
    return 0;
}

static int open_predictor(struct session *session, struct predictor *predictor, const char *path,
                          const struct arguments *arguments, size_t pictures) {
    struct model *model = &predictor->saved.model;
    const int classes = model->output.size[0];
    predictor->top = arguments->top < classes ? arguments->top : classes;
    if (picture_input_open(session, &model->input, path, arguments->resize, &predictor->input) != 0 ||
        take_memory(session, predictor, pictures) != 0)
        return -1;
    const struct data_room *room = session->workshop.data_room;
    if (room->open(&predictor->saved.config.values.data, &predictor->saved.normalization, &predictor->dataset, 0,
                   &predictor->feed, &session->error) != 0)
        return -1;
    /* More threads than pictures would only be started. */
    const int threads = session->workshop.threads < predictor->dataset.count ? session->workshop.threads
                                                                             : (int)predictor->dataset.count;
    session_start_threads(threads);
    const struct engine_options options = {
        .threads = threads, .batch_size = 1, .feed_scratch_bytes = predictor->feed.scratch_bytes};
    return engine_open(&predictor->engine, model, session->workshop.kernels, &options, &session->error);
}

/* ---- one picture ---- */

static void read_one(void *context, int number) {
    struct predictor *predictor = context;
    const size_t bytes = dataset_image_bytes(&predictor->dataset);
    error_clear(&predictor->errors[number]);
    picture_input_read(&predictor->input, predictor->paths[number],
                       (uint8_t *)predictor->dataset.pixels + (size_t)number * bytes, &predictor->errors[number]);
}

static const char *label_of(const struct predictor *predictor, int index, char *buffer, size_t size) {
    if (predictor->saved.class_names && index < predictor->saved.classes) return predictor->saved.class_names[index];
    snprintf(buffer, size, "%d", index);
    return buffer;
}

/* The likeliest classes into predictor->ranked; equal ones keep their order. */
static void rank_classes(struct predictor *predictor, const float *p) {
    int *ranked = predictor->ranked, count = 0;
    for (int k = 0; k < predictor->saved.model.output.size[0]; k++) {
        if (count == predictor->top && !(p[k] > p[ranked[count - 1]])) continue;
        int at = count < predictor->top ? count++ : count - 1;
        for (; at > 0 && p[k] > p[ranked[at - 1]]; at--) ranked[at] = ranked[at - 1];
        ranked[at] = k;
    }
}

static void add_class(const struct predictor *predictor, struct document *document, cJSON *item, int rank,
                      const float *p) {
    char number[16];
    const int class = predictor->ranked[rank];
    document_add_string(document, item, "label", label_of(predictor, class, number, sizeof number));
    document_add_number(document, item, "probability", (double)p[class]);
}

static void add_picture(const struct predictor *predictor, struct document *document, const char *path,
                        const float *p) {
    cJSON *item = document_add_object(document, document->root, NULL);
    document_add_string(document, item, "image", path);
    add_class(predictor, document, item, 0, p);
    cJSON *top = document_add_list(document, item, "top");
    for (int rank = 0; rank < predictor->top; rank++)
        add_class(predictor, document, document_add_object(document, top, NULL), rank, p);
}

static void print_picture(const struct predictor *predictor, const char *path, const float *p) {
    char number[16];
    terminal_print(stdout, path);
    output_text(":");
    for (int rank = 0; rank < predictor->top; rank++) {
        const int class = predictor->ranked[rank];
        output_text(rank ? ", " : " ");
        terminal_print(stdout, label_of(predictor, class, number, sizeof number));
        output_print(" %.4f", (double)p[class]);
    }
    output_text("\n");
}

static int print_csv_header(struct session *session, const struct predictor *predictor) {
    struct text text = {0};
    text_add(&text, "image,label,probability");
    for (int rank = 2; rank <= predictor->top; rank++) text_print(&text, ",label_%d,probability_%d", rank, rank);
    text_add(&text, "\n");
    return session_print_text(session, &text);
}

/* As it is, for programs; but what a terminal would obey is not for one. */
static void add_path(struct text *text, const char *path) {
    struct text shown = {0};
    if (isatty(STDOUT_FILENO)) text_add_shown(&shown, path);
    csv_add_cell(text, shown.length ? shown.bytes : path);
    text->failed = text->failed || shown.failed;
    text_free(&shown);
}

static int print_csv_row(struct session *session, const struct predictor *predictor, const char *path, const float *p) {
    struct text text = {0};
    char number[16];
    add_path(&text, path);
    for (int rank = 0; rank < predictor->top; rank++) {
        const int class = predictor->ranked[rank];
        text_add(&text, ",");
        csv_add_cell(&text, label_of(predictor, class, number, sizeof number));
        text_print(&text, ",%.9g", (double)p[class]);
    }
    text_add(&text, "\n");
    return session_print_text(session, &text);
}

/* ---- all pictures ---- */

/* A picture that fails is named, and the next one follows; with one picture alone, or without memory, it ends there. */
static int note_failure(struct session *session, const struct error *error, struct tally *tally) {
    session->error = *error;
    if (tally->count == 1 || error->code == ERROR_RUN) return -1;
    terminal_error(session);
    if (tally->failed++ == 0) tally->code = error->code;
    error_clear(&session->error);
    return 0;
}

static int tell(struct session *session, const struct arguments *arguments, struct predictor *predictor,
                const char *path, const float *p, struct tally *tally) {
    if (!isfinite(p[0])) { /* the softmax of a number that is not finite has no finite one */
        struct error error = {0};
        error_set(&error, ERROR_NOT_FINITE, path,
                  "gets an output that is not finite; the model's weights may be broken: see cnntrain evaluate");
        return note_failure(session, &error, tally);
    }
    rank_classes(predictor, p);
    if (arguments->csv) return print_csv_row(session, predictor, path, p);
    if (session->json)
        add_picture(predictor, &tally->document, path, p);
    else
        print_picture(predictor, path, p);
    return 0;
}

static int predict_batch(struct session *session, const struct arguments *arguments, struct predictor *predictor,
                         int count, struct tally *tally) {
    struct batch batch = {.feed = &predictor->feed, .samples = predictor->samples};
    const size_t classes = (size_t)predictor->saved.model.output.size[0];
    engine_parallel(predictor->engine, count, read_one, predictor);
    for (int i = 0; i < count; i++)
        if (predictor->errors[i].code == ERROR_NONE) predictor->samples[batch.count++] = i;
    if (batch.count > 0) engine_evaluate(predictor->engine, &batch, predictor->probabilities, NULL);
    const float *p = predictor->probabilities;
    for (int i = 0; i < count; i++) {
        const bool was_read = predictor->errors[i].code == ERROR_NONE;
        const int status = was_read ? tell(session, arguments, predictor, predictor->paths[i], p, tally)
                                    : note_failure(session, &predictor->errors[i], tally);
        if (status != 0) return -1;
        if (was_read) p += classes;
    }
    return 0;
}

static int predict_all(struct session *session, const struct arguments *arguments, struct predictor *predictor,
                       const struct name_list *pictures) {
    struct tally tally = {.document = document_list(), .count = (int64_t)pictures->count};
    const size_t batch = (size_t)predictor->dataset.count;
    int status = arguments->csv ? print_csv_header(session, predictor) : 0;
    for (size_t first = 0; first < pictures->count && status == 0; first += batch) {
        const size_t left = pictures->count - first;
        predictor->paths = pictures->names + first;
        status = predict_batch(session, arguments, predictor, (int)(left < batch ? left : batch), &tally);
    }
    if (session->json && status == 0)
        status = document_print(session, &tally.document);
    else
        document_free(&tally.document);
    if (status != 0 || tally.failed == 0) return status;
    return error_set(&session->error, tally.code, NULL, "%lld of %lld pictures could not be %s",
                     (long long)tally.failed, (long long)tally.count,
                     tally.code == ERROR_NOT_FINITE ? "predicted" : "read");
}

/* ---- command ---- */

/* The arguments as paths: a folder stands for the pictures in it and below. What is neither is left for the reading to
 * complain about. */
static int list_pictures(struct session *session, const char *const *arguments, struct arena *arena,
                         struct name_list *list) {
    for (; *arguments; arguments++) {
        void *names = list->names;
        const size_t before = list->count;
        const int is_folder = file_is_folder(*arguments, &session->error);
        if (is_folder < 0) return -1;
        if (!is_folder) {
            if (entries_grow(&names, &list->capacity, list->count, sizeof *list->names, &session->error) != 0)
                return -1;
            list->names = names;
            list->names[list->count++] = *arguments;
            continue;
        }
        if (entries_list_pictures(*arguments, arena, list, &session->error) != 0) return -1;
        if (list->count == before)
            return error_set(&session->error, ERROR_DATA, *arguments,
                             "is a folder without pictures; files ending in .png, .jpg, .jpeg or .bmp are read");
    }
    return 0;
}

static int act(struct session *session, const struct options *options, const struct arguments *arguments) {
    struct predictor predictor = {0};
    struct arena arena = {0};
    struct name_list pictures = {0};
    const char *path = options->arguments[0];
    int status = open_model(session, &predictor, path);
    if (status == 0) status = list_pictures(session, options->arguments + 1, &arena, &pictures);
    if (status == 0) status = open_predictor(session, &predictor, path, arguments, pictures.count);
    if (status == 0) status = predict_all(session, arguments, &predictor, &pictures);
    close_predictor(session, &predictor);
    free(pictures.names);
    arena_free(&arena);
    return status;
}

static int check_arguments(struct session *session, const struct arguments *arguments) {
    if (arguments->top < 1)
        return error_set(&session->error, ERROR_CONFIG, "--top", "must be 1 or more, got %d", arguments->top);
    if (arguments->csv && session->json)
        return error_set(&session->error, ERROR_CONFIG, "--csv", "cannot go with --json; give one of them");
    return session_start(session);
}

static int run_predict(struct session *session, int argc, const char **argv);

const struct command predict_command = {
    .name = "predict",
    .summary = "what a trained model says about pictures (PNG, JPEG, BMP)",
    .usage = "MODEL IMAGE... [options]",
    .details =
        "Prints the likeliest label, or with --top that many, and its probability for each picture. A folder stands "
        "for all pictures in it and below. Pictures of any size are brought to the model's by bilinear filtering, "
        "over a wider neighbourhood where they shrink; --resize says what becomes of other proportions: stretch "
        "scales both sides by themselves, as data.resize does in training, crop cuts out the middle, fit leaves "
        "the rest black. A file that cannot be read is named, and the others are answered all the same.\n",
    .examples = "cnntrain predict runs/sep_max picture.png\n"
                "cnntrain predict runs/sep_max *.jpg --top 3\n"
                "cnntrain predict runs/sep_max photos --resize crop     every picture in a folder and below\n"
                "cnntrain predict runs/sep_max photos --csv >photos.csv\n"
                "cnntrain predict runs/sep_max picture.png --json\n",
    .run = run_predict,
};

static int run_predict(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.top = 1};
    const struct poptOption table[] = {
        {"top", 0, POPT_ARG_INT, &arguments.top, 0, "likeliest classes to show (default 1)", "K"},
        {"resize", 0, POPT_ARG_STRING, &arguments.resize, 0, PICTURE_RESIZE_HELP, PICTURE_RESIZE_WORDS},
        {"csv", 0, POPT_ARG_NONE, &arguments.csv, 0, "one line of comma-separated values for each picture", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &predict_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &predict_command, 2, -1, "a model and at least one picture");
        if (status == 0) status = check_arguments(session, &arguments);
        if (status == 0) status = act(session, &options, &arguments);
    }
    options_free(&options);
    return status;
}
