// What the summary of `npm test` says of failures and of time. Logs of CI are cut: what a
// person needs to see must be at their end.

const LINE_MAX = 200

/**
 * One or two lines of a failure: what was expected and where, and where a value differs first.
 * `detail` is tap's, line by line: the assertion's message, and then its diagnosis as YAML.
 */
export function gistOf(detail) {
  const [message = 'no assertion failed; see above', ...diagnosis] = detail
  const field = (name) => {
    const line = diagnosis.find((text) => text.trimStart().startsWith(`${name}:`))
    return line?.slice(line.indexOf(':') + 1).trim()
  }
  const [file, line] = [field('fileName'), field('lineNumber')]
  const place = file === undefined ? '' : ` (${file}:${line})`
  const lines = [cut(message, LINE_MAX - place.length) + place]
  const changes = differences(diagnosis)
  if (changes !== '') lines.push(cut(changes, LINE_MAX))
  return lines
}

/** The first line that was expected and the first that came instead. */
function differences(diagnosis) {
  const at = diagnosis.findIndex((line) => line.trim().startsWith('diff: '))
  const behind = at < 0 ? [] : diagnosis.slice(at + 1).map((line) => line.trim())
  const first = (sign, head) => behind.find((line) => line.startsWith(sign) && line !== head)
  return [first('-', '--- expected'), first('+', '+++ actual')]
    .filter((line) => line !== undefined)
    .join('   ')
}

function cut(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/** Names of the test files in which something failed. */
export function failedFiles(results) {
  const hasFailed = ({ cases }) => cases.some(({ result }) => result === 'failed')
  return results.filter(hasFailed).map(({ name }) => name)
}

/** How long all of it took, and the files that took longest; times are milliseconds. */
export function timeLines(total, files, count = 10) {
  const longest = [...files].sort((a, b) => b.time - a.time).slice(0, count)
  const lines = longest.map(({ name, time }) => `  ${seconds(time).padStart(6)} ${name}`)
  return [`took ${minutes(total)}; the files that took longest:`, ...lines]
}

export const seconds = (time) => `${(time / 1000).toFixed(1)} s`

function minutes(time) {
  const whole = Math.round(time / 1000)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}
