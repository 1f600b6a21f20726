import { statSync } from 'node:fs'
import type { SignatureFiles } from '../shared/signature-files.ts'
import { databaseNumber } from '../shared/signatures.ts'
import type { ClamdAddress } from './address.ts'

/** Bytes of signatures that clamd loads in a second, at least. */
const LOADED_PER_SECOND = 2_000_000

/**
 * Whether clamd has loaded these signatures. It has if it names the number of ClamAV's own ones, or
 * if it made its socket long enough after they changed: it makes the socket when it has loaded all
 * that is there. For a server on another host, and for a site's own signatures, only time tells.
 */
export function clamdHasLoaded(
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

/** When the socket was made, in Unix seconds: its mtime, since its mode and owner may change later. */
function socketMade(address: ClamdAddress): number | undefined {
  if (address.kind !== 'unix') return undefined
  try {
    return statSync(address.path).mtimeMs / 1000
  } catch {
    return undefined
  }
}
