/*
 * System calls without a C library, on x86-64 and arm64. A call that fails returns the negative
 * errno.
 */
#ifndef ONESCAN_KERNEL_H
#define ONESCAN_KERNEL_H

#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#if defined(__x86_64__)
static inline long call(long number, long a, long b, long c, long d) {
  long result;
  register long fourth __asm__("r10") = d;

  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
static inline long call(long number, long a, long b, long c, long d) {
  register long which __asm__("x8") = number;
  register long first __asm__("x0") = a;
  register long second __asm__("x1") = b;
  register long third __asm__("x2") = c;
  register long fourth __asm__("x3") = d;

  __asm__ volatile("svc 0"
                   : "+r"(first)
                   : "r"(which), "r"(second), "r"(third), "r"(fourth)
                   : "memory");
  return first;
}
#else
#error "Bun runs on x86-64 and arm64 only"
#endif

/* Returns whether the kernel took all bytes. */
static inline int write_all(long fd, const char *bytes, unsigned long length) {
  return call(__NR_write, fd, (long) bytes, (long) length, 0) == (long) length;
}

/* Reads what stat(2) says of a file. Returns whether there is one at this path. */
static inline int read_status(const char *path, struct stat *status) {
  return call(__NR_newfstatat, AT_FDCWD, (long) path, (long) status, 0) == 0;
}

static inline _Noreturn void end(int code) {
  for (;;)
    call(__NR_exit_group, code, 0, 0, 0);
}

#endif
