/* A Conv2D without a bias, all three passes, against the convolution as its formula reads, in double. */
#ifndef CNNTRAIN_TESTS_SUPPORT_CONVOLUTION_CASE_H
#define CNNTRAIN_TESTS_SUPPORT_CONVOLUTION_CASE_H

#include "tests/support/layer_case.h"

struct convolution {
    int height, width, channels, filters, groups;
    int kernel[2], stride[2], dilation[2];
    const char *padding;
};

/* Fails the test unless the passes of every table of kernels are within 1e-5 of the formula, and those with fused
 * multiply-adds alike. */
void assert_convolution(const struct convolution *c, const char *algorithm);

#endif
