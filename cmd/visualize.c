/* cnntrain visualize: pictures of a model's kernels, of what it makes of an image, of where it looks and where it errs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/document.h"
#include "cmd/model_data.h"
#include "cmd/output.h"
#include "cmd/terminal.h"
#include "cmd/viewer.h"
#include "core/evaluation.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/trace.h"

enum { KERNELS_MOST = 64, MAPS_MOST = 32, MISTAKES_MOST = 24, MOST = 1024 };

struct arguments {
    struct train_options train;
    int kernels, mistakes;
    const char *features, *saliency, *occlusion; /* images */
    const char *scale, *class, *split, *resize, *out;
    int maps, count, patch, stride; /* or NOT_GIVEN */
};

/* One picture that can be asked for: fills an album. */
struct view {
    const char *name;
    int (*fill)(struct viewer *viewer, const struct arguments *arguments, struct album *album);
};

static struct visual_scale scale_of(const struct arguments *arguments, int most) {
    return (struct visual_scale){.shared = arguments->scale && strcmp(arguments->scale, "shared") == 0,
                                 .most = arguments->maps == NOT_GIVEN ? most : arguments->maps};
}

/* ---- kernels and features ---- */

static int fill_kernels(struct viewer *viewer, const struct arguments *arguments, struct album *album) {
    const struct visual_scale scale = scale_of(arguments, KERNELS_MOST);
    struct error *error = &viewer->session->error;
    if (visual_kernels(album, &viewer->saved.model, &scale, error) != 0) return -1;
    return album->count > 0
               ? 0
               : error_set(
                     error, ERROR_DATA, viewer->path,
                     "has no convolutions to show kernels of; --features IMAGE shows what its layers make of an image");
}

/* The image goes through all layers. */
static int trace_image(struct viewer *viewer, const struct view_image *image, bool wants_gradient,
                       struct trace *trace) {
    struct session *session = viewer->session;
    const int64_t sample = 0;
    struct feed feed = {0};
    if (trace_open(trace, &viewer->saved.model, session->workshop.kernels, wants_gradient, &session->error) != 0 ||
        viewer_open_feed(viewer, &image->dataset, &feed) != 0)
        return -1;
    feed.fill(&feed, &sample, 1, 0, false, trace->outputs[0], NULL);
    session->workshop.data_room->close(&feed);
    trace_forward(trace);
    return 0;
}

static int fill_features(struct viewer *viewer, const struct arguments *arguments, struct album *album) {
    const struct visual_scale scale = scale_of(arguments, MAPS_MOST);
    struct view_image image;
    struct trace trace = {0};
    int status = viewer_open_image(viewer, "--features", arguments->features, &image);
    if (status == 0) status = trace_image(viewer, &image, false, &trace);
    const struct visual_classes classes = viewer_classes(viewer);
    if (status == 0)
        status = visual_features(album, &viewer->saved.model, trace.outputs, &image.picture, &classes, &scale,
                                 &viewer->session->error);
    trace_close(&trace);
    view_image_close(&image);
    return status;
}

/* ---- where it looks ---- */

/* Fails unless the model puts out a number for each class. */
static int check_classes(const struct viewer *viewer) {
    const struct model *model = &viewer->saved.model;
    char shape[SHAPE_TEXT_SIZE];
    if (model->output.rank == 1) return 0;
    return error_set(&viewer->session->error, ERROR_DATA, viewer->path,
                     "puts out %s, not a number for each class; --features shows what it makes of an image",
                     shape_text(&model->output, shape, sizeof shape));
}

static int check_finite(const struct viewer *viewer, const struct trace *trace) {
    const struct model *model = &viewer->saved.model;
    for (int i = 0; i < model->layer_count; i++) {
        size_t count = 0;
        shape_elements(&model->layers[i].output, &count);
        for (size_t k = 0; k < count; k++)
            if (!isfinite(trace->outputs[i + 1][k]))
                return error_set(
                    &viewer->session->error, ERROR_NOT_FINITE, viewer->path,
                    "the output for this image is not finite, first in the layer %s; --features shows where",
                    model->layers[i].name);
    }
    return 0;
}

/* The class that is asked about, and what the model says of it. */
static int choose_subject(struct viewer *viewer, const struct arguments *arguments, const struct view_image *image,
                          const struct trace *trace, const struct visual_classes *classes,
                          struct visual_subject *subject) {
    const struct model *model = &viewer->saved.model;
    const float *output = trace->outputs[model->layer_count];
    int best = 0;
    for (int k = 1; k < model->output.size[0]; k++)
        if (output[k] > output[best]) best = k;
    *subject = (struct visual_subject){.image = &image->picture, .label = image->label, .classes = classes};
    if (viewer_find_class(viewer, arguments->class, best, &subject->class_index) != 0) return -1;
    subject->probability = (double)output[subject->class_index];
    return 0;
}

/* The image, all layers' outputs for it, and the class that is asked about. */
struct look {
    struct view_image image;
    struct trace trace;
    struct visual_classes classes;
    struct visual_subject subject;
};

static int open_look(struct viewer *viewer, const struct arguments *arguments, const char *flag, const char *text,
                     bool wants_gradient, struct look *look) {
    *look = (struct look){.image = {.label = -1}};
    if (check_classes(viewer) != 0 || viewer_open_image(viewer, flag, text, &look->image) != 0 ||
        trace_image(viewer, &look->image, wants_gradient, &look->trace) != 0 || check_finite(viewer, &look->trace) != 0)
        return -1;
    look->classes = viewer_classes(viewer);
    return choose_subject(viewer, arguments, &look->image, &look->trace, &look->classes, &look->subject);
}

static void close_look(struct look *look) {
    trace_close(&look->trace);
    view_image_close(&look->image);
}

static int fill_saliency(struct viewer *viewer, const struct arguments *arguments, struct album *album) {
    struct look look;
    int status = open_look(viewer, arguments, "--saliency", arguments->saliency, true, &look);
    if (status == 0)
        status = visual_saliency(album, &look.subject, trace_gradient(&look.trace, look.subject.class_index),
                                 viewer->saved.model.input.size[2], &viewer->session->error);
    close_look(&look);
    return status;
}

/* A quarter of the shorter side, and a quarter of that from patch to patch. */
static int choose_patch(const struct viewer *viewer, const struct arguments *arguments,
                        struct occlusion_request *request) {
    struct session *session = viewer->session;
    const int *size = viewer->saved.model.input.size;
    const int shorter = size[0] < size[1] ? size[0] : size[1];
    const int patch = arguments->patch == NOT_GIVEN ? (shorter + 3) / 4 : arguments->patch;
    if (options_check_range(session, "--patch", patch, 1, shorter) != 0) return -1;
    const int stride = arguments->stride == NOT_GIVEN ? (patch + 3) / 4 : arguments->stride;
    if (options_check_range(session, "--stride", stride, 1, patch) != 0) return -1;
    request->patch = patch;
    request->stride = stride;
    const int64_t patches = occlusion_patches(size[0], size[1], stride);
    if (patches <= OCCLUSION_PATCHES_MAX) return 0;
    return error_set(&session->error, ERROR_CONFIG, "--stride",
                     "of %d would take %lld patches, at most %d are tried; choose a larger one", stride,
                     (long long)patches, OCCLUSION_PATCHES_MAX);
}

static int fill_occlusion(struct viewer *viewer, const struct arguments *arguments, struct album *album) {
    struct session *session = viewer->session;
    struct look look;
    struct occlusion occlusion = {0};
    struct occlusion_request request = {.model = &viewer->saved.model,
                                        .kernels = session->workshop.kernels,
                                        .threads = session->workshop.threads,
                                        .room = session->workshop.data_room,
                                        .source = &viewer->source,
                                        .normalization = &viewer->saved.normalization};
    int status = choose_patch(viewer, arguments, &request);
    look = (struct look){0};
    if (status == 0) status = open_look(viewer, arguments, "--occlusion", arguments->occlusion, false, &look);
    request.image = &look.image.dataset;
    request.class_index = look.subject.class_index;
    if (status == 0) status = occlusion_measure(&request, &occlusion, &session->error);
    if (status == 0) status = visual_occlusion(album, &look.subject, &occlusion, &session->error);
    occlusion_free(&occlusion);
    close_look(&look);
    return status;
}

/* ---- mistakes ---- */

static int predict_all(struct viewer *viewer, const struct dataset *dataset, struct predictions *predictions) {
    struct session *session = viewer->session;
    struct model *model = &viewer->saved.model;
    struct feed feed = {0};
    struct engine *engine = NULL;
    struct evaluation evaluation;
    struct terminal terminal;
    if (viewer_open_feed(viewer, dataset, &feed) != 0) return -1;
    const struct engine_options options = {
        .threads = session->workshop.threads, .batch_size = 1, .feed_scratch_bytes = feed.scratch_bytes};
    int status = predictions_create(predictions, dataset->count, &session->error);
    if (status == 0) status = engine_open(&engine, model, session->workshop.kernels, &options, &session->error);
    if (status == 0) {
        terminal_open(&terminal, session);
        terminal.doing = "Evaluating";
        const struct evaluation_watch watch = {.progress = {.tell = terminal_progress, .listener = &terminal}};
        status = evaluate_feed(engine, model, &feed, predictions, &watch, &evaluation, &session->error);
        terminal_close(&terminal);
    }
    engine_close(engine);
    session->workshop.data_room->close(&feed);
    return status;
}

static int show_mistakes(struct viewer *viewer, const struct arguments *arguments, const struct dataset *dataset,
                         const struct predictions *predictions, struct album *album) {
    struct error *error = &viewer->session->error;
    const int most = arguments->count == NOT_GIVEN ? MISTAKES_MOST : arguments->count;
    const struct visual_classes classes = viewer_classes(viewer);
    int64_t *samples = memory_allocate((size_t)most, sizeof *samples, "the mistakes", error);
    if (!samples) return -1;
    const int count = visual_find_mistakes(predictions, most, samples);
    const int status = visual_mistakes(album, dataset, predictions, samples, count, &classes, error);
    free(samples);
    return status;
}

static int fill_mistakes(struct viewer *viewer, const struct arguments *arguments, struct album *album) {
    struct session *session = viewer->session;
    struct predictions predictions = {0};
    if (!viewer->is_trained)
        return error_set(&session->error, ERROR_CONFIG, "--mistakes",
                         "needs a trained model; %s is a config, whose model guesses", viewer->path);
    if (viewer_load_data(viewer) != 0) return -1;
    const struct dataset *dataset =
        choose_split(session, &viewer->splits, arguments->split ? arguments->split : "test");
    if (!dataset || check_images(session, &viewer->saved.model, dataset, viewer->splits.classes) != 0) return -1;
    int status = predict_all(viewer, dataset, &predictions);
    if (status == 0) status = show_mistakes(viewer, arguments, dataset, &predictions, album);
    predictions_free(&predictions);
    return status;
}

/* ---- what is asked for, and where it goes ---- */

enum { VIEWS = 5 };

static const struct view views[VIEWS] = {
    {"kernels", fill_kernels},   {"features", fill_features},   {"mistakes", fill_mistakes},
    {"saliency", fill_saliency}, {"occlusion", fill_occlusion},
};

static int find_views(const struct arguments *arguments, const struct view *asked[VIEWS]) {
    const bool is_asked[VIEWS] = {arguments->kernels, arguments->features, arguments->mistakes, arguments->saliency,
                                  arguments->occlusion};
    int count = 0;
    for (int i = 0; i < VIEWS; i++)
        if (is_asked[i]) asked[count++] = &views[i];
    return count;
}

static bool is_file_name(const char *out) {
    const size_t length = strlen(out);
    return length >= 4 && strcmp(out + length - 4, ".png") == 0;
}

/* A run's folder gives its name to the pictures, else the config does. */
static int name_of_model(const struct viewer *viewer, char *name, size_t size) {
    char path[4096];
    size_t length = strlen(viewer->path);
    while (length > 0 && viewer->path[length - 1] == '/') length--;
    snprintf(path, sizeof path, "%.*s", (int)(length < sizeof path ? length : sizeof path - 1), viewer->path);
    const int is_folder = file_is_folder(viewer->path, &viewer->session->error);
    if (is_folder < 0) return -1;
    const char *last = file_name_of(path);
    const bool says_something = is_folder && strspn(last, "./") < strlen(last);
    const char *chosen = says_something ? last : viewer->saved.config.values.name;
    snprintf(name, size, "%.100s", chosen ? chosen : "model");
    return 0;
}

/* The file for a view, to free(). */
static char *choose_file(const struct viewer *viewer, const struct arguments *arguments, const struct view *view) {
    struct error *error = &viewer->session->error;
    char name[128], file[192];
    if (arguments->out && is_file_name(arguments->out)) return file_join(NULL, arguments->out, error);
    if (name_of_model(viewer, name, sizeof name) != 0) return NULL;
    snprintf(file, sizeof file, "%s-%s.png", name, view->name);
    return file_join(arguments->out, file, error);
}

static void tell(const struct session *session, struct document *document, const struct view *view, const char *path,
                 const struct album *album, const struct picture *picture) {
    if (!session->json) {
        terminal_print(stdout, path);
        output_print(": %d x %d pixels\n", picture->width, picture->height);
        return;
    }
    cJSON *item = document_add_object(document, document->root, NULL);
    document_add_string(document, item, "view", view->name);
    document_add_string(document, item, "file", path);
    document_add_number(document, item, "width", picture->width);
    document_add_number(document, item, "height", picture->height);
    cJSON *parts = document_add_list(document, item, "parts");
    for (int i = 0; i < album->count; i++) {
        cJSON *part = document_add_object(document, parts, NULL);
        document_add_string(document, part, "title", album->pages[i].title);
        document_add_string(document, part, "note", album->pages[i].note);
    }
}

static bool has_folder(const struct arguments *arguments) {
    return arguments->out && !is_file_name(arguments->out);
}

/* Whether the folder can be made is known before the work; it is made when a picture is there. */
static int try_folder(const struct arguments *arguments, struct error *error) {
    if (!has_folder(arguments)) return 0;
    bool is_new = !file_exists(arguments->out);
    int status = file_make_folder(arguments->out, error);
    if (status == 0 && is_new) rmdir(arguments->out);
    return status;
}

static int make_picture(struct viewer *viewer, const struct arguments *arguments, const struct view *view,
                        struct document *document) {
    struct session *session = viewer->session;
    struct album album = {0};
    struct picture picture = {0};
    char *path = choose_file(viewer, arguments, view);
    int status = path ? view->fill(viewer, arguments, &album) : -1;
    if (status == 0) status = album_bind(&album, &picture, &session->error);
    if (status == 0 && has_folder(arguments)) status = file_make_folder(arguments->out, &session->error);
    if (status == 0) status = picture_write(&picture, path, &session->error);
    if (status == 0) tell(session, document, view, path, &album, &picture);
    picture_free(&picture);
    album_free(&album);
    free(path);
    return status;
}

static int make_pictures(struct viewer *viewer, const struct arguments *arguments, const struct view *const *asked,
                         int count) {
    struct session *session = viewer->session;
    struct document document = document_list();
    int status = try_folder(arguments, &session->error);
    for (int i = 0; i < count && status == 0; i++) status = make_picture(viewer, arguments, asked[i], &document);
    if (session->json && status == 0) return document_print(session, &document);
    document_free(&document);
    return status;
}

static int check_arguments(struct session *session, const struct arguments *arguments, int asked) {
    struct error *error = &session->error;
    if (asked == 0)
        return error_set(
            error, ERROR_CONFIG, NULL,
            "nothing to show; give --kernels, --features IMAGE, --mistakes, --saliency IMAGE or --occlusion "
            "IMAGE");
    if (asked > 1 && arguments->out && is_file_name(arguments->out))
        return error_set(error, ERROR_CONFIG, "--out", "is one file, but %d pictures are asked for; name a folder",
                         asked);
    if (arguments->scale && strcmp(arguments->scale, "kernel") != 0 && strcmp(arguments->scale, "shared") != 0)
        return error_set(error, ERROR_CONFIG, "--scale", "must be kernel or shared, got \"%s\"", arguments->scale);
    if (options_check_range(session, "--maps", arguments->maps, 1, MOST) != 0 ||
        options_check_range(session, "--count", arguments->count, 1, MOST) != 0)
        return -1;
    return 0;
}

static int act(struct session *session, const struct options *options, const struct arguments *arguments) {
    const struct view *asked[VIEWS];
    struct viewer viewer = {0};
    const int count = find_views(arguments, asked);
    if (check_arguments(session, arguments, count) != 0 || session_start(session) != 0) return -1;
    if (arguments->mistakes || arguments->occlusion) session_start_threads(session->workshop.threads);
    int status = viewer_open(&viewer, session, &arguments->train, options->arguments[0], arguments->resize);
    if (status == 0) status = make_pictures(&viewer, arguments, asked, count);
    viewer_close(&viewer);
    return status;
}

static int run_visualize(struct session *session, int argc, const char **argv);

const struct command visualize_command = {
    .name = "visualize",
    .summary = "pictures of a model: kernels, feature maps, mistakes, where it looks",
    .usage = "MODEL [options]",
    .details =
        "Writes a PNG for each view that is asked for. IMAGE is a file, or an image of the model's data such as "
        "test:17. MODEL is a run's folder, a checkpoint or a config; a config's model is shown as it is before "
        "training, which is enough for kernels that are given in it.\n"
        "--kernels shows the kernels of every convolution, in colours where the input has three channels. --features "
        "shows what every layer makes of the image, in order. --mistakes shows the images that the model is surest to "
        "have right and has wrong. --saliency shows the gradient of the class' logit by the input; --occlusion shows "
        "how "
        "far the probability of the class falls while a patch in the image's mean colour hides a place.\n",
    .examples =
        "cnntrain visualize runs/sep_max --kernels --features test:17 --mistakes\n"
        "cnntrain visualize runs/sep_max --saliency dog.png --occlusion dog.png --class dog --out pictures\n"
        "cnntrain visualize runs/sep_max --kernels --scale shared --out kernels.png\n"
        "cnntrain visualize sobel.json --features photo.jpg      an untrained model, with kernels of its config\n",
    .run = run_visualize,
};

static int run_visualize(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {
        .train = TRAIN_OPTIONS_NONE, .maps = NOT_GIVEN, .count = NOT_GIVEN, .patch = NOT_GIVEN, .stride = NOT_GIVEN};
    const struct poptOption table[] = {
        {"kernels", 0, POPT_ARG_NONE, &arguments.kernels, 0, "the kernels of every convolution", NULL},
        {"features", 0, POPT_ARG_STRING, &arguments.features, 0, "the outputs of every layer for this image", "IMAGE"},
        {"mistakes", 0, POPT_ARG_NONE, &arguments.mistakes, 0, "the most confident mistakes", NULL},
        {"saliency", 0, POPT_ARG_STRING, &arguments.saliency, 0, "which pixels move the score of the class", "IMAGE"},
        {"occlusion", 0, POPT_ARG_STRING, &arguments.occlusion, 0, "which places the class is recognized by", "IMAGE"},
        {"class", 0, POPT_ARG_STRING, &arguments.class, 0,
         "its name or number, for --saliency and --occlusion (default: the predicted one)", "CLASS"},
        {"scale", 0, POPT_ARG_STRING, &arguments.scale, 0,
         "colours by each kernel or map by itself (kernel, the default), or one scale a layer", "kernel|shared"},
        {"maps", 0, POPT_ARG_INT, &arguments.maps, 0, "the most kernels (default 64) or maps (32) of a layer", "N"},
        {"count", 0, POPT_ARG_INT, &arguments.count, 0, "the most mistakes (default 24)", "N"},
        {"split", 0, POPT_ARG_STRING, &arguments.split, 0, "of which images (test is the default)",
         "test|validation|train"},
        {"patch", 0, POPT_ARG_INT, &arguments.patch, 0, "side of the patch that hides (default: a quarter)", "PIXELS"},
        {"stride", 0, POPT_ARG_INT, &arguments.stride, 0, "from patch to patch (default: a quarter of it)", "PIXELS"},
        {"resize", 0, POPT_ARG_STRING, &arguments.resize, 0, PICTURE_RESIZE_HELP, PICTURE_RESIZE_WORDS},
        {"data", 'd', POPT_ARG_STRING, &arguments.train.data, 0, "data to use instead of the model's own", "SPEC"},
        {"set", 0, POPT_ARG_ARGV, &arguments.train.set, 0, "set any value of a config; may be repeated",
         "KEY.PATH=VALUE"},
        {"out", 'o', POPT_ARG_STRING, &arguments.out, 0,
         "a file ending in .png, or a folder (default: here, as MODEL-VIEW.png)", "FILE"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &visualize_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &visualize_command, 1, 1,
                                "a model: a checkpoint, a run's folder or a config");
        if (status == 0) status = act(session, &options, &arguments);
    }
    options_free(&options);
    return status;
}
