/* Pictures from files, as a model takes them. */
#ifndef CNNTRAIN_CMD_PICTURE_INPUT_H
#define CNNTRAIN_CMD_PICTURE_INPUT_H

#include "cmd/session.h"
#include "data/image_fit.h"

struct picture_input {
    int size[2]; /* height, width */
    enum data_color color;
    enum image_fit fit;
};

#define PICTURE_RESIZE_HELP "pictures of other proportions (stretch is the default, as in training)"
#define PICTURE_RESIZE_WORDS "stretch|crop|fit"

/* For a model's input; `resize` is what --resize says, or NULL. ERROR_DATA naming `path`, the model's, where it takes
 * no pictures; ERROR_CONFIG. */
int picture_input_open(struct session *session, const struct shape *input, const char *path, const char *resize,
                       struct picture_input *pictures);
/* Reads the file into pixels (height, width, channels); callable from many threads at once. */
int picture_input_read(const struct picture_input *pictures, const char *path, uint8_t *pixels, struct error *error);

#endif
