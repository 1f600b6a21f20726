import type { Stage } from '../../doors/stages/stage.ts'
import type { Host } from './shared/host.ts'
import { checkErrorFd } from './slot/error-fd.ts'
import { checkOnescanc } from './slot/onescanc.ts'
import { checkRuntime } from './slot/runtime.ts'
import { checkTrialMessages } from './slot/trial-messages.ts'

/**
 * What only the outside of the slot shows: whether it starts, and what it answers. Trials run programs
 * that the settings name, open files, and connect. They run as the account of the slot, in a process
 * of its own (as-account.ts), before and behind the stages that onescan-queue --check has, too.
 */
export const trialsBefore: readonly Stage<Host>[] = [
  checkRuntime, // runtime, memory limits
  checkOnescanc, // onescand: whether it answers the slot; poison
]

export const trialsBehind: readonly Stage<Host>[] = [
  checkTrialMessages, // slot, clean message; slot, EICAR
  checkErrorFd, // ERROR_FD
]
