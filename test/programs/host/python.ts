import { lacks } from '../../needs.mjs'

/** Debian's own: one in PATH may be a version manager's script, which starts twenty processes first. */
export const python = '/usr/bin/python3'

/** Why its tests are skipped; false where it is there. */
export const pythonMissing: string | false = lacks('python3')
