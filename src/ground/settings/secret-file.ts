import { closeSync } from 'node:fs'
import { openForeignFile, readWhole } from '../path/read.ts'

/** The most bytes of a file with a secret. */
const SECRET_MAX = 4096

/** The command that closes a file to all others, and leaves it open to this process. */
function closeIt(
  path: string,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): string {
  const isOurs =
    uid === process.geteuid!() || [process.getegid!(), ...process.getgroups!()].includes(gid)
  return isOurs ? 'chmod 640 it' : `chgrp ${process.getegid!()} ${path} && chmod 640 ${path}`
}

/**
 * Reads the password or token in a file, without its line end. Throws an Error with the remedy if everyone
 * can read the file, or if it is empty.
 */
export function readSecret(path: string): string {
  const { fd, stats } = openForeignFile(path)
  let secret: string
  try {
    const mode = stats.mode & 0o777
    if ((mode & 0o007) !== 0) {
      const shown = mode.toString(8).padStart(4, '0')
      throw new Error(`${path}: mode ${shown} lets everyone read it; ${closeIt(path, stats)}`)
    }
    secret = readWhole(fd, path, SECRET_MAX)
      .toString('utf8')
      .replace(/\r?\n$/, '')
  } finally {
    closeSync(fd)
  }
  // With an empty password an LDAP server accepts the bind, as an anonymous one (RFC 4513 5.1.2).
  if (secret === '') throw new Error(`${path}: is empty; put the secret into it`)
  return secret
}
