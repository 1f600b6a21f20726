import { join } from 'node:path'

/** Lists the paths of files of rules, in the order in which they are tried. */
export function ruleFiles(control: string, hostDirectory: string): readonly string[] {
  return [join(control, 'onescan.policy'), join(hostDirectory, 'policy')]
}
