// Reads TAP as it comes and tells test cases from what only holds them: a case
// is a subtest without subtests, or an assertion that is in no subtest.

const point = /^(not )?ok\b(?: \d+)?(?: - )?(.*)$/
const directive = /^(.*?)(?:^| )# (SKIP|TODO)\b ?(.*)$/
const timing = / # time=(\S+)ms$/

/**
 * Takes lines of TAP 14 as tap writes them. Each file's result, and its time in milliseconds,
 * is passed to `onFile` when its last line was read.
 */
export function createTapReader(onFile) {
  /** Subtests that are open, the file first. */
  const open = []
  /** Lines of the diagnostic block that follows a failed assertion. */
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
    /** Nothing more comes: what is still open has failed. */
    end: () => closeAbove(-1),
  }

  /** A file that ends too early never closes its subtests. */
  function closeAbove(depth) {
    while (open.length > 0 && open.at(-1).depth > depth) close(open.pop(), true, false, '', 0)
  }

  /** Takes one test point; returns where its diagnosis belongs. */
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

  /** "outer > inner" without the file's name. */
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
