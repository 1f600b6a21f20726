import { findMisspeltSettings } from '../../../ground/settings/misspelt-settings.ts'
import { type Finding, warning } from '../shared/finding.ts'
import type { Host } from '../shared/host.ts'

/** Reports variables that no program reads, but whose names are nearly those of settings. */
export function checkVariables({ env }: Host): Finding[] {
  return findMisspeltSettings(env).map(({ name, suggestion }) =>
    warning(
      'settings',
      `${name} is not a setting: no program reads it`,
      `did you mean ${suggestion}?`,
    ),
  )
}
