import type { Rules } from '../rules/match.ts'
import type { Policy } from './policy.ts'
import type { Tools } from './tools.ts'

/**
 * What mail is judged by: one value, which nobody changes. A door, a client or a line of onescan.policy
 * that has something judged otherwise makes another one of it.
 */
export interface Site {
  readonly policy: Policy
  readonly tools: Tools
  /** The lines of onescan.policy, and what they make of this site; undefined if there are none. */
  readonly rules?: SiteRules | undefined
}

export interface SiteRules {
  readonly lines: Rules
  /** Returns the site of a line with these settings. Throws a Fault for a setting that makes no sense. */
  forLine(settings: Readonly<Record<string, string>>): Site | Promise<Site>
}

/** Returns the site with something changed, for itself and for each line of its rules. */
export function adapt(site: Site, change: (site: Site) => Partial<Site>): Site {
  const { rules } = site
  if (rules === undefined) return { ...site, ...change(site) }
  return {
    ...site,
    ...change(site),
    rules: {
      lines: rules.lines,
      forLine: async (settings) => adapt(await rules.forLine(settings), change),
    },
  }
}

/** Returns the site with so many milliseconds for scanners, but at least one. */
export function withinTime({ policy }: Site, milliseconds: number): Pick<Site, 'policy'> {
  const timeout = Math.max(1, milliseconds)
  return { policy: { ...policy, settings: { ...policy.settings, timeout } } }
}
