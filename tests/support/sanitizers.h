/* What a test must know of the sanitizer it is compiled with. */
#ifndef CNNTRAIN_TESTS_SUPPORT_SANITIZERS_H
#define CNNTRAIN_TESTS_SUPPORT_SANITIZERS_H

#ifdef __has_feature
#define SANITIZERS_FEATURE(name) __has_feature(name)
#else
#define SANITIZERS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SANITIZERS_FEATURE(address_sanitizer)
#define SANITIZES_ADDRESSES 1
#else
#define SANITIZES_ADDRESSES 0
#endif
/* Signals are delivered late, at the program's next call into the system. */
#if defined(__SANITIZE_THREAD__) || SANITIZERS_FEATURE(thread_sanitizer)
#define SANITIZES_THREADS 1
#else
#define SANITIZES_THREADS 0
#endif

#endif
