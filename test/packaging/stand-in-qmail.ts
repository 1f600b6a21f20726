import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** A qmail-queue that is the stand-in, and delivers to a Maildir of the host. */
const QUEUE = `#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
  setenv("MAILDIR", "/var/mail-here", 1);
  execv("/var/qmail/bin/stand-in", words);
  return 120;
}`

/** Puts stand-ins for qmail-smtpd and qmail-queue in the places of the real ones, in a host with this root directory. */
export function placeStandIns(directory: string): void {
  const bin = join(directory, 'var/qmail/bin')
  mkdirSync(bin, { recursive: true })
  const smtpd = join(bin, 'qmail-smtpd')
  copyFileSync(join(root, 'tools/first-hour/qmail-smtpd.pl'), smtpd)
  chmodSync(smtpd, 0o755)
  const compile = (target: string, source: string) =>
    execFileSync('cc', ['-O2', '-static', '-o', join(bin, target), source])
  compile('stand-in', join(root, 'test/stand-in/qmail-queue.c'))
  const source = join(directory, 'tmp/queue.c')
  writeFileSync(source, QUEUE)
  compile('qmail-queue', source)
}
