import { readFileSync, statSync } from 'node:fs'

/** A password as it stands in a file, without the line's end. Throws an Error that says what is wrong. */
export function readSecret(path: string): string {
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o007) !== 0) {
    const shown = mode.toString(8).padStart(4, '0')
    throw new Error(`${path}: mode ${shown} lets everyone read the password; chmod 640 it`)
  }
  const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  // With an empty one an LDAP server binds nobody and says yes (RFC 4513 5.1.2).
  if (secret === '') throw new Error(`${path}: is empty; put the password in it`)
  return secret
}
