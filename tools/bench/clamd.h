/* clamd(8), FILDES. Each ends the program if something fails: with 56 without clamd, with 71 without an answer. */
#ifndef CLAMD_H
#define CLAMD_H

int connect_to_clamd(const char *path);
void send_descriptor(int clamd, int file);
/* Reads the answer: 1 infected, 0 clean. Any other answer ends the program. */
int is_infected(int clamd);

#endif
