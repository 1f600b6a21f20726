// The failures and durations in the summary of `npm test`. CI truncates logs, so the important lines must be at the end.

const LINE_MAX = 200

/**
 * Returns one or two lines about a failure: what was expected and where, and the first difference of a value. `detail`
 * contains the lines of tap: the message of the assertion, and its diagnosis as YAML.
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

/** Returns the first expected line, and the first actual line instead of it. */
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

/** Returns the names of the test files with failures. */
export function failedFiles(results) {
  const hasFailed = ({ cases }) => cases.some(({ result }) => result === 'failed')
  return results.filter(hasFailed).map(({ name }) => name)
}

/** Returns the total duration, and the files that took longest and that used most processor time. `time` is milliseconds. */
export function timeLines(total, files, count = 10) {
  const most = (by) => [...files].sort((a, b) => by(b) - by(a)).slice(0, count)
  const lines = (by) => most(by).map((file) => `  ${seconds(by(file)).padStart(6)} ${file.name}`)
  const used = files.reduce((sum, { processor }) => sum + processor, 0)
  return [
    `took ${minutes(total)}; the files that took longest:`,
    ...lines(({ time }) => time),
    `and ${minutes(used * 1000)} of processor time; those that used most:`,
    ...lines(({ processor }) => processor * 1000),
  ]
}

export const seconds = (time) => `${(time / 1000).toFixed(1)} s`

function minutes(time) {
  const whole = Math.round(time / 1000)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}
