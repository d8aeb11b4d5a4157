/* What repeated runs and shared test sets say about a difference: intervals and tests. */
#ifndef CNNTRAIN_CORE_STATISTICS_H
#define CNNTRAIN_CORE_STATISTICS_H

#include <stdint.h>

struct interval {
    double low, high;
};

/* The 95 % interval of a share of `hits` among `trials`: Wilson 1927, "Probable inference, the law of succession, and
 * statistical inference", with z = 1.96 (the 97.5 % point of the normal distribution):
 * (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). [0,1] without trials. */
struct interval wilson_interval(int64_t hits, int64_t trials);

/* 0 for no values. */
double statistics_mean(const double *values, int count);
/* The sample standard deviation, divided by count - 1; 0 for fewer than two values. */
double statistics_deviation(const double *values, int count);
/* The median, the mean of the middle two for an even count; 0 for no values. */
double statistics_median(const double *values, int count);

/* t such that a Student t variable with `degrees` (1 or more) degrees of freedom is below t with probability p (0.5 <=
 * p < 1): the inverse of 1 - I_x(degrees/2, 1/2) / 2, x = degrees / (degrees + t^2), with I the regularized incomplete
 * beta function (DLMF 8.17). */
double student_quantile(double p, int degrees);
/* The 95 % interval of the mean by Student's t: mean +- t(.975, count-1) * deviation / sqrt(count). For fewer than two
 * values both ends are the mean. */
struct interval student_interval(const double *values, int count);

/* McNemar 1947: the two-sided p that two classifiers err alike, from the images that only the first (`only_first`) or
 * only the second got right. Up to 1000 such images the exact binomial p = min(1, 2 P(X <= smaller)), X binomial with
 * p = 1/2; beyond, chi-square with one degree of freedom of (|b-c| - 1)^2 / (b+c) (Edwards' continuity correction). 1
 * where there are none. */
double mcnemar_p(int64_t only_first, int64_t only_second);

/* One p for `count` (1 or more) tests of the same hypothesis, whatever their dependence: min(1, 2 median p) (Rueger
 * 1978); the p itself for one test. */
double rueger_p(const double *p, int count);

/* Holm 1979, "A simple sequentially rejective multiple test procedure": adjusted p values that keep the chance of any
 * false difference among `count` comparisons at the level. adjusted (count) must not overlap p. */
void holm_adjust(const double *p, int count, double *adjusted);

#endif
