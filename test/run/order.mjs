import { LONG_FILES } from './long-files.mjs'

/** The same names, those that take longest in front. */
export function longestFirst(names) {
  const time = (name) => LONG_FILES[name] ?? 0
  return [...names].sort((one, other) => time(other) - time(one))
}
