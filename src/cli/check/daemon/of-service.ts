import type { Finding } from '../../../ground/errors/finding.ts'

/**
 * A finding of a service's own `--check`: its settings stand in this file, and it does not start with
 * some faults.
 */
export function ofService(finding: Finding, service: string, file: string): Finding {
  const { what, value, remedy, mark } = finding
  if (what !== 'settings' || remedy === undefined) return finding
  const stops = mark === 'stops the start' ? `: ${service} does not start with it` : ''
  return { ...finding, value: `${value}${stops}`, remedy: `${remedy} (${file})` }
}
