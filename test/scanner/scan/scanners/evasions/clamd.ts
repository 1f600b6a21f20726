import type { Ending } from '../../../../programs/host/server.ts'
import { type Clamd, type ClamdOptions, startClamd } from '../../../../programs/servers/clamd.ts'
import { databaseOfEvasions } from './files.ts'

/** A clamd that knows the files which evasions carry, set up as onescan wants it. */
export function startClamdForEvasions(t: Ending, more: ClamdOptions = {}): Promise<Clamd> {
  return startClamd(t, { alertExceedsMax: true, database: databaseOfEvasions, ...more })
}
