import { userInfo } from 'node:os'
import type { Environment } from '../../../src/base/process/environment.ts'
import { readControlDirectories } from '../../../src/base/settings/control-directories.ts'
import type { Accounts, SystemAccount } from '../../../src/scanner/readiness/host/account.ts'
import type { CheckedHost } from '../../../src/scanner/readiness/host/checked-host.ts'
import { searchPath } from '../cli/onescan.ts'

/** The account that runs the tests. */
export const self: SystemAccount = {
  name: userInfo().username,
  uid: process.getuid!(),
  groups: [process.getgid!(), ...process.getgroups!()],
}

/** An account that owns nothing here, and is in no group. */
export const stranger: SystemAccount = { name: 'stranger', uid: 54_321, groups: [54_322] }

export const accounts: Accounts = {
  passwd: 'root:x:0:0::/root:/bin/sh\nstranger:x:54321:54322::/:/bin/false\n',
  group: 'root:x:0:\nstrangers:x:54322:\nscanners:x:54323:clamav,stranger\n',
}

/** A host with these variables, on which all else is well. */
export function host(env: Environment, more: Partial<CheckedHost> = {}): CheckedHost {
  const whole = { PATH: searchPath, QMAILHOME: '/nonexistent', ...env }
  return {
    env: whole,
    directories: readControlDirectories(whole),
    account: self,
    accounts,
    isDaemon: false,
    asksOnescand: false,
    now: Date.now(),
    ...more,
  }
}
