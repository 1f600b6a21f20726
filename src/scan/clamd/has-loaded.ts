import { statSync } from 'node:fs'
import type { SignatureFiles } from '../../cluster/signature-files.ts'
import { databaseNumber } from '../shared/signatures.ts'
import type { ClamdAddress } from './address.ts'

/** Bytes of signatures that a clamd loads in a second, or more. */
const LOADED_PER_SECOND = 2_000_000

/**
 * Whether a clamd has loaded these signatures: it names the number of ClamAV's own, or it made its
 * socket, which it does when it has loaded all that is there, after they changed and after as long
 * as it takes to load them. Of a server that others run on, and of a site's own signatures, only
 * time tells.
 */
export function hasLoaded(
  { address, version }: { readonly address: ClamdAddress; readonly version: string | undefined },
  { official, others, size }: SignatureFiles,
  isSettled: (changed: number | undefined) => boolean,
): boolean {
  const made = socketMade(address)
  const isFrom = (changed: number | undefined) =>
    isSettled(changed) || (made !== undefined && made > changed! + size / LOADED_PER_SECOND)
  if (!isFrom(others)) return false
  const number = databaseNumber(version)
  const isNamed = official !== undefined && number !== undefined && number >= official.number
  return isNamed || isFrom(official?.changed)
}

/** Unix seconds. Who may connect to a socket, and whose it is, may change later. */
function socketMade(address: ClamdAddress): number | undefined {
  if (address.kind !== 'unix') return undefined
  try {
    return statSync(address.path).mtimeMs / 1000
  } catch {
    return undefined
  }
}
