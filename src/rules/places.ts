import { join } from 'node:path'

/** Where it may be, in the order in which it is looked for. */
export function ruleFiles(control: string, hostDirectory: string): readonly string[] {
  return [
    join(control, 'onescan.policy'),
    join(hostDirectory, 'policy'),
    join(control, 'simcontrol'),
  ]
}
