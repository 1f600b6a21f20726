import {
  type CheckLine,
  failure,
  hasMark,
  marked,
  ok,
  settingsFault,
  warning,
} from '../../base/check/check-line.ts'
import { faultLines } from '../../base/errors/aggregate-fault.ts'
import { errorCode, errorText } from '../../base/errors/fault.ts'
import type { Environment } from '../../base/process/environment.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { NO_IDENTITY, readConfiguration } from '../configuration/configuration.ts'
import type { DaemonOptions } from '../options/daemon-options.ts'
import { doorName, isTls, pageName } from '../options/door-address.ts'
import { askForDescription } from '../protocol/slot/daemon-description.ts'
import { checkSettings } from '../readiness/check-settings.ts'
import { ownHost } from '../readiness/host/checked-host.ts'
import { runChecks } from '../readiness/run-checks.ts'
import { describeHandling } from './describe-door.ts'
import { checkAccessBy, readToken } from './http/access.ts'
import { PersonalTokens } from './http/tokens.ts'
import { checkAddress } from './listening/listen.ts'
import { callNext, tryPage } from './self-test/try-door.ts'
import { checkVisiblePaths } from './visible-paths.ts'

/**
 * Does what onescand does at its start, up to the first connection, without listening, and then tries whether
 * mail would be scanned: onescand(8), OPTIONS. With --check-settings, or if the options have these faults, it
 * checks only options and settings; with faults, `options` is undefined.
 */
export async function* checkStart(
  options: DaemonOptions | undefined,
  faults: readonly string[],
  env: Environment,
): AsyncGenerator<CheckLine> {
  if (options !== undefined && (await runsAlready(options))) {
    const value = `runs at ${options.socket}; the settings of this shell were not tested`
    const running = warning('onescand', value, 'onescan check --daemon tests its own settings')
    yield marked(running, 'stops the start')
    return
  }
  const wrongPaths = options === undefined || options.isRunning ? [] : await pathFaults(options)
  let stopsStart = false
  for (const line of [...faults, ...wrongPaths]) {
    stopsStart = true
    yield marked(settingsFault(line), 'stops the start')
  }
  if (options !== undefined) {
    yield* await pageFaults(options)
    yield* checkVisiblePaths(env, options)
  }
  const hasQueuedMail = options?.doors.some(({ route }) => route?.isQueued) ?? false
  const host = { ...ownHost(env, readControlDirectories(env), true), hasQueuedMail }
  const checksSettingsAlone = options === undefined || options.checksSettings
  for await (const checkLine of checksSettingsAlone ? await checkSettings(host) : runChecks(host)) {
    stopsStart ||= hasMark(checkLine, 'stops the start')
    yield checkLine
  }
  if (options === undefined || stopsStart) return
  if (!options.checksSettings) yield* await tryNextServers(options)
  yield* await doorsBy(options, env)
}

/** Milliseconds for an onescand to answer. */
const ANSWER_TIMEOUT = 2_000

/** Resolves to whether --check was typed while another onescand serves at the socket. */
async function runsAlready({ isRunning, checksSettings, socket }: DaemonOptions): Promise<boolean> {
  if (isRunning || checksSettings || socket === undefined) return false
  const asked = askForDescription(socket, ANSWER_TIMEOUT)
  return (await asked.catch(() => undefined)) !== undefined
}

/** Resolves to check lines about how the doors that the options name handle mail. */
async function doorsBy(options: DaemonOptions, env: Environment): Promise<CheckLine[]> {
  const configuration = await readConfiguration(env, () => {})
  try {
    return options.doors.map((door) =>
      isTls(door.kind) && configuration.tls === undefined
        ? marked(settingsFault(NO_IDENTITY), 'stops the start')
        : ok(doorName(door), describeHandling(door, configuration)),
    )
  } finally {
    configuration.close()
  }
}

/** Tests the servers to which mail is passed on. */
async function tryNextServers(options: DaemonOptions): Promise<CheckLine[]> {
  const tried = options.doors.map(async (door) => {
    if (door.route === undefined) return []
    const next = `next server ${door.route.next.text}`
    try {
      await callNext(door.route)
    } catch (error) {
      const reason = errorText(error).replace(`${next}: `, '')
      const value = `${reason}: mail is deferred at ${door.address}`
      const down = failure(next, value, 'start this server, or correct --next in ONESCAND_OPTIONS')
      return marked(down, 'next server is down')
    }
    return ok(next, `greets ${doorName(door)}`)
  })
  return (await Promise.all(tried)).flat()
}

async function pathFaults(options: DaemonOptions): Promise<string[]> {
  const faults: string[] = []
  for (const { at, option } of options.doors) {
    await checkAddress(at, { ...options, option }).catch((error) => {
      faults.push(errorText(error))
    })
  }
  return faults
}

/**
 * Resolves to the faults of --http. Before a start these are warnings: onescand starts without the page, and
 * tries again.
 */
async function pageFaults({
  http,
  httpToken,
  httpQuarantine,
  ...options
}: DaemonOptions): Promise<CheckLine[]> {
  if (http === undefined) return []
  const { isRunning } = options
  try {
    checkAccessBy(http.kind === 'tcp' ? http.host : undefined, httpToken)
    if (httpQuarantine)
      PersonalTokens.read(httpQuarantine.tokenFile, httpToken && readToken(httpToken))
    if (isRunning) return await tryPage(http)
    await checkAddress(http, { ...options, option: '--http' })
    return []
  } catch (error) {
    // systemd may hold the port for onescand. If another process does, onescand logs that when it starts.
    if (!isRunning && errorCode((error as Error).cause) === 'EADDRINUSE') return []
    const level = isRunning ? failure : warning
    const what = isRunning ? pageName(http) : 'settings'
    return faultLines(error).map((line) => {
      const { value, remedy } = settingsFault(line)
      return level(what, `${value}: onescand runs without its status page`, remedy)
    })
  }
}
