import { readFileSync } from 'node:fs'

/** The wall clock, and a clock that nobody sets. */
export interface HostTime {
  /** The wall clock, milliseconds since 1970. */
  readonly now: number
  /** Names the start of the kernel: `uptime` is another clock after the next one. */
  readonly boot: string
  /** Milliseconds since that start; the time in which the host was suspended is in it. */
  readonly uptime: number
}

/** Reads the clocks of this host: random(4), proc_uptime(5). Throws the error of the system. */
export function readHostTime(now: number): HostTime {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  const [seconds] = readFileSync('/proc/uptime', 'latin1').split(' ')
  return { now, boot, uptime: Math.round(Number(seconds) * 1000) }
}
