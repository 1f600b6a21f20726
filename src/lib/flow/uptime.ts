/** Milliseconds on the monotonic clock, as performance.now(), which takes longer to load. */
export function uptime(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
