#include "cmd/init_config.h"

#include <math.h>
#include <stdio.h>

#include "core/json.h"

/* ---- what follows from the data ---- */

enum {
    SIDE_KEPT = 96,   /* pictures up to this side stay as they are, if they are alike */
    SIDE_WANTED = 64, /* the longer side of others */
    SIDE_LEAST = 8,
    BLOCKS_MOST = 4,
    FILTERS_LEAST = 32,
    FILTERS_MOST = 128,
    CLASSES_NAMED = 10,
};

/* A side by which a few poolings go. */
static int round_side(double side) {
    const int rounded = 4 * (int)(side / 4 + 0.5);
    return rounded < SIDE_LEAST ? SIDE_LEAST : rounded;
}

void init_choose_form(struct init_facts *facts) {
    const struct picture_sizes *sizes = &facts->sizes;
    if (sizes->count == 0) return;
    const double height = sizes->sum[0] / (double)sizes->count, width = sizes->sum[1] / (double)sizes->count;
    const double longer = fmax(height, width);
    const bool alike = sizes->smallest[0] == sizes->largest[0] && sizes->smallest[1] == sizes->largest[1];
    if (!alike) {
        facts->resize[0] = facts->resize[1] = round_side(fmin(longer, SIDE_WANTED));
    } else if (longer > SIDE_KEPT) {
        facts->resize[0] = round_side(height * SIDE_WANTED / longer);
        facts->resize[1] = round_side(width * SIDE_WANTED / longer);
    }
    const bool has_color = sizes->most_channels >= 3, same = sizes->least_channels == sizes->most_channels;
    if (!same || sizes->most_channels % 2 == 0) facts->color = has_color ? COLOR_RGB : COLOR_GRAYSCALE;
}

static int blocks_for(const struct dataset *train) {
    int side = train->height < train->width ? train->height : train->width, blocks = 0;
    for (; side >= 2 * 4 && blocks < BLOCKS_MOST; side /= 2) blocks++;
    return blocks;
}

static int batch_size_for(int64_t images) {
    return images < 5000 ? 32 : images < 100000 ? 64 : 128;
}

static int64_t count_class(const struct dataset *dataset, int class, int64_t first) {
    int64_t count = 0;
    for (int64_t i = first; i < dataset->count; i++) count += dataset->labels[i] == class;
    return count;
}

/* Whether a class stands in the last images alone, or so much that chance cannot have put it there: the data are sorted
 * by class. */
static bool loses_classes(const struct data_splits *splits, double share) {
    const int64_t first = (int64_t)floor((double)splits->train.count * (1.0 - share));
    for (int class = 0; class < splits->classes; class ++) {
        const int64_t all = count_class(&splits->train, class, 0), last = count_class(&splits->train, class, first);
        if (all > 0 && (all == last || (2 * last > all && pow(share, (double)last) < 1e-4))) return true;
    }
    return false;
}

/* 0 where the data have a part of their own, or too few or sorted images. */
static double validation_split_for(const struct data_splits *splits) {
    const double share = splits->train.count < 10000 ? 0.2 : 0.1;
    if (splits->validation.count > 0 || splits->train.count < 10 || loses_classes(splits, share)) return 0;
    return share;
}

/* ---- the text ---- */

static void add_classes(const struct data_splits *splits, struct text *text) {
    int64_t least = INT64_MAX, most = 0;
    for (int class = 0; class < splits->classes; class ++) {
        const int64_t count = count_class(&splits->train, class, 0);
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    text_print(text, "  // %d class%s with %lld", splits->classes, splits->classes == 1 ? "" : "es", (long long)least);
    if (most > least) text_print(text, " to %lld", (long long)most);
    text_print(text, " training image%s%s", most == 1 ? "" : "s", splits->classes > 1 ? " each" : "");
    const int named = splits->classes < CLASSES_NAMED ? splits->classes : CLASSES_NAMED;
    for (int class = 0; splits->class_names && class < named; class ++)
        text_print(text, class ? ", %s" : ": %s", splits->class_names[class]);
    text_add(text, splits->class_names && named < splits->classes ? ", ...\n" : "\n");
}

static void add_size(const struct init_facts *facts, struct text *text) {
    const struct picture_sizes *sizes = &facts->sizes;
    if (!facts->resize[0]) return;
    text_print(text, "    // The pictures are %d", sizes->smallest[0]);
    if (sizes->largest[0] > sizes->smallest[0]) text_print(text, " to %d", sizes->largest[0]);
    text_print(text, " pixels high and %d", sizes->smallest[1]);
    if (sizes->largest[1] > sizes->smallest[1]) text_print(text, " to %d", sizes->largest[1]);
    text_print(text,
               " wide. Twice the size shows more and takes four times as long.\n"
               "    \"resize\": [%d, %d],\n",
               facts->resize[0], facts->resize[1]);
}

static void add_validation(const struct init_facts *facts, struct text *text) {
    const struct data_splits *splits = facts->splits;
    const double share = validation_split_for(splits);
    if (share > 0)
        text_print(text,
                   "    // The last %.0f %% of the training images are kept to see how training goes on others.\n"
                   "    \"validation_split\": %g,\n",
                   100 * share, share);
    else if (splits->validation.count > 0)
        text_print(text, "    // The data have a validation part of their own, %lld images.\n",
                   (long long)splits->validation.count);
    else if (splits->train.count >= 10)
        text_add(text, "    // The images are sorted by class, so no validation part can be taken from their end:\n"
                       "    // mix their order, then set \"validation_split\": 0.2\n");
}

static void add_data(const struct init_facts *facts, struct text *text) {
    static const char *const colors[] = {[COLOR_AS_IS] = "as_is", [COLOR_RGB] = "rgb", [COLOR_GRAYSCALE] = "grayscale"};
    const struct data_splits *splits = facts->splits;
    text_print(text, "  // %s: %lld images to train with, %lld to test with\n", facts->source->component.summary,
               (long long)splits->train.count, (long long)splits->test.count);
    add_classes(splits, text);
    text_print(text, "  \"data\": {\n    \"source\": \"%s\",\n", facts->source->component.name);
    if (facts->path) {
        text_add(text, "    \"path\": ");
        json_write_string(facts->path, text);
        text_add(text, ",\n");
    }
    add_size(facts, text);
    if (facts->color != COLOR_AS_IS) text_print(text, "    \"color\": \"%s\",\n", colors[facts->color]);
    add_validation(facts, text);
    text_add(text, "    // Random changes make more of few images. Take away the slashes to try them:\n"
                   "    // \"augment\": [{\"type\": \"RandomTranslation\"}, {\"type\": \"RandomRotation\"}],\n"
                   "    \"normalize\": \"standardize\"\n  },\n\n");
}

static void add_model(const struct data_splits *splits, struct text *text) {
    const struct dataset *train = &splits->train;
    const int blocks = blocks_for(train);
    text_print(text, "  // Height, width and channels of an image.\n  \"input_shape\": [%d, %d, %d],\n\n",
               train->height, train->width, train->channels);
    text_add(text, "  // Each convolution looks for patterns in 3 x 3 cells; each pooling halves height and width.\n"
                   "  // `cnntrain layers` lists what else there is.\n"
                   "  \"model\": [\n");
    for (int block = 0, filters = FILTERS_LEAST; block < blocks || block == 0; block++) {
        text_print(text,
                   "    {\"type\": \"Conv2D\", \"filters\": %d, \"kernel_size\": 3, \"padding\": \"same\", "
                   "\"activation\": \"relu\"},\n",
                   filters);
        if (block < blocks) text_add(text, "    {\"type\": \"MaxPooling2D\", \"pool_size\": 2},\n");
        filters = filters < FILTERS_MOST ? 2 * filters : FILTERS_MOST;
    }
    text_print(text,
               "    {\"type\": \"Flatten\"},\n"
               "    // Leaves out some numbers at random in training, so that nothing is learnt by heart.\n"
               "    {\"type\": \"Dropout\", \"rate\": %g},\n"
               "    // One output for each class.\n"
               "    {\"type\": \"Dense\", \"units\": %d, \"activation\": \"softmax\"}\n  ],\n\n",
               train->count < 10000 ? 0.5 : 0.3, splits->classes);
}

static void add_training(const struct data_splits *splits, struct text *text) {
    const bool validates = splits->validation.count > 0 || validation_split_for(splits) > 0;
    text_print(text,
               "  \"training\": {\n"
               "    // Passes over all training images%s.\n"
               "    \"epochs\": %d,\n"
               "    // Images a step.\n"
               "    \"batch_size\": %d,\n",
               validates ? ", at most" : "", splits->train.count < 10000 ? 30 : 15,
               batch_size_for(splits->train.count));
    if (validates)
        text_add(text, "    // Ends the training once validation has not become better for 5 epochs, with the best "
                       "weights.\n"
                       "    \"callbacks\": [{\"type\": \"EarlyStopping\", \"patience\": 5, \"restore_best_weights\": "
                       "true}],\n");
    text_add(text, "    \"optimizer\": {\"type\": \"Adam\", \"learning_rate\": 0.001}\n  }\n}\n");
}

void init_write_config(const struct init_facts *facts, struct text *text) {
    struct text file = {0};
    text_add_shell_word(&file, facts->file);
    const char *shown = file.failed ? facts->file : file.bytes;
    text_add(text, "// A first config, made by `cnntrain init` from a look at the data.\n");
    text_print(text, "//   cnntrain summary %s   shows the network\n", shown);
    text_print(text, "//   cnntrain train %s     trains it; results are in runs/%s\n", shown, facts->name);
    text_print(text, "//   cnntrain config %s    tells every setting there is, with its value\n{\n", shown);
    if (facts->schema) {
        text_add(text, "  // For editors: they complete keys and mark mistakes by it.\n  \"$schema\": ");
        json_write_string(facts->schema, text);
        text_add(text, ",\n");
    }
    text_add(text, "  \"name\": ");
    json_write_string(facts->name, text);
    text_add(text, ",\n  // Of every random number: the same seed gives the same result.\n  \"seed\": 1,\n\n");
    add_data(facts, text);
    add_model(facts->splits, text);
    add_training(facts->splits, text);
    text->failed = text->failed || file.failed;
    text_free(&file);
}
