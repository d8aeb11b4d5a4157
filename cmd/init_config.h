/* The text of a first config for a data set: what is known of the data, and what follows from it. */
#ifndef CNNTRAIN_CMD_INIT_CONFIG_H
#define CNNTRAIN_CMD_INIT_CONFIG_H

#include "core/dataset.h"
#include "core/text.h"

struct init_facts {
    const char *name;                 /* of the config and its runs */
    const char *file;                 /* the config's file, as a user types it */
    const char *schema;               /* where editors find the schema; NULL: nowhere */
    const struct source_kind *source; /* of the data */
    const char *path;                 /* as the config says it; NULL: the source needs none */
    struct picture_sizes sizes;       /* count 0: all images are as they are loaded */
    int resize[2];                    /* zeros: as they are */
    enum data_color color;
    const struct data_splits *splits; /* loaded so, validation not split off */
};

/* From the sizes to resize and color: pictures become alike, and small enough to be trained on at leisure. */
void init_choose_form(struct init_facts *facts);
/* The config as JSON with comments. */
void init_write_config(const struct init_facts *facts, struct text *text);

#endif
