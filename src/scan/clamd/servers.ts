import type { ScanPolicy } from '../shared/scan-policy.ts'
import { type ClamdAddress, readClamdAddress } from './address.ts'

/**
 * The servers that the plugin clamd asks; none if QHPSI does not name it, or if an address is none:
 * then the plugin defers all mail, and says why.
 */
export function clamdServersOf(scan: ScanPolicy | undefined): ClamdAddress[] {
  if (scan?.line.kind !== 'plugins' || !scan.line.names.includes('clamd')) return []
  try {
    return scan.clam.addresses.map(readClamdAddress)
  } catch {
    return []
  }
}
