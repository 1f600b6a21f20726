import { PLAIN } from '../../scanner/cli/onescan.ts'

/** Goes on as an account that owns nothing, if this process is root's: for tests that root adds nothing to. */
export function becomePlain(): void {
  if (process.getuid!() !== 0) return
  process.setgroups!([])
  process.setgid!(PLAIN)
  process.setuid!(PLAIN)
}
