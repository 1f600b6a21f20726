/** The variable that says how many bytes the compiled runtime reserves for machine code. */
export const CODE_SETTING = 'BUN_JSC_jitMemoryReservationSize'

/** Seconds of processor time after which the process of a plugin is renewed; onescan-plugin(7) has the number. */
export const RENEWED_AFTER = 300

/** Whether this process has used that much processor time. */
export function isUsedUp(): boolean {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6 >= RENEWED_AFTER
}
