import {
  type FindingRule,
  PROPERTIES,
  type Property,
} from '../../../lib/settings/table/scanning.ts'
import type { ScanSettings } from './scan-settings.ts'

/**
 * What the name of a finding may report of a file besides that it is malware, by the words of clamd.conf(5)
 * and of libclamav 1.4: how the name begins, and how a reply words it ("message refused: ..."). What follows,
 * such as `.UNOFFICIAL` for a signature that is not ClamAV's own, changes nothing. All other names are those
 * of malware, or of limits and bans (findingByName).
 */
export const properties: Readonly<
  Record<Property, { readonly names: RegExp; readonly because: string }>
> = {
  encrypted: {
    names: /^Heuristics\.Encrypted\./,
    because: 'what is encrypted in it cannot be scanned',
  },
  macros: {
    names: /^Heuristics\.OLE2\.ContainsMacros\b/,
    because: 'a document in it has macros',
  },
  phishing: {
    names: /^Heuristics\.(?:Phishing|Safebrowsing)\./,
    because: 'a link in it leads elsewhere than it shows',
  },
  unwanted: {
    names: /^PUA\./,
    because: 'a file in it may be unwanted',
  },
  structured: {
    names: /^Heuristics\.Structured\./,
    because: 'credit card or social security numbers are in it',
  },
  broken: {
    names: /^Heuristics\.Broken\./,
    because: 'a program or picture in it is broken',
  },
}

/**
 * What this host asks of a scan besides viruses, in words for a stamp and for what is remembered: a host that
 * did not ask may have called clean what is kept out here. None is a scanner's name (scannerName() escapes
 * `~`).
 */
export function askedBesides({ archiveBans, FINDINGS }: ScanSettings): readonly string[] {
  const words = PROPERTIES.filter((property) => asksFor(property, FINDINGS)).map(
    (property) => `~${property}`,
  )
  return archiveBans === undefined ? words : [...words, `~bans-${archiveBans}`]
}

/** Whether FINDINGS treats mail with the property otherwise than scanners do by themselves. */
export function asksFor(property: Property, rules: readonly FindingRule[]): boolean {
  const action = actionFor(property, rules)
  return action !== 'virus' && action !== 'accept'
}

/** What FINDINGS sets for a property by its word; `virus` if it does not name it. */
export function actionFor(
  property: Property,
  rules: readonly FindingRule[],
): FindingRule['action'] {
  return rules.find(({ what }) => what === property)?.action ?? 'virus'
}

/** The property that the name of a finding reports; undefined for malware. */
export function propertyOf(name: string): Property | undefined {
  return PROPERTIES.find((property) => properties[property].names.test(name))
}
