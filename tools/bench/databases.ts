import { randomBytes } from 'node:crypto'

/** What clamd knows beside EICAR, in the files of its database. */
export interface Database {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
}

/** Signatures of bodies, and of whole files, as many as ClamAV's own databases have of them. */
const NDB = 120_000
const HDB = 400_000

/** The name of the large one. */
export const LARGE = `${NDB + HDB} signatures`

/** A database with which the costs of wrappers show. */
export const oneSignature: Database = { name: 'one signature', files: {} }

/** Makes up a database with as many signatures as are in use. */
export function manySignatures(): Database {
  return {
    name: LARGE,
    files: {
      'made-up.ndb': lines(NDB, (n) => `Made.Up-${n}:0:*:${randomBytes(24).toString('hex')}`),
      'made-up.hdb': lines(
        HDB,
        (n) => `${randomBytes(16).toString('hex')}:${1000 + n}:Made.Up.File-${n}`,
      ),
    },
  }
}

const lines = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => `${line(n)}\n`).join('')
