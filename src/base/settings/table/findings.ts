import { Fault } from '../../errors/fault.ts'
import { oneOf, splitWords } from '../../text/values.ts'
import { parsed } from './kinds.ts'

/** What a setting may have done with a message, from the mildest to the strictest. */
export const ACTIONS = ['accept', 'tag', 'defer', 'quarantine', 'refuse'] as const
export type Action = (typeof ACTIONS)[number]

/** Settings for mail in which scanners found these properties. */
export const findings = { FINDINGS: parsed('', readFindings, { defaultInWords: 'none' }) }

/** The properties of a file that scanners report in addition to malware; FINDINGS uses these names. */
export const PROPERTIES = [
  'encrypted',
  'macros',
  'phishing',
  'unwanted',
  'structured',
  'broken',
] as const
export type Property = (typeof PROPERTIES)[number]

/** What may be done with a finding. `virus`: the action for infected mail. */
export const FINDING_ACTIONS = ['virus', ...ACTIONS] as const

/** One word of FINDINGS: an action for a property, or for the names that a pattern matches. */
export interface FindingRule {
  readonly finding: Property | { readonly pattern: string }
  readonly action: (typeof FINDING_ACTIONS)[number]
}

/** Parses words such as `macros=tag` or `PUA.*=accept`. The first word that matches a finding applies. */
function readFindings(text: string): readonly FindingRule[] {
  return splitWords(text, 'FINDINGS').map((entry) => {
    const [, name = '', action] = /^([^=]+)=(.*)$/.exec(entry) ?? []
    const example = 'write it as "macros=tag" or "PUA.*=accept"'
    if (!action) throw new Fault('config', `FINDINGS="${entry}": has no action; ${example}`)
    const property = PROPERTIES.find((word) => word === name)
    // Names of findings have a capital, a digit or a dot: this is a property that is misspelt.
    if (property === undefined && /^[a-z]+$/.test(name)) {
      const known = PROPERTIES.join(', ')
      throw new Fault('config', `FINDINGS="${entry}": ${name} is not one of ${known}; ${example}`)
    }
    const wanted = FINDING_ACTIONS.find((word) => word === action)
    if (wanted === undefined) {
      const known = oneOf(FINDING_ACTIONS)
      throw new Fault('config', `FINDINGS="${entry}": the action must be ${known}`)
    }
    return { finding: property ?? { pattern: name }, action: wanted }
  })
}
