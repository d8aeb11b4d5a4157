/* The files of configs: where they are found, and what they extend. */
#ifndef CNNTRAIN_CORE_CONFIG_FILE_H
#define CNNTRAIN_CORE_CONFIG_FILE_H

#include <cJSON.h>

#include "core/error.h"

enum { CONFIG_SIZE_MAX = 4 << 20 }; /* bytes of a config or experiment file */

enum { CONFIG_SEARCH_MAX = 5 };

/* Where configs are looked for after the path as given, in this order; ended by NULL. */
struct config_search {
    const char *folders[CONFIG_SEARCH_MAX + 1];
};

/* One folder more, which must live as long as the search, unless it is there already or there are CONFIG_SEARCH_MAX. */
void config_search_add(struct config_search *search, const char *folder);

/* `path` as given or, where that is no file, below one of the search folders, with or without ".json" or ".jsonc";
 * malloc'd. NULL and ERROR_IO naming the places tried. */
char *config_find(const char *path, const struct config_search *search, struct error *error);

/* The JSON object in a file, merged over the file that its "extends" names, if it does, and so on; the caller deletes
 * it. A base is looked for beside the file, then in the search folders. NULL with ERROR_CONFIG or ERROR_IO on failure.
 */
cJSON *config_read_file(const char *path, const struct config_search *search, struct error *error);

#endif
