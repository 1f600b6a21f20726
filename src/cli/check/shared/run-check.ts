import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding } from './finding.ts'
import type { Host } from './host.ts'

/** A part of `onescan check`. */
export type Check = (host: Host) => Finding[] | Promise<Finding[]>

/** Runs a check. An error that it throws becomes a finding, so that the other checks still run. */
export async function runCheck(check: Check, host: Host): Promise<Finding[]> {
  try {
    return await check(host)
  } catch (thrown) {
    return [error('check', errorText(thrown), 'see whether the file is there and can be read')]
  }
}
