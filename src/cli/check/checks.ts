import { checkListeners } from './daemon/listeners.ts'
import { checkOnescandStart } from './daemon/onescand-start.ts'
import { checkAnswers, checkSettings } from './settings/check-settings.ts'
import { checkContradictions } from './settings/contradictions.ts'
import { checkVariables } from './settings/variables.ts'
import type { Check } from './shared/run-check.ts'
import { checkPrograms } from './slot/chain.ts'
import { checkErrorFd } from './slot/error-fd.ts'
import { checkOnescanc } from './slot/onescanc.ts'
import { checkRuntime } from './slot/runtime.ts'
import { checkSpool } from './slot/spool.ts'
import { checkTrialMessages } from './slot/trial-messages.ts'
import { checkClamd } from './stages/clamd.ts'
import { checkKeyring } from './stages/keyring.ts'
import { checkQuota } from './stages/quota.ts'
import { checkScanners } from './stages/scanner.ts'
import { checkVerdicts } from './stages/verdicts.ts'

/**
 * The checks of the slot and of onescand, in the order in which they run. Behind each stand the
 * things that its findings name.
 *
 * Readings only read. They run as the caller, since only root may read some of the files.
 */
export const slotReadings: readonly Check[] = [
  checkSettings, // switch, QHPSI, infected mail, unscanned mail, policy by rule
  checkVariables, // settings: names that are nearly those of settings
  checkContradictions, // settings that have another effect than they seem to; QUARANTINE, LOGFILE
  checkPrograms, // slot, chain, /etc/onescan/queue
  checkKeyring, // keyring, key ID
  checkListeners, // QUOTAD: who listens there
]

/**
 * Trials run programs that the settings name, open files, and connect. They run as the account of
 * the slot or of onescand, in a process of its own (as-account.ts).
 */
export const slotTrials: readonly Check[] = [
  checkRuntime, // runtime, memory limits
  checkOnescanc, // onescand: whether it answers the slot; poison
  checkSpool, // spool (TMPDIR), SPOOLDIR
  checkClamd, // clamd ADDRESS
  checkScanners, // scanner NAME: whether it finds EICAR
  checkQuota, // QUOTAD: whether it answers
  checkVerdicts, // VERDICTS: whether the store answers
  checkTrialMessages, // slot, clean message; slot, EICAR
  checkErrorFd, // ERROR_FD
]

/** The trials that send mail, which are left out if nothing scans. */
export const mailTrials: ReadonlySet<Check> = new Set([checkScanners, checkTrialMessages])

export const onescandReadings: readonly Check[] = [
  checkKeyring, // keyring, key ID
  checkListeners, // page, QUOTAD: who listens there
  // Only warnings about its answers: `onescand --check` says what else it does.
  (host) => checkAnswers(host).filter(({ level }) => level === 'warning'),
]

export const onescandTrials: readonly Check[] = [
  checkOnescandStart, // onescand settings: what `onescand --check` says
  checkSpool,
  checkClamd,
  checkScanners,
  checkQuota,
  checkVerdicts,
]
