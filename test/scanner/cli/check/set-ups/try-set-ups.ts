import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { complainsOnly, isOfTests } from '../../../../check-lines.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { ucspiMissing } from '../../../../programs/servers/ucspi.ts'
import { jsonIn, ofPlain, onescan, slotProgram } from '../../onescan.ts'
import { startService } from '../service.ts'
import { placeIn, putQmail, type SetUp } from './set-ups.ts'

/**
 * Check has the expected check lines and remedies for each set-up of the table, and no other complaint. A
 * remedy that can be carried out is: after it, check no longer complains.
 */

interface PreparedSetUp {
  readonly home: string
  /** The variables of the caller, or of the service when it was started. */
  readonly env: Record<string, string>
  readonly hasService: boolean
  look(): Promise<readonly CheckLine[]>
}

async function prepared(t: Test, { env = {}, prepare, service }: SetUp): Promise<PreparedSetUp> {
  const place = placeIn(openDirectory(t))
  putQmail(place)
  const words = [...(prepare?.(place) ?? [])]
  const variables = typeof env === 'function' ? env(place) : env
  ofPlain(place.home)
  const ofService = service && { QMAILQUEUE: slotProgram }
  const own = { QMAILHOME: place.home, QHPSI: 'plugin: eicar', REJECTVIRUS: '0' }
  const given = { ...own, ...ofService, ...variables }
  // A server of root's is seen by root alone.
  const server = service?.(place) ?? []
  const root = server.includes('-u')
  if (server.length > 0) {
    const pid = await startService(t, server, { env: given, cwd: place.home })
    words.push('--pid', pid)
  }
  return {
    home: place.home,
    env: given,
    hasService: service !== undefined,
    async look() {
      const { out } = await onescan(['check', '--json', ...words], { env: given, root })
      return jsonIn<CheckLine>(out).results
    },
  }
}

/** The number of remedies that were carried out. */
let carriedOut = 0

/** Tries all these set-ups. So many of their remedies are such as can be carried out. */
export function trySetUps(setUps: readonly SetUp[], remedies = 0): void {
  for (const setUp of setUps) {
    const skip = setUp.service !== undefined && ucspiMissing
    t.test(setUp.name, { skip }, (t) => trySetUp(t, setUp))
  }
  t.test('remedies are carried out', { skip: ucspiMissing }, async (t) =>
    t.equal(carriedOut, remedies),
  )
}

export async function trySetUp(t: Test, setUp: SetUp): Promise<void> {
  const host = await prepared(t, setUp)
  const before = await host.look()
  complainsOnly(t, before, setUp.expect)
  t.notOk(existsSync(join(host.home, 'called')), 'nothing was queued')
  const mended = before.filter((checkLine) => carryOut(checkLine, host))
  carriedOut += mended.length
  if (mended.length === 0) return
  const complaints = complaintsIn(await host.look())
  const isAllMended = mended.length === complaintsIn(before).length
  const left = isAllMended
    ? complaints
    : complaints.filter(({ what, value }) =>
        mended.some((checkLine) => checkLine.what === what && checkLine.value === value),
      )
  t.same(left, [], `after ${mended.map(({ remedy }) => `"${remedy}"`).join(' and ')}`)
}

const complaintsIn = (checkLines: readonly CheckLine[]) =>
  checkLines.filter((checkLine) => checkLine.level !== 'ok' && !isOfTests(checkLine))

/**
 * Carries out a remedy that names a setting, or a command about a file of the set-up. Returns whether
 * it is one.
 */
function carryOut({ value, remedy = '' }: CheckLine, host: PreparedSetUp): boolean {
  const { home, env, hasService } = host
  const [, wrong] = /^([A-Z_]+) is not a setting/.exec(value) ?? []
  const [, meant] = /^did you mean ([A-Z_]+)\?$/.exec(remedy) ?? []
  const [, unset] = /^unset ([A-Z_]+)\b/.exec(remedy) ?? []
  const set = /^set ((?:[A-Z_]+=[^\s,]+ ?)+)/.exec(remedy)?.[1]?.trim().split(' ') ?? []
  const [command, file] =
    /^(?:\(umask 022 && )?(?:ch(?:mod|grp)|tcprules|ln|install) .*?(\/\S*).*$/.exec(remedy) ?? []
  const isHere = file?.startsWith(`${home}/`)
  if (hasService && (unset ?? meant ?? set[0]) !== undefined) return false // it has its own
  if (meant !== undefined && wrong !== undefined) {
    env[meant] = env[wrong]!
    delete env[wrong]
    return true
  }
  if (unset !== undefined) delete env[unset]
  for (const pair of set) env[pair.split('=')[0]!] = pair.slice(pair.indexOf('=') + 1)
  if (isHere) execFileSync('/bin/sh', ['-c', command!])
  return Boolean(unset !== undefined || set.length > 0 || isHere)
}
