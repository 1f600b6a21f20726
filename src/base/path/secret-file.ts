import type { Stats } from 'node:fs'
import { shellWord } from '../text/shell-word.ts'
import { formatMode } from '../text/units.ts'
import { readForeignFile } from './open.ts'

/** Upper limit, in bytes, for a file with a secret. */
const SECRET_MAX = 4096

/**
 * Reads the password or token in a file as readForeignFile() does, without its line end. Throws an
 * Error with the remedy if everyone can read the file, or if it is empty.
 */
export function readSecret(path: string, most = SECRET_MAX): string {
  const text = readForeignFile(path, most, (stats) => {
    if ((stats.mode & 0o007) === 0) return
    const mode = formatMode(stats.mode)
    throw new Error(`${path}: mode ${mode} lets everyone read it; ${closeIt(path, stats)}`)
  })
  const secret = text.toString('utf8').replace(/\r?\n$/, '')
  // With an empty password an LDAP server accepts the bind, as an anonymous one (RFC 4513 5.1.2).
  if (secret === '') throw new Error(`${path}: is empty; put the secret into it`)
  return secret
}

/** Returns the command that removes access to a file for all other users and keeps it for this process. */
function closeIt(path: string, { uid, gid }: Stats): string {
  const isOurs =
    uid === process.geteuid!() || [process.getegid!(), ...process.getgroups!()].includes(gid)
  return isOurs
    ? 'run chmod 640 on it'
    : `chgrp ${process.getegid!()} ${shellWord(path)} && chmod 640 ${shellWord(path)}`
}
