// `npm run bench:readers`: which messages hide a file from scanners and not from readers.
//
//     npm run bench:readers -- --count 100000 --seed 1
//     npm run bench:readers -- --hostile --kind boundaries
//     npm run bench:readers -- --opened --kind base64
//     npm run bench:readers -- --quirks /var/mail/archive
//
// First the classes that are known, with clamd alone, with the parts of one MIME parser
// given to clamd as amavis does it, and with onescan; then messages made from a model by
// changes at random, the same for the same seed. What onescan misses is printed minimised.
// With --opened: who opens each message of test/scanner/scan/scanners/evasions; it ends with 1 if nobody opens one.
// With --conforming: messages that follow the standards, instead of those with changes.
// With --all: other readers, too, that are too heavy or too slow for npm test.
// With --hostile: the time and the memory that mail takes that is made to take them, of the dearest shapes, or
// of those of test/messages/hostile/hostile-shapes.ts in whose name the text of --kind stands.
import { parseArgs } from 'node:util'
import { type HostileShape, hostileShapes } from '../../../test/messages/hostile/hostile-shapes.ts'
import { conforming } from '../../../test/messages/random/conforming.ts'
import { mutant } from '../../../test/messages/random/mutate.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { evasions } from '../../../test/scanner/scan/scanners/evasions/all.ts'
import { startClamdForEvasions } from '../../../test/scanner/scan/scanners/evasions/clamd.ts'
import { messageOf } from '../../../test/scanner/scan/scanners/evasions/compose.ts'
import { hiddenClasses } from '../../../test/scanner/scan/scanners/second-look/classes.ts'
import { fuzz } from './fuzz.ts'
import { dearest, lookAtHostile } from './hostile.ts'
import { createJudge, type Judge } from './judge.ts'
import { minimise } from './minimise.ts'
import { missingReaders, startReaders } from './readers.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    conforming: { type: 'boolean', default: false },
    'no-classes': { type: 'boolean', default: false },
    hostile: { type: 'boolean', default: false },
    opened: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    kind: { type: 'string', multiple: true },
  },
})
if (values.hostile) {
  showHostile()
  process.exit()
}
if (values.opened) process.exit((await showOpened()) === 0 ? 0 : 1)
const missing = missingReaders(values)
if (missing.length > 0) console.log(`missing: ${missing.join(' ')}; these readers are not asked`)

await withEnding(async (t) => {
  const clamd = await startClamdForEvasions(t)
  const readers = startReaders(values)
  t.teardown(readers.stop)
  const judge = createJudge(clamd, readers)
  console.log(`readers: ${readers.names.join(', ')}`)
  if (!values['no-classes']) await showClasses(judge)
  await showFuzz(judge, Number(values.seed), Number(values.count))
})

async function showClasses(judge: Judge): Promise<void> {
  const found = { clamd: 0, amavis: 0, onescan: 0 }
  console.log('\nclamd  parts  onescan  readers  class')
  for (const { name, message, seenByClamd } of hiddenClasses) {
    const judged = await judge(message, true)
    const amavis = judged.clamd || judged.readers.includes('MIME::Parser')
    if (judged.clamd) found.clamd++
    if (amavis) found.amavis++
    if (judged.onescan) found.onescan++
    const marks = [judged.clamd, amavis, judged.onescan].map((yes) => (yes ? 'found' : '  -  '))
    const count = judged.clamd ? '' : String(judged.readers.length)
    const reason = seenByClamd === undefined ? '' : `; clamd: ${seenByClamd}`
    const odd = judged.oddities.join(' ')
    console.log(`${marks.join('  ')}    ${count.padStart(5)}  ${name} (${odd}${reason})`)
  }
  const of = hiddenClasses.length
  console.log(
    `found: clamd ${found.clamd}, parts ${found.amavis}, onescan ${found.onescan} of ${of}`,
  )
}

/** Returns how many nobody opens. */
async function showOpened(): Promise<number> {
  const readers = startReaders({ all: true })
  console.log(`readers: ${readers.names.join(', ')}`)
  let nobody = 0
  try {
    for (const kind of values.kind ?? Object.keys(evasions)) {
      for (const evasion of evasions[kind] ?? []) {
        const opened = await readers.opening(messageOf(evasion, '\n'))
        if (opened.length === 0) opened.push(...(await readers.opening(messageOf(evasion, '\r\n'))))
        if (opened.length === 0 && !evasion.openedBy) nobody++
        const names = opened.join(', ') || evasion.openedBy || 'nobody'
        console.log(`${String(opened.length).padStart(2)}  ${kind}: ${evasion.name}: ${names}`)
      }
    }
  } finally {
    await readers.stop()
  }
  console.log(`opened by nobody: ${nobody}`)
  return nobody
}

/** Of 10 MB each. */
function showHostile(): void {
  console.log('contents  processor  memory  mail of 10 MB')
  const named = ({ name }: HostileShape) => values.kind?.some((text) => name.includes(text))
  const names = values.kind ? hostileShapes.filter(named).map(({ name }) => name) : dearest
  for (const name of names) {
    const { contents, over, time, memory } = lookAtHostile(name, 10 * 1024 * 1024)
    const figures = `${time.toFixed(0).padStart(6)} ms  ${memory.toFixed(1).padStart(4)} MB`
    console.log(`${String(contents).padStart(8)}  ${figures}  ${name}: ${over ?? 'to its end'}`)
  }
}

async function showFuzz(judge: Judge, firstSeed: number, count: number): Promise<void> {
  const progress = (done: number) => {
    if (process.stderr.isTTY && done % 50 === 0) process.stderr.write(`\r${done} of ${count}`)
  }
  const make = values.conforming ? conforming : mutant
  const result = await fuzz(judge, make, firstSeed, count, progress)
  const atLeast = (least: number) => result.missed.filter(({ readers }) => readers.length >= least)
  console.log(
    `\n${count} mails from seed ${firstSeed}: ${result.cleanToClamd} are clean to clamd alone, ` +
      `onescan finds ${result.foundByOnescan} of them`,
  )
  console.log(
    `missed, and opened by a reader: ${result.missed.length}; by two: ${atLeast(2).length}`,
  )
  for (const { seed, readers, oddities } of result.missed) {
    const least = Math.min(2, readers.length)
    const holds = async (message: Buffer) => {
      const again = await judge(message)
      return again.readers.length >= least
    }
    const small = await minimise((only) => make(seed, only), holds)
    console.log(`\nseed ${seed}: ${readers.join(', ')}`)
    console.log(`odd: ${oddities.join(' ') || 'nothing'}; changes: ${small.changes.join('; ')}`)
    console.log(shown(small.message))
  }
}

function shown(message: Buffer): string {
  const text = message.toString('latin1').replace(/[^\n -~]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return text.replace(/^/gm, '    ').slice(0, 4000)
}
