// Reads TAP as a stream. A test case is a subtest without subtests, or an assertion outside of subtests.

const point = /^(not )?ok\b(?: \d+)?(?: - )?(.*)$/
const directive = /^(.*?)(?:^| )# (SKIP|TODO)\b ?(.*)$/
const timing = / # time=(\S+)ms$/

/**
 * Takes lines of TAP 14 as tap writes them. Passes the result of each file, and its time in milliseconds, to `onFile`
 * after the last line of the file.
 */
export function createTapReader(onFile) {
  /** The open subtests; the first one is the file. */
  const open = []
  /** Lines of the diagnosis after a failed assertion. */
  let diagnosis
  let block

  return {
    line(line) {
      const text = line.trimStart()
      const depth = (line.length - text.length) / 4
      if (block) {
        if (line === block.end) block = undefined
        else block.into?.push(line.slice(block.indent))
        return
      }
      if (text === '---') {
        const indent = line.length - text.length
        block = { end: `${' '.repeat(indent)}...`, indent, into: diagnosis }
        return
      }
      diagnosis = undefined
      const subtest = /^# Subtest: (.*)$/.exec(text)
      if (subtest) {
        const parent = open.at(-1)
        if (parent) parent.isCase = false
        open.push({ name: subtest[1], depth, isCase: depth > 0, cases: [], failures: [] })
        return
      }
      const match = point.exec(text)
      if (!match || !Number.isInteger(depth)) return
      closeAbove(depth)
      diagnosis = take(depth, { failed: match[1] !== undefined, ...describe(match[2]) })
    },
    /** Ends the input: subtests that are still open have failed. */
    end: () => closeAbove(-1),
  }

  /** Closes the subtests of a file that has ended too early. */
  function closeAbove(depth) {
    while (open.length > 0 && open.at(-1).depth > depth) close(open.pop(), true, false, '', 0)
  }

  /** Takes one test point. Returns the list for the lines of its diagnosis. */
  function take(depth, { failed, name, skipped, why, time }) {
    const detail = []
    const top = open.at(-1)
    if (top && top.depth === depth) {
      open.pop()
      close(top, failed, skipped, why, time)
      return undefined
    }
    if (failed && !skipped && top) top.failures.push({ name, detail })
    if (skipped || (top && top.depth === 0) || !top) {
      const result = skipped ? 'skipped' : failed ? 'failed' : 'passed'
      const testCase = { name: pathTo(name), result, why, detail }
      if (top) top.cases.push(testCase)
      else onFile({ name, cases: [testCase], time })
    }
    return detail
  }

  function close(subtest, failed, skipped, why, time) {
    const { cases, failures, name } = subtest
    const told = cases.some(({ result }) => result === 'failed')
    if (subtest.isCase || skipped || (failed && !told)) {
      cases.push({
        name: pathTo(name),
        result: skipped ? 'skipped' : failed ? 'failed' : 'passed',
        why,
        detail: failures.flatMap((failure) => [failure.name, ...failure.detail]),
      })
    }
    const parent = open.at(-1)
    if (parent) parent.cases.push(...cases)
    else onFile({ name, cases, time })
  }

  /** Returns "outer > inner", without the name of the file. */
  function pathTo(name) {
    return [...open.slice(1).map((subtest) => subtest.name), name].join(' > ')
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
