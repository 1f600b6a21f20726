import { errorText } from '../../ground/runtime/fault.ts'
import type { Host } from './host.ts'
import { error, type Finding } from './shared/finding.ts'

/** A part of `onescan check`. */
export type Check = (host: Host) => Finding[] | Promise<Finding[]>

/** What a check stumbles over is a finding, too, and the next one is made all the same. */
export async function carefully(look: Check, host: Host): Promise<Finding[]> {
  try {
    return await look(host)
  } catch (thrown) {
    return [error('check', errorText(thrown), 'see whether the file is there and can be read')]
  }
}
