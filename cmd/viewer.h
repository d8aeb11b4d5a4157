/* A model that is looked at, with its data and the image it is shown: what the views of cmd/visualize.c stand on. */
#ifndef CNNTRAIN_CMD_VIEWER_H
#define CNNTRAIN_CMD_VIEWER_H

#include "cmd/picture_input.h"
#include "core/model_file.h"
#include "core/report/visual.h"

struct viewer {
    struct session *session;
    const char *path; /* of the model */
    bool is_trained;  /* else it comes from a config, as it would be before training */
    bool is_measured; /* the normalization is known */
    bool data_from_user;
    const char *resize;
    struct saved_model saved;
    struct component source; /* how images are fed: the config's, or a plain one where it names none */
    struct data_common plain;
    struct data_splits splits;
    bool has_data;
};

/* Opens a trained model (a run's folder or a checkpoint) or a config. Close it in either case. */
int viewer_open(struct viewer *viewer, struct session *session, const struct train_options *train, const char *path,
                const char *resize);
void viewer_close(struct viewer *viewer);

/* Loads the model's data, once. */
int viewer_load_data(struct viewer *viewer);
struct visual_classes viewer_classes(const struct viewer *viewer);

/* One image, as it is shown to the model. Starts as {0}. */
struct view_image {
    struct dataset dataset; /* of this one image */
    int label;              /* -1: not known */
    struct picture picture;
};
/* `text` is a file, or a part of the data and a number: "test:17". */
int viewer_open_image(struct viewer *viewer, const char *flag, const char *text, struct view_image *image);
void view_image_close(struct view_image *image);

/* A feed over the data set, normalized as the model wants it. */
int viewer_open_feed(const struct viewer *viewer, const struct dataset *dataset, struct feed *feed);

/* The class that `text` names, or numbers; NULL: `predicted`. */
int viewer_find_class(const struct viewer *viewer, const char *text, int predicted, int *class_index);

#endif
