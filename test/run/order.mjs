import { LONG_FILES } from './long-files.mjs'

/** Returns the names sorted by duration, the longest first. */
export function longestFirst(names) {
  const time = (name) => LONG_FILES[name] ?? 0
  return [...names].sort((one, other) => time(other) - time(one))
}
