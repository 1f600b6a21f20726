/* C plugins for the tests, each a symbol: well-behaved ones and every way to go wrong. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int virusscan(const char *path)
{
  char line[256] = "";
  FILE *message = fopen(path, "r");
  if (!message) return 2;
  fgets(line, sizeof line, message);
  fclose(message);
  return strstr(line, "virus") != 0;
}

int returns_minus_one(const char *path) { (void)path; return -1; }
int returns_256(const char *path) { (void)path; return 256; }

int calls_exit(const char *path) { (void)path; exit(0); }
int calls__exit(const char *path) { (void)path; _exit(0); }
int aborts(const char *path) { (void)path; abort(); }
int crashes(const char *path) { (void)path; raise(SIGSEGV); return 0; }
int writes_to_nowhere(const char *path) { (void)path; *(volatile int *)8 = 0; return 0; }
int loops(const char *path) { (void)path; for (;;) signal(SIGTERM, SIG_IGN); }
int sleeps(const char *path) { (void)path; for (;;) pause(); }
int closes_everything(const char *path) { (void)path; for (int fd = 0; fd < 1024; fd++) close(fd); return 0; }

int writes_to_stdout(const char *path)
{
  (void)path;
  for (int i = 0; i < 100000; i++) printf("0 OK clean\n");
  fflush(stdout);
  return 0;
}

/* The stack that an ordinary program may use. */
int needs_stack(const char *path)
{
  volatile char room[6 * 1024 * 1024];
  for (size_t at = 0; at < sizeof room; at += 4096) room[at] = path[0];
  return room[0] != '/';
}

/* Every child of this process, whichever code started it. */
int waits_for_children(const char *path) { (void)path; if (fork() == 0) _exit(0); while (wait(0) > 0); return 0; }

/* A child that shares every descriptor, the one for the answer among them. */
int leaves_a_child(const char *path)
{
  (void)path;
  if (fork() == 0) for (;;) { signal(SIGTERM, SIG_IGN); pause(); }
  return 0;
}

/* What lasts from one message to the next. */
static int calls;

int counts(const char *path) { (void)path; return calls++ % 2; }
int exits_later(const char *path) { (void)path; if (calls++) exit(0); return 0; }
int _exits_later(const char *path) { (void)path; if (calls++) _exit(0); return 0; }
int crashes_later(const char *path) { (void)path; if (calls++) *(volatile int *)8 = 0; return 0; }

/* Damages what the next allocations need. */
int scribbles(const char *path)
{
  (void)path;
  if (calls++) {
    for (int size = 16; size < 4096; size += 16) {
      char *block = malloc(size);
      memset(block - 16, 0x41, size + 32);
      free(block);
    }
  }
  return 0;
}

/*
 * A child that holds nothing but a file of the test. It is opened before the fork: the child may be
 * killed before it does anything, and the test would wait for it indefinitely.
 */
int leaves_a_child_behind(const char *path)
{
  (void)path;
  FILE *held = fopen("lifeline", "w");
  if (!held) return 1;
  if (fork() == 0) {
    signal(SIGTERM, SIG_IGN);
    for (;;) pause();
  }
  fclose(held);
  return 0;
}

int sleeps_for_ever(const char *path)
{
  (void)path;
  FILE *held = fopen("sleeping", "w");
  fputs("asleep\n", held);
  fflush(held);
  for (;;) pause();
}
