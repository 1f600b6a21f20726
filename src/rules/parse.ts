import { lowerCase, readAddress, withPlainDomain } from '../envelope/address.ts'
import { parseNetwork } from '../net/address.ts'
import { errorText, Fault } from '../runtime/fault.ts'
import { nearest } from '../settings/nearest.ts'
import { byteSize, splitWords } from '../settings/settings.ts'
import { clamAv, infectedMail, scanners, unscannedMail } from '../settings/table/scanning.ts'
import type { Action, AddressPattern, Conditions, Rule } from './rule.ts'

/** Bytes of a line, its continuations included. */
export const LINE_MAX = 4096
/** Different settings in a file: each may have scanners of its own. */
export const SETTINGS_MAX = 100

/** Settings that a line may set: those of the judgement of one message. */
export const settable: readonly string[] = Object.keys({
  ...scanners,
  ...infectedMail,
  ...unscannedMail,
  ...clamAv,
}).filter((name) => !name.startsWith('QUARANTINE'))

/**
 * Reads lines of onescan.policy(5), in the form of Postfix's access(5): a pattern, blanks, what it
 * does. `#` begins a comment line, and a line with a blank in front goes on with the one above.
 * Throws a Fault of kind `config` that names file, line and remedy.
 */
export function parseRules(text: string, path: string): Rule[] {
  const rules: Rule[] = []
  const distinct = new Set<string>()
  for (const { number, line } of logicalLines(text, path)) {
    try {
      const rule = parseRule(line, number)
      rules.push(rule)
      if (rule.action.kind === 'set') distinct.add(JSON.stringify(rule.action.settings))
      if (distinct.size > SETTINGS_MAX) {
        throw new Error(`is over ${SETTINGS_MAX} different settings in one file; use fewer`)
      }
    } catch (error) {
      throw new Fault('config', `${path} line ${number}: ${errorText(error)}`, error)
    }
  }
  return rules
}

function* logicalLines(text: string, path: string): Generator<{ number: number; line: string }> {
  let number = 0
  let begun: { number: number; line: string } | undefined
  for (const raw of text.split('\n')) {
    number++
    const line = raw.replace(/\r$/, '')
    if (line.length > LINE_MAX || (begun && begun.line.length + line.length > LINE_MAX)) {
      throw new Fault('config', `${path} line ${number}: is longer than ${LINE_MAX} bytes; part it`)
    }
    if (line.trim() === '' || line.startsWith('#')) continue
    if (/^[ \t]/.test(line)) {
      if (!begun) throw new Fault('config', `${path} line ${number}: goes on with no line; take the blank away`) // biome-ignore format: a line
      begun.line += ` ${line.trim()}`
      continue
    }
    if (begun) yield begun
    begun = { number, line }
  }
  if (begun) yield begun
}

function parseRule(text: string, line: number): Rule {
  const [pattern = '', ...words] = splitWords(text, 'the line')
  const conditions = parsePattern(pattern)
  const action = parseAction(words)
  if (action.kind !== 'allow' && conditions.signature !== undefined) {
    throw new Error('signature= is known after the scan: it can only allow')
  }
  if (action.kind === 'allow' && Object.keys(conditions).length === 0) {
    throw new Error('would let all viruses in; name a signature, a sender or a recipient')
  }
  return { line, conditions, action }
}

function parsePattern(pattern: string): Conditions {
  const found: { -readonly [Name in keyof Conditions]?: Conditions[Name] } = {}
  if (pattern === '*') return found
  for (const word of pattern.split(',')) {
    const one = parseCondition(word)
    for (const name of Object.keys(one)) {
      if (name in found) throw new Error(`${word}: is said twice`)
    }
    Object.assign(found, one)
  }
  return found
}

function parseCondition(word: string): Conditions {
  const [, name = '', sign = '', value = ''] = /^([a-z]+)(?:([=<>])(.*))?$/.exec(word) ?? []
  if (sign === '<' || sign === '>') {
    if (name !== 'size') throw new Error(`${word}: only size has ${sign}`)
    const bytes = byteSize({ size: value }, 'size', Number.NaN)
    if (Number.isNaN(bytes)) throw new Error(`${word}: must be bytes, with K, M or G`)
    return sign === '>' ? { larger: bytes } : { smaller: bytes }
  }
  switch (sign === '' && name !== 'auth' ? '' : name) {
    case 'to':
      return { to: parseAddressPattern(value, word) }
    case 'from':
      return { from: parseAddressPattern(value, word) }
    case 'client': {
      const client = parseNetwork(value)
      if (!client) throw new Error(`${word}: is no network, as 192.0.2.0/24 or 2001:db8::/32`)
      return { client }
    }
    case 'auth':
      if (sign === '' || value === 'yes') return { auth: true }
      if (value === 'no') return { auth: false }
      throw new Error(`${word}: must be auth, auth=yes or auth=no`)
    case 'signature':
      if (value === '') throw new Error(`${word}: names no signature`)
      return { signature: value }
    default: {
      const known = ['to=', 'from=', 'client=', 'auth', 'size>', 'size<', 'signature=']
      const meant = nearest(word.split(/[=<>]/)[0] ?? '', ['to', 'from', 'client', 'auth', 'size', 'signature']) // biome-ignore format: a line
      const hint = meant ? `did you mean ${meant}?` : `say ${known.join(', ')} or *`
      throw new Error(`${word}: is no condition; ${hint}`)
    }
  }
}

function parseAddressPattern(value: string, word: string): AddressPattern {
  if (value === '<>') return { kind: 'address', text: '' }
  if (value.includes('@')) {
    const { local, domain } = withPlainDomain(readAddress(value))
    if (!local || !domain) throw new Error(`${word}: is no address; name a domain without the @`)
    return { kind: 'address', text: `${lowerCase(local)}@${domain}` }
  }
  const text = lowerCase(value).replace(/^\./, '')
  if (!/^[^.@*<>]/.test(text))
    throw new Error(`${word}: must be user@domain, domain, .domain or <>`)
  return { kind: value.startsWith('.') ? 'below' : 'domain', text }
}

function parseAction(words: readonly string[]): Action {
  const [first, second, ...more] = words
  if (first === undefined) throw new Error('says not what to do: scan off, allow, or NAME=VALUE')
  if (first === 'allow' && second === undefined) return { kind: 'allow' }
  if (first === 'scan' && second === 'off' && more.length === 0) return { kind: 'off' }
  const settings: Record<string, string> = {}
  for (const word of words) {
    const [, name = '', value = ''] = /^([A-Z_0-9]+)=(.*)$/s.exec(word) ?? []
    if (name === '') throw new Error(`${word}: must be scan off, allow, or NAME=VALUE`)
    if (!settable.includes(name)) throw new Error(objectionTo(name))
    if (name in settings) throw new Error(`${name} is set twice`)
    settings[name] = value
  }
  return { kind: 'set', settings }
}

function objectionTo(name: string): string {
  const meant = nearest(name, settable)
  if (meant !== undefined) return `${name}: cannot be set by a line; did you mean ${meant}?`
  return `${name}: cannot be set by a line; set it in the environment`
}
