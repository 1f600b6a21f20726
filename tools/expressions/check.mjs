// `npm run check:expressions`: whether each regular expression of src/ takes linear time at most,
// whatever it is matched against. Prints those that do not, with what makes them slow, and what
// is trusted without need; ends with 1 where there is one. With names of files, only those.
//
// Plain JavaScript: types of the checker are not needed to build onescan.
import { globSync } from 'node:fs'
import { join, relative } from 'node:path'
import { findExpressions } from './find.mjs'
import { trusted, trustedPlaces } from './trusted.mjs'

// Both give the same answers: they are one program, compiled for the processor or to JavaScript, and no clock ends them.
process.env.RECHECK_BACKEND = isInstalled('recheck-linux-x64') ? 'native' : 'pure'
const { check } = await import('recheck')

const root = join(import.meta.dirname, '../../src')

/**
 * No clock ends it: the same answer on a machine that is busy. A match is slow if it takes more than
 * STEPS for what recheck attacks with, 300,000 characters at most.
 */
const STEPS = 100_000_000
const options = {
  timeout: null,
  incubationTimeout: null,
  attackTimeout: null,
  attackLimit: STEPS,
  randomSeed: 1,
  logger: null,
}

/** What is slow, `file:line expression: why`, and trust that nothing needs any more. */
export async function checkExpressions(files = globSync('**/*.ts', { cwd: root }).sort()) {
  const troubles = []
  const needed = new Set()
  const verdicts = new Map()
  for (const file of files) {
    if (file.endsWith('.d.ts')) continue
    for (const { line, pattern, flags, made } of findExpressions(join(root, file))) {
      if (isInTrustedPlace(file)) continue
      const expression = made ?? `/${pattern}/${flags}`
      const entry = trusted.find((trust) => trust.file === file && trust.expression === expression)
      if (entry) {
        needed.add(entry)
        continue
      }
      const at = `src/${file}:${line} ${expression}`
      if (made)
        troubles.push(`${at}: is made at run time; write a literal, or state why it is safe`)
      else {
        const why = verdicts.get(expression) ?? (await slowness(pattern, flags))
        verdicts.set(expression, why)
        if (why) troubles.push(`${at}: ${why}`)
      }
    }
    for (const entry of trusted) {
      if (entry.file === file && !needed.has(entry)) {
        troubles.push(`src/${file}: trusted.mjs names ${entry.expression}, which is not there`)
      }
    }
  }
  return { troubles, count: verdicts.size }
}

function isInTrustedPlace(file) {
  return Object.keys(trustedPlaces).some((place) => file === place || file.startsWith(place))
}

function isInstalled(name) {
  try {
    import.meta.resolve(`${name}/package.json`)
    return true
  } catch {
    return false
  }
}

/** '' if it takes constant or linear time. */
async function slowness(pattern, flags) {
  const { status, complexity, attack, error } = await check(pattern, flags, options)
  if (status === 'safe') return ''
  const example = attack ? `, as against ${attack.pattern.slice(0, 100)}` : ''
  return `${complexity?.summary ?? error?.kind}${example}`
}

if (process.argv[1] === import.meta.filename) {
  const named = process.argv.slice(2).map((file) => relative(root, file))
  const { troubles, count } = await checkExpressions(named.length > 0 ? named : undefined)
  for (const trouble of troubles) process.stdout.write(`${trouble}\n`)
  process.stdout.write(`${count} expressions, ${troubles.length} troubles\n`)
  process.exitCode = troubles.length > 0 ? 1 : 0
}
