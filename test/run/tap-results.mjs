// Reads TAP as a stream. A test case is a subtest without subtests, or an assertion outside of subtests.

const point = /^(not )?ok\b(?: \d+)?(?: - )?(.*)$/
const directive = /^(.*?)(?:^| )# (SKIP|TODO)\b ?(.*)$/
const timing = / # time=(\S+)ms$/

/**
 * A test case. `name` is its name in the file, "outer > inner"; `why` the reason why it is skipped or to be done, or '';
 * `detail` has the lines about a failure.
 * @typedef {{ readonly name: string, readonly result: 'passed' | 'failed' | 'skipped', readonly why: string, readonly detail: readonly string[] }} Case
 */

/**
 * The result of a file. `time` is milliseconds, or 0 if the file ended too early.
 * @typedef {{ readonly name: string, readonly cases: readonly Case[], readonly time: number }} FileResult
 */

/** Takes lines of TAP 14 as tap writes them, and passes on the result of each file after its last line. */
export class TapReader {
  /** The open subtests; the first one is the file. */
  #open = []
  /** Lines of the diagnosis after a failed assertion. */
  #diagnosis
  /** The block of YAML that has begun: its indent, its last line, and the list for its lines, if it is wanted. */
  #block
  #onFile

  /** @param {(file: FileResult) => void} onFile */
  constructor(onFile) {
    this.#onFile = onFile
  }

  /** @param {string} line */
  line(line) {
    if (this.#block !== undefined) return this.#takeBlockLine(line)
    const text = line.trimStart()
    const indent = line.length - text.length
    const depth = indent / 4
    if (text === '---') {
      this.#block = { end: `${' '.repeat(indent)}...`, indent, into: this.#diagnosis }
      return
    }
    this.#diagnosis = undefined
    const subtest = /^# Subtest: (.*)$/.exec(text)
    if (subtest) return this.#openSubtest(subtest[1], depth)
    const match = point.exec(text)
    if (!match || !Number.isInteger(depth)) return
    this.#closeAbove(depth)
    this.#diagnosis = this.#take(depth, { failed: match[1] !== undefined, ...describe(match[2]) })
  }

  /** Ends the input: subtests that are still open have failed. */
  end() {
    this.#closeAbove(-1)
  }

  #takeBlockLine(line) {
    const { end, indent, into } = this.#block
    if (line === end) this.#block = undefined
    else into?.push(line.slice(indent))
  }

  #openSubtest(name, depth) {
    const parent = this.#open.at(-1)
    if (parent) parent.isCase = false
    this.#open.push({ name, depth, isCase: depth > 0, cases: [], failures: [] })
  }

  /** Closes the subtests of a file that has ended too early. */
  #closeAbove(depth) {
    while (this.#open.length > 0 && this.#open.at(-1).depth > depth) {
      this.#close(this.#open.pop(), true, false, '', 0)
    }
  }

  /** Takes one test point. Returns the list for the lines of its diagnosis. */
  #take(depth, { failed, name, skipped, why, time }) {
    const detail = []
    const top = this.#open.at(-1)
    if (top && top.depth === depth) {
      this.#open.pop()
      this.#close(top, failed, skipped, why, time)
      return undefined
    }
    if (failed && !skipped && top) top.failures.push({ name, detail })
    if (skipped || (top && top.depth === 0) || !top) {
      const result = skipped ? 'skipped' : failed ? 'failed' : 'passed'
      const testCase = { name: this.#pathTo(name), result, why, detail }
      if (top) top.cases.push(testCase)
      else this.#onFile({ name, cases: [testCase], time })
    }
    return detail
  }

  #close(subtest, failed, skipped, why, time) {
    const { cases, failures, name } = subtest
    const hasFailedCase = cases.some(({ result }) => result === 'failed')
    if (subtest.isCase || skipped || (failed && !hasFailedCase)) {
      cases.push({
        name: this.#pathTo(name),
        result: skipped ? 'skipped' : failed ? 'failed' : 'passed',
        why,
        detail: failures.flatMap((failure) => [failure.name, ...failure.detail]),
      })
    }
    const parent = this.#open.at(-1)
    if (parent) parent.cases.push(...cases)
    else this.#onFile({ name, cases, time })
  }

  /** Returns "outer > inner", without the name of the file. */
  #pathTo(name) {
    return [...this.#open.slice(1).map((subtest) => subtest.name), name].join(' > ')
  }
}

function describe(text) {
  const found = directive.exec(text)
  const name = (found ? found[1] : text).replace(timing, '')
  return {
    name: name.replaceAll('\\#', '#'),
    skipped: found !== null,
    why: found?.[3] ?? '',
    time: Number(timing.exec(text)?.[1] ?? 0),
  }
}
