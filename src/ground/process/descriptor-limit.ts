import { readFileSync } from 'node:fs'

/** The limit of descriptors (proc_pid_limits(5)). The runtime has raised it as far as it may. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1')
  const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? []
  return soft === 'unlimited' || soft === undefined ? Number.MAX_SAFE_INTEGER : Number(soft)
}
