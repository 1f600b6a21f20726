/** The prefix of onescan's signature names for ClamAV. No signature of ClamAV has it. */
const BANNED = 'Banned.'
/** The signature that only a probe of onescan matches: it shows which list clamd has loaded. */
const LIST = 'List.'
/**
 * The signature of long names: ClamAV sees only the beginning of such names. Rules are in lower case (distinctRules), so
 * no rule has this name.
 */
export const LONG_NAME = `${BANNED}LongName`

/**
 * The name of the signature that bans by this rule: `Banned.%2A.exe` for `*.exe`, with two hexadecimal digits
 * for each byte that is not a letter, digit or dot.
 */
export function banName(rule: string): string {
  const characters = [...Buffer.from(rule)].map((byte) => String.fromCharCode(byte))
  return (
    BANNED +
    characters
      .map((character) => (/[A-Za-z0-9.]/.test(character) ? character : escaped(character)))
      .join('')
  )
}

const escaped = (character: string) =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

/** Returns the name of the signature that identifies a list with this fingerprint. */
export const listName = (fingerprint: string): string => `${BANNED}${LIST}${fingerprint}`

/**
 * Returns the rule that bans, by ClamAV's name of the finding: `*.exe`. Returns undefined for other names. A
 * signature of another origin with such a name is accepted unchanged.
 */
export function ruleByName(name: string): string | undefined {
  const rule = /^Banned\.(.+?)(?:\.UNOFFICIAL)?$/.exec(name)?.[1]
  const bytes = rule?.replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return bytes && Buffer.from(bytes, 'latin1').toString('utf8')
}

/** Returns 16 hexadecimal digits that identify a list, whatever the order of its patterns. */
export function listFingerprint(patterns: readonly string[]): string {
  // Not imported, because few sites ban names: see loadCrypto().
  const { createHash } = process.getBuiltinModule('node:crypto')
  const text = distinctRules(patterns).sort().join('\n')
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** The name of a file that the signature of a list matches. */
export const probeName = (fingerprint: string): string => `onescan-bans-${fingerprint}`

/** Each rule once, in one spelling. */
export function distinctRules(rules: readonly string[]): string[] {
  return [...new Set(rules.map((rule) => rule.normalize().toLowerCase()))]
}
