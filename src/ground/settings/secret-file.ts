import { closeSync } from 'node:fs'
import { openTheirs, readWhole } from '../runtime/path/read.ts'

/** Bytes. */
const SECRET_MAX = 4096

/** A password as it stands in a file, without the line's end. Throws an Error that says what is wrong. */
export function readSecret(path: string): string {
  const { fd, stats } = openTheirs(path)
  let secret: string
  try {
    const mode = stats.mode & 0o777
    if ((mode & 0o007) !== 0) {
      const shown = mode.toString(8).padStart(4, '0')
      throw new Error(`${path}: mode ${shown} lets everyone read the password; chmod 640 it`)
    }
    secret = readWhole(fd, path, SECRET_MAX)
      .toString('utf8')
      .replace(/\r?\n$/, '')
  } finally {
    closeSync(fd)
  }
  // With an empty one an LDAP server binds nobody and says yes (RFC 4513 5.1.2).
  if (secret === '') throw new Error(`${path}: is empty; put the password in it`)
  return secret
}
