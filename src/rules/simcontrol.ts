import { errorText, Fault } from '../ground/runtime/fault.ts'
import { LINE_MAX, parseRules } from './parse.ts'
import type { Rule } from './rule.ts'

/**
 * Reads simscan's control/simcontrol (simscan README, "per domain"): `address:option,option`, where
 * the address is a recipient's, a domain, or nothing for all others. A whole address comes before
 * its domain, and that before all others, whatever their order. Of its options `clam=no` turns the
 * scan off; those about spam are no business of ours, and `attach=` is control/badattachments
 * here. Throws a Fault of kind `config`.
 */
export function parseSimcontrol(text: string, path: string): Rule[] {
  const found: { readonly rank: number; readonly rule: Rule }[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '').trim()
    if (line === '' || line.startsWith('#')) continue
    const number = index + 1
    const colon = line.indexOf(':')
    if (colon < 0 || line.length > LINE_MAX) {
      throw new Fault('config', `${path} line ${number}: must be address:option,option`)
    }
    const address = line.slice(0, colon).trim()
    const options = line
      .slice(colon + 1)
      .split(',')
      .map((option) => option.trim().toLowerCase())
    const pattern = address === '' ? '*' : `to=${address.replace(/^@/, '')}`
    const does = options.includes('clam=no') ? 'scan off' : 'SCANFAIL=defer'
    try {
      const [rule] = parseRules(`${pattern} ${does}\n`, path)
      const action = does === 'scan off' ? rule!.action : ({ kind: 'set', settings: {} } as const)
      const rank = address === '' ? 2 : address.replace(/^@/, '').includes('@') ? 0 : 1
      found.push({ rank, rule: { ...rule!, line: number, action } })
    } catch (error) {
      const why = errorText(error).replace(/^.* line 1: /, '')
      throw new Fault('config', `${path} line ${number}: ${why}`, error)
    }
  }
  // Lines are looked for in the order of their numbers: those of simscan have none.
  return found
    .sort((one, other) => one.rank - other.rank || one.rule.line - other.rule.line)
    .map(({ rule }) => rule)
}
