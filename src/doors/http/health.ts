import { type Observer, TRIAL_COUNTS_FOR } from '../observe/live/observer.ts'

/**
 * Returns whether mail is scanned. It is if, within TRIAL_COUNTS_FOR, a trial has found EICAR and
 * found nothing in a clean message, and no process that judges mail is late.
 */
export function healthOf({
  trial,
  trialAge,
  workers,
}: Pick<Observer, 'trial' | 'trialAge' | 'workers'>): {
  readonly healthy: boolean
  readonly why: string
} {
  if (workers.late.length > 0) {
    const which = workers.late.length === 1 ? 'worker' : 'workers'
    return { healthy: false, why: `nothing is heard of ${which} ${workers.late.join(', ')}` }
  }
  if (trial === undefined || trialAge === undefined) {
    return { healthy: false, why: 'mail has not been tried yet' }
  }
  if (trialAge > TRIAL_COUNTS_FOR) {
    return { healthy: false, why: `the last trial is ${Math.round(trialAge / 1000)} seconds old` }
  }
  return { healthy: trial.right, why: trial.why }
}
