/* clamd(8), FILDES. Each ends the program if something fails: with 56 without clamd, with 71 without an answer. */
#ifndef CLAMD_H
#define CLAMD_H

int connect_to_clamd(const char *path);
void send_descriptor(int clamd, int file);
/* 1 infected, 0 clean; any other answer is none. */
int read_answer(int clamd);

#endif
