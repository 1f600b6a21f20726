/** Returns the milliseconds of a monotonic clock since this process started. Unlike performance.now(), it loads no module. */
export function readUptime(): number {
  return process.uptime() * 1000
}
