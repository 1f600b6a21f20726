import {
  type FindingRule,
  PROPERTIES,
  type Property,
} from '../../../../base/settings/table/findings.ts'

/**
 * The properties of a file that the name of a finding may report in addition to malware, as named by
 * clamd.conf(5) and libclamav 1.4. Each has the beginning of the name, and the text of a reply ("message
 * refused: ..."). A suffix such as `.UNOFFICIAL`, for a signature that is not ClamAV's own, changes nothing.
 * All other names are those of malware, or of limits and bans (resultByName).
 */
export const properties: Readonly<
  Record<Property, { readonly names: RegExp; readonly because: string }>
> = {
  encrypted: {
    names: /^Heuristics\.Encrypted\./,
    because: 'it contains encrypted content, which cannot be scanned',
  },
  macros: {
    names: /^Heuristics\.OLE2\.ContainsMacros\b/,
    because: 'a document in it has macros',
  },
  phishing: {
    names: /^Heuristics\.(?:Phishing|Safebrowsing)\./,
    because: 'a link in it does not lead where it claims',
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

/** Returns whether FINDINGS treats mail with the property differently than scanners do by default. */
export function isSearchedFor(property: Property, rules: readonly FindingRule[]): boolean {
  const action = actionFor(property, rules)
  return action !== 'virus' && action !== 'accept'
}

/** Returns the action of FINDINGS for a property; `virus` if FINDINGS does not name it. */
export function actionFor(
  property: Property,
  rules: readonly FindingRule[],
): FindingRule['action'] {
  return rules.find(({ finding }) => finding === property)?.action ?? 'virus'
}

/** Returns the property that the name of a finding reports, or undefined for malware. */
export function propertyOf(name: string): Property | undefined {
  return PROPERTIES.find((property) => properties[property].names.test(name))
}
