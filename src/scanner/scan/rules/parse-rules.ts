import { errorCode, errorText, Fault } from '../../../base/errors/fault.ts'
import { Network } from '../../../base/net/ip-address.ts'
import { commandToOpen } from '../../../base/path/command-to-open.ts'
import { readOwnFile } from '../../../base/path/open.ts'
import { checkReplyText } from '../../../base/settings/table/infected-mail.ts'
import { mailSettings } from '../../../base/settings/table.ts'
import { lowerCase, readAddress } from '../../../base/text/address.ts'
import { nearestName } from '../../../base/text/nearest-name.ts'
import { byteSize, REPLACED, splitWords } from '../../../base/text/values.ts'
import { asciiDomain, comparable, Rules } from './match.ts'
import {
  type AddressPattern,
  type Conditions,
  type Rule,
  type RuleAction,
  ruleFileExists,
  ruleFiles,
} from './rule.ts'

/** Upper limit, in bytes, for the file. */
export const RULES_MAX = 4 * 1024 * 1024

/**
 * Reads the rules of the site: from `onescan.policy` in the control directory, else `policy` in
 * `hostDirectory`. Returns undefined if there is none. Throws a Fault of kind `config` for a file that cannot
 * be read, or that is invalid.
 */
export function loadRules(control: string, hostDirectory: string): Rules | undefined {
  for (const path of ruleFiles(control, hostDirectory)) {
    const text = readIfThere(path)
    if (text === undefined) continue
    const rules = parseRules(text, path)
    return rules.length === 0 ? undefined : new Rules(path, rules)
  }
  return undefined
}

/**
 * Reads the rules of a file. Throws a Fault as loadRules() does, and also if the file is not there.
 */
export function loadRulesFrom(path: string): Rules {
  const text = readIfThere(path)
  if (text === undefined) throw new Fault('config', `${path}: does not exist`)
  return new Rules(path, parseRules(text, path))
}

function readIfThere(path: string): string | undefined {
  try {
    return readOwnFile(path, RULES_MAX)
      .toString('utf8')
      .replace(/^\ufeff/, '')
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR'
    if (isMissing && !ruleFileExists(path)) return undefined
    throw new Fault(
      'config',
      isMissing ? `${path}: is a link to a file that does not exist` : whyNot(error, path),
      error,
    )
  }
}

function whyNot(error: unknown, path: string): string {
  if (errorCode(error) !== 'EACCES') return errorText(error)
  return `${errorText(error)}; ${commandToOpen(path)}`
}

/** Upper limit, in bytes, for a line with its continuation lines. */
const RULE_LINE_MAX = 4096
/** Upper limit for the different settings in a file, because each may have its own scanners. */
const SETTINGS_MAX = 100

/** The settings that a line may set: those that decide about one message. */
const settable: readonly string[] = Object.keys(mailSettings).filter(
  (name) => name !== 'QUARANTINE',
)

/**
 * Reads the lines of onescan.policy(5), which have the form of Postfix's access(5): a pattern,
 * blanks, an action. `#` begins a comment line, and a line that begins with a blank continues the
 * one above. Throws a Fault of kind `config` that names file, line and remedy.
 */
export function parseRules(text: string, path: string): Rule[] {
  const rules: Rule[] = []
  const mayDiffer = limitSettings()
  for (const { number, line } of logicalLines(text, path)) {
    try {
      if (line.includes(REPLACED)) throw new Error('is not in UTF-8; write it in UTF-8')
      const rule = parseRule(line, number)
      rules.push(rule)
      mayDiffer(rule.action)
    } catch (error) {
      throw new Fault('config', `${path} line ${number}: ${errorText(error)}`, error)
    }
  }
  return rules
}

/**
 * Returns a function that counts the different settings of a file, and throws if there are too
 * many.
 */
function limitSettings(): (action: RuleAction) => void {
  const distinct = new Set<string>()
  return (action) => {
    if (action.kind === 'set') distinct.add(JSON.stringify(action.settings))
    if (distinct.size > SETTINGS_MAX) {
      throw new Error(
        `exceeds the limit of ${SETTINGS_MAX} different settings in a file; use fewer`,
      )
    }
  }
}

interface LogicalLine {
  readonly number: number
  line: string
}

/** Control characters, at some of which JavaScript ends lines. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f\x85\u2028\u2029]/

function* logicalLines(text: string, path: string): Generator<LogicalLine> {
  let number = 0
  let begun: LogicalLine | undefined
  for (const raw of text.split('\n')) {
    number++
    const line = raw.replace(/\r$/, '')
    // A comment that ends in CR alone would include the rest of the file.
    if (CONTROL.test(line)) {
      const reason = 'has a control character; write text, with LF at the end of lines'
      throw new Fault('config', `${path} line ${number}: ${reason}`)
    }
    if (line.length > RULE_LINE_MAX || (begun && begun.line.length + line.length > RULE_LINE_MAX)) {
      throw new Fault(
        'config',
        `${path} line ${number}: is longer than ${RULE_LINE_MAX} bytes; split it`,
      )
    }
    if (line.trim() === '' || line.startsWith('#')) continue
    if (/^[ \t]/.test(line)) {
      if (!begun) {
        const reason = 'begins with white space, but continues no line; remove the white space'
        throw new Fault('config', `${path} line ${number}: ${reason}`)
      }
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
  const conditions = parseConditions(pattern)
  const action = parseAction(words)
  if (action.kind !== 'allow' && conditions.signature !== undefined) {
    throw new Error('signature= is known only after the scan, so it can only be used with allow')
  }
  if (action.kind === 'refuse' && Object.keys(conditions).length === 0) {
    throw new Error('would refuse all mail; add a sender, a client or a recipient')
  }
  if (action.kind === 'allow' && Object.keys(conditions).length === 0) {
    throw new Error('would accept all viruses; add a signature, a sender or a recipient')
  }
  return { line, conditions, action }
}

/** Parses the conditions of a pattern. Throws an Error that names the word and its remedy. */
function parseConditions(pattern: string): Conditions {
  const found: { -readonly [Name in keyof Conditions]?: Conditions[Name] } = {}
  if (pattern === '*') return found
  for (const word of pattern.split(',')) {
    const condition = parseCondition(word)
    for (const name of Object.keys(condition)) {
      if (name in found) throw new Error(`${word}: is set twice`)
    }
    Object.assign(found, condition)
  }
  return found
}

function parseCondition(word: string): Conditions {
  const [, name = '', sign = '', value = ''] = /^([a-z]+)(?:([=<>])(.*))?$/.exec(word) ?? []
  if (sign === '<' || sign === '>') {
    if (name !== 'size') throw new Error(`${word}: only size can be used with ${sign}`)
    const bytes = byteSize(value, 'size', Number.NaN)
    if (Number.isNaN(bytes)) throw new Error(`${word}: must be bytes, with K, M or G`)
    return sign === '>' ? { larger: bytes } : { smaller: bytes }
  }
  switch (sign === '' && name !== 'auth' ? '' : name) {
    case 'to':
      return { to: parseAddressPattern(value, word) }
    case 'from':
      return { from: parseAddressPattern(value, word) }
    case 'client': {
      const client = Network.parse(value)
      if (!client)
        throw new Error(`${word}: is not a network such as 192.0.2.0/24 or 2001:db8::/32`)
      return { client }
    }
    case 'auth':
      if (sign === '' || value === 'yes') return { mayRelay: true }
      if (value === 'no') return { mayRelay: false }
      throw new Error(`${word}: must be auth, auth=yes or auth=no`)
    case 'signature':
      if (value === '') throw new Error(`${word}: specifies no signature`)
      return { signature: value }
    default: {
      const known = ['to=', 'from=', 'client=', 'auth', 'size>', 'size<', 'signature=']
      const names = known.map((written) => written.replace(/[=<>]/, ''))
      const suggestion = nearestName(word.split(/[=<>]/)[0] ?? '', names)
      const hint = suggestion ? `did you mean ${suggestion}?` : `use ${known.join(', ')} or *`
      throw new Error(`${word}: is not a condition; ${hint}`)
    }
  }
}

function parseAddressPattern(value: string, word: string): AddressPattern {
  if (value === '<>') return { kind: 'address', text: '' }
  if (value.includes('*')) {
    const remedy = 'use the domain, or .domain for all below it'
    throw new Error(`${word}: * has no meaning in an address; ${remedy}`)
  }
  if (value.includes('@')) {
    const { whole, domain } = comparable(readAddress(bytesOf(value)))
    if (!domain || whole.startsWith('@')) {
      throw new Error(`${word}: is not an address; write a domain without the @`)
    }
    return { kind: 'address', text: whole }
  }
  const written = lowerCase(bytesOf(value).toString('latin1'))
  const text = asciiDomain(written.replace(/^\.|\.$/g, ''))
  if (!/^[^.@*<>]/.test(text))
    throw new Error(`${word}: must be user@domain, domain, .domain or <>`)
  return { kind: value.startsWith('.') ? 'below' : 'domain', text }
}

const ACTION_FORMS = 'scan off, refuse, allow, or NAME=VALUE'

/** Encodes an address as UTF-8: in an envelope addresses are bytes of no known character set. */
const bytesOf = (text: string) => Buffer.from(text, 'utf8')

function parseAction(words: readonly string[]): RuleAction {
  const [first, second, ...more] = words
  if (first === undefined) throw new Error(`has no action: ${ACTION_FORMS}`)
  if (first === 'allow' && second === undefined) return { kind: 'allow' }
  if (first === 'scan' && second === 'off' && more.length === 0) return { kind: 'off' }
  if (first === 'refuse' && more.length === 0) {
    if (second === undefined) return { kind: 'refuse' }
    checkReplyText('refuse', second)
    return { kind: 'refuse', text: second }
  }
  const settings: Record<string, string> = {}
  for (const word of words) {
    const [, name = '', value = ''] = /^([A-Z_0-9]+)=(.*)$/s.exec(word) ?? []
    if (name === '') throw new Error(`${word}: must be ${ACTION_FORMS}`)
    if (!settable.includes(name)) throw new Error(objectionTo(name))
    if (name in settings) throw new Error(`${name} is set twice`)
    settings[name] = value
  }
  return { kind: 'set', settings }
}

function objectionTo(name: string): string {
  const suggestion = nearestName(name, settable)
  if (suggestion !== undefined)
    return `${name}: cannot be set by a line; did you mean ${suggestion}?`
  return `${name}: cannot be set by a line; set it in the environment`
}
