import type { Memorable, Scanner, ScanTask } from '../../scan/shared/scanner.ts'
import {
  areAtLeastAsNew,
  joinVersions,
  type ScannerVersions,
} from '../../scan/shared/signatures.ts'

/** The host and the date of its signatures, for scanners that do not name theirs. */
export interface HostSignatures {
  readonly host: string
  /** Unix seconds; undefined if it is not known. */
  readonly signatureDate: number | undefined
}

/**
 * Resolves to the signatures with which the scanners would scan now; undefined if one of them does not
 * know its own, or if a change of them would not be noticed: then no verdict may be kept.
 */
export async function versionsNow(
  scanners: readonly Scanner[],
  { host, signatureDate }: HostSignatures,
): Promise<ScannerVersions | undefined> {
  const versions: Record<string, string> = {}
  for (const { name, memorable } of scanners) {
    const version = await versionOf(memorable!.signatures)
    if (version === undefined) return undefined
    if (version !== '') versions[name] = version
  }
  return versions

  async function versionOf(signatures: Memorable['signatures']): Promise<string | undefined> {
    if (signatures === 'not told') return undefined
    if (signatures !== "this host's") return signatures()
    return signatureDate === undefined ? undefined : `${host} ${signatureDate}`
  }
}

/** The signatures that scanners name while they scan a message and its contents. */
export interface VersionNotes {
  readonly told: NonNullable<ScanTask['signatures']>
  /**
   * Returns the oldest signatures with which any content was scanned, in one line; undefined if they
   * cannot be compared.
   */
  joined(): string | undefined
}

/** Collects them. `current` has the signatures of scanners that name none during a scan. */
export function noteVersions(current: ScannerVersions): VersionNotes {
  const oldest = new Map<string, string>(Object.entries(current))
  const heard = new Set<string>()
  let unclear = false
  return {
    told(scanner, version) {
      const before = heard.has(scanner) ? oldest.get(scanner) : undefined
      heard.add(scanner)
      if (version === undefined) unclear = true
      else if (before === undefined || areAtLeastAsNew(before, version)) {
        oldest.set(scanner, version)
      } else if (!areAtLeastAsNew(version, before)) unclear = true
    },
    joined: () => (unclear ? undefined : joinVersions(Object.fromEntries(oldest))),
  }
}
