import type { ScanPolicy } from '../shared/scan-policy.ts'
import { type ClamdAddress, readClamdAddress } from './address.ts'

/**
 * Returns the servers that the plugin clamd asks; none if QHPSI does not name it. Also none if an
 * address is malformed: then the plugin itself defers all mail and says why.
 */
export function clamdServersOf(scan: ScanPolicy | undefined): ClamdAddress[] {
  if (scan?.line.kind !== 'plugins' || !scan.line.names.includes('clamd')) return []
  try {
    return scan.clam.addresses.map(readClamdAddress)
  } catch {
    return []
  }
}
