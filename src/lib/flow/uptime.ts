/**
 * Milliseconds of the monotonic clock since the host started. It is not compared with performance.now(), which counts
 * from the start of the process and takes longer to load.
 */
export function uptime(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
