#include "core/statistics.h"

#include <assert.h>
#include <math.h>

struct interval wilson_interval(int64_t hits, int64_t trials) {
    static const double z = 1.959963984540054;
    if (trials <= 0) return (struct interval){0, 1};
    double n = (double)trials, p = (double)hits / n;
    double center = p + z * z / (2 * n), half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    double scale = 1 + z * z / n;
    /* The ends are exactly 0 and 1 for no hits and all hits; rounding must not miss them. */
    return (struct interval){
        .low = hits == 0 ? 0 : (center - half) / scale,
        .high = hits == trials ? 1 : (center + half) / scale,
    };
}

double statistics_mean(const double *values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += values[i];
    return count > 0 ? sum / count : 0;
}

double statistics_deviation(const double *values, int count) {
    double mean = statistics_mean(values, count), squares = 0;
    for (int i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    return count > 1 ? sqrt(squares / (count - 1)) : 0;
}

/* The position of values[index] in rising order, equal ones by index. Lists here are as long as a batch of runs has
 * seeds or comparisons, so counting does for sorting. */
static int rank_of(const double *values, int count, int index) {
    int rank = 0;
    for (int i = 0; i < count; i++) rank += values[i] < values[index] || (values[i] == values[index] && i < index);
    return rank;
}

static double ranked(const double *values, int count, int rank) {
    for (int i = 0; i < count; i++)
        if (rank_of(values, count, i) == rank) return values[i];
    return NAN; /* only with NaN among them */
}

double statistics_median(const double *values, int count) {
    if (count <= 0) return 0;
    double upper = ranked(values, count, count / 2);
    return count % 2 ? upper : (ranked(values, count, count / 2 - 1) + upper) / 2;
}

/* ---- Student's t ---- */

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. */
static double beta_fraction(double a, double b, double x) {
    static const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double fraction = d;
    for (int m = 1; m <= 1000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double terms[2] = {even, odd};
        double change = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + terms[i] * d;
            c = 1 + terms[i] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            change = c * d;
            fraction *= change;
        }
        if (fabs(change - 1) < 1e-16) break;
    }
    return fraction;
}

/* I_x(a, b); the fraction converges fast on the side of the mean, the other side is 1 - I_{1-x}(b, a). */
static double regularized_beta(double a, double b, double x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double scale = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return scale * beta_fraction(a, b, x) / a;
    return 1 - scale * beta_fraction(b, a, 1 - x) / b;
}

/* P(T > t) for t >= 0. */
static double student_tail(double t, int degrees) {
    double n = degrees;
    return regularized_beta(n / 2, 0.5, n / (n + t * t)) / 2;
}

double student_quantile(double p, int degrees) {
    assert(p >= 0.5 && p < 1 && degrees >= 1);
    double low = 0, high = 1;
    while (student_tail(high, degrees) > 1 - p && high < 1e300) high *= 2;
    for (int i = 0; i < 200 && low < high; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (student_tail(middle, degrees) > 1 - p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

struct interval student_interval(const double *values, int count) {
    double mean = statistics_mean(values, count), half = 0;
    if (count > 1) half = student_quantile(0.975, count - 1) * statistics_deviation(values, count) / sqrt(count);
    return (struct interval){mean - half, mean + half};
}

/* ---- tests ---- */

enum { MCNEMAR_EXACT_MAX = 1000 };

/* P(X <= smaller), X binomial(n, 1/2); each term from its logarithm, so that 2^-n does not underflow. */
static double binomial_half_tail(int64_t smaller, int64_t n) {
    double sum = 0, log_all = lgamma((double)n + 1) - (double)n * log(2);
    for (int64_t k = 0; k <= smaller; k++) sum += exp(log_all - lgamma((double)k + 1) - lgamma((double)(n - k) + 1));
    return sum;
}

double mcnemar_p(int64_t only_first, int64_t only_second) {
    int64_t n = only_first + only_second, smaller = only_first < only_second ? only_first : only_second;
    if (only_first == only_second) return 1;
    if (n <= MCNEMAR_EXACT_MAX) return fmin(1, 2 * binomial_half_tail(smaller, n));
    double difference = (double)(n - 2 * smaller) - 1;
    return erfc(sqrt(difference * difference / (double)n / 2)); /* P(chi-square with 1 degree > x) = erfc(sqrt(x/2)) */
}

double rueger_p(const double *p, int count) {
    return count == 1 ? p[0] : fmin(1, 2 * statistics_median(p, count));
}

void holm_adjust(const double *p, int count, double *adjusted) {
    for (int i = 0; i < count; i++) adjusted[i] = fmin(1, (count - rank_of(p, count, i)) * p[i]);
    /* No smaller p may end with a larger value; taking the maximum in place does no harm, as it is a maximum already.
     */
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            if (p[j] <= p[i] && adjusted[j] > adjusted[i]) adjusted[i] = adjusted[j];
}
