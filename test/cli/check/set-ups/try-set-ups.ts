import t, { type Test } from 'tap'
import type { Finding } from '../../../../src/ground/errors/finding.ts'
import { openDirectory } from '../../../programs/reachable.ts'
import { jsonIn, onescan } from '../../onescan.ts'
import { judgeLines } from '../machine.ts'
import { startService } from '../service.ts'
import { placeIn, putQmail, type SetUp } from './set-ups.ts'

/** Check has the expected findings and remedies for each set-up of the table, and no other complaint. */

const asSelf = process.getuid!() === 0 ? ['--user', 'root'] : []

// The room on the disk and the age of Node are those of the machine.
const isOfMachine = ({ level, what, value }: Finding) =>
  (level !== 'error' && /MiB|files left|in memory \(tmpfs\)/.test(value)) || what === 'runtime'

async function findingsOf(t: Test, { env = {}, prepare, service }: SetUp): Promise<Finding[]> {
  const place = placeIn(openDirectory(t))
  putQmail(place)
  const words = [...(prepare?.(place) ?? [])]
  const variables = typeof env === 'function' ? env(place) : env
  const given = { QMAILHOME: place.home, QHPSI: 'plugin: eicar', ...variables }
  if (service !== undefined) {
    const pid = await startService(t, service(place), { env: given, cwd: place.home })
    words.push('--pid', pid)
  }
  const { out } = await onescan(['check', ...asSelf, '--json', ...words], { env: given })
  return jsonIn<Finding>(out).results.filter((finding) => !isOfMachine(finding))
}

export function trySetUps(setUps: readonly SetUp[]): void {
  for (const setUp of setUps) t.test(setUp.name, (t) => trySetUp(t, setUp))
}

export async function trySetUp(t: Test, setUp: SetUp): Promise<void> {
  const lines = (await findingsOf(t, setUp)).map(({ level, what, value, remedy }) => {
    return `${level} ${what}: ${value}${remedy === undefined ? '' : `; ${remedy}`}`
  })
  judgeLines(t, lines, setUp.expect)
}
