import { settingsFault } from '../../../base/check/check-line.ts'
import type { DaemonOptions } from '../../options/daemon-options.ts'
import { freeSpaceFaults } from '../../readiness/check-directories.ts'
import { nothingScans, unreadableSettings } from '../../readiness/check-settings.ts'
import { tryJudging } from './judge-test-mail.ts'
import type { SelfTestResult, TriedDaemon } from './self-tests.ts'
import { tryDoor } from './try-door.ts'

/**
 * Tests a running onescand in one of its workers, for the first process and for root:
 *
 * - the judgement of a clean message, and of EICAR if that is wanted;
 * - each open door;
 * - the free space for the largest message;
 * - the settings, which are read again like at the next start.
 */
export async function tryRunning(
  { configuration, doors }: TriedDaemon,
  limits: Pick<DaemonOptions, 'maxSize' | 'memory'>,
  wantsEicar: boolean,
): Promise<SelfTestResult> {
  const nothing = nothingScans(configuration)
  const [judged, ...tried] = await Promise.all([
    nothing === undefined ? tryJudging(configuration, limits, wantsEicar) : [nothing],
    ...doors.map(tryDoor),
  ])
  const wrong = [...judged, ...tried.filter((checkLine) => checkLine !== undefined)]
  const judgesRightly = judged.length === 0
  if (nothing !== undefined) return { wrong, judgesRightly }
  // Without a keyring, for example, the standalone program defers all mail although this process continues.
  const unreadable = (await unreadableSettings(configuration.env)).map((line) => {
    const checkLine = settingsFault(line)
    return {
      ...checkLine,
      value: `onescand continues with those that it read before: ${checkLine.value}`,
    }
  })
  const { spool } = configuration.messageOptions
  const space = freeSpaceFaults(configuration, spool, limits.maxSize)
  return { wrong: [...wrong, ...space, ...unreadable], judgesRightly }
}
