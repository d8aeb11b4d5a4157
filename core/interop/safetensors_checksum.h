/* How the header of a file of ours begins: a checksum of every other byte of the file (core/checksum.h). */
#ifndef CNNTRAIN_CORE_INTEROP_SAFETENSORS_CHECKSUM_H
#define CNNTRAIN_CORE_INTEROP_SAFETENSORS_CHECKSUM_H

/* The digits follow. */
#define SAFETENSORS_CHECKSUM_PREFIX "{\"__metadata__\":{\"checksum\":\""
#define SAFETENSORS_WRITER "cnntrain"

#endif
