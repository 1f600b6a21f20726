import type { ScanSettings } from './scan-settings.ts'

/**
 * What a scanner's name may say of a file besides that it is malware, by the words of clamd.conf(5) and of
 * libclamav 1.4: how the name begins, what its setting says, and how the reply says it ("message
 * refused: ..."). What comes behind, as `.UNOFFICIAL` for a signature that is not of ClamAV's own, changes
 * nothing. All other names are malware's, or those of limits and bans (findingByName).
 */
export const properties = {
  encrypted: {
    names: /^Heuristics\.Encrypted\./,
    actionBy: ({ ENCRYPTED }: ScanSettings) => ENCRYPTED,
    because: 'what is encrypted in it cannot be scanned',
  },
  macros: {
    names: /^Heuristics\.OLE2\.ContainsMacros\b/,
    actionBy: ({ MACROS }: ScanSettings) => MACROS,
    because: 'a document in it has macros',
  },
  phishing: {
    names: /^Heuristics\.(?:Phishing|Safebrowsing)\./,
    actionBy: ({ PHISHING }: ScanSettings) => PHISHING,
    because: 'a link in it does not lead where it says',
  },
  unwanted: {
    names: /^PUA\./,
    actionBy: ({ UNWANTED }: ScanSettings) => UNWANTED,
    because: 'a file in it may be unwanted',
  },
  structured: {
    names: /^Heuristics\.Structured\./,
    actionBy: ({ STRUCTURED }: ScanSettings) => STRUCTURED,
    because: 'numbers of credit cards or of persons are in it',
  },
  broken: {
    names: /^Heuristics\.Broken\./,
    actionBy: ({ BROKEN }: ScanSettings) => BROKEN,
    because: 'a program or picture in it is broken',
  },
} as const

export type Property = keyof typeof properties
export const PROPERTIES = Object.keys(properties) as readonly Property[]

/**
 * What this host asks of a scan besides viruses, in words for a stamp and for what is remembered: a host that
 * did not ask may have called clean what is kept out here. None is a scanner's name (scannerName() escapes
 * `~`).
 */
export function askedBesides(settings: ScanSettings): readonly string[] {
  const { archiveBans } = settings
  const words = PROPERTIES.filter((property) => asksFor(property, settings)).map(
    (property) => `~${property}`,
  )
  return archiveBans === undefined ? words : [...words, `~bans-${archiveBans}`]
}

/** Whether a setting treats mail with the property otherwise than scanners do by themselves. */
export function asksFor(property: Property, settings: ScanSettings): boolean {
  const action = properties[property].actionBy(settings)
  return action !== 'virus' && action !== 'accept'
}

/** What a scanner's name says of a file besides that it is malware; undefined if that is all. */
export function propertyOf(name: string): Property | undefined {
  return PROPERTIES.find((property) => properties[property].names.test(name))
}
