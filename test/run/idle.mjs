import { cpus } from 'node:os'

/** Returns the time that the processors were idle, and all of their time, in milliseconds. */
function timesNow() {
  const times = cpus().map(({ times }) => times)
  const sum = (list) => list.reduce((all, time) => all + time, 0)
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.flatMap(Object.values)) }
}

/** Returns a function that returns the share of the processors' time that was idle since it was last called, from 0 to 1. */
export function idleMeter() {
  let last = timesNow()
  return () => {
    const now = timesNow()
    const share = (now.idle - last.idle) / Math.max(1, now.all - last.all)
    last = now
    return share
  }
}
